//! Consumer groups: several consumers, on several nodes, share the events of a filter.
//!
//! Each event is leased to one consumer at a time, and is delivered *at least once*: it
//! comes again when its consumer asks for that, or is not heard of before the lease runs
//! out. What was acknowledged does not come again. After so many tries an event is
//! *parked* with the last reason, and the others go on without it.
//!
//! **Order.** A take hands out the lowest positions there are, those that come again first.
//! So one consumer that acknowledges what it has before it takes more sees all in the order
//! of the log, but for those it asked to have again later. Several consumers work side by
//! side, and an event may be done before one in front of it.
//!
//! **What is kept.** A group is a row: its filter and the first position that was not
//! handed out. Only what is open or parked has rows of its own, and of both there is a
//! most. So a group that is slow costs the log nothing and the database little. Who takes
//! moves the group's row from the state that the decision was made by, in the transaction
//! that writes the leases: two nodes never lease an event at the same time.
//!
//! A group remembers the event it has come to. Where the log has another one there, or none,
//! the log was set back and the group was not: nothing is handed out then, and nothing passed
//! over.
//!
//! Leases are measured by the clocks of the nodes. Where those differ, leases end that much
//! earlier or later; nothing is lost by it.

mod filter;
mod mark;
mod options;
mod parked;
mod receipt;
mod row;
mod schema;
mod settle;
mod signals;
mod take;

use std::sync::Arc;

use flow::signal::Registry;
use flow::{Clock, Random, Result};
use pool::sql::{Sql, Statement, Transaction, codes};
use tokio::sync::{Notify, watch};

pub use self::options::{Options, State};
pub use self::parked::{Parked, Which};
pub use self::receipt::Receipt;
use self::row::Known;
use self::signals::Signals;
pub use self::take::Delivery;
use crate::codes::{GROUP_EXISTS, GROUP_MISSING, INVALID};
use crate::log::Log;
use crate::query::{Filter, Query};

/// The most events that can be taken, or settled, at once.
pub const TAKE_MAX: u32 = 1000;
/// The longest name of a group, in bytes.
pub const NAME_MAX: usize = 200;
/// As much as is kept of a reason, in bytes.
pub const REASON_MAX: usize = 1000;
/// How many takes of this node may decide at the same time, each for another group.
const TURNS: usize = 64;

/// The consumer groups of a log.
///
/// ```
/// use std::{sync::Arc, time::Duration};
///
/// use flow::{Clock, Random, signal::Registry};
/// use ledger::group::{Groups, Options};
/// use ledger::query::Filter;
/// use ledger::{Append, Event, Log};
/// use pool::sql::sqlite::{self, Sqlite};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> flow::Result<()> {
/// let sql = Arc::new(Sqlite::open(sqlite::Options::memory()).await?);
/// let log = Log::in_database(sql.clone(), Clock::system(), Random::system()).await?;
/// let (clock, random) = (Clock::system(), Random::system());
/// let groups = Groups::open(sql, log.clone(), clock, random, &Registry::default()).await?;
/// groups.create("main", "mail", Filter::default(), Some(1), Options::default()).await?;
///
/// log.append(Append::to("orders-7").event(Event::new("order.placed", ""))).await?;
/// let taken = groups.take("main", "mail", 10, Duration::from_secs(5)).await?;
/// assert_eq!((taken[0].event.kind(), taken[0].attempt), ("order.placed", 1));
/// groups.ack("main", "mail", &[taken[0].receipt]).await?;
/// assert_eq!(groups.state("main", "mail").await?.position, 1);
/// # Ok(()) }
/// ```
pub struct Groups {
    sql: Arc<dyn Sql>,
    log: Log,
    clock: Clock,
    random: Random,
    /// Held on to, so that the log goes on looking for what other nodes append.
    end: watch::Receiver<u64>,
    /// Something may be there to be taken that does not come from the log.
    changed: Notify,
    turns: [tokio::sync::Mutex<()>; TURNS],
    compared: mark::Compared,
    signals: Signals,
}

