//! A script of what several connections do, played on both servers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use engines::own::RedisServer;

use crate::server::{KEY, Server};

/// A reply, or what was sent without having been asked for, with its parts.
pub(crate) type Frame = String;

/// A client.
pub(crate) struct Connection {
    socket: TcpStream,
    read: Vec<u8>,
    marks: usize,
    pub(crate) id: String,
}

impl Connection {
    pub(crate) fn open(address: &str, key: Option<&str>) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut open = Self { socket, read: Vec::new(), marks: 0, id: String::new() };
        if let Some(key) = key {
            open.send(&format!("auth {key}"));
            assert_eq!(open.next(), "+OK");
        }
        open.send("client id");
        open.id = open.next().trim_start_matches(':').to_owned();
        open
    }

    /// Says some commands at once.
    pub(crate) fn send(&mut self, commands: &str) {
        let mut sent = String::new();
        for command in commands.split(';') {
            let words: Vec<&str> = command.split_whitespace().collect();
            sent += &format!("*{}\r\n", words.len());
            for word in words {
                sent += &format!("${}\r\n{word}\r\n", word.len());
            }
        }
        self.socket.write_all(sent.as_bytes()).unwrap();
    }

    pub(crate) fn next(&mut self) -> Frame {
        loop {
            if let Some((frame, length)) = parse(&self.read) {
                self.read.drain(..length);
                return frame;
            }
            let mut more = [0; 4096];
            let length = self.socket.read(&mut more).unwrap();
            assert_ne!(length, 0, "hung up");
            self.read.extend_from_slice(&more[..length]);
        }
    }

    /// All it was sent until now: what was there when it asked twice comes before that.
    pub(crate) fn all(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        for _ in 0..2 {
            self.marks += 1;
            let mark = format!("mark-{}", self.marks);
            self.send(&format!("ping {mark}"));
            loop {
                let frame = self.next();
                if frame.contains(&mark) {
                    break;
                }
                frames.push(frame);
            }
        }
        frames
    }
}

/// The first frame of these bytes, and how long it is; none if it is not whole.
fn parse(bytes: &[u8]) -> Option<(Frame, usize)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut at = end + 2;
    let count = line[1..].parse::<usize>().ok();
    match (bytes[0], count) {
        (b'$' | b'=', Some(length)) => {
            let body = bytes.get(at..at + length)?;
            bytes.get(at + length + 1)?;
            Some((format!("'{}'", String::from_utf8_lossy(body)), at + length + 2))
        }
        (kind @ (b'*' | b'~' | b'>' | b'%'), Some(count)) => {
            let mut parts = Vec::new();
            for _ in 0..count * if kind == b'%' { 2 } else { 1 } {
                let (part, length) = parse(&bytes[at..])?;
                parts.push(part);
                at += length;
            }
            Some((format!("{}({})", char::from(kind), parts.join(" ")), at))
        }
        _ => Some((line, at)),
    }
}

/// A server, and those who are connected to it, by name.
struct Side {
    address: String,
    key: Option<&'static str>,
    connections: BTreeMap<String, Connection>,
    /// The numbers of all who ever were.
    ids: BTreeMap<String, String>,
}

impl Side {
    /// Does what a line says, `name: command; command`, and what everybody was sent then.
    fn play(&mut self, line: &str) -> Vec<(String, Vec<Frame>)> {
        let (name, commands) = line.split_once(':').unwrap();
        let (address, key) = (&self.address, self.key);
        if commands.trim() == "leaves" {
            self.connections.remove(name).unwrap();
            return self.sent();
        }
        for name in name.split(',') {
            let open = || Connection::open(address, key);
            let one = self.connections.entry(name.to_owned()).or_insert_with(open);
            self.ids.insert(format!("@{name}"), one.id.clone());
        }
        let ids = self.ids.clone();
        let said = ids.iter().fold(commands.to_owned(), |said, (of, id)| said.replace(of, id));
        let connection = self.connections.get_mut(name).unwrap();
        connection.send(&said);
        let own = connection.all();
        let mut sent = vec![(name.to_owned(), own)];
        sent.extend(self.sent());
        for frame in sent.iter_mut().flat_map(|(_, frames)| frames) {
            let version = format!("'stockade' 'version' '{}'", env!("CARGO_PKG_VERSION"));
            *frame = frame.replace(&version, "'redis' 'version' '7.0.15'");
            for (of, id) in &ids {
                *frame = frame.replace(&format!(":{id}"), &format!(":{of}"));
            }
        }
        sent
    }

    fn sent(&mut self) -> Vec<(String, Vec<Frame>)> {
        self.connections.iter_mut().map(|(name, one)| (name.clone(), one.all())).collect()
    }
}

/// Plays a script on both sides; nothing where there is no Redis to be found.
pub(crate) fn check(script: &str) {
    check_with(script, |_| ());
}

/// The same, and our side is told more.
pub(crate) fn check_with(script: &str, more: impl FnOnce(&mut std::process::Command)) {
    let Some(redis) = RedisServer::start() else { return };
    let place = tempfile::tempdir().unwrap();
    let stockade = Server::start_with(&place.path().join("data"), more);
    let side = |address: String, key| Side {
        address,
        key,
        connections: BTreeMap::new(),
        ids: BTreeMap::new(),
    };
    // So that the numbers of those that are compared look like no other numbers.
    for address in [redis.address(), stockade.resp.clone()] {
        (0..200).for_each(|_| drop(TcpStream::connect(&address).unwrap()));
    }
    let mut theirs = side(redis.address(), None);
    let mut ours = side(stockade.resp.clone(), Some(KEY));
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (theirs, ours) = (theirs.play(line), ours.play(line));
        assert_eq!(ours, theirs, "ours, theirs: {line}");
    }
}

/// Everybody speaks the third version of the protocol.
pub(crate) fn check3(script: &str) {
    let names: BTreeSet<_> = script
        .lines()
        .filter_map(|line| line.trim().split_once(':'))
        .map(|(name, _)| name)
        .collect();
    let hello: String = names.iter().map(|name| format!("{name}: hello 3\n")).collect();
    check(&(hello + script));
}
