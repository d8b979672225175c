//! What a client is sent.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};

/// What a command is answered may have so many bytes, roughly.
const REPLY_MAX: usize = 512 << 20;

/// Replies of one connection, in the version it speaks.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    pub(crate) out: BytesMut,
    pub(crate) resp3: bool,
    /// Whether there was too much to write.
    pub(crate) overflowed: bool,
    /// What the names of keys begin with.
    pub(crate) begin: Bytes,
}

impl Replies {
    pub(crate) fn simple(&mut self, text: &str) {
        self.line(b'+', text);
    }

    pub(crate) fn ok(&mut self) {
        self.out.put_slice(b"+OK\r\n");
    }

    pub(crate) fn integer(&mut self, number: i64) {
        self.counted(b':', number);
    }

    pub(crate) fn bulk(&mut self, bytes: &[u8]) {
        if self.out.len().saturating_add(bytes.len()) > REPLY_MAX {
            self.overflowed = true;
            return;
        }
        self.counted(b'$', bytes.len() as i64);
        self.out.put_slice(bytes);
        self.out.put_slice(b"\r\n");
    }

    /// What the client calls a key.
    pub(crate) fn name<'k>(&self, key: &'k [u8]) -> Cow<'k, [u8]> {
        match self.begin.is_empty() {
            true => Cow::Borrowed(key),
            false => Cow::Owned([&self.begin[..], key].concat()),
        }
    }

    /// The name of a key.
    pub(crate) fn key(&mut self, key: &[u8]) {
        let name = self.name(key);
        self.bulk(&name);
    }

    /// Whether there was too much to write since this was last asked.
    pub(crate) fn take_overflowed(&mut self) -> bool {
        std::mem::take(&mut self.overflowed)
    }

    pub(crate) fn null(&mut self) {
        self.out.put_slice(if self.resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// That there is no list.
    pub(crate) fn null_array(&mut self) {
        self.out.put_slice(if self.resp3 { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// A number with a point; RESP2 sends it as text.
    pub(crate) fn double(&mut self, number: f64) {
        self.written_double(&values::number::written(number));
    }

    /// The same, written out already.
    pub(crate) fn written_double(&mut self, text: &str) {
        match self.resp3 {
            true => self.line(b',', text),
            false => self.bulk(text.as_bytes()),
        }
    }

    /// A list whose order says nothing.
    pub(crate) fn set(&mut self, length: usize) {
        self.counted(if self.resp3 { b'~' } else { b'*' }, length as i64);
    }

    /// What the client did not ask for.
    pub(crate) fn push(&mut self, length: usize) {
        self.counted(if self.resp3 { b'>' } else { b'*' }, length as i64);
    }

    /// Text for people; RESP2 does not tell it from other text.
    pub(crate) fn verbatim(&mut self, text: &str) {
        match self.resp3 {
            true => {
                self.counted(b'=', text.len() as i64 + 4);
                self.out.put_slice(b"txt:");
                self.out.put_slice(text.as_bytes());
                self.out.put_slice(b"\r\n");
            }
            false => self.bulk(text.as_bytes()),
        }
    }

    pub(crate) fn array(&mut self, length: usize) {
        self.counted(b'*', length as i64);
    }

    /// A map of so many pairs; RESP2 sends it flat.
    pub(crate) fn map(&mut self, pairs: usize) {
        match self.resp3 {
            true => self.counted(b'%', pairs as i64),
            false => self.array(pairs * 2),
        }
    }

    /// An error, its first word telling clients what kind it is.
    pub(crate) fn error(&mut self, text: &str) {
        self.line(b'-', text);
    }

    /// A line cannot hold a line break, whoever made the text.
    fn line(&mut self, kind: u8, text: &str) {
        self.out.put_u8(kind);
        self.out.extend(text.bytes().map(|byte| if byte < b' ' { b' ' } else { byte }));
        self.out.put_slice(b"\r\n");
    }

    fn counted(&mut self, kind: u8, number: i64) {
        self.out.put_u8(kind);
        if number < 0 {
            self.out.put_u8(b'-');
        }
        let mut digits = [0u8; 20];
        let mut rest = number.unsigned_abs();
        let mut length = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            length += 1;
            if rest == 0 {
                break;
            }
        }
        self.out.put_slice(digits.get(digits.len() - length..).unwrap_or(&[]));
        self.out.put_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(resp3: bool, write: impl Fn(&mut Replies), expected: &str) {
        let mut replies = Replies { resp3, ..Replies::default() };
        write(&mut replies);
        assert_eq!(String::from_utf8_lossy(&replies.out), expected);
    }

    #[test]
    fn replies_are_written_as_clients_expect_them() {
        check(false, |r| r.integer(0), ":0\r\n");
        check(false, |r| r.integer(i64::MIN), ":-9223372036854775808\r\n");
        check(false, |r| r.bulk(b"hello world"), "$11\r\nhello world\r\n");
        check(false, Replies::null, "$-1\r\n");
        check(true, Replies::null, "_\r\n");
        check(false, |r| r.map(2), "*4\r\n");
        check(true, |r| r.map(2), "%2\r\n");
        check(false, |r| r.error("ERR a\r\nb"), "-ERR a  b\r\n");
    }
}
