//! Taking events.

use std::time::Duration;

use flow::{Code, Id, Kind, Result};
use futures_util::future;
use pool::sql::{Rows, Statement, Transaction, codes};

use super::row::{self, Known, LEASED, PARKED};
use super::{Groups, Receipt, TAKE_MAX, TURNS};
use crate::codes::{FULL, INVALID};
use crate::event::Record;
use crate::query::{Filter, Query};

/// How often it is looked for what other nodes may have given back.
const POLL: Duration = Duration::from_secs(1);
/// After a look that found nothing the next one waits so long.
const PAUSE: Duration = Duration::from_millis(10);
/// How often it is decided anew when other nodes are faster.
const TRIES: u64 = 50;
/// Pages of the log that are read before it is written down how far that was.
const PAGES: usize = 16;
/// Positions that were looked at in vain are written down when they are so many.
const IN_VAIN: u64 = 1000;
/// The bytes of payload after which a take has enough.
const BYTES: usize = 16_000_000;
/// Why an event is parked whose consumers were never heard of.
const SILENCE: &str = "its lease ran out";

/// Another node was faster. Nobody outside ever sees it.
static LATE: Code = Code::new(
    Kind::Conflict,
    "ledger-group-late",
    "another node took first",
    "nothing: it is decided anew",
);

/// An event that is leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event.
    pub event: Record,
    /// Which delivery it is; the first has 1.
    pub attempt: u32,
    /// What it is settled with.
    pub receipt: Receipt,
}

/// What a look has found.
enum Look {
    Taken(Vec<Delivery>),
    /// There is more of the log to look at.
    Further,
    /// Nothing, until something is due, if anything is.
    Nothing(Option<u64>),
}

/// What is new for a group.
struct Fresh {
    events: Vec<Record>,
    /// The first position that was not looked at.
    next: u64,
    /// Whether that is the end.
    all: bool,
}

impl Groups {
    /// Takes events, at most so many, and waits for the first at most so long. They are the
    /// caller's until the lease runs out, to be settled with their receipts.
    ///
    /// A take has hardly more than 32 MB. A caller that drops it half way may have taken events,
    /// which come again when the lease has run out.
    ///
    /// # Errors
    /// When there is no such group, too many are asked for, the log was set back behind what
    /// the group has seen, or the log or the database cannot be read.
    pub async fn take(
        &self,
        tenant: &str,
        name: &str,
        most: u32,
        wait: Duration,
    ) -> Result<Vec<Delivery>> {
        if !(1..=TAKE_MAX).contains(&most) {
            let sentence =
                format!("{most} events cannot be taken at once: ask for 1 to {TAKE_MAX}");
            return Err(INVALID.error(sentence));
        }
        let since = self.clock.moment();
        let mut end = self.end.clone();
        let mut in_vain = false;
        loop {
            let changed = self.changed.notified();
            let size = *end.borrow_and_update();
            let left = wait.saturating_sub(self.clock.moment().since(since));
            let due = match self.look(tenant, name, most, size, left.is_zero()).await? {
                Look::Taken(taken) => return Ok(taken),
                Look::Further => continue,
                Look::Nothing(due) => due,
            };
            if left.is_zero() {
                return Ok(Vec::new());
            }
            if std::mem::replace(&mut in_vain, true) {
                self.clock.sleep(PAUSE.min(left)).await;
            }
            let until_due = due.map(|due| due.saturating_sub(self.clock.now().millis()) + 1);
            let nap = until_due.map_or(POLL, Duration::from_millis).min(POLL).min(left);
            let grown = async {
                // Were the log gone, there would be no more.
                if end.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let (grown, changed) = (std::pin::pin!(grown), std::pin::pin!(changed));
            self.clock.within(nap, future::select(grown, changed)).await;
        }
    }

    /// Looks for something to take, until no other node comes in between.
    async fn look(
        &self,
        tenant: &str,
        name: &str,
        most: u32,
        size: u64,
        last: bool,
    ) -> Result<Look> {
        let _turn = self.turn(tenant, name).await;
        for tries in 0..TRIES {
            let known = self.known(tenant, name).await?;
            self.compare(&known, name).await?;
            let room = Room::of(&known, most);
            let fresh = self.fresh(&known, size, room.fresh).await?;
            if room.due == 0 && fresh.events.is_empty() {
                let moved = fresh.next.saturating_sub(known.next);
                if !fresh.all || moved >= IN_VAIN || moved > 0 && last {
                    self.pass_over(&known, &fresh).await?;
                }
                return Ok(if fresh.all { Look::Nothing(known.later) } else { Look::Further });
            }
            if let Some(taken) = self.lease(&known, room.due, fresh).await? {
                let nothing = taken.is_empty();
                return Ok(if nothing { Look::Further } else { Look::Taken(taken) });
            }
            if tries > 2 {
                self.clock.sleep(Duration::from_millis(1 + self.random.below(20))).await;
            }
        }
        Err(FULL.error(format!("other nodes take from `{name}` all the time")))
    }

    /// One take of this node decides at a time, so that they do not disturb each other.
    async fn turn(&self, tenant: &str, name: &str) -> tokio::sync::MutexGuard<'_, ()> {
        let hash = twox_hash::XxHash3_64::oneshot_with_seed(tenant.len() as u64, name.as_bytes());
        let [first, ..] = &self.turns;
        self.turns.get(hash as usize % TURNS).unwrap_or(first).lock().await
    }

