//! What happens, put together as it is told.

use super::{Asked, At, Explanation, Stopped, TOLD_MAX, Tried, first_line};
use crate::Value;
use crate::compile::written;
use crate::eval::{Stop, Watch, Why};
use crate::plan::Place;

/// Listens, and makes an explanation of it.
#[derive(Debug, Default)]
pub struct Told {
    done: Explanation,
    /// What was asked for and tried and is not done with; what is outermost is first.
    open: Vec<Open>,
    /// Where the question itself stopped.
    furthest: Furthest,
    count: usize,
    /// How much is under way that is not told.
    unheard: usize,
}

#[derive(Debug)]
enum Open {
    Asked(Asked),
    Tried(Box<Trying>),
}

/// A rule that is tried, and where it stopped so far.
#[derive(Debug)]
struct Trying {
    tried: Tried,
    furthest: Furthest,
}

/// The stop that came furthest in a body, and the last one in a body within it.
#[derive(Debug, Default)]
pub(crate) struct Furthest {
    stop: Option<(Stop, usize)>,
    within: Option<Stop>,
    because: Option<Stop>,
}

impl Furthest {
    pub(crate) fn add(&mut self, stop: Stop) {
        if stop.depth > 0 {
            self.within = Some(stop);
            return;
        }
        // Only an `every` fails because of a line within it.
        let because = self.within.take().filter(|_| stop.why == Why::NotEach);
        match &mut self.stop {
            Some((before, times)) if before.reached == stop.reached => *times += 1,
            Some((before, _)) if before.reached > stop.reached => {}
            place => {
                *place = Some((stop, 1));
                self.because = because;
            }
        }
    }

    pub(crate) fn finish(self) -> Option<Stopped> {
        let (stop, times) = self.stop?;
        let within = self.because.map(|stop| Box::new(Stopped::of(&stop)));
        Some(Stopped { times, within, ..Stopped::of(&stop) })
    }
}

impl Told {
    /// The explanation. What is still open then was left by an error.
    pub fn finish(mut self) -> Explanation {
        while let Some(open) = self.open.pop() {
            match open {
                Open::Asked(asked) => self.told(Asked { broken: true, ..asked }),
                Open::Tried(trying) => self.close(trying.tried),
            }
        }
        self.done.stopped = self.furthest.finish();
        self.done
    }

    /// Whether there is room to tell of one thing more. What is within something that is not
    /// told of is not told of either.
    fn begins(&mut self) -> bool {
        self.count += 1;
        if self.unheard > 0 || self.count > TOLD_MAX {
            self.unheard += 1;
            self.done.cut = true;
            return false;
        }
        true
    }

    fn ends(&mut self) -> Option<Open> {
        if self.unheard > 0 {
            self.unheard -= 1;
            return None;
        }
        self.open.pop()
    }

    fn told(&mut self, asked: Asked) {
        match self.open.last_mut() {
            Some(Open::Tried(trying)) => trying.tried.asked.push(asked),
            _ => self.done.asked.push(asked),
        }
    }

    fn close(&mut self, tried: Tried) {
        if let Some(Open::Asked(asked)) = self.open.last_mut() {
            asked.tried.push(tried);
        }
    }
}

impl Watch for Told {
    fn asks(&mut self, path: &[Value], args: &[Value], function: bool) {
        if !self.begins() {
            return;
        }
        let rule = match function {
            true => {
                let args: Vec<String> = args.iter().map(crate::eval::shown).collect();
                format!("{}({})", written(path), args.join(", "))
            }
            false => written(&[path, args].concat()),
        };
        self.open.push(Open::Asked(Asked { rule, ..Asked::default() }));
    }

    fn answers(&mut self, value: Option<&Value>, known: bool) {
        if let Some(Open::Asked(asked)) = self.ends() {
            self.told(Asked { value: value.cloned(), known, ..asked });
        }
    }

    fn tries(&mut self, head: &Place) {
        if self.begins() {
            let tried = Tried { at: At::of(head), text: first_line(head), ..Tried::default() };
            let trying = Trying { tried, furthest: Furthest::default() };
            self.open.push(Open::Tried(Box::new(trying)));
        }
    }

    fn leaves(&mut self, held: bool, value: Option<&Value>) {
        if let Some(Open::Tried(trying)) = self.ends() {
            let Trying { tried, furthest } = *trying;
            let stopped = furthest.finish().filter(|_| !held);
            self.close(Tried { held, value: value.cloned(), stopped, ..tried });
        }
    }

    fn stops(&mut self, stop: Stop) {
        if self.unheard > 0 {
            return;
        }
        match self.open.last_mut() {
            Some(Open::Tried(trying)) => trying.furthest.add(stop),
            _ => self.furthest.add(stop),
        }
    }

    fn notes(&mut self, note: &str) {
        if self.done.notes.len() < TOLD_MAX {
            self.done.notes.push(note.to_owned());
        }
    }
}
