//! One client: reads batches, carries them out in order, answers each batch at once.

mod before;
mod heard;
mod serve;
mod together;
mod unsent;
mod wait;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use flow::question::Plane;
use flow::question::admin::Login;
use flow::question::cache::{Deed, EachKey, Readies, Tells, Work};
use flow::{
    Certificate, Clock, Credential, Door, Id, Lane, Moment, Origin, Question, Request, Result,
};
use values::Space;

use crate::command::{
    Arguments, Command, Done, Numbered, Run, Sources, Wrong, far, find, here, unknown,
};
use crate::hub::{Ends, Hub, Noticing, Slow};
use crate::session::{Keeping, Limits, Queued, Session};

pub(crate) use serve::serve;
pub(crate) use unsent::Unsent;

/// A plane that lets those in who work on its values in place, and tells them of what others
/// change meanwhile.
pub trait Workshop: Plane + Tells + Readies + for<'q> Origin<Work<'q, dyn Space>> {}

impl<P: Plane + Tells + Readies + for<'q> Origin<Work<'q, dyn Space>>> Workshop for P {}

/// A connection, and the way behind the door.
pub(crate) struct Client<P> {
    plane: Arc<P>,
    lane: Lane,
    shown: Shown,
    peer: Option<IpAddr>,
    id: Id,
    asked: u64,
    at: Moment,
    /// When the command before was done.
    done: Moment,
    pub(crate) session: Session,
}

/// What a client has shown to say who it is.
#[derive(Default)]
pub(crate) enum Shown {
    /// Nothing.
    #[default]
    Nothing,
    /// A key or a token, by AUTH or HELLO.
    Key(Box<str>),
    /// A certificate, when it shook hands.
    Certificate(Certificate),
}

/// Words of so many bytes are looked at before anything is done with them.
const HEAVY: usize = 64 << 10;

/// What takes less is not long, whatever the threshold.
const LONG: std::time::Duration = std::time::Duration::from_millis(1);

/// What is to be done after a command.
enum Next {
    /// The next one.
    Go,
    /// What it asks for is not there yet.
    Wait(Box<Queued>),
}

impl<P: Workshop> Client<P> {
    pub(crate) fn new(
        plane: Arc<P>,
        hub: Arc<Hub>,
        limits: Limits,
        (ends, number): (Option<Ends>, u64),
    ) -> Self {
        let path = plane.path();
        let id = path.random().id(path.clock().now());
        let card = hub.enter(number, ends);
        Self {
            lane: Lane::default(),
            shown: Shown::Nothing,
            peer: ends.map(|ends| ends.peer.ip()),
            id,
            asked: 0,
            at: path.clock().moment(),
            done: Moment(0),
            session: Session::new(hub, card, limits),
            plane,
        }
    }

    /// Shows something else, or nothing; whatever was permitted before is forgotten.
    pub(crate) fn show(&mut self, shown: Shown) {
        self.lane = Lane::default();
        self.shown = shown;
        self.session.card.known.store(false, Relaxed);
    }

    /// Shows something to the gate; what it does not recognise leaves the connection to nobody.
    /// The client is called `name`, or else what the gate calls it.
    pub(crate) async fn log_in(&mut self, shown: Shown, name: Option<&str>) -> Result<()> {
        self.show(shown);
        match self.ask(Login).await {
            Ok(caller) => {
                self.session.card.said.lock().user = name.map_or(caller.into(), Into::into);
                self.become_known();
                Ok(())
            }
            Err(error) => {
                self.show(Shown::Nothing);
                Err(error)
            }
        }
    }

    /// Notes that it is later.
    pub(crate) fn glance(&mut self) {
        self.at = self.clock().moment();
    }

    /// Whether the gate has recognised the key shown.
    pub(crate) fn is_known(&self) -> bool {
        self.lane.identity().is_some()
    }

    /// From now on it sees the values of whom the gate has recognised.
    pub(crate) fn become_known(&mut self) {
        let Some(identity) = self.lane.identity() else { return };
        self.session.card.known.store(true, Relaxed);
        if *self.session.tenant != *identity.tenant {
            self.session.unwatch();
            self.session.keep_nothing();
            self.session.tenant = (*identity.tenant).into();
        }
    }

