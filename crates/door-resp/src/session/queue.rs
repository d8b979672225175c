//! Commands that are gathered, to be carried out together.

use std::ops::Range;
use std::sync::Arc;

use crate::command::{Arguments, Command, Run, Wrong, far};
use crate::prefix::Prefix;

/// Commands to be carried out together.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) commands: Vec<Queued>,
    /// Whether one of them made no sense.
    pub(crate) broken: bool,
    size: usize,
    /// Where the work is that was gathered since a database was selected.
    at: Option<Option<Arc<Prefix>>>,
}

/// One of them, with its words.
pub(crate) struct Queued {
    pub(crate) command: &'static Command,
    /// Where it leads to.
    pub(crate) led: Option<Arc<Prefix>>,
    buffer: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl Queue {
    /// Takes one more, unless there is too much then.
    pub(crate) fn gather(&mut self, queued: Queued, most: usize) -> Result<(), Wrong> {
        if queued.command.name == "select" {
            self.at = None;
        } else if queued.command.is_work() && !self.is_together(&queued) {
            self.broken = true;
            return Err(Wrong::APART);
        }
        self.size = self.size.saturating_add(queued.size());
        if self.size <= most {
            self.commands.push(queued);
            return Ok(());
        }
        self.broken = true;
        self.commands = Vec::new();
        Err(format!("ERR too much is gathered: all together may have {most} bytes").into())
    }
}

impl Queue {
    /// Whether it is where the others are: nobody comes in between only there.
    fn is_together(&mut self, queued: &Queued) -> bool {
        let at = self.at.get_or_insert_with(|| queued.led.clone());
        at.as_ref().map(Arc::as_ptr) == queued.led.as_ref().map(Arc::as_ptr)
    }
}

impl Queued {
    /// The same, where it leads to.
    pub(crate) fn led(self, led: &Option<Arc<Prefix>>) -> Self {
        Self { led: led.clone(), ..self }
    }

    /// Whether it goes past the door, said in this namespace.
    pub(crate) fn goes_past(&self, namespace: &str) -> bool {
        match self.command.run {
            Run::Here(_) => true,
            Run::Reach(..) => self.led.is_none() && far(self.arguments(), namespace).is_some(),
            Run::Say(_) | Run::Work(_) | Run::Wait(..) => false,
        }
    }

    /// How much room it takes.
    fn size(&self) -> usize {
        size_of::<Self>() + self.buffer.len() + self.places.len() * size_of::<Range<usize>>()
    }

    pub(crate) fn new(command: &'static Command, arguments: Arguments<'_>) -> Self {
        Self::of(command, arguments.from(0))
    }

    /// A command with these words.
    pub(crate) fn of<'w>(command: &'static Command, words: impl Iterator<Item = &'w [u8]>) -> Self {
        let (mut buffer, mut places) = (Vec::new(), Vec::new());
        for word in words {
            places.push(buffer.len()..buffer.len() + word.len());
            buffer.extend_from_slice(word);
        }
        Self { command, led: None, buffer, places }
    }

    pub(crate) fn arguments(&self) -> Arguments<'_> {
        Arguments::new(&self.buffer, &self.places)
    }
}
