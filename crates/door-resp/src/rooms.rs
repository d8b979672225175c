//! Threads that serve clients. A client stays with its thread and is answered without waking
//! another. A thread that is busy costs less for each command than two that sleep and wake, so
//! as long as one can do all of it, one does. When those that serve have no time left and the
//! machine has, one more of them serves, up to one for each core, and clients move there
//! between two things they say.

mod balance;
mod seat;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::thread;

use flow::Clock;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime, RuntimeMetrics};
use tokio::sync::Barrier;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinError, JoinSet};

use balance::Balance;

pub(crate) use seat::Seat;

/// The threads. The last who knows of them lets them end, when their clients have left.
#[derive(Clone)]
pub(crate) struct Rooms(Arc<House>);

struct House {
    rooms: Vec<Room>,
    open: Arc<Open>,
}

/// How many rooms serve; none any more when they are given up, and then everybody stays.
struct Open(AtomicUsize);

struct Room {
    door: UnboundedSender<Guest>,
    metrics: RuntimeMetrics,
}

/// A client, wherever it is.
struct Guest {
    number: usize,
    served: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Who goes on to another room; or nobody, or a panic that ended with its client.
type Left = Result<Option<Guest>, JoinError>;

thread_local! {
    /// In which room this thread is.
    static HERE: Cell<usize> = const { Cell::new(usize::MAX) };
}

impl Rooms {
    /// One for each core, as far as there are threads to be had.
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let runtimes: Vec<Runtime> = (0..cores).filter_map(|_| runtime()).collect();
        let last = Arc::new(Barrier::new(runtimes.len()));
        let open = Arc::new(Open(AtomicUsize::new(1)));
        Self(Arc::new_cyclic(|house| {
            let rooms = runtimes.into_iter().enumerate();
            let rooms = rooms.map(|(number, runtime)| {
                let (door, guests) = unbounded_channel();
                let metrics = runtime.metrics();
                let (house, open, last) = (house.clone(), open.clone(), last.clone());
                let host = Host { number, house, open, last };
                let named = thread::Builder::new().name(format!("resp-{number}"));
                // Guests of a room without a thread are sent back.
                let _ = named.spawn(move || runtime.block_on(host.receive(guests)));
                Room { door, metrics }
            });
            let rooms = rooms.collect();
            House { rooms, open }
        }))
    }

    /// Lets more of them serve while there is more to do, and fewer while there is less, for as
    /// long as this is polled.
    pub(crate) async fn balance(self, clock: Clock) {
        let House { rooms, open } = &*self.0;
        let busy = || rooms.iter().map(|room| room.metrics.worker_total_busy_duration(0)).collect();
        Balance::new(clock, busy).keep(&open.0).await;
    }

    /// Gives a client to one of them. Where there is none, whoever calls keeps it.
    pub(crate) fn seat<F, S>(&self, number: u64, socket: TcpStream, serve: F)
    where
        F: FnOnce(Seat) -> S,
        S: Future<Output = ()> + Send + 'static,
    {
        let number = usize::try_from(number).unwrap_or_default();
        let guest = Guest { number, served: Box::pin(serve(Seat::new(socket))) };
        if let Err(Guest { served, .. }) = self.0.lead(guest) {
            tokio::spawn(served);
        }
    }

    /// Does something beside the clients of the first of them.
    pub(crate) fn host(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Err(Guest { served, .. }) = self.0.lead(Guest { number: 0, served: Box::pin(work) })
        {
            tokio::spawn(served);
        }
    }
}

impl Open {
    /// Where a client belongs that is here.
    #[inline]
    fn place(&self, number: usize, here: usize) -> usize {
        number.checked_rem(self.0.load(Relaxed)).unwrap_or(here)
    }
}

impl House {
    /// Leads a guest to where it belongs, unless there is no room.
    fn lead(&self, guest: Guest) -> Result<(), Guest> {
        match self.rooms.get(self.open.place(guest.number, 0)) {
            Some(room) => room.door.send(guest).map_err(|unsent| unsent.0),
            None => Err(guest),
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.open.0.store(0, Relaxed);
    }
}

/// Who looks after a room.
struct Host {
    number: usize,
    house: Weak<House>,
    open: Arc<Open>,
    /// Timers of those who moved are still in the rooms they came from: all end together.
    last: Arc<Barrier>,
}

impl Host {
    async fn receive(self, mut guests: UnboundedReceiver<Guest>) {
        HERE.set(self.number);
        let mut stays = JoinSet::new();
        loop {
            tokio::select! {
                guest = guests.recv() => match guest {
                    Some(guest) => drop(stays.spawn(self.stay(guest))),
                    None => break,
                },
                Some(left) = stays.join_next() => self.left(left, &mut stays),
            }
        }
        // Nobody comes any more; who is here is served to the end.
        while let Some(left) = stays.join_next().await {
            self.left(left, &mut stays);
        }
        self.last.wait().await;
    }

    fn stay(&self, guest: Guest) -> Stay {
        Stay { here: self.number, open: self.open.clone(), guest: Some(guest) }
    }

    /// Somebody has left: for good, or to be led on.
    fn left(&self, left: Left, stays: &mut JoinSet<Option<Guest>>) {
        let Ok(Some(guest)) = left else { return };
        let kept = match self.house.upgrade() {
            Some(house) => house.lead(guest).err(),
            None => Some(guest),
        };
        kept.into_iter().for_each(|guest| drop(stays.spawn(self.stay(guest))));
    }
}

/// A client in a room, until it has left or belongs somewhere else.
struct Stay {
    here: usize,
    open: Arc<Open>,
    guest: Option<Guest>,
}

impl Future for Stay {
    type Output = Option<Guest>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Guest>> {
        let Some(guest) = &mut self.guest else { return Poll::Ready(None) };
        let number = guest.number;
        if guest.served.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        match self.open.place(number, self.here) == self.here {
            true => Poll::Pending,
            false => Poll::Ready(self.guest.take()),
        }
    }
}

fn runtime() -> Option<Runtime> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.inspect_err(|error| {
        tracing::warn!(%error, "the Redis door has a thread less than there are cores");
    });
    runtime.ok()
}
