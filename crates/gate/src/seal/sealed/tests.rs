use flow::feed::{Announcer, MemoryFeed};
use flow::identity::MAIN;
use flow::question::crypto::{CreateCryptoKey, KeyKind};
use flow::{Principal, Random, Revisions};
use pool::secret::Secret;
use pool::sql::Statement;
use pool::sql::sqlite::{Options, Sqlite};

use super::*;
use crate::crypto::Strongbox;
use crate::totp::Totps;
use crate::{Keys, NewKey, Tokens};

struct World {
    sql: Arc<dyn Sql>,
    clock: Clock,
    place: tempfile::TempDir,
}

impl World {
    async fn of(sql: Arc<dyn Sql>) -> Self {
        let clock = Clock::system();
        prepare(&*sql, &clock).await.unwrap();
        Self { sql, clock, place: tempfile::tempdir().unwrap() }
    }

    fn seal(&self, names: &[&str]) -> Arc<Seal> {
        let secret = |name: &&str| {
            let path = self.place.path().join(name);
            std::fs::write(&path, name.repeat(32)).unwrap();
            Secret::File(path)
        };
        let secrets: Vec<_> = names.iter().map(secret).collect();
        Arc::new(Seal::read(&secrets).unwrap().unwrap())
    }

    /// One secret of each sort.
    async fn fill(&self, seal: &Arc<Seal>) {
        let (sql, revisions) = (self.sql.clone(), Arc::<Revisions>::default());
        let (clock, random) = (self.clock.clone(), Random::system());
        let config = jwt::Config::default();
        let (own, since) = (sql.clone(), revisions.clone());
        Tokens::open(&config, own, seal.clone(), since, clock.clone(), random.clone())
            .await
            .unwrap();
        let announcer = Announcer::new(Arc::new(MemoryFeed::new(clock.clone(), 16)), clock.clone());
        let both = (clock.clone(), random.clone());
        let strongbox =
            Strongbox::open((sql.clone(), seal.clone()), revisions.clone(), announcer.into(), both);
        let key = CreateCryptoKey {
            name: "orders",
            kind: KeyKind::Aes256Gcm,
            derived: false,
            rotate_every: None,
        };
        strongbox.await.unwrap().create(MAIN, &key, None).await.unwrap();
        let totps = Totps::new(sql.clone(), clock.clone(), random.clone(), Some(seal.clone()));
        totps.begin(MAIN, "ann", None).await.unwrap();
        let keys = Keys::open(sql, revisions, clock, random).await.unwrap();
        let keys = keys.sealed_by(Some(seal.clone()));
        let new = NewKey {
            principal: "ci",
            kind: Principal::Agent,
            roles: &["reader".into()],
            rights: &flow::rights::NO_RIGHTS,
        };
        keys.create_proved(MAIN, new, None).await.unwrap();
    }

    async fn check(&self, seal: Option<&Seal>, given_up: &[u32]) -> Result<()> {
        Sealed::check(&*self.sql, &self.clock, seal, given_up).await
    }

    /// How many rows of each column these keys do not open.
    async fn closed(&self, seal: &Seal) -> Vec<i64> {
        let keys: Vec<_> = seal.keys.iter().map(|key| key.id()).collect();
        let mut closed = Vec::new();
        for column in COLUMNS {
            closed.push(column.closed(&*self.sql, &keys).await.unwrap().rows);
        }
        closed
    }
}

async fn everything_is_sealed_anew(world: &World) {
    let old = world.seal(&["o"]);
    assert!(world.check(None, &[]).await.is_ok(), "nothing is sealed yet");
    world.fill(&old).await;
    let both = world.seal(&["n", "o"]);
    let new = world.seal(&["n"]);
    assert_eq!(world.closed(&new).await, [1, 1, 1, 1]);
    let sealed = Sealed::new(world.sql.clone(), both.clone());
    assert_eq!(sealed.tend().await.unwrap(), 4);
    assert_eq!(sealed.tend().await.unwrap(), 0);
    assert_eq!(world.closed(&new).await, [0, 0, 0, 0]);

    // And all of it opens without the old one.
    let columns = COLUMNS.map(|column| {
        let Column { names, sealed, rows, .. } = *column;
        (column, format!("SELECT {names}, {sealed} AS sealed FROM {rows} WHERE {sealed} <> ''"))
    });
    for (column, text) in columns {
        let rows = world.sql.query(Statement::new(text)).await.unwrap();
        let row = rows.only().unwrap();
        let bound = (column.bound)(row).unwrap();
        let sealed: String = row.get("sealed").unwrap();
        assert!(new.open_text(&bound, &sealed).is_ok(), "{}", column.holds);
        assert!(new.open_text(b"elsewhere", &sealed).is_err(), "{}", column.holds);
    }
    assert!(world.check(Some(&new), &[]).await.is_ok());
}

#[tokio::test]
async fn what_an_older_seal_key_sealed_is_sealed_anew() {
    let sql = Sqlite::open(Options::memory()).await.unwrap();
    everything_is_sealed_anew(&World::of(Arc::new(sql)).await).await;
}

#[tokio::test]
async fn postgresql_seals_anew_as_well() {
    let Some(server) = engines::postgres() else { return };
    let options = pool::sql::postgres::Options::url(server.url());
    let sql = pool::sql::postgres::Postgres::open(options).await.unwrap();
    everything_is_sealed_anew(&World::of(Arc::new(sql)).await).await;
}

#[tokio::test]
async fn a_missing_key_is_noticed_unless_it_is_given_up() {
    let world = World::of(Arc::new(Sqlite::open(Options::memory()).await.unwrap())).await;
    let (lost, other) = (world.seal(&["o"]), world.seal(&["n"]));
    world.fill(&lost).await;
    let number = lost.keys[0].id().0;
    for seal in [None, Some(&*other)] {
        let error = world.check(seal, &[]).await.unwrap_err();
        assert_eq!(error.code(), &SEAL_LOST);
        assert!(error.story().contains(&format!("`{number}`")), "{}", error.story());
        assert!(world.check(seal, &[number]).await.is_ok());
    }
    // Closed secrets do not keep others from being sealed anew.
    let given_up = Arc::into_inner(world.seal(&["n"])).unwrap().without(&[number]);
    assert_eq!(Sealed::new(world.sql.clone(), given_up.into()).tend().await.unwrap(), 0);
    assert_eq!(world.closed(&other).await, [1, 1, 1, 1]);
}
