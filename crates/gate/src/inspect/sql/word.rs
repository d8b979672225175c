//! The words of SQL, by the part they play.

/// The part a word plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Plain,
    /// `and`, `or`: between conditions.
    Bool,
    /// `not`, `binary`, `exists`: before an operand.
    Prefix,
    /// `like`, `in`, `between`: comparisons that are words.
    Compare,
    /// `div`, `mod`, `collate`: operators that are words.
    Operator,
    /// `where`, `having`, `on`: a condition follows.
    Condition,
    /// `order`, `group`, `limit`: sorts and cuts what was found.
    Sort,
    By,
    Union,
    Select,
    From,
    Into,
    As,
    Case,
    Then,
    End,
    /// `all`, `distinct`: between a verb and its operands.
    Modifier,
    /// `null`, `true`, `current_user`: operands that are words.
    Constant,
    /// Functions that only databases have.
    Function,
    /// Functions and procedures that wait, read files or reach out.
    Danger,
    /// `drop`, `insert`, `exec`: a statement begins.
    Statement,
    Waitfor,
    Procedure,
    /// Schemas of the database about itself.
    Catalogue,
}

const WORDS: &[(&str, Class)] = &include!("words.in");

/// Which lengths words have that begin with a letter.
const LENGTHS: [u32; 256] = {
    let mut lengths = [0u32; 256];
    let mut at = 0;
    #[expect(clippy::indexing_slicing, reason = "computed when compiled")]
    while at < WORDS.len() {
        let word = WORDS[at].0.as_bytes();
        let length = if word.len() > 31 { 31 } else { word.len() };
        lengths[word[0] as usize] |= 1 << length;
        at += 1;
    }
    lengths
};

/// The part that a word in lower case plays.
pub(super) fn classify(word: &[u8]) -> Class {
    let Some(first) = word.first() else { return Class::Plain };
    let lengths = LENGTHS.get(usize::from(*first)).copied().unwrap_or(0);
    if lengths & (1 << word.len().min(31)) == 0 {
        return package(word);
    }
    let (from, to) = STARTS.get(usize::from(*first)).copied().unwrap_or((0, 0));
    let words = WORDS.get(usize::from(from)..usize::from(to)).unwrap_or_default();
    match words.binary_search_by(|(held, _)| held.as_bytes().cmp(word)) {
        Ok(place) => words.get(place).map_or(Class::Plain, |(_, class)| *class),
        Err(_) => package(word),
    }
}

/// From where to where words begin with a letter.
const STARTS: [(u16, u16); 256] = {
    let mut starts = [(0u16, 0u16); 256];
    let mut at = 0;
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "computed when compiled, of a few hundred words"
    )]
    while at < WORDS.len() {
        let first = WORDS[at].0.as_bytes()[0] as usize;
        if starts[first].1 == 0 {
            starts[first].0 = at as u16;
        }
        starts[first].1 = at as u16 + 1;
        at += 1;
    }
    starts
};

/// Which second letters words have that a form of SQL begins with, by the first.
const TELLING: [u32; 256] = {
    let mut letters = [0u32; 256];
    let mut at = 0;
    #[expect(clippy::indexing_slicing, reason = "computed when compiled")]
    while at < WORDS.len() {
        let (word, class) = WORDS[at];
        let word = word.as_bytes();
        if begins(class) && word.len() > 1 {
            letters[word[0] as usize] |= 1 << (word[1] & 31);
        }
        at += 1;
    }
    letters
};

const fn begins(class: Class) -> bool {
    matches!(
        class,
        Class::Union | Class::Select | Class::Statement | Class::Waitfor | Class::Danger
    )
}

/// Whether a word that begins so may be one that a form of SQL begins with.
pub(super) fn may_tell(first: u8, second: u8) -> bool {
    let letters = TELLING.get(usize::from(first)).copied().unwrap_or(0);
    letters & (1 << (second & 31)) != 0
}

/// Whether a form of SQL begins with this word, where a statement may stand or not.
pub(super) fn tells(word: &[u8], stated: bool) -> bool {
    let class = classify(word);
    begins(class) && (stated || class != Class::Statement)
}

/// Packages of servers have telling beginnings.
fn package(word: &[u8]) -> Class {
    if !matches!(word, [b'd' | b'u' | b'x' | b's', ..]) {
        return Class::Plain;
    }
    let known = [&b"dbms_"[..], b"utl_", b"xp_", b"user_lock", b"sp_oa"];
    let begins = known.iter().any(|name| word.starts_with(name));
    if begins { Class::Danger } else { Class::Plain }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_in_order() {
        assert!(super::WORDS.is_sorted_by(|one, other| one.0 < other.0));
    }
}
