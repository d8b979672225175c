//! Who failed too often waits.
//!
//! Failures are counted per account and per address, in the database, so that a restart
//! or another node forgets none. A count begins anew when its window has passed, however
//! steadily somebody fails, and a lock ends by itself. What is counted under an account
//! is a digest of the name: people type passwords where their name should be.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Fact, Result, Time};
use pool::sql::{Row, Sql, Statement, Transaction};

use crate::codes::LOCKED;
use crate::digest::hex_of;

/// As many subjects are kept; the oldest that are not locked make room.
const ROWS_MAX: i64 = 100_000;

/// Counts failures.
pub(crate) struct Lockout {
    sql: Arc<dyn Sql>,
    clock: Clock,
    failures_max: u32,
    window: Duration,
}

/// Whose failures are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Subject(String);

impl Subject {
    /// An account, whether it exists or not.
    pub(crate) fn account(tenant: &str, name: &str) -> Self {
        Self(format!("account:{}", hex_of(format!("{tenant}/{name}").as_bytes())))
    }

    /// An address as clients hold it: of IPv6 a whole /64.
    pub(crate) fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(format!("address:{address}")),
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                Self(format!("address:{}/64", std::net::Ipv6Addr::from(network)))
            }
        }
    }

    /// What is locked, in a word.
    pub(crate) fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

/// How a subject stands.
#[derive(Debug)]
pub(crate) struct Standing {
    subject: Subject,
    failures: u32,
}

impl Standing {
    /// Whether failures of this one are on record.
    pub(crate) fn is_of(&self, subject: &Subject) -> bool {
        self.failures > 0 && self.subject == *subject
    }
}

impl Lockout {
    pub(crate) fn new(
        sql: Arc<dyn Sql>,
        clock: Clock,
        failures_max: u32,
        window: Duration,
    ) -> Self {
        Self { sql, clock, failures_max: failures_max.max(2), window }
    }

    /// How these stand; refused while one of them is locked.
    pub(crate) async fn check(&self, subjects: &[Subject]) -> Result<Vec<Standing>> {
        let now = self.clock.now();
        let mut standings = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let text = "SELECT failures, since, locked FROM gate_failure WHERE subject = ?1";
            let rows = self.sql.query(Statement::new(text).bind(&subject.0)).await?;
            let failures = match rows.first() {
                Some(row) => self.failures_of(row, now)?,
                None => 0,
            };
            standings.push(Standing { subject: subject.clone(), failures });
        }
        Ok(standings)
    }

    fn failures_of(&self, row: &Row, now: Time) -> Result<u32> {
        let (failures, since, locked): (u32, Time, Time) = (row.at(0)?, row.at(1)?, row.at(2)?);
        if locked > now {
            let rest = locked.since(now);
            let detail = format!("too many failures; try again in {} s", rest.as_secs() + 1);
            return Err(LOCKED.error(detail).with_retry_after(rest));
        }
        let over = locked > Time(0) || now.since(since) >= self.window;
        Ok(if over { 0 } else { failures })
    }

    /// One more failure of each; `fact` is what to record of one that is locked by it.
    pub(crate) async fn failed(
        &self,
        standings: &[Standing],
        fact: impl Fn(&Subject) -> Fact,
    ) -> Result<()> {
        let now = self.clock.now();
        let mut transaction = Transaction::new();
        for Standing { subject, .. } in standings {
            transaction = transaction.run(self.count(subject, now));
        }
        let locks = |standing: &&Standing| standing.failures + 1 >= self.failures_max;
        for Standing { subject, .. } in standings.iter().filter(locks) {
            transaction = transaction.fact(fact(subject));
        }
        let counted = self.sql.commit(transaction).await?;
        // Where another node counted at the same time, nobody expected the lock.
        let mut late = Transaction::new();
        for (standing, rows) in standings.iter().zip(counted) {
            // Where another node locked it meanwhile, nothing is counted any more.
            let Some(row) = rows.first() else { continue };
            let locked: Time = row.at(1)?;
            if locked > now && !locks(&standing) {
                late = late.fact(fact(&standing.subject));
            }
        }
        if !late.is_empty() {
            self.sql.commit(late).await?;
        }
        Ok(())
    }

    fn count(&self, subject: &Subject, now: Time) -> Statement {
        let text = "INSERT INTO gate_failure (subject, failures, since, locked) \
                    VALUES (?1, 1, ?2, 0) \
                    ON CONFLICT (subject) DO UPDATE SET \
                    failures = CASE WHEN gate_failure.since <= ?3 OR gate_failure.locked > 0 \
                        THEN 1 ELSE gate_failure.failures + 1 END, \
                    since = CASE WHEN gate_failure.since <= ?3 OR gate_failure.locked > 0 \
                        THEN ?2 ELSE gate_failure.since END, \
                    locked = CASE WHEN gate_failure.since <= ?3 OR gate_failure.locked > 0 \
                        THEN 0 \
                        WHEN gate_failure.failures + 1 >= ?4 THEN ?5 ELSE 0 END \
                    WHERE gate_failure.locked <= ?2 \
                    RETURNING failures, locked";
        let window = Time(now.0.saturating_sub(self.window.as_nanos() as u64));
        Statement::new(text)
            .bind(&subject.0)
            .bind(now)
            .bind(window)
            .bind(i64::from(self.failures_max))
            .bind(now.after(self.window))
    }

    /// What forgets the failures of this one, to be run with what made it good.
    pub(crate) fn forget(subject: &Subject) -> Statement {
        Statement::new("DELETE FROM gate_failure WHERE subject = ?1").bind(&subject.0)
    }

    /// Forgets the failures of this one.
    pub(crate) async fn forget_now(&self, subject: &Subject) -> Result<()> {
        self.sql.commit(Transaction::new().run(Self::forget(subject))).await?;
        Ok(())
    }

    /// Forgets what is over.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let now = self.clock.now();
        let window = Time(now.0.saturating_sub(self.window.as_nanos() as u64));
        let over = "DELETE FROM gate_failure WHERE locked <= ?1 AND since <= ?2";
        let over = Statement::new(over).bind(now).bind(window);
        let crowd = "DELETE FROM gate_failure WHERE subject IN (SELECT subject FROM gate_failure \
                     WHERE locked <= ?1 ORDER BY since DESC LIMIT 1000000 OFFSET ?2)";
        let crowd = Statement::new(crowd).bind(now).bind(ROWS_MAX);
        self.sql.commit(Transaction::new().run(over).run(crowd)).await?;
        Ok(())
    }
}
