//! Two nodes against a model: consumers that die, leases that run out, commits that nobody
//! knows the outcome of.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use flow::unit::Span;
use flow::{Clock, Kind, Random, Result, Time};
use futures_util::future::{Either, select};
use ledger::codes::RECEIPT_STALE;
use ledger::group::{Delivery, Groups, Options, Receipt, Which};
use ledger::query::Filter;
use ledger::{Append, Event, Log};
use pool::sql::Sql;
use pool::sql::sqlite::{self, Sqlite};
use proptest::prelude::*;

use super::forgetful::Forgetful;
use super::{NOW, groups};

const LEASE: Duration = Duration::from_secs(30);
const OPTIONS: Options = Options {
    lease: Span(LEASE),
    tries: 3,
    rest: Span::secs(5),
    rest_max: Span::secs(20),
    open_max: 5,
    parked_max: 6,
};

#[derive(Debug, Clone)]
enum Act {
    Append {
        wanted: u8,
        others: u8,
    },
    Take {
        most: u32,
    },
    /// Taken by a consumer that dies somewhere on the way.
    Die {
        most: u32,
        after: u8,
    },
    Ack(u8),
    Retry(u8),
    Park(u8),
    Release(u8),
    Replay(u8),
    Drop(u8),
    Wait {
        secs: u8,
    },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..4u8, 0..3u8).prop_map(|(wanted, others)| Act::Append { wanted, others }),
        5 => (1..6u32).prop_map(|most| Act::Take { most }),
        1 => (1..6u32, 0..30u8).prop_map(|(most, after)| Act::Die { most, after }),
        5 => any::<u8>().prop_map(Act::Ack),
        3 => any::<u8>().prop_map(Act::Retry),
        1 => any::<u8>().prop_map(Act::Park),
        1 => any::<u8>().prop_map(Act::Release),
        1 => any::<u8>().prop_map(Act::Replay),
        1 => any::<u8>().prop_map(Act::Drop),
        2 => (0..40u8).prop_map(|secs| Act::Wait { secs }),
    ]
}

/// What is known outside.
struct Model {
    nodes: [Groups; 2],
    log: Log,
    clock: Clock,
    wanted: BTreeSet<u64>,
    /// Acknowledged or dropped: never to be seen again.
    settled: BTreeSet<u64>,
    /// Until when somebody has them for sure.
    leased: BTreeMap<u64, Time>,
    /// What consumers have in their hands, whether it still holds or not.
    hands: Vec<Receipt>,
}

impl Model {
    async fn new(seed: u64) -> Self {
        let clock = Clock::manual(Time(1_700_000_000_000_000_000));
        let memory = async || Arc::new(Sqlite::open(sqlite::Options::memory()).await.unwrap());
        let log = Log::in_database(memory().await, clock.clone(), Random::seeded(seed));
        let log = log.await.unwrap();
        let sql = memory().await;
        let node = async |seed| {
            let sql: Arc<dyn Sql> = Arc::new(Forgetful::new(sql.clone(), seed));
            groups(sql, &log, &clock).await
        };
        let nodes = [node(seed).await, node(seed ^ 1).await];
        let (wanted, settled) = (BTreeSet::new(), BTreeSet::new());
        let (leased, hands) = (BTreeMap::new(), Vec::new());
        let model = Self { nodes, log, clock, wanted, settled, leased, hands };
        let filter = || Filter { kinds: vec!["wanted".into()], ..Filter::default() };
        let create =
            |node: &'static str| model.nodes[0].create("main", node, filter(), Some(1), OPTIONS);
        model.until_sure(|| create("g")).await.unwrap();
        model
    }

