//! Projections: exactly once into SQL, whoever runs them and whatever becomes of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

#[path = "support/forgetful.rs"]
mod forgetful;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use flow::{BoxFuture, Clock, Kind, Random, Result, Time};
use futures_util::future::{join_all, select};
use ledger::codes::{INVALID, PROJECTION_FAILED, PROJECTION_NEWER};
use ledger::project::{self, Projection, Runner};
use ledger::query::{Filter, Query};
use ledger::{Append, Event, Log, Record};
use parking_lot::Mutex;
use pool::sql::postgres::{self, Postgres};
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Dialect, Rows, Sql, Statement, Transaction, Turn, codes};
use proptest::prelude::*;

use self::forgetful::Forgetful;

/// The sum of the amounts of each stream, times a factor, and how many there were.
struct Sums {
    version: u32,
    factor: i64,
    /// Refuses amounts of 13 while it is set.
    superstitious: AtomicBool,
}

impl Sums {
    fn new(version: u32, factor: i64) -> Arc<Self> {
        Arc::new(Self { version, factor, superstitious: AtomicBool::new(false) })
    }
}

fn amount(event: &Record) -> i64 {
    std::str::from_utf8(event.payload.as_ref().unwrap()).unwrap().parse().unwrap()
}

impl Projection for Sums {
    fn name(&self) -> &str {
        "sums"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn filter(&self) -> Filter {
        Filter { kinds: vec!["paid".into()], ..Filter::default() }
    }

    fn make(&self, _: Dialect) -> Cow<'static, str> {
        "CREATE TABLE sums (stream TEXT PRIMARY KEY, amount BIGINT NOT NULL CHECK (amount < 1000000), \
         events BIGINT NOT NULL); CREATE TABLE paid (position BIGINT PRIMARY KEY)"
            .into()
    }

    fn remove(&self, _: Dialect) -> Cow<'static, str> {
        "DROP TABLE IF EXISTS sums; DROP TABLE IF EXISTS paid".into()
    }

    fn apply(&self, event: &Record, changes: Transaction) -> Result<Transaction> {
        let amount = amount(event);
        if amount == 13 && self.superstitious.load(Ordering::Relaxed) {
            return Err(INVALID.error("13 is unlucky"));
        }
        let add = "INSERT INTO sums VALUES (?1, ?2, 1) ON CONFLICT (stream) DO UPDATE \
                   SET amount = sums.amount + ?2, events = sums.events + 1";
        // Fails where an event is applied twice.
        let paid = Statement::new("INSERT INTO paid VALUES (?1)").bind(event.position as i64);
        let add = Statement::new(add).bind(event.stream()).bind(amount * self.factor);
        Ok(changes.run(paid).run(add))
    }
}

/// A log, and what is in it by stream.
struct Book {
    log: Log,
    model: BTreeMap<String, (i64, i64)>,
}

impl Book {
    async fn open(sql: Arc<dyn Sql>) -> Self {
        let log = Log::in_database(sql, Clock::system(), Random::system()).await.unwrap();
        Self { log, model: BTreeMap::new() }
    }

    async fn pay(&mut self, stream: &str, amounts: &[i64]) {
        let event = |amount: &i64| Event::new("paid", amount.to_string());
        let events = amounts.iter().flat_map(|amount| [event(amount), Event::new("seen", "")]);
        self.log.append(Append { events: events.collect(), ..Append::to(stream) }).await.unwrap();
        let entry = self.model.entry(stream.to_owned()).or_default();
        entry.0 += amounts.iter().sum::<i64>();
        entry.1 += amounts.len() as i64;
    }

    async fn fill(&mut self, appends: usize) {
        for n in 0..appends {
            self.pay(["a", "b", "c"][n % 3], &[n as i64, 100 + n as i64]).await;
        }
    }
}

async fn sums(sql: &dyn Sql) -> BTreeMap<String, (i64, i64)> {
    let all = Statement::new("SELECT stream, amount, events FROM sums");
    let rows = sql.query(all).await.unwrap();
    rows.iter().map(|row| (row.at(0).unwrap(), (row.at(1).unwrap(), row.at(2).unwrap()))).collect()
}

async fn memory() -> Arc<dyn Sql> {
    Arc::new(Sqlite::open(Options::memory()).await.unwrap())
}

async fn runner(book: &Book, sql: &Arc<dyn Sql>, sums: &Arc<Sums>) -> Result<Runner> {
    Runner::open(book.log.clone(), sql.clone(), sums.clone(), Clock::system()).await
}

