//! One client: reads batches, carries them out in order, answers each batch at
//! once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use flow::question::Plane;
use flow::{Clock, Credential, Door, Id, Lane, Moment, Origin, Question, Request, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use crate::command::{Arguments, Said, carry_out};
use crate::config::Config;
use crate::frame::{Garbage, Limits, Parsed, parse};
use crate::reply::Replies;

/// What a connection knows and has to say.
pub(crate) struct Client<P> {
    plane: Arc<P>,
    lane: Lane,
    key: Option<Box<str>>,
    peer: Option<IpAddr>,
    id: Id,
    asked: u64,
    at: Moment,
    /// The database it selected.
    pub(crate) namespace: String,
    /// The name it gave itself.
    pub(crate) name: Box<[u8]>,
    /// Its number among all connections.
    pub(crate) number: u64,
    /// What it will be sent.
    pub(crate) replies: Replies,
}

/// Answers are sent off when so many bytes have gathered, even in a batch.
const FLUSH_AT: usize = 256 * 1024;
const READ_AT_LEAST: usize = 16 * 1024;
/// When the door closes a client may be between logging in and asking: one that
/// says nothing for so long is not.
const QUIET: Duration = Duration::from_millis(250);
/// One that never stops asking is sent away after this.
const FAREWELL: Duration = Duration::from_secs(1);

impl<P: Plane> Client<P> {
    pub(crate) fn new(plane: Arc<P>, peer: Option<IpAddr>, number: u64) -> Self {
        let path = plane.path();
        let id = path.random().id(path.clock().now());
        Self {
            lane: Lane::default(),
            key: None,
            peer,
            id,
            asked: 0,
            at: path.clock().moment(),
            namespace: "db0".into(),
            name: Box::default(),
            number,
            replies: Replies::default(),
            plane,
        }
    }

    /// Shows another key, or none; whatever was permitted before is forgotten.
    pub(crate) fn show(&mut self, key: Option<&str>) {
        self.lane = Lane::default();
        self.key = key.map(Into::into);
    }

    /// Whether the gate has recognised the key shown.
    pub(crate) fn is_known(&self) -> bool {
        self.lane.identity().is_some()
    }

    /// Takes a question down the path.
    pub(crate) async fn ask<Q: Question>(&mut self, question: Q) -> Result<Q::Answer>
    where
        P: Origin<Q>,
    {
        let request = Self::request(&mut self.asked, self.id, self.at, &self.key, self.peer);
        self.plane.path().once(&mut self.lane, &request, &*self.plane, question).await
    }

    /// Takes a question about the selected database down the path.
    pub(crate) async fn ask_in_namespace<'n, Q: Question>(
        &'n mut self,
        question: impl FnOnce(&'n str) -> Q,
    ) -> Result<Q::Answer>
    where
        P: Origin<Q>,
    {
        let request = Self::request(&mut self.asked, self.id, self.at, &self.key, self.peer);
        let question = question(&self.namespace);
        self.plane.path().once(&mut self.lane, &request, &*self.plane, question).await
    }

    fn request<'a>(
        asked: &mut u64,
        id: Id,
        at: Moment,
        key: &'a Option<Box<str>>,
        peer: Option<IpAddr>,
    ) -> Request<'a> {
        *asked += 1;
        let credential = key.as_deref().map_or(Credential::None, Credential::Bearer);
        Request { id: id.plus(*asked), at, door: Door::Resp, credential, peer }
    }

    fn clock(&self) -> &Clock {
        self.plane.path().clock()
    }
}

/// Serves one client until it leaves, breaks the protocol, falls silent, or the
/// door is drained. The protocol has no word for goodbye, so a draining door waits
/// for a pause: whoever was let in is answered.
pub(crate) async fn serve<P: Plane, S: AsyncRead + AsyncWrite + Unpin>(
    mut client: Client<P>,
    mut socket: S,
    config: &Config,
    mut drain: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let limits = Limits {
        value_max: config.value_max.bytes(),
        arguments_max: config.arguments_max as usize,
    };
    let mut buffer = BytesMut::with_capacity(READ_AT_LEAST);
    let mut places = Vec::new();
    let mut farewell = None;
    loop {
        client.at = client.clock().moment();
        let last = batch(&mut client, &mut socket, &mut buffer, &mut places, limits).await?;
        socket.write_all(&client.replies.out).await?;
        client.replies.out.clear();
        if *drain.borrow() {
            farewell.get_or_insert(client.at.after(FAREWELL));
        }
        if last || farewell.is_some_and(|end| client.at >= end) {
            return socket.shutdown().await;
        }
        if buffer.capacity() > FLUSH_AT && buffer.is_empty() {
            // A large value has passed; an idle connection need not keep its room.
            buffer = BytesMut::with_capacity(READ_AT_LEAST);
        }
        buffer.reserve(READ_AT_LEAST);
        let patience = if farewell.is_some() { QUIET } else { config.idle.0 };
        let read = tokio::select! {
            read = socket.read_buf(&mut buffer) => read?,
            () = client.plane.path().clock().sleep(patience) => 0,
            _ = drain.changed(), if farewell.is_none() => continue,
        };
        if read == 0 {
            return Ok(());
        }
    }
}

/// Carries out every whole command in the buffer; whether the last was the last.
async fn batch<P: Plane, S: AsyncWrite + Unpin>(
    client: &mut Client<P>,
    socket: &mut S,
    buffer: &mut BytesMut,
    places: &mut Vec<std::ops::Range<usize>>,
    limits: Limits,
) -> std::io::Result<bool> {
    let mut used = 0;
    let last = loop {
        let rest = buffer.get(used..).unwrap_or(&[]);
        match parse(rest, places, limits) {
            Ok(Parsed::Command(length)) => {
                let said = carry_out(client, Arguments::new(rest, places)).await;
                used += length;
                if matches!(said, Said::Last) {
                    break true;
                }
            }
            Ok(Parsed::More) => break false,
            Err(Garbage(what)) => {
                client.replies.error(&format!("ERR Protocol error: {what}"));
                break true;
            }
        }
        if client.replies.out.len() >= FLUSH_AT {
            socket.write_all(&client.replies.out).await?;
            client.replies.out.clear();
        }
    };
    let _ = buffer.split_to(used.min(buffer.len()));
    Ok(last)
}
