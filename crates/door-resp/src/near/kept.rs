//! What is known of a key.

use bytes::{BufMut, Bytes, BytesMut};

/// The replies to reads of one key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    replies: Vec<(Box<[u8]>, Bytes)>,
    /// Whether one was too large to be kept.
    pub(crate) large: bool,
}

/// So many reads of one key are kept apart; then it begins anew.
const REPLIES_MAX: usize = 32;
/// What an entry takes besides its bytes, at most.
const OVERHEAD: usize = 128;

impl Kept {
    /// A key whose reply is too large to be kept.
    pub(crate) fn large() -> Self {
        Self { large: true, ..Self::default() }
    }

    pub(crate) fn find(&self, form: &[u8]) -> Option<Bytes> {
        self.replies.iter().find(|(own, _)| **own == *form).map(|(_, reply)| reply.clone())
    }

    pub(crate) fn add(&mut self, form: &[u8], reply: Bytes) {
        if self.replies.len() >= REPLIES_MAX {
            self.replies.clear();
        }
        self.replies.retain(|(own, _)| **own != *form);
        self.replies.push((form.into(), reply));
    }

    /// How much room it takes.
    pub(crate) fn weight(&self) -> usize {
        let own = |(form, reply): &(Box<[u8]>, Bytes)| form.len() + reply.len() + OVERHEAD;
        OVERHEAD + self.replies.iter().map(own).sum::<usize>()
    }
}

/// Writes a reply for a client, which the server gave in the third version.
pub(crate) fn write(reply: &[u8], resp3: bool, out: &mut BytesMut) {
    match reply.first() {
        Some(b'$' | b'+' | b':' | b'-') => out.put_slice(reply),
        _ if resp3 => out.put_slice(reply),
        _ => write_resp2(reply, out),
    }
}

/// The replies that are kept are lists of texts and numbers: each part is a line, and
/// perhaps bytes after it.
fn write_resp2(mut reply: &[u8], out: &mut BytesMut) {
    while let Some((line, after)) = split_line(reply) {
        let (kind, text) = line.split_at_checked(1).unwrap_or_default();
        match kind {
            b"_" => out.put_slice(b"$-1\r\n"),
            b"~" => {
                out.put_u8(b'*');
                out.put_slice(text);
                out.put_slice(b"\r\n");
            }
            b"%" => out.put_slice(format!("*{}\r\n", 2 * number(text).unwrap_or(0)).as_bytes()),
            b"," => {
                out.put_slice(format!("${}\r\n", text.len()).as_bytes());
                out.put_slice(text);
                out.put_slice(b"\r\n");
            }
            _ => {
                out.put_slice(line);
                out.put_slice(b"\r\n");
            }
        }
        reply = after;
        if kind == b"$" {
            let (bulk, after) = split_bulk(text, after);
            out.put_slice(bulk);
            reply = after;
        }
    }
}

/// The texts in a reply, each whole as it was sent; what is no list is one.
pub(crate) fn parts(reply: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = match reply.first() {
        Some(b'*' | b'~' | b'>') => split_line(reply).map_or(reply, |(_, after)| after),
        _ => reply,
    };
    while let Some((line, after)) = split_line(rest) {
        let end = match line.split_at_checked(1) {
            Some((b"$", text)) => split_bulk(text, after).1,
            _ => after,
        };
        parts.push(rest.get(..rest.len() - end.len()).unwrap_or_default());
        rest = end;
    }
    parts
}

/// What is in a text, if it is one.
pub(crate) fn text(part: &[u8]) -> Option<&[u8]> {
    let (line, after) = split_line(part)?;
    line.strip_prefix(b"$")?;
    after.strip_suffix(b"\r\n")
}

/// The number that a reply is.
pub(crate) fn integer(reply: &[u8]) -> Option<i64> {
    number(split_line(reply)?.0.strip_prefix(b":")?)
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((bytes.get(..end)?, bytes.get(end + 2..)?))
}

/// The bytes after a line that says how many, with the break that ends them.
fn split_bulk<'a>(length: &[u8], after: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let length = number(length).and_then(|length| usize::try_from(length).ok());
    after.split_at_checked(length.map_or(0, |length| length + 2)).unwrap_or((after, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_told_in_the_version_of_the_client() {
        let check = |reply: &str, expected: &str| {
            let mut out = BytesMut::new();
            write(reply.as_bytes(), false, &mut out);
            assert_eq!(out, expected.as_bytes(), "{reply:?}");
            out.clear();
            write(reply.as_bytes(), true, &mut out);
            assert_eq!(out, reply.as_bytes());
        };
        check("_\r\n", "$-1\r\n");
        check("$3\r\n_\r\n\r\n", "$3\r\n_\r\n\r\n");
        check("%1\r\n$1\r\n_\r\n$2\r\n\r\n\r\n", "*2\r\n$1\r\n_\r\n$2\r\n\r\n\r\n");
        check("~1\r\n$1\r\na\r\n", "*1\r\n$1\r\na\r\n");
        check("*3\r\n_\r\n$0\r\n\r\n:1\r\n", "*3\r\n$-1\r\n$0\r\n\r\n:1\r\n");
        check(",1.5\r\n", "$3\r\n1.5\r\n");
    }

    #[test]
    fn a_list_has_parts() {
        let reply = b"*3\r\n_\r\n$2\r\n\r\n\r\n$0\r\n\r\n";
        assert_eq!(parts(reply), [&b"_\r\n"[..], b"$2\r\n\r\n\r\n", b"$0\r\n\r\n"]);
        assert_eq!(text(b"$2\r\n\r\n\r\n"), Some(&b"\r\n"[..]));
        assert_eq!(text(b"_\r\n"), None);
        assert_eq!(integer(b":-2\r\n"), Some(-2));
    }
}
