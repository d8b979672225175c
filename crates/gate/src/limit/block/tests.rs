use flow::feed::{Heard, MemoryFeed};
use flow::unit::Span;
use flow::{Credential, Door, Moment};
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Notices, Statement};

use super::*;

struct Setup {
    blocks: Blocks,
    sql: Arc<dyn Sql>,
    clock: Clock,
    config: Blocking,
}

async fn setup(config: Blocking) -> Setup {
    let sql: Arc<dyn Sql> = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let clock = Clock::manual(Time(1_800_000_000_000_000_000));
    let blocks = open(&config, &sql, &clock).await;
    Setup { blocks, sql, clock, config }
}

async fn open(config: &Blocking, sql: &Arc<dyn Sql>, clock: &Clock) -> Blocks {
    let feed = Arc::new(MemoryFeed::new(clock.clone(), 64));
    let announcer = Arc::new(Announcer::new(feed, clock.clone()));
    let at = (clock.clone(), Random::seeded(7));
    Blocks::open(config.clone(), sql.clone(), announcer, at, &Registry::default()).await.unwrap()
}

impl Setup {
    async fn begin(&self, subject: &Subject) {
        let (door, credential) = (Door::Http, Credential::None);
        let (id, at) = (flow::Id(1), Moment(0));
        let request = Request { id, at, door, credential, peer: None, agent: "" };
        self.blocks.begin(subject.clone(), "gate-too-fast", &request).await;
    }

    fn rest(&self, subject: &Subject) -> Option<u64> {
        self.blocks.holds(|| Some(subject.clone())).map(|rest| rest.as_secs())
    }

    async fn facts(&self) -> usize {
        let rows = self.sql.query(Statement::new("SELECT * FROM outbox")).await;
        rows.unwrap().len()
    }
}

fn ann() -> Subject {
    Subject::Principal("main".into(), "service:ann".into())
}

fn address() -> Subject {
    Subject::Address("192.0.2.1".parse().unwrap())
}

#[tokio::test]
async fn a_block_ends_by_itself_and_the_next_is_longer() {
    let setup = setup(Blocking::default()).await;
    assert_eq!(setup.rest(&ann()), None);
    for length in [300, 900, 3_600, 86_400, 86_400] {
        setup.begin(&ann()).await;
        assert_eq!(setup.rest(&ann()), Some(length));
        assert_eq!(setup.rest(&address()), None);
        // Asking on does not make it longer.
        setup.clock.advance(Duration::from_secs(length - 1));
        setup.begin(&ann()).await;
        assert_eq!(setup.rest(&ann()), Some(1));
        setup.clock.advance(Duration::from_secs(1));
        assert_eq!(setup.rest(&ann()), None);
    }
}

#[tokio::test]
async fn blocks_are_forgotten_step_by_step() {
    let setup = setup(Blocking::default()).await;
    for length in [300, 900, 3_600] {
        setup.begin(&ann()).await;
        setup.clock.advance(Duration::from_secs(length));
    }
    // Two days without: of three one is remembered.
    setup.clock.advance(Duration::from_secs(2 * 86_400));
    setup.begin(&ann()).await;
    assert_eq!(setup.rest(&ann()), Some(900));
    setup.clock.advance(Duration::from_secs(30 * 86_400));
    setup.blocks.read().await.unwrap();
    assert!(setup.blocks.held.read().is_empty());
    setup.begin(&ann()).await;
    assert_eq!(setup.rest(&ann()), Some(300));
}

#[tokio::test]
async fn blocks_are_kept_listed_and_lifted() {
    let setup = setup(Blocking::default()).await;
    setup.begin(&ann()).await;
    setup.begin(&address()).await;
    let again = open(&setup.config, &setup.sql, &setup.clock).await;
    assert!(again.holds(|| Some(ann())).is_some(), "a restart forgets nobody");

    let listed = setup.blocks.list(MAIN, "", 10).await.unwrap();
    let mut shown: Vec<_> = listed.iter().map(|block| (block.kind, &*block.subject)).collect();
    shown.sort_unstable();
    assert_eq!(shown, [("address", "192.0.2.1"), ("principal", "service:ann")]);
    assert!(setup.blocks.list("other", "", 10).await.unwrap().is_empty());

    let mut notices = Notices::open(setup.sql.clone(), setup.clock.clone()).await.unwrap();
    let id = &listed.iter().find(|block| block.kind == "principal").unwrap().id;
    assert!(!setup.blocks.lift("other", id, None).await.unwrap(), "not one's own");
    assert!(setup.blocks.lift(MAIN, id, None).await.unwrap());
    assert!(!setup.blocks.lift(MAIN, id, None).await.unwrap());
    assert_eq!(setup.rest(&ann()), None);
    // Another node hears of it, or finds that it should have, and reads.
    let mut heard = Vec::new();
    notices.look(&mut |said| heard.push(said)).await.unwrap();
    assert_eq!(heard, [Heard::Notice(Notice::Blocks)]);
    again.read().await.unwrap();
    assert!(again.holds(|| Some(ann())).is_none());
    assert!(again.holds(|| Some(address())).is_some());
    setup.begin(&ann()).await;
    assert_eq!(setup.rest(&ann()), Some(300), "what was lifted is not held against anybody");
}

#[tokio::test]
async fn a_block_is_a_fact() {
    let setup = setup(Blocking::default()).await;
    let before = setup.facts().await;
    setup.begin(&ann()).await;
    setup.begin(&ann()).await;
    assert_eq!(setup.facts().await, before + 1);
}

#[tokio::test]
async fn there_are_never_too_many() {
    let config = Blocking { blocks_max: 3, lengths: vec![Span::secs(60)], ..Blocking::default() };
    let setup = setup(config).await;
    for n in 0..10 {
        setup.clock.advance(Duration::from_secs(1));
        setup.begin(&Subject::Address(std::net::Ipv4Addr::from_bits(n).into())).await;
    }
    assert_eq!(setup.blocks.held.read().len(), 3);
    assert!(setup.rest(&Subject::Address(std::net::Ipv4Addr::from_bits(9).into())).is_some());
}