    /// What is new for the group, at most so much.
    async fn fresh(&self, known: &Known, size: u64, most: u64) -> Result<Fresh> {
        let mut fresh = Fresh { events: Vec::new(), next: known.next, all: true };
        let mut bytes = 0;
        for _ in 0..PAGES {
            let limit = most.saturating_sub(fresh.events.len() as u64);
            if limit == 0 || bytes >= BYTES || fresh.next > size {
                return Ok(fresh);
            }
            let page = Query {
                from: Some(fresh.next),
                as_of: Some(size),
                limit: limit as u32,
                filter: known.filter.clone(),
                ..Query::default()
            };
            let page = self.log.read(page).await?;
            bytes += page.events.iter().map(weight).sum::<usize>();
            fresh.next = page.next.unwrap_or(size + 1);
            fresh.events.extend(page.events);
        }
        Ok(Fresh { all: fresh.next > size, ..fresh })
    }

    /// Writes down that there was nothing up to a position. Where another node has moved on
    /// meanwhile, it knows as much.
    async fn pass_over(&self, known: &Known, fresh: &Fresh) -> Result<()> {
        let go_on = self.go_on(known, self.random.id(self.clock.now()), fresh).await?;
        self.settled(Transaction::new().run(go_on)).await.map(|_| ())
    }

    /// Moves the group from where it was when it was looked at.
    async fn go_on(&self, known: &Known, take: Id, fresh: &Fresh) -> Result<Statement> {
        let mark = match fresh.events.last() {
            _ if fresh.next == known.next => known.mark.clone(),
            Some(last) if last.position + 1 == fresh.next => last.id.to_string(),
            _ => self.mark(fresh.next).await?,
        };
        let text =
            "UPDATE log_group SET turn = ?3, next = ?4, mark = ?5 WHERE id = ?1 AND turn = ?2";
        let go_on = Statement::new(text).bind(known.id).bind(&known.turn).bind(take);
        Ok(go_on.bind(row::number(fresh.next)).bind(mark))
    }

    /// Leases what is due, at most so much, and all that is new; `None` where another node
    /// was faster.
    async fn lease(&self, known: &Known, due: u64, fresh: Fresh) -> Result<Option<Vec<Delivery>>> {
        let take = self.random.id(self.clock.now());
        let mut transaction = Transaction::new()
            .run(self.go_on(known, take, &fresh).await?)
            .expect_rows(1, &LATE, "another node took first");
        if due > 0 {
            transaction =
                transaction.run(self.give_up(known, take)).run(self.again(known, take, due));
        }
        if !fresh.events.is_empty() {
            transaction = transaction.run(self.insert(known, take, &fresh.events));
        }
        let leased = match self.sql.commit(transaction).await {
            Ok(answers) if due > 0 => {
                let mut answers = answers.into_iter().skip(1);
                let parked = answers.next().unwrap_or_default();
                self.signals.parked.add(parked.touched());
                answers.next().unwrap_or_default()
            }
            Ok(_) => Rows::default(),
            Err(error) if error.code() == &LATE => return Ok(None),
            Err(error) if error.code() == &codes::UNSURE => {
                let leased = self.leased(known, take).await?;
                if leased.is_empty() {
                    return Ok(None);
                }
                leased
            }
            Err(error) => return Err(error),
        };
        self.deliveries(known, take, &leased, fresh.events).await.map(Some)
    }

    /// Parks what was tried as often as may be, and never heard of again.
    fn give_up(&self, known: &Known, take: Id) -> Statement {
        let text = format!(
            "UPDATE log_delivery SET state = {PARKED}, due = ?2, \
             reason = CASE WHEN state = {LEASED} THEN ?4 ELSE reason END \
             WHERE group_id = ?1 AND state IN (0, 1) AND due <= ?2 AND attempt >= ?3 AND {}",
            moved("?5")
        );
        let now = row::millis(self.clock.now());
        let give_up = Statement::new(text).bind(known.id).bind(now).bind(known.options.tries);
        give_up.bind(SILENCE).bind(take)
    }

    /// Leases what is due, the lowest positions first.
    fn again(&self, known: &Known, take: Id, most: u64) -> Statement {
        // Asked twice: a consumer may settle an event meanwhile.
        let due = "state IN (0, 1) AND due <= ?2 AND attempt < ?3";
        let text = format!(
            "UPDATE log_delivery SET state = {LEASED}, due = ?4, attempt = attempt + 1, \
             receipt = ?5 WHERE group_id = ?1 AND {due} AND position IN \
             (SELECT position FROM log_delivery WHERE group_id = ?1 AND {due} \
              ORDER BY position LIMIT ?6) AND {} RETURNING position, attempt",
            moved("?5")
        );
        let now = self.clock.now();
        Statement::new(text)
            .bind(known.id)
            .bind(row::millis(now))
            .bind(known.options.tries)
            .bind(row::millis(now.after(known.options.lease.0)))
            .bind(take)
            .bind(row::number(most))
    }

