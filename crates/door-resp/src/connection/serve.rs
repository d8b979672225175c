//! Reading what a client says, and sending it what it is to hear.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::BytesMut;
use flow::Moment;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::heard::Heard;
use super::wait::Waiting;
use super::{Client, Next, Workshop};
use crate::command::Wrong;
use crate::config::Config;
use crate::frame::{Garbage, Limits};
use crate::hub::Card;

/// Answers are sent off when so many bytes have gathered, even in a batch.
const FLUSH_AT: usize = 256 * 1024;
const READ_AT_LEAST: usize = 16 * 1024;
/// A client that waits may send so much more meanwhile.
const AHEAD_MAX: usize = 1 << 20;
/// When the door closes a client may be between logging in and asking: one that
/// says nothing for so long is not.
const QUIET: Duration = Duration::from_millis(250);
/// One that never stops asking is sent away after this.
const FAREWELL: Duration = Duration::from_secs(1);

/// That a connection waits for a key, as long as it does.
struct Blocked<'c>(&'c Card);

impl<'c> Blocked<'c> {
    fn new(card: &'c Card) -> Self {
        card.waits.store(true, Relaxed);
        Self(card)
    }
}

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        self.0.waits.store(false, Relaxed);
    }
}

/// What became of a batch.
enum Batch {
    /// All of it is answered.
    Answered,
    /// Its last command waits.
    Waits(Waiting),
    /// It was the last.
    Last,
}

/// Serves one client until it leaves, breaks the protocol, falls silent, or the
/// door is drained. The protocol has no word for goodbye, so a draining door waits
/// for a pause: whoever was let in is answered.
pub(crate) async fn serve<P: Workshop, S: AsyncRead + AsyncWrite + Unpin>(
    mut client: Client<P>,
    mut socket: S,
    config: &Config,
    drain: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let limits = Limits {
        value_max: config.value_max.bytes(),
        arguments_max: config.arguments_max as usize,
        command_max: config.command_max.bytes(),
        stranger: true,
    };
    let buffer = BytesMut::with_capacity(READ_AT_LEAST);
    let mut heard = Heard::new(buffer, limits);
    let (card, hub) = (client.session.card.clone(), client.session.hub.clone());
    let mut farewell: Option<Moment> = None;
    loop {
        client.at = client.clock().moment();
        client.done = client.at;
        hub.heard(&card, client.at);
        let batch = client.batch(&mut socket, &mut heard).await?;
        // Whoever else has said something is heard first, and all are answered in one go: who
        // is woken by the first answer finds the others there.
        tokio::task::yield_now().await;
        if !client.send(&mut socket).await? {
            return client.hang_up(&mut socket).await;
        }
        if let Batch::Waits(waiting) = batch {
            if !client.await_turn(&mut socket, &mut heard.buffer, waiting, &drain).await? {
                return Ok(());
            }
            continue;
        }
        if *drain.borrow() {
            farewell.get_or_insert(client.at.after(FAREWELL));
        }
        let last = matches!(batch, Batch::Last) || card.has_ended();
        if last || farewell.is_some_and(|end| client.at >= end) {
            return client.hang_up(&mut socket).await;
        }
        let listens = client.session.listening() > 0 || client.session.keeping.is_some();
        card.listens.store(listens, Relaxed);
        if heard.buffer.capacity() > FLUSH_AT && heard.buffer.is_empty() {
            // A large value has passed; an idle connection need not keep its room.
            heard.buffer = BytesMut::with_capacity(READ_AT_LEAST);
        }
        heard.buffer.reserve(READ_AT_LEAST);
        let read = match farewell {
            None => tokio::select! {
                biased;
                read = socket.read_buf(&mut heard.buffer) => read?,
                () = card.outbox.filled.notified() => {
                    if card.has_ended() || !client.hears().await {
                        return client.hang_up(&mut socket).await;
                    }
                    continue;
                }
            },
            Some(_) => {
                let clock = client.clock().clone();
                let read = clock.within(QUIET, socket.read_buf(&mut heard.buffer)).await;
                read.unwrap_or(Ok(0))?
            }
        };
        if read == 0 {
            return Ok(());
        }
    }
}

