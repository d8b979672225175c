//! Patterns, and how names match them: all ways are followed at once, character by character,
//! so that no pattern takes longer than its length times that of the name.

use std::iter::Peekable;
use std::str::Chars;

use super::super::Failure;
use super::super::argument::broken;

/// A pattern as steps from one state to the next.
pub(super) struct Pattern {
    steps: Vec<Step>,
    delimiters: Vec<char>,
}

/// What one state asks for, and where it leads.
enum Step {
    /// One character that is as asked, then the next state.
    One(Class),
    /// Any characters that are no delimiters, then the next state.
    Many,
    /// Any characters, then the next state.
    All,
    /// Any of these states.
    Any(Vec<usize>),
}

enum Class {
    Literal(char),
    NoDelimiter,
    Of { negative: bool, ranges: Vec<(char, char)> },
}

/// How long a pattern may be, and how deep alternatives may lie in one another.
const STEPS_MAX: usize = 10_000;
const DEPTH_MAX: usize = 64;

/// How many steps a match may take.
const WORK_MAX: usize = 50_000_000;

impl Pattern {
    pub(super) fn parse(text: &str, delimiters: &[char]) -> Result<Self, Failure> {
        let mut parser = Parser { chars: text.chars().peekable(), steps: Vec::new() };
        parser.sequence(0)?;
        if parser.steps.len() > STEPS_MAX {
            return broken(format!("a pattern has more than {STEPS_MAX} parts"));
        }
        Ok(Self { steps: parser.steps, delimiters: delimiters.to_vec() })
    }

    pub(super) fn matches(&self, name: &str) -> Result<bool, Failure> {
        if self.steps.len().saturating_mul(name.len()) > WORK_MAX {
            return broken("the pattern and the name are too long");
        }
        let mut states = States::new(self.steps.len());
        self.enter(0, &mut states);
        for char in name.chars() {
            let mut next = States::new(self.steps.len());
            for state in &states.list {
                match self.steps.get(*state) {
                    Some(Step::One(class)) if self.fits(class, char) => {
                        self.enter(state + 1, &mut next);
                    }
                    Some(Step::Many) if !self.delimiters.contains(&char) => {
                        self.enter(*state, &mut next);
                    }
                    Some(Step::All) => self.enter(*state, &mut next),
                    _ => {}
                }
            }
            states = next;
            if states.list.is_empty() {
                return Ok(false);
            }
        }
        Ok(states.list.contains(&self.steps.len()))
    }

    fn fits(&self, class: &Class, char: char) -> bool {
        match class {
            Class::Literal(literal) => *literal == char,
            Class::NoDelimiter => !self.delimiters.contains(&char),
            Class::Of { negative, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&char)) != *negative
            }
        }
    }

    /// Enters a state, and all that can be entered from there without a character.
    fn enter(&self, state: usize, states: &mut States) {
        let mut waiting = vec![state];
        while let Some(state) = waiting.pop() {
            match states.seen.get_mut(state) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match self.steps.get(state) {
                Some(Step::Any(others)) => waiting.extend(others),
                Some(Step::Many | Step::All) => {
                    states.list.push(state);
                    waiting.push(state + 1);
                }
                _ => states.list.push(state),
            }
        }
    }
}

/// The states a name may be in.
struct States {
    list: Vec<usize>,
    seen: Vec<bool>,
}

impl States {
    fn new(count: usize) -> Self {
        Self { list: Vec::new(), seen: vec![false; count + 1] }
    }
}

struct Parser<'a> {
    chars: Peekable<Chars<'a>>,
    steps: Vec<Step>,
}

impl Parser<'_> {
    /// Reads to the end, or inside of alternatives to the end of one.
    fn sequence(&mut self, depth: usize) -> Result<(), Failure> {
        while let Some(char) = self.chars.next_if(|char| depth == 0 || !matches!(char, ',' | '}')) {
            match char {
                '*' if self.chars.next_if_eq(&'*').is_some() => {
                    while self.chars.next_if_eq(&'*').is_some() {}
                    self.steps.push(Step::All);
                }
                '*' => self.steps.push(Step::Many),
                '?' => self.steps.push(Step::One(Class::NoDelimiter)),
                '[' => self.class()?,
                '{' => self.alternatives(depth + 1)?,
                '\\' => match self.chars.next() {
                    Some(char) => self.steps.push(Step::One(Class::Literal(char))),
                    None => return broken("nothing is escaped at the end"),
                },
                other => self.steps.push(Step::One(Class::Literal(other))),
            }
        }
        Ok(())
    }

    fn alternatives(&mut self, depth: usize) -> Result<(), Failure> {
        if depth > DEPTH_MAX {
            return broken("alternatives lie too deep in one another");
        }
        let fork = self.steps.len();
        self.steps.push(Step::Any(Vec::new()));
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        loop {
            starts.push(self.steps.len());
            self.sequence(depth)?;
            ends.push(self.steps.len());
            self.steps.push(Step::Any(Vec::new()));
            match self.chars.next() {
                Some(',') => {}
                Some(_) => break,
                None => return broken("alternatives do not end"),
            }
        }
        let after = self.steps.len();
        for end in ends {
            self.lead(end, vec![after]);
        }
        self.lead(fork, starts);
        Ok(())
    }

    fn lead(&mut self, from: usize, to: Vec<usize>) {
        if let Some(step) = self.steps.get_mut(from) {
            *step = Step::Any(to);
        }
    }

    /// A set is one range, or a list of characters.
    fn class(&mut self) -> Result<(), Failure> {
        let negative = self.chars.next_if_eq(&'!').is_some();
        let mut members = Vec::new();
        loop {
            match self.chars.next() {
                Some(']') if !members.is_empty() => break,
                Some('\\') => members.extend(self.chars.next().map(|char| (char, true))),
                Some(char) => members.push((char, false)),
                None => return broken("a set does not end"),
            }
        }
        let ranges = match members.as_slice() {
            [(low, _), ('-', false), (high, _)] if low <= high => vec![(*low, *high)],
            [_, ('-', false), _, ..] => return broken("a set is one range or a list"),
            list => list.iter().map(|(char, _)| (*char, *char)).collect(),
        };
        self.steps.push(Step::One(Class::Of { negative, ranges }));
        Ok(())
    }
}