    fn insert(&self, known: &Known, take: Id, events: &[Record]) -> Statement {
        let positions = row::listed(self.sql.dialect(), "?4");
        let text = format!(
            "INSERT INTO log_delivery \
             (group_id, position, state, due, attempt, receipt, reason) \
             SELECT ?1, position, {LEASED}, ?2, 1, ?3, '' FROM ({positions}) AS new WHERE {}",
            moved("?3")
        );
        let until = self.clock.now().after(known.options.lease.0);
        Statement::new(text)
            .bind(known.id)
            .bind(row::millis(until))
            .bind(take)
            .bind(row::list(events.iter().map(|event| event.position)))
    }

    /// What a take has leased.
    async fn leased(&self, known: &Known, take: Id) -> Result<Rows> {
        let text = "SELECT position, attempt FROM log_delivery \
                    WHERE group_id = ?1 AND receipt = ?2 AND state = 0";
        self.sql.query(Statement::new(text).bind(known.id).bind(take)).await
    }

    async fn deliveries(
        &self,
        known: &Known,
        take: Id,
        leased: &Rows,
        fresh: Vec<Record>,
    ) -> Result<Vec<Delivery>> {
        let delivery = |event: Record, attempt| {
            let receipt = Receipt { position: event.position, take };
            Delivery { event, attempt, receipt }
        };
        let mut attempts = Vec::with_capacity(leased.len());
        for row in leased {
            attempts.push((row.get::<u64>("position")?, row.get::<u32>("attempt")?));
        }
        // Where the outcome was looked up, what is new is among them.
        let is_fresh = |position| fresh.iter().any(|event| event.position == position);
        attempts.retain(|(position, _)| !is_fresh(*position));
        attempts.sort_unstable();
        let positions: Vec<_> = attempts.iter().map(|(position, _)| *position).collect();
        let (events, left) = self.events(&known.filter, &positions).await?;
        let left: Vec<_> =
            left.iter().map(|position| Receipt { position: *position, take }).collect();
        self.give_back(known.id, &left).await?;
        let mut deliveries = Vec::with_capacity(events.len() + fresh.len());
        let mut attempts = attempts.into_iter();
        for event in events {
            let Some((_, attempt)) = attempts.find(|(position, _)| *position == event.position)
            else {
                break;
            };
            deliveries.push(delivery(event, attempt));
        }
        deliveries.extend(fresh.into_iter().map(|event| delivery(event, 1)));
        self.signals.delivered.add(deliveries.len() as u64);
        Ok(deliveries)
    }

    /// The events at these positions, in order, and the positions that were not looked at:
    /// some are left where they are too much to hold.
    pub(super) async fn events<'a>(
        &self,
        filter: &Filter,
        positions: &'a [u64],
    ) -> Result<(Vec<Record>, &'a [u64])> {
        let Some(last) = positions.last() else { return Ok((Vec::new(), &[])) };
        let mut events: Vec<Record> = Vec::with_capacity(positions.len());
        let (mut left, mut bytes) = (positions, 0);
        while let Some(first) = left.first()
            && bytes < BYTES
        {
            let page = Query {
                from: Some(*first),
                as_of: Some(*last),
                limit: left.len().min(TAKE_MAX as usize) as u32,
                filter: filter.clone(),
                ..Query::default()
            };
            let page = self.log.read(page).await?;
            let next = page.next.unwrap_or(last + 1);
            let wanted = |event: &Record| left.binary_search(&event.position).is_ok();
            let found = events.len();
            events.extend(page.events.into_iter().filter(wanted));
            bytes += events.iter().skip(found).map(weight).sum::<usize>();
            left = left.get(left.partition_point(|position| *position < next)..).unwrap_or(&[]);
        }
        Ok((events, left))
    }
}

/// Whether the group was moved by this take. PostgreSQL is sent all statements at once: those
/// behind a move that found the group elsewhere are to do nothing, and not to fail.
fn moved(take: &str) -> String {
    format!("EXISTS (SELECT 1 FROM log_group WHERE id = ?1 AND turn = {take})")
}

/// How much a take may have.
struct Room {
    due: u64,
    fresh: u64,
}

impl Room {
    fn of(known: &Known, most: u32) -> Self {
        let Known { options, open, parked, .. } = known;
        let leases = u64::from(options.open_max).saturating_sub(known.leased);
        let due = known.due.min(most.into()).min(leases);
        let fresh = u64::from(most)
            .min(leases)
            .saturating_sub(due)
            .min(u64::from(options.open_max).saturating_sub(*open))
            .min(u64::from(options.parked_max).saturating_sub(parked + open));
        Self { due, fresh }
    }
}

fn weight(event: &Record) -> usize {
    event.payload.as_ref().map_or(0, |payload| payload.len())
}
