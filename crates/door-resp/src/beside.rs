//! Commands carried out here and by a real Redis, and their replies compared.

use std::io::{Read, Write};
use std::net::TcpStream;

use engines::own::RedisServer;
use flow::Clock;
use values::Plain;

use crate::command::{Arguments, Run, Wrong, find, unknown};
use crate::dice::Dice;
use crate::reply::Replies;

/// A space of ours beside a database of Redis.
pub(crate) struct Beside {
    theirs: TcpStream,
    read: Vec<u8>,
    _server: RedisServer,
    ours: Plain,
    replies: Replies,
    clock: Clock,
}

/// A reply, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Frame {
    /// What stands in one line, its kind in front.
    Line(String),
    /// Bytes, their kind in front.
    Bulk(char, String),
    /// Parts, their kind in front.
    Parts(char, Vec<Frame>),
}

impl Frame {
    /// The first frame of these bytes, and how long it is; none if it is not whole.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let (kind, rest) = (bytes[0] as char, &line[1..]);
        let mut at = end + 2;
        let count = rest.parse::<i64>().ok().filter(|count| *count >= 0);
        match (kind, count) {
            ('$' | '=', Some(length)) => {
                let body = bytes.get(at..at + length as usize + 2)?;
                // Each byte is a letter, so that none is lost.
                let body = body[..length as usize].iter().map(|byte| *byte as char).collect();
                Some((Self::Bulk(kind, body), at + length as usize + 2))
            }
            ('*' | '~' | '>' | '%', Some(count)) => {
                let mut parts = Vec::new();
                for _ in 0..count * if kind == '%' { 2 } else { 1 } {
                    let (part, length) = Self::parse(&bytes[at..])?;
                    parts.push(part);
                    at += length;
                }
                Some((Self::Parts(kind, parts), at))
            }
            _ => Some((Self::Line(line), at)),
        }
    }

    /// The bytes of a bulk.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self::Bulk(_, body) = self else { panic!("{self:?} is no bulk") };
        body.chars().map(|letter| letter as u8).collect()
    }

    /// The same with its parts in order; those of a map stay together, and so do those of
    /// every other list if `pairs`.
    pub(crate) fn sorted(self, pairs: bool) -> Self {
        let Self::Parts(kind, parts) = self else { return self };
        let parts: Vec<Self> = parts.into_iter().map(|part| part.sorted(false)).collect();
        let step = if kind == '%' || pairs { 2 } else { 1 };
        let mut groups: Vec<_> = parts.chunks(step).map(<[Self]>::to_vec).collect();
        groups.sort();
        Self::Parts(kind, groups.concat())
    }
}

impl Beside {
    /// Both, empty, the replies in this version of the protocol; none where there is no
    /// Redis to be found.
    pub(crate) fn start(resp3: bool) -> Option<Self> {
        let server = RedisServer::start()?;
        let theirs = TcpStream::connect(server.address()).unwrap();
        let replies = Replies { resp3, ..Replies::default() };
        let (read, ours, clock) = (Vec::new(), Plain::default(), Clock::system());
        let mut both = Self { theirs, read, _server: server, ours, replies, clock };
        if resp3 {
            both.ask_redis(&[b"hello", b"3"]);
        }
        Some(both)
    }

    /// What Redis says.
    pub(crate) fn ask_redis(&mut self, words: &[&[u8]]) -> Frame {
        self.theirs.write_all(&sent(words).0).unwrap();
        loop {
            if let Some((frame, length)) = Frame::parse(&self.read) {
                self.read.drain(..length);
                return frame;
            }
            let mut more = [0; 65_536];
            let length = self.theirs.read(&mut more).unwrap();
            assert_ne!(length, 0, "Redis hung up");
            self.read.extend_from_slice(&more[..length]);
        }
    }

    /// What we say.
    pub(crate) fn ask_us(&mut self, words: &[&[u8]]) -> Frame {
        self.ours.set_now(self.clock.now().millis());
        let (buffer, places) = sent(words);
        let arguments = Arguments::new(&buffer, &places);
        let done = match find(words[0]) {
            None => Err(unknown(arguments)),
            Some(command) if !command.takes_words(words.len()) => Err(Wrong::arity(command.name)),
            Some(command) => match command.run {
                Run::Work(run) | Run::Reach(run, _) => {
                    run(&self.ours, arguments, &mut self.replies)
                }
                Run::Wait(run, _) => run(&self.ours, arguments, &mut self.replies).map(|there| {
                    if !there {
                        self.replies.null_array();
                    }
                }),
                Run::Here(_) | Run::Say(_) => {
                    panic!("`{}` is about the connection", command.name)
                }
            },
        };
        if let Err(Wrong(text)) = done {
            self.replies.out.clear();
            self.replies.error(&text);
        }
        let said = self.replies.out.split();
        let (frame, length) = Frame::parse(&said).expect("a whole reply");
        assert_eq!(length, said.len(), "more than one reply to {words:?}");
        frame
    }