/// Runs a test on every database there is.
async fn everywhere(test: impl AsyncFn(Arc<dyn Sql>)) {
    test(memory().await).await;
    if let Some(server) = engines::postgres() {
        let postgres = Postgres::open(postgres::Options::url(server.url())).await.unwrap();
        test(Arc::new(postgres)).await;
    }
}

#[tokio::test]
async fn tables_follow_the_log() {
    everywhere(async |sql| {
        let mut book = Book::open(sql.clone()).await;
        book.fill(700).await;
        let runner = runner(&book, &sql, &Sums::new(1, 1)).await.unwrap();
        assert_eq!((runner.position().await.unwrap(), runner.lag().await.unwrap()), (0, 2800));
        assert_eq!(runner.catch_up().await.unwrap(), 2800);
        assert_eq!(sums(&*sql).await, book.model);
        book.pay("d", &[5, 6]).await;
        assert_eq!(runner.lag().await.unwrap(), 4);
        assert_eq!(runner.catch_up().await.unwrap(), 2804);
        assert_eq!(runner.catch_up().await.unwrap(), 2804);
        assert_eq!(sums(&*sql).await, book.model);
        assert_eq!(runner.lag().await.unwrap(), 0);
        let gone = Statement::new("DELETE FROM log_projection");
        sql.commit(Transaction::new().run(gone)).await.unwrap();
        assert_eq!(runner.catch_up().await.unwrap_err().code(), &PROJECTION_FAILED);
    })
    .await;
}

