//! Queries of GraphQL: what stands between quotes, and comments. All else is letters and
//! brackets, or it is no query.

use flow::question::guard::Channel;

use super::super::field::{Field, Part};
use super::super::search::Search;
use super::channel;
use super::quoted::string;

/// Looks through a query; false where it is none.
pub(super) fn read(text: &[u8], search: &mut Search<'_>) -> bool {
    let begins = text.trim_ascii_start();
    let words: [&[u8]; 6] = [b"{", b"query", b"mutation", b"subscription", b"fragment", b"#"];
    if !words.iter().any(|word| begins.starts_with(word)) || !text.contains(&b'{') {
        return false;
    }
    let mut pieces = Vec::new();
    if !each(text, &mut |piece| pieces.push(piece)) {
        return false;
    }
    for Piece { name, value, channel } in pieces {
        search.value(Field { part: Part::Graphql, name }, &value, channel);
    }
    true
}

struct Piece<'t> {
    /// The argument or field that it is given to.
    name: &'t [u8],
    value: std::borrow::Cow<'t, [u8]>,
    channel: Channel,
}

/// Shows each string and comment; false where something else is no query.
fn each<'t>(text: &'t [u8], show: &mut dyn FnMut(Piece<'t>)) -> bool {
    let mut name: &[u8] = b"";
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        rest = match byte {
            b'"' => {
                let (value, after) = match behind.strip_prefix(b"\"\"") {
                    Some(block) => match memchr::memmem::find(block, b"\"\"\"") {
                        Some(end) => {
                            (block.get(..end).unwrap_or_default().into(), block.get(end + 3..))
                        }
                        None => return false,
                    },
                    None => {
                        let (value, end) = string(behind);
                        (value, end.and_then(|end| behind.get(end..)))
                    }
                };
                let Some(after) = after else { return false };
                let channel = channel(&value);
                show(Piece { name, value, channel });
                after
            }
            b'#' => {
                let end = memchr::memchr2(b'\r', b'\n', behind).unwrap_or(behind.len());
                let (value, after) = behind.split_at(end);
                show(Piece { name, value: value.into(), channel: Channel::Text });
                after
            }
            byte if byte.is_ascii_alphanumeric() || *byte == b'_' => {
                let inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                let end = rest.iter().position(|byte| !inner(byte)).unwrap_or(rest.len());
                let (held, after) = rest.split_at(end);
                name = held;
                after
            }
            b' ' | b'\t' | b'\r' | b'\n' | b',' => behind,
            b'!' | b'$' | b'&' | b'(' | b')' | b'.' | b':' | b'=' | b'@' | b'[' | b']' | b'{'
            | b'|' | b'}' | b'-' | b'+' => behind,
            _ => return false,
        };
    }
    true
}
