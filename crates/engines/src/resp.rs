//! Just enough of the Redis protocol to ask a server how it is.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Nothing we ask takes longer; a paused server must not hold a test for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longer than any answer to what we ask.
const BULK_MAX: usize = 64 << 20;

/// A connection.
#[derive(Debug)]
pub struct Connection(BufReader<TcpStream>);

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A status, an integer or a bulk string, as text.
    Text(String),
    /// Nothing there.
    Nil,
    /// An error, as the server words it.
    Error(String),
    /// Several replies.
    Many(Vec<Reply>),
}

impl Connection {
    /// Connects to `host:port`.
    pub fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends one command and reads its reply; an error reply is an error.
    pub fn ask(&mut self, words: &[&str]) -> io::Result<Reply> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.0.get_mut().write_all(request.as_bytes())?;
        match self.reply()? {
            Reply::Error(sentence) => Err(io::Error::other(sentence)),
            reply => Ok(reply),
        }
    }

    /// Waits for what comes unasked, as after `SUBSCRIBE`.
    pub fn hear(&mut self) -> io::Result<Reply> {
        self.reply()
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(nonsense)?;
        match kind {
            "+" | ":" => Ok(Reply::Text(rest.to_owned())),
            "-" => Ok(Reply::Error(rest.to_owned())),
            "$" => self.bulk(rest),
            "*" => match rest.parse() {
                Ok(count) => {
                    (0..count).map(|_| self.reply()).collect::<Result<_, _>>().map(Reply::Many)
                }
                Err(_) => Ok(Reply::Nil),
            },
            _ => Err(nonsense()),
        }
    }

    fn bulk(&mut self, length: &str) -> io::Result<Reply> {
        let Ok(length) = length.parse::<usize>() else {
            return Ok(Reply::Nil);
        };
        if length > BULK_MAX {
            return Err(nonsense());
        }
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(Reply::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Reply {
    /// The text of a reply, empty when it has none.
    pub fn text(&self) -> &str {
        match self {
            Reply::Text(text) | Reply::Error(text) => text,
            Reply::Nil | Reply::Many(_) => "",
        }
    }

    /// The parts of a reply, empty when it has none.
    pub fn parts(&self) -> &[Reply] {
        match self {
            Reply::Many(parts) => parts,
            _ => &[],
        }
    }

    /// The value of `name:` in a reply of `name:value` lines, as `INFO` has them.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.text()
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    }
}

fn nonsense() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "this does not speak the Redis protocol")
}