impl<P: Workshop> Client<P> {
    /// Carries out every whole command in the buffer.
    async fn batch<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        heard: &mut Heard,
    ) -> std::io::Result<Batch> {
        let mut used = 0;
        let batch = 'heard: loop {
            let known = self.is_known();
            let count = match heard.understand(used, !known) {
                Ok(0) => break Batch::Answered,
                Ok(count) => count,
                Err(Garbage(what)) => {
                    self.session.replies.error(&format!("ERR Protocol error: {what}"));
                    break Batch::Last;
                }
            };
            if count > 1 {
                self.get_ready(heard);
            }
            for number in 0..count {
                let (named, arguments, end) = heard.command(number);
                if self.session.hub.pauses.matter() {
                    // Whoever waits has what was answered before.
                    self.flush(socket).await?;
                }
                let next = self.carry_out(named, arguments).await;
                used = end;
                if let Next::Wait(command) = next {
                    break 'heard Batch::Waits(self.begin_waiting(*command));
                }
                if self.session.leaving || !self.session.deliver_between() {
                    break 'heard Batch::Last;
                }
                if self.session.replies.out.len() >= FLUSH_AT {
                    self.flush(socket).await?;
                }
                if self.is_known() != known {
                    // Others may say more, or less.
                    break;
                }
            }
        };
        let _ = heard.buffer.split_to(used.min(heard.buffer.len()));
        Ok(batch)
    }

    /// What several commands are about is brought nearer before the first is carried out.
    fn get_ready(&self, heard: &Heard) {
        let session = &self.session;
        if !session.hub.prefixes.are_there() {
            let keys = |each: &mut dyn FnMut(_)| heard.each_key(each);
            self.plane.ready(&session.tenant, &session.namespace, &keys);
        }
    }

    /// Sends what was answered, and what the client is to hear besides; whether it may stay.
    async fn send<S: AsyncWrite + Unpin>(&mut self, socket: &mut S) -> std::io::Result<bool> {
        let stays = self.session.deliver();
        self.flush(socket).await?;
        Ok(stays)
    }

    /// Closes the connection. Within TLS that is a word too, which may not be taken.
    async fn hang_up<S: AsyncWrite + Unpin>(&self, socket: &mut S) -> std::io::Result<()> {
        self.clock().within(FAREWELL, socket.shutdown()).await.unwrap_or(Ok(()))
    }

    async fn flush<S: AsyncWrite + Unpin>(&mut self, socket: &mut S) -> std::io::Result<()> {
        let sent = std::mem::take(&mut self.session.replies.out);
        self.deliver_to(socket, (&sent, sent.capacity())).await?;
        let out = &mut self.session.replies.out;
        *out = sent;
        match out.capacity() > 4 * FLUSH_AT {
            true => *out = BytesMut::new(),
            false => out.clear(),
        }
        Ok(())
    }

    /// Whether the client may hear what others say, and so may stay: a right it had may be gone.
    /// Who has not said yet who they are have heard nothing, and stay.
    async fn hears(&mut self) -> bool {
        if !self.is_known() {
            return self.session.deliver();
        }
        self.at = self.clock().moment();
        let may = self.may(flow::question::cache::Deed::Read, &[]).await;
        may.is_ok() && self.session.deliver()
    }

    /// Waits until a command has something to work on, or no longer wants to; whether the
    /// client is still there.
    async fn await_turn<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        buffer: &mut BytesMut,
        waiting: Waiting,
        drain: &watch::Receiver<bool>,
    ) -> std::io::Result<bool> {
        let card = self.session.card.clone();
        card.listens.store(true, Relaxed);
        let clock = self.clock().clone();
        let _blocked = Blocked::new(&card);
        loop {
            self.at = clock.moment();
            if *drain.borrow() || self.try_again(&waiting).await {
                return self.send(socket).await;
            }
            buffer.reserve(READ_AT_LEAST);
            let room = buffer.len() < AHEAD_MAX;
            let left = waiting.left(clock.moment());
            tokio::select! {
                () = waiting.come() => {
                    // Whoever has left meanwhile is given nothing: the news of it may be no
                    // older than what wakes us.
                    tokio::task::yield_now().await;
                    if room && has_left(socket, buffer).await? {
                        return Ok(false);
                    }
                }
                () = clock.sleep(left.unwrap_or_default()), if left.is_some() => {
                    self.give_up(&waiting);
                    return self.send(socket).await;
                }
                read = socket.read_buf(buffer), if room => {
                    if read? == 0 {
                        return Ok(false);
                    }
                }
                () = card.outbox.filled.notified() => {
                    if card.has_ended() || !self.hears().await || !self.send(socket).await? {
                        return Ok(false);
                    }
                }
                () = card.unblock.notified() => {
                    match card.unblocked_badly.load(Relaxed) {
                        true => self.session.refuse(&Wrong::said(
                            "UNBLOCKED client unblocked via CLIENT UNBLOCK",
                        )),
                        false => self.give_up(&waiting),
                    }
                    return self.send(socket).await;
                }
            }
        }
    }
}

/// Whether the other side has hung up, as far as is known now.
async fn has_left<S: AsyncRead + Unpin>(
    socket: &mut S,
    buffer: &mut BytesMut,
) -> std::io::Result<bool> {
    tokio::select! {
        biased;
        read = socket.read_buf(buffer) => Ok(read? == 0),
        () = std::future::ready(()) => Ok(false),
    }
}
