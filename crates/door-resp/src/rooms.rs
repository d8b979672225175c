//! Threads that serve clients, one for each core: a client stays with its thread, and is
//! answered without waking another.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// The threads. The last who knows of them lets them end, when their clients have left.
#[derive(Clone)]
pub(crate) struct Rooms(Arc<[UnboundedSender<Guest>]>);

/// What is to be done in a room, once it is there; nothing if it cannot be.
type Guest = Box<dyn FnOnce() -> Option<Served> + Send>;

type Served = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Rooms {
    /// One for each core, as far as there are threads to be had.
    pub(crate) fn open() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self((0..cores).filter_map(room).collect())
    }

    /// Gives a client to one of them. Where there is none, whoever calls keeps it.
    pub(crate) fn seat<F, S>(&self, number: u64, socket: TcpStream, serve: F)
    where
        F: FnOnce(TcpStream) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let Some(room) = self.room(number) else {
            tokio::spawn(serve(socket));
            return;
        };
        if let Ok(socket) = socket.into_std() {
            // A room is there as long as anybody may send guests to it.
            let _ = room.send(Box::new(move || match TcpStream::from_std(socket) {
                Ok(socket) => Some(Box::pin(serve(socket))),
                Err(error) => {
                    tracing::warn!(%error, "a Redis client could not be served");
                    None
                }
            }));
        }
    }

    /// Does something beside the clients of one of them.
    pub(crate) fn host(&self, number: u64, work: impl Future<Output = ()> + Send + 'static) {
        match self.room(number) {
            Some(room) => drop(room.send(Box::new(move || Some(Box::pin(work))))),
            None => drop(tokio::spawn(work)),
        }
    }

    fn room(&self, number: u64) -> Option<&UnboundedSender<Guest>> {
        let place = number.checked_rem(self.0.len() as u64)?;
        self.0.get(usize::try_from(place).ok()?)
    }
}

fn room(number: usize) -> Option<UnboundedSender<Guest>> {
    let (sender, mut guests) = unbounded_channel::<Guest>();
    let serve = async move {
        let mut served = JoinSet::new();
        loop {
            tokio::select! {
                guest = guests.recv() => match guest {
                    Some(guest) => drop(guest().map(|serve| served.spawn(serve))),
                    None => break,
                },
                Some(_) = served.join_next() => {}
            }
        }
        // Nobody comes any more; who is here is served to the end.
        while served.join_next().await.is_some() {}
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.inspect_err(|error| {
        tracing::warn!(%error, "the Redis door has a thread less than there are cores");
    });
    let runtime = runtime.ok()?;
    let named = thread::Builder::new().name(format!("resp-{number}"));
    named.spawn(move || runtime.block_on(serve)).ok()?;
    Some(sender)
}
