//! Batches of reads that may be answered from memory.

use std::sync::Arc;

use flow::question::cache::Deed;

use super::{DOWN_MAX, Heard, Visit};
use crate::command::{Arguments, Wrong};
use crate::near::guest::Guest;
use crate::near::kept;
use crate::near::reads::Read;
use crate::near::stand::{Answer, Look, Stand, look_many};

/// A read of a batch that is not answered yet.
enum Pending {
    /// It has been sent.
    Sent(Answer),
    /// It was there, and is looked at again when its turn has come.
    There,
    /// It may not be.
    Refused(Wrong),
}

/// How a batch was answered.
#[derive(Default)]
struct Tally {
    hits: u64,
    fills: u64,
    /// What comes now was not asked for lately.
    cold: bool,
}

impl<G: Guest> Visit<G> {
    /// Whether a read now is like any other.
    pub(super) fn is_plain(&self) -> bool {
        let idle = self.upstream.as_ref().is_none_or(|up| up.relay.is_idle());
        let gathers = self.multi || self.tracks || !self.perhaps.is_empty();
        idle && !gathers && self.guest.is_known() && self.down.len() < DOWN_MAX
    }

    /// Whether all that was heard are reads that may be kept.
    pub(super) fn are_reads(&self, stand: &Stand, heard: &mut Heard) -> bool {
        let mut at = 0;
        loop {
            match heard.command(at) {
                Ok(Some((arguments, end))) => {
                    if !Read::of(arguments).is_some_and(|read| stand.serves(read)) {
                        return false;
                    }
                    at = end;
                }
                Ok(None) => return at > 0,
                Err(_) => return false,
            }
        }
    }

    /// Answers reads, from memory or on the tracked connection; up to where that could be
    /// done. What was there when a read before it was still under way is looked at again
    /// when that has come: a client never sees an older state after a newer one.
    pub(super) async fn read(&mut self, stand: &Arc<Stand>, heard: &mut Heard) -> usize {
        let mut tally = Tally::default();
        let (answered, pending) = self.begin(stand, heard, &mut tally).await;
        let mut answered = self.finish(stand, heard, (answered, pending), &mut tally).await;
        if tally.cold {
            answered = self.ask_together(heard, answered).await;
        }
        self.near.signals.hits.add(tally.hits);
        self.near.signals.fills.add(tally.fills);
        answered
    }

    /// Answers what is there, up to the first read that is not; sends that and all after it
    /// that are not there.
    async fn begin(
        &mut self,
        stand: &Arc<Stand>,
        heard: &mut Heard,
        tally: &mut Tally,
    ) -> (usize, Vec<(usize, Pending)>) {
        let (mut at, mut answered) = (0, 0);
        let mut pending: Vec<(usize, Pending)> = Vec::new();
        let mut is_warm = false;
        while let Ok(Some((arguments, end))) = heard.command(at) {
            let Some(read) = Read::of(arguments) else { break };
            let begin = std::mem::replace(&mut at, end);
            let behind = !pending.is_empty();
            let may = self.guest.may(self.number, Deed::Read, arguments.at(1)).await;
            if let Err(wrong) = may {
                match behind {
                    true => pending.push((begin, Pending::Refused(wrong))),
                    false => {
                        self.refuse(&wrong);
                        answered = end;
                    }
                }
                continue;
            }
            if !stand.serves(read) {
                break;
            }
            let knows = behind || self.known.is_none_or(|known| stand.knows(known));
            let found = match self.look(stand, read, arguments) {
                Look::Hit(_) if !knows => Look::Miss,
                found => found,
            };
            match found {
                Look::Hit(reply) if !behind => {
                    kept::write(&reply, self.resp3, &mut self.down);
                    answered = end;
                    tally.hits += 1;
                }
                Look::Large if !behind => break,
                Look::Miss if !behind && !is_warm => {
                    tally.cold = self.is_cold(stand, heard, begin);
                    if tally.cold {
                        break;
                    }
                    (is_warm, at) = (true, begin);
                }
                Look::Hit(_) | Look::Large => pending.push((begin, Pending::There)),
                Look::Miss => match stand.fetch(&self.near, read, arguments) {
                    Some(answer) => {
                        tally.fills += 1;
                        pending.push((begin, Pending::Sent(answer)));
                    }
                    None => break,
                },
            }
        }
        (answered, pending)
    }

    /// Answers the rest in its order, as it comes.
    async fn finish(
        &mut self,
        stand: &Arc<Stand>,
        heard: &mut Heard,
        (mut answered, pending): (usize, Vec<(usize, Pending)>),
        tally: &mut Tally,
    ) -> usize {
        for (begin, pending) in pending {
            let Ok(Some((arguments, end))) = heard.command(begin) else { break };
            let Some(read) = Read::of(arguments) else { break };
            let reply = match pending {
                Pending::Refused(wrong) => {
                    self.refuse(&wrong);
                    answered = end;
                    continue;
                }
                Pending::Sent(answer) => answer.await.ok(),
                Pending::There => match self.look(stand, read, arguments) {
                    _ if !stand.serves(read) => None,
                    Look::Large => None,
                    Look::Hit(reply) => {
                        tally.hits += 1;
                        Some(reply)
                    }
                    Look::Miss => match stand.fetch(&self.near, read, arguments) {
                        Some(answer) => {
                            tally.fills += 1;
                            answer.await.ok()
                        }
                        None => None,
                    },
                },
            };
            // What cannot be known here is asked on its own connection, and all after it.
            let Some(reply) = reply else { break };
            kept::write(&reply, self.resp3, &mut self.down);
            answered = end;
        }
        answered
    }

    /// Whether most of the reads from this place on are of what was not asked for lately.
    /// They are cheaper for everybody as they came, and whether it would be worth keeping
    /// what they say is not known yet.
    fn is_cold(&mut self, stand: &Arc<Stand>, heard: &mut Heard, mut at: usize) -> bool {
        let (mut cold, mut all) = (0, 0);
        while let Ok(Some((arguments, end))) = heard.command(at) {
            let Some(read) = Read::of(arguments) else { break };
            let is_new = !stand.lately.has_seen(arguments.at(1));
            cold += usize::from(is_new && matches!(self.look(stand, read, arguments), Look::Miss));
            (at, all) = (end, all + 1);
        }
        cold * 2 > all
    }

    /// Asks a read that stands alone, and that it may ask, together with what others ask at
    /// this moment. A batch is worth a trip of its own.
    async fn ask_together(&mut self, heard: &mut Heard, at: usize) -> usize {
        let whole = heard.buffer.len();
        let Ok(Some((arguments, end))) = heard.command(at) else { return at };
        if end < whole {
            return at;
        }
        let answer = self.near.shared(self.number).ask(self.near.clock.moment(), arguments);
        let Ok(reply) = answer.await else { return at };
        kept::write(&reply, self.resp3, &mut self.down);
        self.known = Some(self.near.sent());
        self.near.signals.relayed.add(1);
        end
    }

    fn look(&mut self, stand: &Arc<Stand>, read: Read, arguments: Arguments<'_>) -> Look {
        if read.many {
            return look_many(stand, arguments);
        }
        read.form(arguments, &mut self.form);
        stand.look(arguments.at(1), &self.form)
    }
}