    /// The words with which a command would wait.
    pub(crate) fn settled(&self, words: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
        let (buffer, places) = sent(words);
        find(words[0])?.settle?(&self.ours, Arguments::new(&buffer, &places))
    }

    /// The keys both find in a command.
    pub(crate) fn same_keys(&mut self, line: &str) {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        let asked = [&[&b"command"[..], b"getkeys"], &words[..]].concat();
        let (buffer, places) = sent(&words);
        let found = find(words[0]).unwrap().keys_of(Arguments::new(&buffer, &places));
        let found = found
            .iter()
            .map(|at| Frame::Bulk('$', line.split_whitespace().nth(*at).unwrap().into()));
        assert_eq!(Frame::Parts('*', found.collect()), self.ask_redis(&asked), "{line}");
    }

    /// Both say the same.
    pub(crate) fn same(&mut self, line: &str) -> Frame {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        self.same_words(&words)
    }

    /// Both say the same.
    pub(crate) fn same_words(&mut self, words: &[&[u8]]) -> Frame {
        let (theirs, ours) = (self.ask_redis(words), self.ask_us(words));
        assert_eq!(ours, theirs, "ours, theirs: {}", shown(words));
        ours
    }

    /// Both say the same where `part` of it is compared.
    pub(crate) fn same_part(&mut self, line: &str, part: impl Fn(Frame) -> Frame) {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        let (theirs, ours) = (self.ask_redis(&words), self.ask_us(&words));
        assert_eq!(part(ours), part(theirs), "ours, theirs: {line}");
    }

    /// Both say the same but for the order of what is in it; `pairs` if two of its parts
    /// belong together.
    pub(crate) fn same_in_any_order(&mut self, words: &[&[u8]], pairs: bool) {
        let (theirs, ours) = (self.ask_redis(words), self.ask_us(words));
        assert_eq!(ours.sorted(pairs), theirs.sorted(pairs), "ours, theirs: {}", shown(words));
    }
}

fn shown(words: &[&[u8]]) -> String {
    words.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}

/// A command as a client sends it, and where its words are.
fn sent(words: &[&[u8]]) -> (Vec<u8>, Vec<std::ops::Range<usize>>) {
    let mut buffer = format!("*{}\r\n", words.len()).into_bytes();
    let mut places = Vec::new();
    for word in words {
        buffer.extend(format!("${}\r\n", word.len()).into_bytes());
        places.push(buffer.len()..buffer.len() + word.len());
        buffer.extend_from_slice(word);
        buffer.extend(b"\r\n");
    }
    (buffer, places)
}

/// Both say the same to each of these lines, in either version of the protocol.
pub(crate) fn same_lines(lines: &[&str], say: impl Fn(&mut Beside, &str)) {
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        lines.iter().for_each(|line| say(&mut both, line));
    }
}

/// Both say the same to lines that follow from chance, and to the last ones, which show
/// what has come of it. Now and then `t` is a text.
pub(crate) fn same_by_chance(
    line: impl Fn(&mut Dice) -> String,
    say: impl Fn(&mut Beside, &str),
    last: &[&str],
) {
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        let mut dice = Dice::thrown();
        for step in 0..2500 {
            if step % 50 == 0 {
                both.same("set t text");
            }
            say(&mut both, &line(&mut dice));
        }
        last.iter().for_each(|line| say(&mut both, line));
    }
}

/// Both say the same to these lines, in which `ODD` stands for bytes that are no words.
pub(crate) fn same_with_any_bytes(lines: &[&'static str]) {
    let long = vec![b'x'; 100_000];
    let Some(mut both) = Beside::start(true) else { return };
    for odd in [b"", &b"\0"[..], b"\r\n", b"+1", b"\xff\xfe", b"*", &long] {
        let word = |word: &'static str| if word == "ODD" { odd } else { word.as_bytes() };
        for line in lines {
            both.same_words(&line.split_whitespace().map(word).collect::<Vec<_>>());
        }
    }
}
