//! A connection that says exactly what it is told to, and takes replies apart.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::server::{KEY, Server};

/// Longer than any reply takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A reply, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Frame {
    /// What stands in one line, its kind in front.
    Line(String),
    /// Bytes, their kind in front; each byte a letter, so that none is lost.
    Bulk(char, String),
    /// Parts, their kind in front.
    Parts(char, Vec<Frame>),
}

impl Frame {
    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Self::Line(line) if line.starts_with('-'))
    }

    /// The number it is.
    pub(crate) fn number(&self) -> i64 {
        match self {
            Self::Line(line) => line.strip_prefix(':').and_then(|digits| digits.parse().ok()),
            Self::Bulk(_, digits) => digits.parse().ok(),
            Self::Parts(..) => None,
        }
        .unwrap_or_else(|| panic!("{self:?} is no number"))
    }

    /// The text it is.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Line(line) => line,
            Self::Bulk(_, body) => body,
            Self::Parts(..) => panic!("{self:?} is no text"),
        }
    }

    /// Whether it says that there is nothing.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Line(line) if ["$-1", "*-1", "_"].contains(&line.as_str()))
    }

    pub(crate) fn parts(&self) -> &[Self] {
        match self {
            Self::Parts(_, parts) => parts,
            _ => panic!("{self:?} has no parts"),
        }
    }

    /// The same with its parts in order; two of a map stay together, and of every list if
    /// `pairs`.
    pub(crate) fn sorted(self, pairs: bool) -> Self {
        let Self::Parts(kind, parts) = self else { return self };
        let parts: Vec<Self> = parts.into_iter().map(|part| part.sorted(false)).collect();
        let step = if kind == '%' || pairs { 2 } else { 1 };
        let mut groups: Vec<_> = parts.chunks(step).map(<[Self]>::to_vec).collect();
        groups.sort();
        Self::Parts(kind, groups.concat())
    }
}

pub(crate) struct Wire {
    pub(crate) to: TcpStream,
    from: BufReader<TcpStream>,
}

impl Wire {
    /// A connection that has said nothing yet.
    pub(crate) fn open(address: &str) -> Self {
        let to = TcpStream::connect(address).unwrap();
        to.set_nodelay(true).unwrap();
        to.set_read_timeout(Some(PATIENCE)).unwrap();
        to.set_write_timeout(Some(PATIENCE)).unwrap();
        let from = BufReader::with_capacity(64 << 10, to.try_clone().unwrap());
        Self { to, from }
    }

    /// One that has logged in as the administrator.
    pub(crate) fn to(server: &Server) -> Self {
        Self::with(server, KEY)
    }

    /// One that has logged in with this key.
    pub(crate) fn with(server: &Server, key: &str) -> Self {
        let mut wire = Self::open(&server.resp);
        assert_eq!(wire.ask("AUTH", &[key]).text(), "+OK");
        wire
    }

    pub(crate) fn send(&mut self, words: &[&[u8]]) {
        self.to.write_all(&sent(words)).unwrap();
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)
    }

    /// The next reply.
    pub(crate) fn hear(&mut self) -> Frame {
        self.try_hear().unwrap()
    }

    /// The next reply, if the other side is still there.
    pub(crate) fn try_hear(&mut self) -> io::Result<Frame> {
        frame(&mut self.from)
    }

    /// Whether nothing is said for so long.
    pub(crate) fn is_silent(&mut self, long: Duration) -> bool {
        self.to.set_read_timeout(Some(long)).unwrap();
        let silent = self.from.fill_buf().is_err();
        self.to.set_read_timeout(Some(PATIENCE)).unwrap();
        silent
    }

    /// Whether the other side hangs up before it says anything more.
    pub(crate) fn is_hung_up(&mut self) -> bool {
        match self.from.fill_buf() {
            Ok(bytes) => bytes.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Says a command of words without blanks, and hears the reply.
    pub(crate) fn say(&mut self, line: &str) -> Frame {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        self.say_words(&words)
    }

    /// The same with words of any kind.
    pub(crate) fn ask(&mut self, name: &str, words: &[&str]) -> Frame {
        let rest = words.iter().map(|word| word.as_bytes());
        self.say_words(&std::iter::once(name.as_bytes()).chain(rest).collect::<Vec<_>>())
    }

    pub(crate) fn say_words(&mut self, words: &[&[u8]]) -> Frame {
        self.send(words);
        self.hear()
    }
}

/// A command as clients send it.
pub(crate) fn sent(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).into_bytes());
        bytes.extend_from_slice(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

fn frame(from: &mut impl BufRead) -> io::Result<Frame> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let line = String::from_utf8_lossy(line).into_owned();
    let kind = line.chars().next().unwrap_or_default();
    let count = line.get(1..).and_then(|rest| rest.parse::<usize>().ok());
    Ok(match (kind, count) {
        ('$' | '=', Some(length)) => {
            let mut body = vec![0; length + 2];
            from.read_exact(&mut body)?;
            Frame::Bulk(kind, body[..length].iter().map(|byte| *byte as char).collect())
        }
        ('*' | '~' | '>' | '%', Some(count)) => {
            let count = count * if kind == '%' { 2 } else { 1 };
            let parts: io::Result<_> = (0..count).map(|_| frame(from)).collect();
            Frame::Parts(kind, parts?)
        }
        _ => Frame::Line(line),
    })
}
