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

/// A client that has come.
struct Guest {
    socket: std::net::TcpStream,
    serve: Box<dyn FnOnce(TcpStream) -> Served + Send>,
}

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
        let rooms = self.0.len() as u64;
        let place = number.checked_rem(rooms).and_then(|place| usize::try_from(place).ok());
        let Some(room) = place.and_then(|place| self.0.get(place)) else {
            tokio::spawn(serve(socket));
            return;
        };
        if let Ok(socket) = socket.into_std() {
            let serve = Box::new(move |socket| Box::pin(serve(socket)) as Served);
            // A room is there as long as anybody may send guests to it.
            let _ = room.send(Guest { socket, serve });
        }
    }
}

fn room(number: usize) -> Option<UnboundedSender<Guest>> {
    let (sender, mut guests) = unbounded_channel::<Guest>();
    let serve = async move {
        let mut served = JoinSet::new();
        loop {
            tokio::select! {
                guest = guests.recv() => match guest {
                    Some(guest) => seated(guest, &mut served),
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

fn seated(Guest { socket, serve }: Guest, served: &mut JoinSet<()>) {
    match TcpStream::from_std(socket) {
        Ok(socket) => drop(served.spawn(serve(socket))),
        Err(error) => tracing::warn!(%error, "a Redis client could not be served"),
    }
}