    /// Takes a question down the path.
    pub(crate) async fn ask<Q: Question>(&mut self, question: Q) -> Result<Q::Answer>
    where
        P: Origin<Q>,
    {
        let request = request(&mut self.asked, self.id, self.at, &self.shown, self.peer);
        self.plane.path().once(&mut self.lane, &request, &*self.plane, question).await
    }

    /// Carries out one command, and writes its reply.
    async fn carry_out(&mut self, named: Option<Numbered>, arguments: Arguments<'_>) -> Next {
        if arguments.len() == 0 {
            return Next::Go;
        }
        if self.session.hub.pauses.matter() {
            Box::pin(self.pass_pause(named.map(|(_, command)| command))).await;
            self.done = self.clock().moment();
        }
        let written = self.session.replies.out.len();
        let done = self.found(named, arguments).await;
        let next = match done {
            Ok(next) => next,
            Err(wrong) => {
                // A half-written reply is none.
                self.session.replies.out.truncate(written);
                self.session.refuse(&wrong);
                Next::Go
            }
        };
        if self.session.replies.take_overflowed() {
            // Its room is given back too.
            let out = &mut self.session.replies.out;
            *out = out.get(..written).unwrap_or_default().into();
            self.session.refuse(&Wrong::TOO_LONG);
        }
        self.session.forget_exception(arguments);
        self.session.keep_quiet(written);
        let done = self.clock().glance();
        let took = done.since(std::mem::replace(&mut self.done, done));
        if took >= LONG {
            self.note_long(arguments, took);
        }
        if self.session.hub.slow.wants(took) {
            self.note_slow(arguments, took);
        }
        next
    }

    /// Sees to it that the command may be said now.
    async fn found(
        &mut self,
        named: Option<Numbered>,
        arguments: Arguments<'_>,
    ) -> std::result::Result<Next, Wrong> {
        let found = named.map(|(number, command)| {
            self.session.card.last.store(number, Relaxed);
            command
        });
        let command = match found {
            None => Err(unknown(arguments)),
            Some(command) if !command.takes_words(arguments.len()) => {
                Err(Wrong::arity(command.name))
            }
            Some(command) => Ok(command),
        };
        match command {
            Ok(command) if self.session.hub.prefixes.are_there() => {
                Box::pin(self.led(command, arguments)).await
            }
            command => self.gathered_or_done(command, arguments).await,
        }
    }