    /// Time goes on a little while something is waited for.
    async fn driven<T>(&self, work: impl Future<Output = T>) -> T {
        let time = async {
            loop {
                for _ in 0..1000 {
                    tokio::task::yield_now().await;
                }
                self.clock.advance(Duration::from_millis(1));
            }
        };
        match select(pin!(work), pin!(time)).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => never,
        }
    }

    /// Does it until somebody knows that it was done.
    async fn until_sure<T, F: Future<Output = Result<T>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<T> {
        loop {
            match self.driven(work()).await {
                Err(error) if error.kind() == Kind::Busy => {}
                answer => return answer,
            }
        }
    }

    async fn act(&mut self, act: Act, node: usize) {
        match act {
            Act::Append { wanted, others } => self.append(wanted, others).await,
            Act::Take { most } => drop(self.take(node, most).await),
            Act::Die { most, after } => {
                let take = self.nodes[node].take("main", "g", most, NOW);
                let death = async {
                    for _ in 0..after {
                        tokio::task::yield_now().await;
                    }
                };
                // What it got is lost with it, until the lease has run out.
                let taken = match select(pin!(take), pin!(death)).await {
                    Either::Left((taken, _)) => taken.unwrap_or_default(),
                    Either::Right(_) => Vec::new(),
                };
                self.check(&taken, self.clock.now());
            }
            Act::Ack(which) => {
                let Some(receipt) = self.hand(which) else { return };
                let ack = || self.nodes[node].ack("main", "g", &receipt);
                if self.unless_stale(self.until_sure(ack).await, receipt[0]) {
                    self.settled.insert(receipt[0].position());
                    self.leased.remove(&receipt[0].position());
                }
            }
            Act::Retry(which) => {
                let Some(receipt) = self.hand(which) else { return };
                let retry = || self.nodes[node].retry("main", "g", &receipt, "again");
                self.given_up(self.until_sure(retry).await, receipt[0]);
            }
            Act::Park(which) => {
                let Some(receipt) = self.hand(which) else { return };
                let park = || self.nodes[node].park("main", "g", &receipt, "broken");
                self.given_up(self.until_sure(park).await, receipt[0]);
            }
            Act::Release(which) => {
                let Some(receipt) = self.hand(which) else { return };
                let release = || self.nodes[node].release("main", "g", &receipt);
                self.given_up(self.until_sure(release).await, receipt[0]);
            }
            Act::Replay(which) => {
                let Some(position) = self.parked_one(which).await else { return };
                let at = [position];
                let replay = || self.nodes[node].replay("main", "g", Which::At(&at));
                self.until_sure(replay).await.unwrap();
            }
            Act::Drop(which) => {
                let Some(position) = self.parked_one(which).await else { return };
                let at = [position];
                let drop = || self.nodes[node].drop_parked("main", "g", Which::At(&at));
                self.until_sure(drop).await.unwrap();
                self.settled.insert(position);
            }
            Act::Wait { secs } => self.clock.advance(Duration::from_secs(secs.into())),
        }
    }

    async fn append(&mut self, wanted: u8, others: u8) {
        let kinds = std::iter::repeat_n("wanted", wanted.into());
        for kind in kinds.chain(std::iter::repeat_n("other", others.into())) {
            let append = Append::to("s").event(Event::new(kind, ""));
            let appended = self.driven(self.log.append(append)).await.unwrap();
            if kind == "wanted" {
                self.wanted.insert(appended.first);
            }
        }
    }

    async fn take(&mut self, node: usize, most: u32) -> Vec<Delivery> {
        let since = self.clock.now();
        let taken = self.driven(self.nodes[node].take("main", "g", most, NOW)).await;
        let taken = match taken {
            Err(error) if error.kind() == Kind::Busy => Vec::new(),
            taken => taken.unwrap(),
        };
        assert!(taken.len() <= most as usize);
        self.check(&taken, since);
        self.hands.extend(taken.iter().map(|delivery| delivery.receipt));
        taken
    }

    /// Whether these may be delivered.
    fn check(&mut self, taken: &[Delivery], since: Time) {
        assert!(taken.is_sorted_by_key(|delivery| delivery.event.position));
        for Delivery { event, attempt, receipt } in taken {
            let position = event.position;
            assert_eq!(receipt.position(), position);
            assert!(self.wanted.contains(&position), "{position} is not wanted");
            assert!(!self.settled.contains(&position), "{position} was settled");
            assert!((1..=OPTIONS.tries).contains(attempt), "{attempt} tries of {position}");
            let until = self.leased.insert(position, since.after(LEASE));
            let free = until.is_none_or(|until| until.millis() <= self.clock.now().millis());
            assert!(free, "{position} is with somebody else");
        }
    }

    fn hand(&mut self, which: u8) -> Option<[Receipt; 1]> {
        let hands = self.hands.len();
        (hands > 0).then(|| [self.hands.swap_remove(usize::from(which) % hands)])
    }

    /// Whether a receipt was still good; it is not only when its lease ran out.
    fn unless_stale(&self, answer: Result<()>, receipt: Receipt) -> bool {
        match answer {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.code(), &RECEIPT_STALE, "{receipt} {}", error.story());
                false
            }
        }
    }

    fn given_up(&mut self, answer: Result<()>, receipt: Receipt) {
        if self.unless_stale(answer, receipt) {
            self.leased.remove(&receipt.position());
        }
    }

    async fn parked(&self) -> BTreeSet<u64> {
        let (parked, next) = self.nodes[0].parked("main", "g", 1, 1000).await.unwrap();
        assert_eq!(next, None);
        parked.into_iter().map(|parked| parked.event.position).collect()
    }

    async fn parked_one(&self, which: u8) -> Option<u64> {
        let parked = self.parked().await;
        let place = usize::from(which) % parked.len().max(1);
        parked.into_iter().nth(place)
    }

    /// What holds at any time.
    async fn invariants(&self) {
        let state = self.nodes[1].state("main", "g").await.unwrap();
        let parked = self.parked().await;
        assert_eq!(state.parked, parked.len() as u64);
        assert!(state.in_flight <= OPTIONS.open_max.into());
        let rows = state.in_flight + state.waiting + state.parked;
        assert!(rows <= OPTIONS.parked_max.into(), "{rows} rows");
        for position in self.wanted.range(..=state.position) {
            let done = self.settled.contains(position) || parked.contains(position);
            assert!(done, "{position} is not settled, and {} says so", state.position);
        }
    }

    /// Lets everybody finish: what was neither acknowledged nor parked comes again.
    async fn finish(&mut self) {
        for round in 0..200 {
            self.clock.advance(LEASE);
            for taken in self.take(round % 2, 8).await {
                let receipt = [taken.receipt];
                let ack = || self.nodes[round % 2].ack("main", "g", &receipt);
                if self.unless_stale(self.until_sure(ack).await, receipt[0]) {
                    self.settled.insert(taken.event.position);
                }
            }
            // Where too much is parked, nothing new is handed out.
            for position in self.parked().await {
                let at = [position];
                let drop = || self.nodes[0].drop_parked("main", "g", Which::At(&at));
                self.settled.extend(self.until_sure(drop).await.map(|_| position));
            }
            if self.settled == self.wanted {
                return;
            }
        }
        let lost: Vec<_> = self.wanted.difference(&self.settled).collect();
        panic!("{lost:?} never came again");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_is_lost_and_nothing_done_comes_again(
        acts in prop::collection::vec((act(), 0..2usize), 1..80),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new(seed).await;
            for (act, node) in acts {
                model.act(act, node).await;
                model.invariants().await;
            }
            model.finish().await;
        });
    }
}
