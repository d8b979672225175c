//! Commands that are carried out together, nobody coming in between.

use flow::question::cache::{Deed, Work};
use values::Space;

use super::wait::nothing;
use super::{Client, Workshop, request, run};
use crate::command::{Arguments, Done, Run, Wrong, here};
use crate::hub::Noticing;
use crate::session::{Keeping, Queued, Session};

impl<P: Workshop> Client<P> {
    /// Watches keys, and remembers when the first of them ends by itself: nobody tells then.
    pub(crate) async fn watch(&mut self, arguments: Arguments<'_>) -> Done {
        if self.session.queue.is_some() {
            return Err(Wrong::said("ERR WATCH inside MULTI is not allowed"));
        }
        arguments.from(1).for_each(|key| self.session.watch(key));
        let namespace = self.session.namespace.clone();
        let (mut first, mut marks) = (None, Vec::new());
        let mut hand = |space: &(dyn Space + 'static)| {
            marks.clear();
            for key in arguments.from(1) {
                marks.extend(space.mark(key).map(|mark| (key, mark)));
                let mut see = |seen: Option<values::Seen<'_>>| {
                    let ends = seen.and_then(|seen| seen.ends);
                    first = first.into_iter().chain(ends).min();
                };
                space.peek(key, &mut see);
            }
        };
        let keys = |each: &mut dyn FnMut(_)| arguments.from(1).for_each(each);
        // Alone, so that it is what all nodes have, and not what this one remembers.
        let deed = (Deed::Read, true);
        let work = Work::new(&namespace, arguments.at(1), deed, &keys, &mut hand);
        self.ask(work).await.map_err(|error| Wrong::failure(&error))?;
        self.session.watched.ends(first);
        for (key, mark) in marks {
            self.session.watched.mark(&namespace, key, mark);
        }
        self.session.replies.ok();
        Ok(())
    }

    /// Carries out what was gathered, unless something watched has changed.
    pub(crate) async fn exec(&mut self) -> Done {
        let queue = self.session.queue.take();
        let queue = queue.ok_or(Wrong::said("ERR EXEC without MULTI"))?;
        if queue.broken {
            self.session.unwatch();
            return Err(Wrong::said("EXECABORT Transaction discarded because of previous errors."));
        }
        let done = self.all_or_nothing(&queue.commands).await;
        self.session.unwatch();
        done
    }

    async fn all_or_nothing(&mut self, commands: &[Queued]) -> Done {
        // Every right that is needed is there before anything is done.
        let deeds = [Deed::Read, Deed::Put, Deed::Write, Deed::Delete, Deed::Expire, Deed::Purge];
        for deed in deeds {
            let takes = |queued: &&Queued| queued.command.deed_of(queued.arguments()) == Some(deed);
            let first = commands.iter().find(takes);
            if let Some(first) = first {
                let key = first.command.first_key(first.arguments()).to_vec();
                self.may(deed, &key).await?;
            }
        }
        let mut rest = commands;
        let mut begun = false;
        while !begun || !rest.is_empty() {
            // What leads to other values, or past the door, is between two works.
            let apart = |queued: &Queued| {
                matches!(queued.command.run, Run::Here(_)) || queued.command.name == "select"
            };
            let length = rest.iter().position(apart).unwrap_or(rest.len());
            let (now, later) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            let head = (!begun).then_some(commands.len());
            if !self.together(now, head).await? {
                return Ok(());
            }
            begun = true;
            rest = later;
            if let Some((apart, after)) = later.split_first() {
                let written = self.session.replies.out.len();
                if let Err(wrong) = self.alone(apart).await {
                    self.session.replies.out.truncate(written);
                    self.session.refuse(&wrong);
                }
                rest = after;
            }
        }
        Ok(())
    }

    async fn alone(&mut self, queued: &Queued) -> Done {
        match queued.command.run {
            Run::Say(say) => say(&mut self.session, queued.arguments()),
            // Boxed, for what is gathered may itself go past the door.
            Run::Here(what) => Box::pin(here(self, what, queued.arguments())).await,
            Run::Work(_) | Run::Wait(..) => Ok(()),
        }
    }

    /// Carries out these, as one work on the selected database; the first of it says how
    /// many replies come, or that something watched has changed, and then nothing is done.
    async fn together(
        &mut self,
        commands: &[Queued],
        head: Option<usize>,
    ) -> std::result::Result<bool, Wrong> {
        let Self { plane, lane, session, .. } = self;
        let namespace = session.namespace.clone();
        let mut goes_on = true;
        let (hub, reader) = (session.hub.clone(), session.keeping.as_ref());
        let reader = reader.and_then(Keeping::reader).cloned();
        // Known before anything is read: no change in between is missed.
        let keeps = || {
            let Some(tracker) = &reader else { return };
            let read = |queued: &&Queued| queued.command.deed == Some(Deed::Read);
            for queued in commands.iter().filter(read) {
                let mut keep = |key: &[u8]| hub.tracking.reads(tracker, &namespace, key);
                queued.command.each_key(queued.arguments(), &mut keep);
            }
        };
        let written = session.replies.out.len();
        let compared = head.map(|_| session.watched.compared(&namespace)).unwrap_or_default();
        let mut hand = |space: &(dyn Space + 'static)| {
            // It may be done again, on other values.
            session.replies.out.truncate(written);
            goes_on = true;
            if let Some(count) = head {
                let watched = &session.watched;
                if watched.has_changed(space.now()) || watched.differs(&namespace, space) {
                    session.replies.null_array();
                    goes_on = false;
                    return;
                }
                session.replies.array(count);
            }
            commands.iter().for_each(|queued| carry_out(queued, space, session));
        };
        let changes = |queued: &Queued| queued.command.deed.is_some_and(Deed::changes);
        let deed = if commands.iter().any(changes) { Deed::Write } else { Deed::Read };
        let request = request(&mut self.asked, self.id, self.at, &self.key, self.peer);
        let keys = |each: &mut dyn FnMut(_)| {
            keeps();
            compared.iter().for_each(|key| each(&key[..]));
            commands.iter().for_each(|queued| queued.command.each_key(queued.arguments(), each));
        };
        let work = Work::new(&namespace, &[], (deed, true), &keys, &mut hand);
        match plane.path().once(lane, &request, &**plane, work).await {
            Ok(()) => Ok(goes_on),
            Err(error) => Err(Wrong::failure(&error)),
        }
    }
}

/// One of several commands, whose error is its reply.
fn carry_out(queued: &Queued, space: &dyn Space, session: &mut Session) {
    let (command, arguments) = (queued.command, queued.arguments());
    let written = session.replies.out.len();
    let done = match command.run {
        Run::Say(say) => say(session, arguments),
        _ => {
            session.keeps_what_is_read_by(command, arguments);
            let noticing = Noticing::new(space);
            let done = run(command, &noticing, arguments, &mut session.replies);
            let (noticed, said) = (noticing.noticed(), (command, arguments));
            session.hub.noticed(&noticed, session.place(), said, session.card.number);
            match done {
                Ok(true) => Ok(()),
                Ok(false) => nothing(command.name, &mut session.replies),
                Err(wrong) => Err(wrong),
            }
        }
    };
    if let Err(wrong) = done {
        session.replies.out.truncate(written);
        session.refuse(&wrong);
    }
}