    /// Does it, unless commands are gathered.
    async fn gathered_or_done(
        &mut self,
        command: std::result::Result<&'static Command, Wrong>,
        arguments: Arguments<'_>,
    ) -> std::result::Result<Next, Wrong> {
        let most = self.session.limits.command;
        let command = match (command, &mut self.session.queue) {
            (Ok(command), Some(queue)) if !command.at_once => {
                queue.gather(Queued::new(command, arguments).led(&self.session.led), most)?;
                self.session.note_doing();
                self.session.replies.simple("QUEUED");
                return Ok(Next::Go);
            }
            (Ok(command), _) => command,
            (Err(wrong), queue) => {
                if let Some(queue) = queue {
                    queue.broken = true;
                }
                return Err(wrong);
            }
        };
        if self.session.only_listens() && !command.listening {
            return Err(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
                 RESET are allowed in this context",
                command.name
            )
            .into());
        }
        self.session.hub.commands.add(1);
        match command.run {
            Run::Work(_) => self.work(command, arguments).await.map(|_| Next::Go),
            Run::Reach(..)
                if self.session.led.is_some()
                    || far(arguments, &self.session.namespace).is_none() =>
            {
                self.work(command, arguments).await.map(|_| Next::Go)
            }
            Run::Wait(..) => Ok(match self.work(command, arguments).await? {
                true => Next::Go,
                false => self.not_yet(command, arguments).await?,
            }),
            Run::Reach(..) | Run::Say(_) | Run::Here(_) => {
                let done = self.say(command, arguments).await;
                self.session.note_doing();
                done.map(|()| Next::Go)
            }
        }
    }

    /// Does what is no work on values.
    async fn say(&mut self, command: &Command, arguments: Arguments<'_>) -> Done {
        if !matches!(command.name, "auth" | "hello" | "quit" | "reset") && !self.is_known() {
            return Err(Wrong::said("NOAUTH Authentication required."));
        }
        // What reaches elsewhere asks there, and here for what it reads.
        let reaches = matches!(command.run, Run::Reach(..));
        if let Some(deed) = command.deed_of(arguments).filter(|_| !reaches) {
            self.may(deed, arguments.at(1)).await?;
        }
        match command.run {
            Run::Here(what) | Run::Reach(_, what) => here(self, what, arguments).await,
            Run::Say(say) => {
                say(&mut self.session, arguments)?;
                if command.name == "reset" {
                    self.show(Shown::Nothing);
                }
                Ok(())
            }
            Run::Work(_) | Run::Wait(..) => Ok(()),
        }
    }

    /// Asks whether something may be done in the selected database.
    pub(crate) async fn may(&mut self, deed: Deed, key: &[u8]) -> Done {
        let namespace = self.session.namespace.clone();
        let mut nothing = |_: &(dyn Space + 'static)| {};
        let work = Work::new(&namespace, key, (deed, false), &|_| (), &mut nothing);
        match self.ask(work).await {
            Ok(()) => Ok(()),
            Err(error) => Err(Wrong::failure(&error)),
        }
    }

    /// Asks whether something may be done with each of these keys of the selected database.
    pub(super) async fn may_each(&mut self, deed: Deed, each: EachKey<'_>) -> Done {
        let mut first: Option<&[u8]> = None;
        each(&mut |key| first = first.or(Some(key)));
        let Some(first) = first else { return Ok(()) };
        let namespace = self.session.namespace.to_string();
        let mut nothing = |_: &(dyn Space + 'static)| {};
        let work = Work::new(&namespace, first, (deed, false), &|_| (), &mut nothing);
        let further = |show: &mut dyn FnMut(_)| each(&mut |key| show(key));
        self.ask(work.about(&further)).await.map_err(|error| Wrong::failure(&error))
    }

    /// How many keys there are in a database.
    pub(crate) async fn count(&mut self, namespace: &str) -> std::result::Result<u64, Wrong> {
        let mut count = 0;
        let mut hand = |space: &(dyn Space + 'static)| count = space.count();
        let work = Work::new(namespace, &[], (Deed::Read, false), &|_| (), &mut hand);
        self.ask(work).await.map_err(|error| Wrong::failure(&error))?;
        Ok(count)
    }

    /// Drops everything in a database. Whoever keeps what they read is to be told still.
    pub(crate) async fn clear(&mut self, namespace: &str) -> Done {
        let (hub, tenant) = (self.session.hub.clone(), self.session.tenant.clone());
        let mut hand = |space: &(dyn Space + 'static)| {
            space.clear();
            hub.keys.all_changed((&tenant, namespace));
        };
        let work = Work::new(namespace, &[], (Deed::Purge, true), &|_| (), &mut hand);
        self.ask(work).await.map_err(|error| Wrong::failure(&error))
    }

    /// Lets a command work on the selected database; whether there was something to work on.
    async fn work(
        &mut self,
        command: &Command,
        arguments: Arguments<'_>,
    ) -> std::result::Result<bool, Wrong> {
        self.work_if(command, arguments, &|| true).await
    }

    /// The same, if it may when it is let in.
    async fn work_if(
        &mut self,
        command: &Command,
        arguments: Arguments<'_>,
        may: &(dyn Fn() -> bool + Sync),
    ) -> std::result::Result<bool, Wrong> {
        let Some(deed) = command.deed_of(arguments) else { return Ok(true) };
        let key = match command.sources {
            Sources::None => command.first_key(arguments),
            _ => {
                let sources = |each: &mut dyn FnMut(_)| {
                    command.each_key_for(Deed::Read, arguments, each);
                };
                Box::pin(self.may_each(Deed::Read, &sources)).await?;
                command.first_changed(arguments)
            }
        };
        let Self { plane, lane, session, .. } = self;
        let Session { replies, hub, tenant, namespace, keeping, card, .. } = session;
        let reader = keeping.as_ref().and_then(Keeping::reader);
        let reader = reader.filter(|_| command.deed == Some(Deed::Read));
        // Known before anything is read: no change in between is missed.
        let keeps = || {
            let Some(tracker) = reader else { return };
            command.each_key(arguments, &mut |key| hub.tracking.reads(tracker, namespace, key));
        };
        let mut done = Ok(true);
        let written = replies.out.len();
        let heavy = deed.changes() && arguments.bytes() > HEAVY;
        let mut hand = |space: &(dyn Space + 'static)| {
            // It may be done again, on other values.
            replies.out.truncate(written);
            if !may() {
                done = Ok(false);
                return;
            }
            if heavy && arguments.bytes() as u64 > space.largest() {
                done = Err(Wrong::FULL);
                return;
            }
            keeps();
            done = match (deed.changes() && hub.matters()) || hub.notices.matter() {
                true => {
                    let noticing = Noticing::new(space);
                    let done = run(command, &noticing, arguments, replies);
                    let (noticed, said) = (noticing.noticed(), (command, arguments));
                    hub.noticed(&noticed, (tenant, namespace), said, card.number);
                    done
                }
                false => run(command, space, arguments, replies),
            };
            if space.refused() {
                done = Err(Wrong::FULL);
            }
        };
        let request = request(&mut self.asked, self.id, self.at, &self.shown, self.peer);
        let keys = |each: &mut dyn FnMut(_)| command.each_key(arguments, each);
        let further = |each: &mut dyn FnMut(_)| command.each_key_for(deed, arguments, each);
        let work = Work::new(namespace, key, (deed, command.alone), &keys, &mut hand);
        let work = work.about(&further).beginning(&keeps);
        match plane.path().once(lane, &request, &**plane, work).await {
            Ok(()) => done,
            Err(error) => Err(Wrong::failure(&error)),
        }
    }

    /// What Redis calls a fast command is an event of its own.
    fn note_long(&self, arguments: Arguments<'_>, took: std::time::Duration) {
        let fast = find(arguments.at(0)).is_some_and(|command| command.fast);
        let event = if fast { "fast-command" } else { "command" };
        self.session.hub.latency.note(event, self.clock().now(), took);
    }

    fn note_slow(&self, arguments: Arguments<'_>, took: std::time::Duration) {
        const WORDS: usize = 32;
        const BYTES: usize = 128;
        let cut = |word: &[u8]| word.get(..BYTES).unwrap_or(word).into();
        let secret = ["auth", "hello"].iter().any(|name| arguments.is(0, name));
        let shown = if secret { 1 } else { WORDS };
        self.session.hub.slow.keep(Slow {
            number: 0,
            at: self.clock().now(),
            took,
            words: arguments.from(0).take(shown).map(cut).collect(),
            peer: self.session.card.peer,
            name: self.session.card.said.lock().name.clone(),
        });
    }

    fn clock(&self) -> &Clock {
        self.plane.path().clock()
    }
}

/// Runs what works on values; whether there was something to work on.
fn run(
    command: &Command,
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut crate::reply::Replies,
) -> std::result::Result<bool, Wrong> {
    match command.run {
        Run::Work(run) | Run::Reach(run, _) => run(space, arguments, replies).map(|()| true),
        Run::Wait(run, _) => run(space, arguments, replies),
        Run::Say(_) | Run::Here(_) => Ok(true),
    }
}

fn request<'a>(
    asked: &mut u64,
    id: Id,
    at: Moment,
    shown: &'a Shown,
    peer: Option<IpAddr>,
) -> Request<'a> {
    *asked += 1;
    let credential = match shown {
        Shown::Nothing => Credential::None,
        Shown::Key(key) => Credential::Bearer(key),
        Shown::Certificate(certificate) => Credential::Certificate(certificate),
    };
    Request { id: id.plus(*asked), at, door: Door::Resp, credential, peer, agent: "" }
}
