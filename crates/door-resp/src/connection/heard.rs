//! What a client has said and what was understood of it.

use std::ops::Range;

use bytes::BytesMut;

use crate::command::{Arguments, Keys, Numbered, find_numbered};
use crate::frame::{Garbage, Limits, Parsed, parse};

/// So many commands are understood before the first of them is carried out.
const AHEAD: usize = 32;

/// Where commands lie until they are carried out.
pub(super) struct Heard {
    pub(super) buffer: BytesMut,
    limits: Limits,
    /// Those understood last come first; what follows has room for words to come.
    commands: Vec<Understood>,
    count: usize,
}

/// A command, its words by their places from where it begins.
#[derive(Default)]
struct Understood {
    named: Option<Numbered>,
    words: Vec<Range<usize>>,
    place: Range<usize>,
}

impl Heard {
    pub(super) fn new(buffer: BytesMut, limits: Limits) -> Self {
        Self { buffer, limits, commands: Vec::new(), count: 0 }
    }

    /// Understands the commands that are wholly there from a place on: one of a stranger, who
    /// may be none after it, and several of others. How many there are.
    pub(super) fn understand(&mut self, from: usize, stranger: bool) -> Result<usize, Garbage> {
        let limits = Limits { stranger, ..self.limits };
        let most = if stranger { 1 } else { AHEAD };
        let mut at = from;
        self.count = 0;
        while self.count < most {
            if self.count == self.commands.len() {
                self.commands.push(Understood::default());
            }
            let Some(next) = self.commands.get_mut(self.count) else { break };
            let rest = self.buffer.get(at..).unwrap_or_default();
            match parse(rest, &mut next.words, limits) {
                Ok(Parsed::Command(length)) => {
                    next.named = find_numbered(Arguments::new(rest, &next.words).at(0));
                    next.place = at..at + length;
                    at += length;
                }
                Ok(Parsed::More) => break,
                // What came before it is carried out first.
                Err(_) if self.count > 0 => break,
                Err(garbage) => return Err(garbage),
            }
            self.count += 1;
        }
        Ok(self.count)
    }

    /// One of those understood, and where the next begins.
    pub(super) fn command(&self, number: usize) -> (Option<Numbered>, Arguments<'_>, usize) {
        let Some(Understood { named, words, place }) = self.commands.get(number) else {
            return (None, Arguments::new(&[], &[]), self.buffer.len());
        };
        let rest = self.buffer.get(place.start..).unwrap_or_default();
        (*named, Arguments::new(rest, words), place.end)
    }

    /// Shows the keys that those understood are about.
    pub(super) fn each_key<'h>(&'h self, each: &mut dyn FnMut(&'h [u8])) {
        for number in 0..self.count {
            let (named, arguments, _) = self.command(number);
            let Some((_, command)) = named.filter(|(_, command)| command.is_work()) else {
                continue;
            };
            match command.keys {
                Keys::Span(1, 1, _) => each(arguments.at(1)),
                _ => command.each_key(arguments, each),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Heard {
        let limits = Limits { value_max: 64, arguments_max: 64, command_max: 256, stranger: false };
        Heard::new(text.as_bytes().into(), limits)
    }

    fn names(heard: &Heard, count: usize) -> Vec<String> {
        let name = |number| heard.command(number).1.at(0).to_vec();
        (0..count).map(|number| String::from_utf8(name(number)).unwrap()).collect()
    }

    #[test]
    fn what_is_wholly_there_is_understood_at_once() {
        let mut heard = heard("get a\r\nmget b c\r\nping\r\nset d");
        assert_eq!(heard.understand(0, false), Ok(3));
        assert_eq!(names(&heard, 3), ["get", "mget", "ping"]);
        let mut keys = Vec::new();
        heard.each_key(&mut |key| keys.push(key));
        assert_eq!(keys, [b"a", b"b", b"c"]);
        let (named, _, end) = heard.command(2);
        assert_eq!((named.map(|(_, command)| command.name), end), (Some("ping"), 23));
        assert_eq!(heard.understand(end, false), Ok(0), "the last is not all there");
    }

    #[test]
    fn a_stranger_is_understood_word_by_word() {
        let mut heard = heard("auth key\r\nget a\r\n");
        assert_eq!(heard.understand(0, true), Ok(1));
        assert_eq!(names(&heard, 1), ["auth"]);
        assert_eq!(heard.understand(10, false), Ok(1));
        assert_eq!(names(&heard, 1), ["get"]);
    }

    #[test]
    fn what_comes_before_garbage_is_understood() {
        let mut heard = heard("get a\r\n*x\r\n");
        assert_eq!(heard.understand(0, false), Ok(1));
        assert!(heard.understand(7, false).is_err());
    }

    #[test]
    fn a_long_batch_is_understood_in_parts() {
        let mut heard = heard(&"ping\r\n".repeat(AHEAD + 2));
        assert_eq!(heard.understand(0, false), Ok(AHEAD));
        let (.., end) = heard.command(AHEAD - 1);
        assert_eq!(heard.understand(end, false), Ok(2));
    }
}
