//! The words of SQL, by the part they play.

use super::super::initial::Initials;
use super::super::lookup::Places;

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

static PLACES: Places<4096> = Places::of(WORDS);

/// The part that a word in lower case plays.
pub(super) fn classify(word: &[u8]) -> Class {
    PLACES.find(WORDS, word).unwrap_or_else(|| package(word))
}

/// The words that a form of SQL begins with.
pub(super) static TELLING: Initials = {
    let mut initials = Initials::NONE;
    let mut rest = WORDS;
    while let [(word, class), behind @ ..] = rest {
        if begins(*class) {
            initials = initials.with(word);
        }
        rest = behind;
    }
    initials
};

/// Whether a form of SQL begins with a word that plays this part.
pub(super) const fn begins(class: Class) -> bool {
    matches!(
        class,
        Class::Union | Class::Select | Class::Statement | Class::Waitfor | Class::Danger
    )
}

/// Packages of servers have telling beginnings.
fn package(word: &[u8]) -> Class {
    let begins = match word.first() {
        Some(b'd') => word.starts_with(b"dbms_"),
        Some(b'u') => word.starts_with(b"utl_") || word.starts_with(b"user_lock"),
        Some(b'x') => word.starts_with(b"xp_"),
        Some(b's') => word.starts_with(b"sp_oa"),
        _ => false,
    };
    if begins { Class::Danger } else { Class::Plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order() {
        assert!(WORDS.is_sorted_by(|one, other| one.0 < other.0));
    }

    #[test]
    fn every_word_plays_its_part_and_others_play_none() {
        for (word, class) in WORDS {
            assert_eq!(classify(word.as_bytes()), *class, "{word}");
            assert_eq!(classify(format!("zq{word}").as_bytes()), Class::Plain, "zq{word}");
        }
        assert_eq!(classify(b"dbms_pipe"), Class::Danger);
        assert_eq!(classify(b""), Class::Plain);
    }
}
