//! Commands that are carried out together, nobody coming in between.

use std::sync::Arc;

use flow::question::cache::{Deed, Work};
use values::Space;

use super::wait::nothing;
use super::{Client, Workshop, request, run};
use crate::command::{Arguments, Done, Keys, Run, Wrong, here};
use crate::hub::Noticing;
use crate::prefix::Prefix;
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
        let work = Work::new(&namespace, arguments.at(1), deed, &keys, &mut hand).about(&keys);
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
        self.may_all(commands).await?;
        let mut rest = commands;
        let mut begun = false;
        while !begun || !rest.is_empty() {
            // What leads to other values, or past the door, is between two works.
            let namespace = self.session.namespace.clone();
            let apart =
                |queued: &Queued| queued.goes_past(&namespace) || queued.command.name == "select";
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

    /// Asks for every right that is needed, before anything is done.
    async fn may_all(&mut self, commands: &[Queued]) -> Done {
        let deeds = [Deed::Read, Deed::Put, Deed::Write, Deed::Delete, Deed::Expire, Deed::Purge];
        for deed in deeds {
            // What has no keys takes a right, too.
            let keyless = |queued: &Queued| {
                let takes = queued.command.deed_of(queued.arguments()) == Some(deed);
                takes && queued.command.keys == Keys::None
            };
            if commands.iter().any(keyless) {
                self.may(deed, &[]).await?;
            }
            let mut rest = commands;
            while let Some(led) = rest.first().map(|queued| &queued.led) {
                let (here, elsewhere) = rest.split_at(led_so_far(rest, led));
                let keys = |each: &mut dyn FnMut(_)| {
                    for queued in here {
                        queued.command.each_key_for(deed, queued.arguments(), each);
                    }
                };
                let home = self.session.enter(led);
                let may = self.may_each(deed, &keys).await;
                self.session.leave(home);
                may?;
                rest = elsewhere;
            }
        }
        Ok(())
    }

    async fn alone(&mut self, queued: &Queued) -> Done {
        let home = self.session.enter(&queued.led);
        let done = self.alone_there(queued).await;
        self.session.leave(home);
        done
    }

    async fn alone_there(&mut self, queued: &Queued) -> Done {
        match queued.command.run {
            Run::Say(say) => say(&mut self.session, queued.arguments()),
            // Boxed, for what is gathered may itself go past the door.
            Run::Here(what) | Run::Reach(_, what) => {
                Box::pin(here(self, what, queued.arguments())).await
            }
            Run::Work(_) | Run::Wait(..) => Ok(()),
        }
    }

    /// Carries out these where the work among them leads.
    async fn together(
        &mut self,
        commands: &[Queued],
        head: Option<usize>,
    ) -> std::result::Result<bool, Wrong> {
        let led = commands.iter().find_map(|queued| queued.led.clone());
        let home = self.session.enter(&led);
        let done = self.together_there(commands, head).await;
        self.session.leave(home);
        done
    }

    /// Carries out these, as one work on one namespace; the first of it says how
    /// many replies come, or that something watched has changed, and then nothing is done.
    async fn together_there(
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
        let (deed, first) = stands_for_all(commands);
        let request = request(&mut self.asked, self.id, self.at, &self.shown, self.peer);
        let keys = |each: &mut dyn FnMut(_)| {
            compared.iter().for_each(|key| each(&key[..]));
            commands.iter().for_each(|queued| queued.command.each_key(queued.arguments(), each));
        };
        let work = Work::new(&namespace, first, (deed, true), &keys, &mut hand);
        let work = work.beginning(&keeps);
        match plane.path().once(lane, &request, &**plane, work).await {
            Ok(()) => Ok(goes_on),
            Err(error) => Err(Wrong::failure(&error)),
        }
    }
}

/// What is done by all of them, as one work: what the first of them does that changes
/// anything, to its first key. The right for each of them was there.
fn stands_for_all(commands: &[Queued]) -> (Deed, &[u8]) {
    let of = |queued: &Queued| queued.command.deed_of(queued.arguments());
    let changing = commands.iter().find(|queued| of(queued).is_some_and(Deed::changes));
    let first = changing.or_else(|| commands.iter().find(|queued| of(queued).is_some()));
    let key = first.map(|queued| queued.command.first_changed(queued.arguments()));
    let deed = match changing.and_then(of) {
        None => Deed::Read,
        // Others among them may have to know what was there.
        Some(Deed::Put | Deed::Purge) => Deed::Write,
        Some(deed) => deed,
    };
    (deed, key.unwrap_or_default())
}

/// How many commands in a row lead to the same.
fn led_so_far(commands: &[Queued], led: &Option<Arc<Prefix>>) -> usize {
    let same =
        |queued: &Queued| queued.led.as_ref().map(Arc::as_ptr) == led.as_ref().map(Arc::as_ptr);
    commands.iter().position(|queued| !same(queued)).unwrap_or(commands.len())
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
