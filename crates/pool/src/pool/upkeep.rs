//! What a pool does for itself: fills up, closes what is old, asks the quiet ones
//! whether they are still there, and tells on those who never give back.

use std::sync::{Arc, Weak};
use std::time::Duration;

use flow::{Moment, Random};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::size::Load;
use super::state::{Held, Slot};
use super::{Condition, Connect, Inner, Lease, codes};

/// How often it looks, when nobody calls.
pub(super) const ROUND: Duration = Duration::from_secs(1);

/// An idle connection is asked after this long whether it is still there.
const QUIET: Duration = Duration::from_secs(30);

/// After a connection failed to open the next try waits this long, twice as long
/// each time …
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// … but not longer than this. Callers in line do not wait for it: when nothing
/// is open at all they are told at once.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

struct Upkeep {
    load: Load,
    aim: usize,
    round: Moment,
    /// Nothing is opened ahead of need before this.
    patience: Moment,
    wait: Duration,
    tasks: JoinSet<Opened>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    Well,
    Badly,
    /// It was not about opening.
    Checked,
}

/// Runs until the pool is gone or closed.
pub(super) async fn run<C: Connect>(pool: Weak<Inner<C>>, wanted: Arc<Notify>) {
    let Some(clock) = pool.upgrade().map(|pool| pool.clock.clone()) else { return };
    let mut upkeep = Upkeep {
        load: Load::default(),
        aim: 0,
        round: Moment::default(),
        patience: Moment::default(),
        wait: FIRST_WAIT,
        tasks: JoinSet::new(),
    };
    while let Some(pool) = pool.upgrade() {
        if pool.state.lock().closed {
            return;
        }
        let now = clock.moment();
        if upkeep.round <= now {
            upkeep.round = now.after(ROUND);
            upkeep.look_after(&pool, now);
        }
        upkeep.open_what_is_needed(&pool, now);
        let next = send_late_ones_away(&pool, now).unwrap_or(upkeep.round).min(upkeep.round);
        drop(pool);
        let something = async {
            tokio::select! {
                () = wanted.notified() => None,
                Some(done) = upkeep.tasks.join_next() => done.ok(),
            }
        };
        let rest = next.since(clock.moment());
        match clock.within(rest, something).await.flatten() {
            Some(Opened::Well) => upkeep.wait = FIRST_WAIT,
            Some(Opened::Badly) => {
                upkeep.patience = clock.moment().after(upkeep.wait);
                upkeep.wait = (upkeep.wait * 2).min(LONGEST_WAIT);
            }
            Some(Opened::Checked) | None => {}
        }
    }
}

impl Upkeep {
    /// Once a round.
    fn look_after<C: Connect>(&mut self, pool: &Arc<Inner<C>>, now: Moment) {
        let config = &pool.config;
        let mut state = pool.state.lock();
        let (stats, lent) = (state.stats(), state.lent_lately());
        self.aim = self.load.aim(state.wanted_lately(), stats.open, config.min, config.max);
        let (aim, min) = (self.aim, config.min);
        let mut shrunk = false;
        let weeded = state.weed(|slot, open| {
            if slot.expires <= now || pool.connect.condition(&slot.connection) != Condition::Fit {
                return true;
            }
            let idle = now.since(slot.used) > config.idle_timeout.0;
            // One a round: what is needed again should not have to be opened again.
            let surplus = open > aim && !shrunk;
            shrunk |= surplus;
            open > min && (idle || surplus)
        });
        let leaks = match now.0.checked_sub(config.leak_after.0.as_nanos() as u64) {
            Some(before) => state.leaks(Moment(before)),
            None => Vec::new(),
        };
        let site = std::panic::Location::caller();
        let held = Held { holder: "upkeep", site, since: now, told: false };
        let quiet = match now.0.checked_sub(QUIET.as_nanos() as u64) {
            Some(before) => state.take_oldest(Moment(before), held),
            None => None,
        };
        drop(state);
        pool.bury(weeded);
        for held in leaks {
            pool.signals.leaked(&held, now.since(held.since));
        }
        if let Some(mut slot) = quiet {
            (slot.used, slot.doubtful) = (now, true);
            self.check(pool.lend(slot));
        }
        pool.signals.stands(stats, lent);
    }

    fn check<C: Connect>(&mut self, lease: Lease<C>) {
        let pool = lease.pool.clone();
        self.tasks.spawn(async move {
            pool.verified(lease).await;
            Opened::Checked
        });
    }

    /// Opens connections for those in line; and ahead of need, unless opening
    /// failed a moment ago.
    fn open_what_is_needed<C: Connect>(&mut self, pool: &Arc<Inner<C>>, now: Moment) {
        let mut state = pool.state.lock();
        let stats = state.stats();
        let underway = stats.open + stats.opening;
        let room = pool.config.max.saturating_sub(underway);
        let patient = now < self.patience;
        let in_line = stats.waiting.saturating_sub(stats.opening);
        let ahead = self.aim.max(pool.config.min).saturating_sub(underway);
        let needed = match (patient, stats.open) {
            (false, _) => in_line.max(ahead),
            // Nothing is open that could come back to them.
            (true, 0) => in_line,
            (true, _) => 0,
        };
        let opening = needed.min(room);
        state.opening += opening;
        drop(state);
        for _ in 0..opening {
            self.tasks.spawn(open(pool.clone()));
        }
    }
}

/// Refuses those who have waited too long, and says when the next will have.
fn send_late_ones_away<C: Connect>(pool: &Arc<Inner<C>>, now: Moment) -> Option<Moment> {
    let mut state = pool.state.lock();
    let next = state.next_late()?;
    if next > now {
        return Some(next);
    }
    let why = state.describe(now);
    let late = state.late(now);
    let next = state.next_late();
    drop(state);
    let timeout = pool.config.acquire_timeout;
    for waiter in late {
        pool.signals.timed_out();
        waiter.refuse(codes::TIMEOUT.error(format!("no connection within {timeout}: {why}")));
    }
    next
}

async fn open<C: Connect>(pool: Arc<Inner<C>>) -> Opened {
    let since = pool.clock.moment();
    let opened = pool.clock.within(pool.config.open_timeout.0, pool.connect.open()).await;
    let opened =
        opened.unwrap_or_else(|| Err(codes::SILENT.error("a connection did not open in time")));
    let now = pool.clock.moment();
    let mut state = pool.state.lock();
    state.opening -= 1;
    match opened {
        Ok(connection) => {
            let Some(number) = state.add() else { return Opened::Well };
            drop(state);
            pool.signals.opened(now.since(since));
            let expires = now.after(varied(pool.config.lifetime.0, &pool.random));
            let slot = Slot { connection, number, used: now, expires, doubtful: false };
            pool.give_back(Box::new(slot));
            Opened::Well
        }
        Err(error) => {
            let nothing_left = state.stats().open == 0;
            let line = if nothing_left { state.everyone_in_line() } else { Default::default() };
            drop(state);
            pool.signals.open_failed(&error);
            for waiter in line {
                let same = error.code().error(error.detail().to_owned()).because(error.story());
                waiter.refuse(same);
            }
            Opened::Badly
        }
    }
}

/// Give or take a tenth, so that what was opened together does not end together.
fn varied(span: Duration, random: &Random) -> Duration {
    span.mul_f64(0.9 + random.fraction() / 5.0)
}
