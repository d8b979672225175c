//! Just enough of SQL's spelling to know what is text and what is a parameter.

/// Writes `?1` as `$1`, for PostgreSQL; quoted text and comments stay as they
/// are, and so does a `?` without a number, which PostgreSQL has operators of.
pub(super) fn dollars(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (token, behind) = rest.split_at(token(rest));
        match token.strip_prefix('?') {
            Some(number) if !number.is_empty() => {
                out.push('$');
                out.push_str(number);
            }
            _ => out.push_str(token),
        }
        rest = behind;
    }
    out
}

/// The length of the first token: a word, a quoted text, a comment, a parameter
/// or a single character.
fn token(text: &str) -> usize {
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return 0;
    };
    let second = letters.next();
    match (first, second) {
        ('\'' | '"', _) => quoted(text, first, false),
        ('e' | 'E', Some('\'')) => 1 + quoted(letters_after(text, 1), '\'', true),
        ('-', Some('-')) => text.find('\n').unwrap_or(text.len()),
        ('/', Some('*')) => comment(text),
        ('$', _) => dollar_quoted(text).unwrap_or(1),
        ('?', _) => 1 + run(letters_after(text, 1), |letter| letter.is_ascii_digit()),
        (first, _) if word(first) => run(text, word),
        _ => first.len_utf8(),
    }
}

fn word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

fn letters_after(text: &str, bytes: usize) -> &str {
    text.get(bytes..).unwrap_or_default()
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !belongs(letter)).unwrap_or(text.len())
}

/// A doubled quote reads as an end and a beginning, which comes to the same.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if escapes && letter == '\\' {
            letters.next();
        } else if letter == quote {
            return at + 1;
        }
    }
    text.len()
}

/// Comments nest in PostgreSQL.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = letters_after(text, at);
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// `$$…$$` or `$tag$…$tag$`.
fn dollar_quoted(text: &str) -> Option<usize> {
    let name = letters_after(text, 1);
    let tag = 2 + run(name, |letter| letter.is_alphanumeric() || letter == '_');
    let (tag, body) = text.split_at_checked(tag)?;
    let numbered = name.starts_with(|letter: char| letter.is_ascii_digit());
    if numbered || !tag.ends_with('$') {
        return None;
    }
    let end = body.find(tag)?;
    Some(tag.len() + end + tag.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(written: &str, expected: &str) {
        assert_eq!(dollars(written), expected);
    }

    #[test]
    fn only_parameters_are_rewritten() {
        check("a = ?1 AND b = ?12", "a = $1 AND b = $12");
        check("'?1' || ?1 || 'it''s ?2'", "'?1' || $1 || 'it''s ?2'");
        check("\"?1\" -- ?2\n ?3", "\"?1\" -- ?2\n $3");
        check("/* ?1 /* ?2 */ ?3 */ ?4", "/* ?1 /* ?2 */ ?3 */ $4");
        check("$$ ?1 $$ ?2 $a$ ?3 $$ $a$", "$$ ?1 $$ $2 $a$ ?3 $$ $a$");
        check("E'\\' ?1' ?2", "E'\\' ?1' $2");
        check("type'a' ?1", "type'a' $1");
        check("tags ? 'a' AND ?1", "tags ? 'a' AND $1");
        check("a$b$ ?1 $b$", "a$b$ $1 $b$");
        check("'open ?1", "'open ?1");
        check("é?1é", "é$1é");
    }

    proptest! {
        #[test]
        fn nothing_but_parameters_changes(text in "[a?$1'\"/*\\- \n\\\\é]{0,40}") {
            prop_assert_eq!(dollars(&text).replace('$', "?"), text.replace('$', "?"));
        }
    }
}