impl Groups {
    /// The groups whose state is in a database, with its tables made if they are missing.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn open(
        sql: Arc<dyn Sql>,
        log: Log,
        clock: Clock,
        random: Random,
        registry: &Registry,
    ) -> Result<Self> {
        schema::make(&*sql, &clock).await?;
        let (end, signals) = (log.end(), Signals::new(registry));
        let turns = std::array::from_fn(|_| tokio::sync::Mutex::default());
        let (changed, compared) = (Notify::new(), mark::Compared::default());
        Ok(Self { sql, log, clock, random, end, changed, turns, compared, signals })
    }

    /// Registers the numbers that groups have, so that they are there before the groups are.
    pub fn declare(registry: &Registry) {
        let _ = Signals::new(registry);
    }

    /// Creates a group for the events of a tenant, from a position on; without one, for
    /// those that are yet to come. A group that is there as described is left as it is.
    ///
    /// # Errors
    /// When the name, filter or options cannot be taken, or a different group has the name.
    pub async fn create(
        &self,
        tenant: &str,
        name: &str,
        filter: Filter,
        from: Option<u64>,
        options: Options,
    ) -> Result<()> {
        check_name(name)?;
        options.check()?;
        let filter = of_tenant(filter, tenant)?;
        // Whether the log takes the filter, it says itself.
        let probe = Query { limit: 1, filter: filter.clone(), ..Query::default() };
        self.log.read(probe).await?;
        let next = from.unwrap_or_else(|| self.size() + 1).max(1);
        let (now, mark) = (self.clock.now(), self.mark(next).await?);
        let insert = Statement::new(
            "INSERT INTO log_group \
             (id, tenant, name, filter, options, next, turn, created, mark) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, '', ?7, ?8) ON CONFLICT DO NOTHING",
        )
        .bind(self.random.id(now))
        .bind(tenant.as_bytes())
        .bind(name)
        .bind(filter::written(&filter)?)
        .bind(row::written(&options)?)
        .bind(row::number(next))
        .bind(now)
        .bind(mark);
        if self.settled(Transaction::new().run(insert)).await?.touched() > 0 {
            return Ok(());
        }
        let known = self.known(tenant, name).await?;
        if known.filter != filter || known.options != options {
            let sentence = format!("`{name}` has another filter or other options");
            return Err(GROUP_EXISTS.error(sentence));
        }
        Ok(())
    }

    /// Gives a group other options. They hold for what is taken or asked for from now on.
    ///
    /// # Errors
    /// When the options cannot be taken, or there is no such group.
    pub async fn change(&self, tenant: &str, name: &str, options: Options) -> Result<()> {
        options.check()?;
        let text = "UPDATE log_group SET options = ?3 WHERE tenant = ?1 AND name = ?2";
        let change = Statement::new(text).bind(tenant.as_bytes()).bind(name);
        let change = change.bind(row::written(&options)?);
        let changed = self.settled(Transaction::new().run(change)).await?;
        self.changed.notify_waiters();
        if changed.touched() == 0 { Err(missing(name)) } else { Ok(()) }
    }

    /// Removes a group, with all it knows.
    ///
    /// # Errors
    /// When there is no such group.
    pub async fn remove(&self, tenant: &str, name: &str) -> Result<()> {
        let known = self.known(tenant, name).await?;
        // The group first: whoever takes from it holds that row.
        let group = Statement::new("DELETE FROM log_group WHERE id = ?1").bind(known.id);
        let open = Statement::new("DELETE FROM log_delivery WHERE group_id = ?1").bind(known.id);
        self.settled(Transaction::new().run(group).run(open)).await?;
        self.changed.notify_waiters();
        Ok(())
    }

    /// The groups of a tenant, by name.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn list(&self, tenant: &str) -> Result<Vec<State>> {
        let select = Statement::new(row::select("WHERE tenant = ?2 ORDER BY name"));
        let select = select.bind(row::millis(self.clock.now())).bind(tenant.as_bytes());
        let rows = self.sql.query(select).await?;
        rows.iter().map(|row| Ok(Known::of(row)?.state(self.size()))).collect()
    }

    /// A group, and how far it is.
    ///
    /// # Errors
    /// When there is no such group, or the log was set back behind what it has seen.
    pub async fn state(&self, tenant: &str, name: &str) -> Result<State> {
        let known = self.known(tenant, name).await?;
        self.compare(&known, name).await?;
        Ok(known.state(self.size()))
    }

    fn size(&self) -> u64 {
        *self.end.borrow()
    }

    async fn known(&self, tenant: &str, name: &str) -> Result<Known> {
        check_name(name)?;
        let select = Statement::new(row::select("WHERE tenant = ?2 AND name = ?3"));
        let select = select.bind(row::millis(self.clock.now())).bind(tenant.as_bytes());
        let rows = self.sql.query(select.bind(name)).await?;
        rows.first().map_or_else(|| Err(missing(name)), Known::of)
    }

    /// Commits what may as well be done twice: again, where nobody knows whether it was.
    /// The answer of its first statement.
    async fn settled(&self, transaction: Transaction) -> Result<pool::sql::Rows> {
        const TRIES: usize = 3;
        for _ in 1..TRIES {
            match self.sql.commit(transaction.clone()).await {
                Err(error) if error.code() == &codes::UNSURE => {}
                answers => return Ok(answers?.into_iter().next().unwrap_or_default()),
            }
        }
        Ok(self.sql.commit(transaction).await?.into_iter().next().unwrap_or_default())
    }
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Groups")
    }
}

fn missing(name: &str) -> flow::Error {
    GROUP_MISSING.error(format!("there is no group `{name}`"))
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
        let sentence = format!(
            "`{}` cannot name a group: a name has 1 to {NAME_MAX} bytes and no control characters",
            name.escape_debug()
        );
        return Err(INVALID.error(sentence));
    }
    Ok(())
}

/// The filter on the events of one tenant.
fn of_tenant(filter: Filter, tenant: &str) -> Result<Filter> {
    match &filter.tenant {
        Some(other) if other != tenant => {
            let sentence = format!("a group of `{tenant}` cannot be for the events of `{other}`");
            Err(INVALID.error(sentence))
        }
        _ => Ok(Filter { tenant: Some(tenant.to_owned()), ..filter }),
    }
}
