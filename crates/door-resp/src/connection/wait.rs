//! Commands that wait until there is something to work on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::Moment;

use flow::question::cache::{Deed, Work};
use values::Space;

use super::{Client, Next, Workshop};
use crate::command::{Arguments, Command, Patience, Run, Settling, Wrong};
use crate::hub::{Hub, Interest, Turn};
use crate::session::Queued;

/// A command that waits, its keys and its place in the row. Dropped, it gives its place up
/// and wakes the next.
pub(super) struct Waiting {
    command: Queued,
    keys: Vec<Bytes>,
    place: (Box<str>, Box<str>),
    number: u64,
    turn: Turn,
    until: Option<Moment>,
    hub: Arc<Hub>,
}

impl Waiting {
    /// How long it still waits, if not for ever.
    pub(super) fn left(&self, now: Moment) -> Option<Duration> {
        self.until.map(|until| until.since(now))
    }

    /// Its turn has come, perhaps.
    pub(super) async fn come(&self) {
        self.turn.come.notified().await;
    }

    /// Whether nobody who has waited longer is about to look. It is asked where nobody comes
    /// in between, so that what comes is had in the order of the row.
    fn is_next(&self) -> bool {
        self.turn.looks();
        let place = (&*self.place.0, &*self.place.1);
        let mut keys = self.keys.iter();
        !keys.any(|key| self.hub.keys.is_for_another(place, key, self.turn.ticket))
    }

    fn pass_on(&self) {
        let place = (&*self.place.0, &*self.place.1);
        for key in &self.keys {
            self.hub.keys.pass_on(place, key, self.turn.ticket);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let place = (&*self.place.0, &*self.place.1);
        let own = |interest: &Interest| match interest {
            Interest::Wait(turn) => turn.ticket == self.turn.ticket,
            _ => false,
        };
        self.keys.iter().for_each(|key| self.hub.keys.remove(place, key, self.number, own));
        self.pass_on();
    }
}

/// How long a command says it waits; not at all said, or none, is for ever.
fn patience(command: &Queued) -> Option<Duration> {
    let arguments = command.arguments();
    let Run::Wait(_, patience) = command.command.run else { return None };
    let seconds = |at: usize| values::number::float(arguments.at(at)).filter(|long| *long > 0.0);
    match patience {
        Patience::Last => seconds(arguments.len() - 1),
        Patience::At(at) => seconds(at),
        Patience::After(word) => {
            let at = (1..arguments.len()).find(|at| arguments.is(*at, word))?;
            let millis = values::number::integer(arguments.at(at + 1)).filter(|long| *long > 0)?;
            Some(millis as f64 / 1000.0)
        }
    }
    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

impl<P: Workshop> Client<P> {
    /// There is nothing to work on: a command that wants to wait does.
    pub(super) async fn not_yet(
        &mut self,
        command: &'static Command,
        arguments: Arguments<'_>,
    ) -> Result<Next, Wrong> {
        if let Run::Wait(_, Patience::After(word)) = command.run
            && !(1..arguments.len()).any(|at| arguments.is(at, word))
        {
            self.session.replies.null_array();
            return Ok(Next::Go);
        }
        let settled = match command.settle {
            Some(settle) => self.settled(settle, command, arguments).await?,
            None => None,
        };
        let queued = match settled {
            Some(words) => Queued::of(command, words.iter().map(Vec::as_slice)),
            None => Queued::new(command, arguments),
        };
        Ok(Next::Wait(Box::new(queued.led(&self.session.led))))
    }

    async fn settled(
        &mut self,
        settle: Settling,
        command: &Command,
        arguments: Arguments<'_>,
    ) -> Result<Option<Vec<Vec<u8>>>, Wrong> {
        let namespace = self.session.namespace.clone();
        let mut settled = None;
        let mut hand = |space: &(dyn Space + 'static)| settled = settle(space, arguments);
        let (key, deed) = (command.first_key(arguments), (Deed::Read, false));
        let keys = |each: &mut dyn FnMut(_)| command.each_key(arguments, each);
        let work = Work::new(&namespace, key, deed, &keys, &mut hand);
        self.ask(work).await.map_err(|error| Wrong::failure(&error))?;
        Ok(settled)
    }

    /// Takes a place in the row.
    pub(super) fn begin_waiting(&mut self, command: Queued) -> Waiting {
        let home = self.session.enter(&command.led);
        let waiting = self.waiting(command);
        self.session.leave(home);
        waiting
    }

    fn waiting(&self, command: Queued) -> Waiting {
        let (arguments, session) = (command.arguments(), &self.session);
        let places = command.command.keys_of(arguments);
        let keys: Vec<Bytes> =
            places.into_iter().map(|at| Bytes::copy_from_slice(arguments.at(at))).collect();
        let (hub, number) = (session.hub.clone(), session.card.number);
        let turn = hub.keys.turn();
        for key in &keys {
            hub.keys.add(session.place(), key, number, Interest::Wait(turn.clone()));
        }
        let until = patience(&command).map(|long| self.clock().moment().after(long));
        let place = (session.tenant.clone(), session.namespace.clone());
        Waiting { command, keys, place, number, turn, until, hub }
    }

    /// Tries to carry it out; whether it is answered, well or badly.
    pub(super) async fn try_again(&mut self, waiting: &Waiting) -> bool {
        let written = self.session.replies.out.len();
        let (command, is_next) = (&waiting.command, || waiting.is_next());
        let home = self.session.enter(&command.led);
        let done = self.work_if(command.command, command.arguments(), &is_next).await;
        self.session.leave(home);
        match done {
            Ok(true) => true,
            Err(wrong) if wrong != Wrong::TYPE || waiting.command.command.name == "xreadgroup" => {
                self.session.replies.out.truncate(written);
                self.session.refuse(&wrong);
                true
            }
            // What has come may be of a kind that it does not wait for.
            Ok(false) | Err(_) => {
                self.session.replies.out.truncate(written);
                // Somebody behind may make something of it.
                waiting.pass_on();
                false
            }
        }
    }

    /// It has waited long enough.
    pub(super) fn give_up(&mut self, _: &Waiting) {
        self.session.replies.null_array();
    }
}

/// What a command that cannot wait is told instead.
pub(super) fn nothing(command: &str, replies: &mut crate::reply::Replies) -> Result<(), Wrong> {
    match command {
        "blmove" | "brpoplpush" => replies.null(),
        _ => replies.null_array(),
    }
    Ok(())
}