#[tokio::test]
async fn what_is_appended_is_applied_as_it_comes() {
    let sql = memory().await;
    let mut book = Book::open(sql.clone()).await;
    book.fill(3).await;
    let run = project::run(book.log.clone(), sql.clone(), Sums::new(1, 1), Clock::system());
    let mut run = pin!(run);
    for round in 0..5 {
        let all = async {
            book.pay("x", &[round]).await;
            loop {
                let there = "SELECT name FROM sqlite_schema WHERE name = 'sums'";
                let there = sql.query(Statement::new(there)).await.unwrap();
                if !there.is_empty() && sums(&*sql).await == book.model {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        select(&mut run, pin!(all)).await;
        assert_eq!(sums(&*sql).await, book.model);
    }
}

#[tokio::test]
async fn a_new_version_is_built_anew_and_an_old_one_keeps_off() {
    everywhere(async |sql| {
        let mut book = Book::open(sql.clone()).await;
        book.fill(10).await;
        let old = runner(&book, &sql, &Sums::new(1, 1)).await.unwrap();
        old.catch_up().await.unwrap();
        let new = runner(&book, &sql, &Sums::new(2, 10)).await.unwrap();
        assert_eq!((new.position().await.unwrap(), sums(&*sql).await.len()), (0, 0));
        new.catch_up().await.unwrap();
        let tenfold: BTreeMap<_, _> =
            book.model.iter().map(|(stream, (sum, n))| (stream.clone(), (sum * 10, *n))).collect();
        assert_eq!(sums(&*sql).await, tenfold);
        let sentence = "the tables of `sums` are of version 2, and this is version 1";
        let refused = [
            old.catch_up().await.unwrap_err(),
            old.rebuild(&|_, _| ()).await.unwrap_err(),
            runner(&book, &sql, &Sums::new(1, 1)).await.unwrap_err(),
        ];
        for error in refused {
            assert_eq!((error.code(), error.detail()), (&PROJECTION_NEWER, sentence));
        }
        assert_eq!(sums(&*sql).await, tenfold);
    })
    .await;
}

#[tokio::test]
async fn it_is_rebuilt_on_demand_and_says_how_far_it_is() {
    everywhere(async |sql| {
        let mut book = Book::open(sql.clone()).await;
        book.fill(900).await;
        let runner = runner(&book, &sql, &Sums::new(1, 1)).await.unwrap();
        runner.catch_up().await.unwrap();
        let spoil = Statement::new("UPDATE sums SET amount = 0");
        sql.commit(Transaction::new().run(spoil)).await.unwrap();
        let told = Mutex::new(Vec::new());
        runner.rebuild(&|done, of| told.lock().push((done, of))).await.unwrap();
        assert_eq!(sums(&*sql).await, book.model);
        let told = told.into_inner();
        assert_eq!((told[0], told[told.len() - 1]), ((0, 3600), (3600, 3600)));
        assert!(told.len() > 3 && told.is_sorted(), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn it_stops_before_what_it_cannot_apply_and_goes_on_there() {
    everywhere(async |sql| {
        let mut book = Book::open(sql.clone()).await;
        let sums_of = Sums::new(1, 1);
        sums_of.superstitious.store(true, Ordering::Relaxed);
        book.pay("a", &[1, 2, 13, 4]).await;
        let runner = runner(&book, &sql, &sums_of).await.unwrap();
        for _ in 0..2 {
            let error = runner.run().await.unwrap_err();
            assert_eq!(error.code(), &PROJECTION_FAILED);
            assert_eq!(
                error.detail(),
                "`sums` cannot apply the event at position 5: 13 is unlucky"
            );
            assert_eq!(runner.position().await.unwrap(), 3);
            assert_eq!(sums(&*sql).await["a"], (3, 2));
        }
        sums_of.superstitious.store(false, Ordering::Relaxed);
        runner.catch_up().await.unwrap();
        assert_eq!(sums(&*sql).await, book.model);
        // What the database refuses is found as well.
        book.pay("b", &[999_999, 1, 1]).await;
        let error = runner.catch_up().await.unwrap_err();
        assert_eq!(error.code(), &PROJECTION_FAILED);
        assert!(error.detail().contains("at position 11:"), "{error}");
        assert_eq!(sums(&*sql).await["b"], (999_999, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_of_several_nodes_apply_everything_once() {
    let Some(server) = engines::postgres() else { return };
    let open = async || Postgres::open(postgres::Options::url(server.url())).await.unwrap();
    let nodes: [Arc<dyn Sql>; 2] = [Arc::new(open().await), Arc::new(open().await)];
    let mut book = Book::open(nodes[0].clone()).await;
    book.fill(40).await;
    let run = |n: usize| {
        let (log, sql) = (book.log.clone(), nodes[n % 2].clone());
        async move {
            let runner = Runner::open(log, sql, Sums::new(1, 1), Clock::system()).await.unwrap();
            while runner.catch_up().await.unwrap() < 2000 {}
        }
    };
    let runs: Vec<_> = (0..4).map(|n| tokio::spawn(run(n))).collect();
    book.fill(460).await;
    join_all(runs).await.into_iter().for_each(|run| run.unwrap());
    assert_eq!(sums(&*nodes[1]).await, book.model);
}

/// A database that cannot be reached every fifth time, the second included.
struct Away(Arc<dyn Sql>, AtomicU64);

impl Away {
    fn is_away(&self) -> bool {
        self.1.fetch_add(1, Ordering::Relaxed) % 5 == 1
    }
}

impl Sql for Away {
    fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Rows>> {
        if self.is_away() {
            return Box::pin(async { Err(codes::AWAY.error("away")) });
        }
        self.0.query(statement)
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<Vec<Rows>>> {
        if self.is_away() {
            return Box::pin(async { Err(codes::AWAY.error("away")) });
        }
        self.0.commit(transaction)
    }

    fn turn(&self) -> BoxFuture<'_, Result<Box<dyn Turn>>> {
        self.0.turn()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close()
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_waited_for() {
    let sql = memory().await;
    let mut book = Book::open(memory().await).await;
    book.fill(600).await;
    let reader = runner(&book, &sql, &Sums::new(1, 1)).await.unwrap();
    let clock = Clock::manual(Time(1));
    let away = Arc::new(Away(sql.clone(), AtomicU64::new(0)));
    let run = project::run(book.log.clone(), away.clone(), Sums::new(1, 1), clock.clone());
    let all = async {
        while reader.position().await.unwrap() < 2400 {
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    select(pin!(run), pin!(all)).await;
    assert_eq!(sums(&*sql).await, book.model);
    assert!(away.1.load(Ordering::Relaxed) > 5, "it was never away");
}

/// What happens to a projection.
#[derive(Debug, Clone)]
enum Act {
    Pay(Vec<i64>),
    /// A runner that is gone after a while.
    Die(u8),
    CatchUp,
    Rebuild,
    /// A rebuild that is given up half way.
    RebuildAndDie(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => prop::collection::vec(0..100i64, 1..30).prop_map(Act::Pay),
        4 => (0..60u8).prop_map(Act::Die),
        2 => Just(Act::CatchUp),
        1 => Just(Act::Rebuild),
        1 => (0..60u8).prop_map(Act::RebuildAndDie),
    ]
}

/// What the log amounts to up to a position.
async fn up_to(log: &Log, position: u64) -> BTreeMap<String, (i64, i64)> {
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut next = Some(1);
    while let Some(from) = next {
        let page = Query { from: Some(from), limit: 1000, ..Query::default() };
        let page = log.read(page).await.unwrap();
        next = page.next;
        let counted = |event: &&Record| event.position <= position && event.kind() == "paid";
        for event in page.events.iter().filter(counted) {
            let sum = sums.entry(event.stream().to_owned()).or_default();
            *sum = (sum.0 + amount(event), sum.1 + 1);
        }
    }
    sums
}

async fn death(after: u8) {
    for _ in 0..after {
        tokio::task::yield_now().await;
    }
}

/// Does it until somebody knows that it was done.
async fn until_sure<T, F: Future<Output = Result<T>>>(work: impl Fn() -> F) -> T {
    loop {
        match work().await {
            Ok(done) => return done,
            Err(error) => assert_eq!(error.kind(), Kind::Busy, "{}", error.story()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_tables_are_what_the_events_amount_to(
        acts in prop::collection::vec((act(), 0..2usize), 1..30),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sure = memory().await;
            let mut book = Book::open(memory().await).await;
            let nodes = [seed, !seed].map(|seed| -> Arc<dyn Sql> {
                Arc::new(Forgetful::new(sure.clone(), seed))
            });
            let of = Sums::new(1, 1);
            let mut runners = Vec::new();
            for node in &nodes {
                runners.push(until_sure(|| runner(&book, node, &of)).await);
            }
            for (act, node) in acts {
                let runner = &runners[node];
                match act {
                    Act::Pay(amounts) => book.pay(["a", "b"][node], &amounts).await,
                    Act::Die(after) => drop(select(pin!(runner.catch_up()), pin!(death(after))).await),
                    Act::CatchUp => drop(until_sure(|| runner.catch_up()).await),
                    Act::Rebuild => until_sure(|| runner.rebuild(&|_, _| ())).await,
                    Act::RebuildAndDie(after) => {
                        drop(select(pin!(runner.rebuild(&|_, _| ())), pin!(death(after))).await);
                    }
                }
                // Whatever happened, what is in the tables is what is up to the checkpoint.
                let position = runner.position().await.unwrap();
                prop_assert_eq!(sums(&*sure).await, up_to(&book.log, position).await);
            }
            while until_sure(|| runners[0].catch_up()).await < book.log.size() {}
            prop_assert_eq!(sums(&*sure).await, book.model);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_long_log_of_what_is_not_wanted_is_passed_over() {
    let sql = memory().await;
    let book = Book::open(sql.clone()).await;
    let other = || (0..1000).fold(Append::to("s"), |append, _| append.event(Event::new("k", "")));
    for _ in 0..3 {
        book.log.append(other()).await.unwrap();
    }
    let runner = runner(&book, &sql, &Sums::new(1, 1)).await.unwrap();
    let caught_up = Clock::system().within(Duration::from_secs(60), runner.catch_up()).await;
    assert_eq!(caught_up.unwrap().unwrap(), 3000);
    assert_eq!(runner.position().await.unwrap(), 3000);
}

#[tokio::test]
async fn a_projection_of_a_log_that_was_set_back_says_so_until_it_is_rebuilt() {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let log = Log::on_disk(ledger::disk::Options::new(folder.path())).unwrap();
    for _ in 0..3 {
        log.append(Append::to("s").event(Event::new("paid", "1"))).await.unwrap();
    }
    let open = async || {
        Runner::open(log.clone(), sql.clone(), Sums::new(1, 1), Clock::system()).await.unwrap()
    };
    assert_eq!(open().await.catch_up().await.unwrap(), 3);
    let ahead = Statement::new("UPDATE log_projection SET position = 9");
    sql.commit(Transaction::new().run(ahead)).await.unwrap();
    let runner = open().await;
    let error = runner.catch_up().await.unwrap_err();
    assert_eq!(error.code(), &ledger::codes::PROJECTION_AHEAD);
    assert_eq!(error.to_string(), "`sums` has applied 9 events, and the log has 3");
    runner.rebuild(&|_, _| {}).await.unwrap();
    assert_eq!(runner.catch_up().await.unwrap(), 3);
}
