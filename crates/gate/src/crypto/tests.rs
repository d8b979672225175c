use std::sync::Arc;
use std::time::Duration;

use flow::feed::{Announcer, Heard, Listener, MemoryFeed};
use flow::identity::MAIN;
use flow::question::crypto::{
    Bound, Change, CreateCryptoKey, Digest, Encoding, Encrypt, Form, Hmac, KeyKind, MakeDataKey,
    Manner, Padding, Plain, Sealed, Sign, Signed, Verify,
};
use flow::{Clock, Random, Result, Revisions};
use pool::file::Disk;
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Sql, Statement, Transaction};

use super::*;
use crate::Seal;
use crate::codes::*;

struct Node {
    keys: Strongbox,
    revisions: Arc<Revisions>,
}

/// What nodes share.
struct World {
    sql: Arc<dyn Sql>,
    seal: Arc<Seal>,
    feed: Arc<MemoryFeed>,
    clock: Clock,
}

impl World {
    async fn new() -> Self {
        Self::on(Options::memory()).await
    }

    async fn on(options: Options) -> Self {
        Self::of(Arc::new(Sqlite::open(options).await.unwrap()))
    }

    fn of(sql: Arc<dyn Sql>) -> Self {
        let clock = Clock::manual(flow::Time(1_000_000_000_000));
        let directory = tempfile::tempdir().unwrap();
        let seal = Arc::new(Seal::made(&Disk, &directory.path().join("seal")).unwrap());
        Self { sql, seal, feed: Arc::new(MemoryFeed::new(clock.clone(), 64)), clock }
    }

    async fn node(&self) -> Node {
        let revisions = Arc::new(Revisions::default());
        let announcer = Arc::new(Announcer::new(self.feed.clone(), self.clock.clone()));
        let ground = (self.sql.clone(), self.seal.clone());
        let time = (self.clock.clone(), Random::seeded(7));
        let keys = Strongbox::open(ground, revisions.clone(), announcer, time).await.unwrap();
        Node { keys, revisions }
    }
}

async fn one() -> Node {
    World::new().await.node().await
}

fn new(name: &str, kind: KeyKind) -> CreateCryptoKey<'_> {
    CreateCryptoKey { name, kind, derived: false, rotate_every: None }
}

impl Node {
    async fn create(&self, name: &str, kind: KeyKind) {
        self.keys.create(MAIN, &new(name, kind), None).await.unwrap();
    }

    async fn seal_as(&self, tenant: &str, form: Form, plain: Plain<'_>) -> Result<Vec<u8>> {
        let ask = Encrypt { key: "orders", form, items: &[plain] };
        Ok(self.keys.encrypt(tenant, &ask).await?.remove(0)?.bytes)
    }

    async fn seal(&self, text: &[u8]) -> String {
        let plain = Plain { text, bound: Bound::default(), version: None };
        String::from_utf8(self.seal_as(MAIN, Form::Text, plain).await.unwrap()).unwrap()
    }

    async fn open_as(&self, tenant: &str, form: Form, item: Sealed<'_>) -> Result<Vec<u8>> {
        Ok(self.keys.decrypt(tenant, ("orders", form), &[item]).await?.remove(0)?.bytes)
    }

    async fn open(&self, ciphertext: &str) -> Result<Vec<u8>> {
        let item = Sealed { ciphertext: ciphertext.as_bytes(), bound: Bound::default() };
        self.open_as(MAIN, Form::Text, item).await
    }

    async fn configure(&self, change: Change) -> Result<()> {
        self.keys.configure(MAIN, "orders", &change, None).await
    }
}

fn code(result: Result<Vec<u8>>) -> &'static str {
    result.unwrap_err().code().name
}

#[tokio::test]
async fn what_was_encrypted_is_decrypted_whatever_it_is() {
    let node = one().await;
    node.create("orders", KeyKind::Aes256Gcm).await;
    let random = Random::seeded(11);
    for round in 0..300_u64 {
        let length = random.below(if round % 50 == 0 { 100_000 } else { 70 });
        let text: Vec<u8> = (0..length).map(|_| random.number() as u8).collect();
        let associated: Vec<u8> = (0..random.below(20)).map(|_| random.number() as u8).collect();
        let bound = Bound { context: None, associated: &associated };
        for form in [Form::Text, Form::Raw] {
            let plain = Plain { text: &text, bound, version: None };
            let sealed = node.seal_as(MAIN, form, plain).await.unwrap();
            let again = node.seal_as(MAIN, form, plain).await.unwrap();
            assert_ne!(sealed, again, "each has a nonce of its own");
            let item = Sealed { ciphertext: &sealed, bound };
            assert_eq!(node.open_as(MAIN, form, item).await.unwrap(), text);
        }
    }
}

#[tokio::test]
async fn any_changed_byte_is_found() {
    let node = one().await;
    node.create("orders", KeyKind::Aes256Gcm).await;
    let plain = Plain { text: b"four tons of it", bound: Bound::default(), version: None };
    let sealed = node.seal_as(MAIN, Form::Raw, plain).await.unwrap();
    for index in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[index] ^= 1 << bit;
            let item = Sealed { ciphertext: &changed, bound: Bound::default() };
            assert!(node.open_as(MAIN, Form::Raw, item).await.is_err(), "byte {index} bit {bit}");
        }
    }
    for length in 0..sealed.len() {
        let item = Sealed { ciphertext: &sealed[..length], bound: Bound::default() };
        assert!(node.open_as(MAIN, Form::Raw, item).await.is_err(), "{length} bytes of it");
    }
    let text = node.seal(b"four tons of it").await;
    for index in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(node.open(&changed).await.is_err(), "{changed}");
    }
}

#[tokio::test]
async fn a_ciphertext_opens_only_where_it_belongs() {
    let node = one().await;
    for (tenant, name) in [(MAIN, "orders"), (MAIN, "other"), ("acme", "orders")] {
        let new = new(name, KeyKind::Aes256Gcm);
        node.keys.create(tenant, &new, None).await.unwrap();
    }
    let bound = Bound { context: None, associated: b"row 7" };
    let plain = Plain { text: b"secret", bound, version: None };
    let sealed = node.seal_as(MAIN, Form::Text, plain).await.unwrap();
    let item = Sealed { ciphertext: &sealed, bound };
    assert_eq!(node.open_as(MAIN, Form::Text, item).await.unwrap(), b"secret");

    let unbound = Sealed { bound: Bound::default(), ..item };
    assert_eq!(code(node.open_as(MAIN, Form::Text, unbound).await), "gate-crypto-ciphertext");
    assert_eq!(code(node.open_as("acme", Form::Text, item).await), "gate-crypto-ciphertext");
    assert_eq!(code(node.open_as("nobody", Form::Text, item).await), "gate-crypto-no-key");
    let other = node.keys.decrypt(MAIN, ("other", Form::Text), &[item]).await.unwrap().remove(0);
    assert_eq!(other.unwrap_err().code(), &CRYPTO_CIPHERTEXT);
}

#[tokio::test]
async fn a_key_of_the_same_name_is_another_key() {
    let node = one().await;
    node.create("orders", KeyKind::Aes256Gcm).await;
    let sealed = node.seal(b"secret").await;
    let kept = node.keys.delete(MAIN, "orders", None).await.unwrap_err();
    assert_eq!(kept.code(), &CRYPTO_KEPT);
    let twice = node.keys.create(MAIN, &new("orders", KeyKind::Hmac), None).await.unwrap_err();
    assert_eq!(twice.code(), &CRYPTO_TAKEN);
    node.configure(Change { deletable: Some(true), ..Change::default() }).await.unwrap();
    node.keys.delete(MAIN, "orders", None).await.unwrap();
    assert_eq!(code(node.open(&sealed).await), "gate-crypto-no-key");
    node.create("orders", KeyKind::Aes256Gcm).await;
    assert_eq!(code(node.open(&sealed).await), "gate-crypto-ciphertext");
}

#[tokio::test]
async fn to_rewrap_keeps_what_it_is_and_minimums_refuse_what_is_older() {
    let node = one().await;
    node.create("orders", KeyKind::Aes256Gcm).await;
    let old = node.seal(b"secret").await;
    assert!(old.starts_with("stockade:v1:"));
    assert_eq!(node.keys.rotate(MAIN, "orders", None).await.unwrap(), 2);
    assert_eq!(node.open(&old).await.unwrap(), b"secret");
    let items = [Sealed { ciphertext: old.as_bytes(), bound: Bound::default() }];
    let rewrapped = node.keys.rewrap(MAIN, "orders", &items).await.unwrap().remove(0).unwrap();
    let rewrapped = String::from_utf8(rewrapped.bytes).unwrap();
    assert!(rewrapped.starts_with("stockade:v2:"), "{rewrapped}");
    assert_eq!(node.open(&rewrapped).await.unwrap(), b"secret");

    node.configure(Change { min_decryption: Some(2), ..Change::default() }).await.unwrap();
    assert_eq!(code(node.open(&old).await), "gate-crypto-version");
    assert_eq!(node.open(&rewrapped).await.unwrap(), b"secret");
    let state = node.keys.show(MAIN, "orders").await.unwrap().state;
    assert_eq!((state.min_decryption, state.min_encryption), (2, 2), "one raises the other");
    let plain = Plain { text: b"x", bound: Bound::default(), version: Some(1) };
    assert_eq!(code(node.seal_as(MAIN, Form::Text, plain).await), "gate-crypto-version");
    let plain = Plain { version: Some(3), ..plain };
    assert_eq!(code(node.seal_as(MAIN, Form::Text, plain).await), "gate-crypto-version");
    for wrong in [
        Change { min_decryption: Some(3), ..Change::default() },
        Change { min_decryption: Some(0), ..Change::default() },
        Change { min_encryption: Some(1), ..Change::default() },
        Change { rotate_every: Some(Duration::from_secs(1)), ..Change::default() },
    ] {
        assert_eq!(node.configure(wrong).await.unwrap_err().code(), &CRYPTO_INPUT, "{wrong:?}");
    }
    node.configure(Change { min_decryption: Some(1), ..Change::default() }).await.unwrap();
    assert_eq!(node.open(&old).await.unwrap(), b"secret", "it was refused, not lost");
}

#[tokio::test]
async fn a_rotation_is_used_by_the_other_node_at_once() {
    let world = World::new().await;
    let (here, there) = (world.node().await, world.node().await);
    let revisions = there.revisions.clone();
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let listener = Listener {
        feed: world.feed.clone(),
        coherence: Arc::default(),
        clock: world.clock.clone(),
    };
    let ear = tokio::spawn(async move {
        let act = move |heard| {
            if let Heard::Notice(Notice::Epoch { tenant, principal }) = heard {
                revisions.bump(&tenant, principal.as_deref());
                let _ = told.send(());
            }
        };
        listener.run(act).await;
    });
    here.create("orders", KeyKind::Aes256Gcm).await;
    assert!(there.seal(b"x").await.starts_with("stockade:v1:"));
    here.keys.rotate(MAIN, "orders", None).await.unwrap();
    hears.recv().await.unwrap();
    assert!(there.seal(b"x").await.starts_with("stockade:v2:"), "it was told");
    ear.abort();
}

#[tokio::test]
async fn a_version_nobody_told_of_is_looked_for() {
    let world = World::new().await;
    let (here, there) = (world.node().await, world.node().await);
    here.create("orders", KeyKind::Aes256Gcm).await;
    there.seal(b"held from here on").await;
    here.keys.rotate(MAIN, "orders", None).await.unwrap();
    let sealed = here.seal(b"new").await;
    assert_eq!(there.open(&sealed).await.unwrap(), b"new", "however lately it looked");
    for made_up in [":v3:", ":v10001:"] {
        let made_up = sealed.replace(":v2:", made_up);
        assert_eq!(code(there.open(&made_up).await), "gate-crypto-version");
    }
    let both = (
        here.keys.rotate(MAIN, "orders", None).await.unwrap(),
        there.keys.rotate(MAIN, "orders", None).await.unwrap(),
    );
    assert_eq!(both, (3, 4), "who rotates looks first");
}

#[tokio::test]
async fn keys_outlive_the_process() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("stockade.db");
    let world = World::on(Options::file(path.clone())).await;
    let node = world.node().await;
    node.create("orders", KeyKind::Aes256Gcm).await;
    let sealed = node.seal(b"secret").await;
    world.sql.close().await;
    let again = World { seal: world.seal.clone(), ..World::on(Options::file(path)).await };
    assert_eq!(again.node().await.open(&sealed).await.unwrap(), b"secret");
    let stranger = World::on(Options::file(place.path().join("stockade.db"))).await;
    assert!(stranger.node().await.open(&sealed).await.is_err(), "the seal is not in the database");
}

#[tokio::test]
async fn a_row_put_in_anothers_place_does_not_open() {
    let world = World::new().await;
    let node = world.node().await;
    node.create("orders", KeyKind::Aes256Gcm).await;
    node.create("other", KeyKind::Aes256Gcm).await;
    let swap = "UPDATE crypto_version SET sealed =
                (SELECT v.sealed FROM crypto_version v JOIN crypto_key k ON k.id = v.key
                 WHERE k.name = 'other')";
    let swap = Transaction::new().run(Statement::new(swap));
    world.sql.commit(swap).await.unwrap();
    let plain = Plain { text: b"x", bound: Bound::default(), version: None };
    assert!(node.seal_as(MAIN, Form::Text, plain).await.is_err());
}

#[tokio::test]
async fn each_context_has_a_key_of_its_own() {
    let node = one().await;
    let derived = CreateCryptoKey { derived: true, ..new("orders", KeyKind::Aes256Gcm) };
    node.keys.create(MAIN, &derived, None).await.unwrap();
    let bound = |context| Bound { context, associated: b"" };
    let seal = async |context| {
        let plain = Plain { text: b"secret", bound: bound(context), version: None };
        node.seal_as(MAIN, Form::Text, plain).await
    };
    let sealed = seal(Some(&b"ann"[..])).await.unwrap();
    let open = async |context| {
        node.open_as(MAIN, Form::Text, Sealed { ciphertext: &sealed, bound: bound(context) }).await
    };
    assert_eq!(open(Some(b"ann")).await.unwrap(), b"secret");
    assert_eq!(code(open(Some(b"bob")).await), "gate-crypto-ciphertext");
    assert_eq!(code(open(None).await), "gate-crypto-input");
    assert_eq!(code(seal(Some(b"")).await), "gate-crypto-input");
    let wrong = CreateCryptoKey { kind: KeyKind::Ed25519, name: "sign", ..derived };
    assert_eq!(node.keys.create(MAIN, &wrong, None).await.unwrap_err().code(), &CRYPTO_INPUT);
}

#[tokio::test]
async fn every_type_signs_its_way_and_no_other() {
    let node = one().await;
    let kinds = [KeyKind::Ed25519, KeyKind::EcdsaP256, KeyKind::Rsa2048, KeyKind::Hmac];
    for kind in kinds {
        node.create(kind.name(), kind).await;
    }
    let manners = [
        Manner::default(),
        Manner { encoding: Encoding::Jws, padding: Padding::Pkcs1, digest: Digest::Sha512 },
    ];
    for (kind, manner) in kinds.into_iter().flat_map(|kind| manners.map(|manner| (kind, manner))) {
        let (key, items) = (kind.name(), [&b"message"[..]]);
        let made = match kind {
            KeyKind::Hmac => {
                let ask = Hmac { key, version: None, digest: manner.digest, items: &items };
                node.keys.hmac(MAIN, &ask).await
            }
            _ => node.keys.sign(MAIN, &Sign { key, version: None, manner, items: &items }).await,
        };
        let signature = String::from_utf8(made.unwrap().remove(0).unwrap().bytes).unwrap();
        let verify = async |manner, input, signature: &str| {
            let ask = Verify { key, manner, items: &[Signed { input, signature }] };
            node.keys.verify(MAIN, &ask).await.unwrap().remove(0)
        };
        assert!(verify(manner, b"message", &signature).await.unwrap(), "{key}");
        assert!(!verify(manner, b"massage", &signature).await.unwrap(), "{key}");
        let other = manners.into_iter().find(|other| *other != manner).unwrap();
        let by_the_other = verify(other, b"message", &signature).await;
        assert!(kind == KeyKind::Ed25519 || !by_the_other.unwrap_or(false), "{key}");
        for wrong in
            ["", "stockade:v1:", "stockade:v2:AAAA", "stockade:v01:AAAA", "x", "vault:v1:A"]
        {
            assert!(!verify(manner, b"message", wrong).await.unwrap_or(false), "{key} {wrong}");
        }
    }
    let items = [&b"x"[..]];
    let sign = Sign { key: "hmac", version: None, manner: manners[0], items: &items };
    let signed = node.keys.sign(MAIN, &sign).await.unwrap().remove(0);
    assert_eq!(signed.unwrap_err().code(), &CRYPTO_KIND);
    let plain = Plain { text: b"x", bound: Bound::default(), version: None };
    let encrypt = Encrypt { key: "ed25519", form: Form::Text, items: &[plain] };
    assert_eq!(node.keys.encrypt(MAIN, &encrypt).await.unwrap_err().code(), &CRYPTO_KIND);
}

#[tokio::test]
async fn what_is_shown_of_keys_is_public() {
    let node = one().await;
    for kind in [KeyKind::Aes256Gcm, KeyKind::Ed25519, KeyKind::EcdsaP256, KeyKind::Hmac] {
        node.create(kind.name(), kind).await;
        let shown = node.keys.show(MAIN, kind.name()).await.unwrap();
        let signs = matches!(kind, KeyKind::Ed25519 | KeyKind::EcdsaP256);
        assert_eq!(shown.versions[0].public.is_some(), signs);
        let public = shown.versions[0].public.clone().unwrap_or_default();
        assert!(!signs || public.starts_with("-----BEGIN PUBLIC KEY-----\nM"), "{public}");
    }
    let names = async |after, limit| {
        let listed = node.keys.list(MAIN, after, limit).await.unwrap();
        listed.into_iter().map(|state| state.name).collect::<Vec<_>>()
    };
    assert_eq!(names("", 2).await, ["aes256-gcm", "ecdsa-p256"]);
    assert_eq!(names("ecdsa-p256", 9).await, ["ed25519", "hmac"]);
    assert!(node.keys.list("acme", "", 9).await.unwrap().is_empty());
    for wrong in ["", "a b", "a/b", "a:b", &"x".repeat(129)] {
        let made = node.keys.create(MAIN, &new(wrong, KeyKind::Hmac), None).await;
        assert_eq!(made.unwrap_err().code(), &NO_NAME, "{wrong}");
    }
}

#[tokio::test]
async fn a_data_key_comes_with_its_ciphertext() {
    let node = one().await;
    node.create("orders", KeyKind::Aes256Gcm).await;
    let bound = Bound { context: None, associated: b"disk 3" };
    for bits in [128, 256, 512] {
        let made = node.keys.data_key(MAIN, &MakeDataKey { key: "orders", bits, bound }).await;
        let made = made.unwrap();
        assert_eq!(made.plain.len() * 8, bits as usize);
        let item = Sealed { ciphertext: &made.sealed.bytes, bound };
        assert_eq!(node.open_as(MAIN, Form::Text, item).await.unwrap(), made.plain);
    }
    let wrong = MakeDataKey { key: "orders", bits: 8, bound };
    assert_eq!(node.keys.data_key(MAIN, &wrong).await.unwrap_err().code(), &CRYPTO_INPUT);
}

async fn uses(world: &World) -> i64 {
    let text = "SELECT uses FROM crypto_version ORDER BY version";
    world.sql.query(Statement::new(text)).await.unwrap().first().unwrap().at(0).unwrap()
}

async fn use_up(world: &World, uses: u64) {
    let text = "UPDATE crypto_version SET uses = ?1";
    let update = Statement::new(text).bind(i64::try_from(uses).unwrap());
    world.sql.commit(Transaction::new().run(update)).await.unwrap();
}

#[tokio::test]
async fn uses_are_counted_before_they_happen_and_none_is_forgotten() {
    let world = World::new().await;
    let node = world.node().await;
    node.create("orders", KeyKind::Aes256Gcm).await;
    assert_eq!(uses(&world).await, 0);
    for _ in 0..3 {
        node.seal(b"x").await;
    }
    assert_eq!(uses(&world).await, RESERVED as i64, "once for many");
    node.revisions.bump(MAIN, None);
    node.seal(b"x").await;
    assert_eq!(uses(&world).await, RESERVED as i64, "read again, and counting on");
    world.node().await.seal(b"x").await;
    assert_eq!(uses(&world).await, 2 * RESERVED as i64, "another node, or this one after a crash");
}

#[tokio::test]
async fn a_version_that_encrypted_enough_is_replaced_and_never_goes_on_for_ever() {
    let world = World::new().await;
    let node = world.node().await;
    node.create("orders", KeyKind::Aes256Gcm).await;
    use_up(&world, WORN).await;
    assert_eq!(node.keys.tend().await.unwrap(), 0);
    use_up(&world, WORN + 1).await;
    assert_eq!(node.keys.tend().await.unwrap(), 1);
    assert!(node.seal(b"x").await.starts_with("stockade:v2:"));

    use_up(&world, USES_MAX - RESERVED + 1).await;
    let plain = Plain { text: b"x", bound: Bound::default(), version: Some(1) };
    assert_eq!(code(node.seal_as(MAIN, Form::Text, plain).await), "gate-crypto-version-worn");
}

#[tokio::test]
async fn a_key_rotates_by_itself_when_its_time_has_come() {
    let world = World::new().await;
    let node = world.node().await;
    let day = Duration::from_secs(24 * 3600);
    let daily = CreateCryptoKey { rotate_every: Some(day), ..new("orders", KeyKind::Aes256Gcm) };
    node.keys.create(MAIN, &daily, None).await.unwrap();
    assert_eq!(node.keys.tend().await.unwrap(), 0);
    for version in 2..4 {
        world.clock.advance(day);
        assert_eq!(node.keys.tend().await.unwrap(), 1);
        assert!(node.seal(b"x").await.starts_with(&format!("stockade:v{version}:")));
    }
    node.configure(Change { rotate_every: Some(Duration::ZERO), ..Change::default() })
        .await
        .unwrap();
    world.clock.advance(day);
    assert_eq!(node.keys.tend().await.unwrap(), 0);
    let facts = world.sql.query(Statement::new("SELECT fact FROM outbox")).await.unwrap();
    assert_eq!(facts.len(), 2, "what happens by itself is a fact too");
}

#[tokio::test]
async fn postgresql_keeps_keys_as_well() {
    let Some(server) = engines::postgres() else { return };
    let options = pool::sql::postgres::Options::url(server.url());
    let sql = pool::sql::postgres::Postgres::open(options).await.unwrap();
    let world = World::of(Arc::new(sql));
    let node = world.node().await;
    node.create("orders", KeyKind::Aes256Gcm).await;
    let sealed = node.seal(b"secret").await;
    assert_eq!(node.keys.rotate(MAIN, "orders", None).await.unwrap(), 2);
    assert_eq!(node.open(&sealed).await.unwrap(), b"secret");
    assert_eq!(uses(&world).await, RESERVED as i64);
    use_up(&world, WORN + 1).await;
    assert_eq!(node.keys.tend().await.unwrap(), 1);
    assert_eq!(node.keys.list(MAIN, "", 9).await.unwrap()[0].latest, 3);
    node.configure(Change { min_decryption: Some(2), ..Change::default() }).await.unwrap();
    assert_eq!(code(node.open(&sealed).await), "gate-crypto-version");
    node.configure(Change { deletable: Some(true), ..Change::default() }).await.unwrap();
    node.keys.delete(MAIN, "orders", None).await.unwrap();
    assert_eq!(code(node.open(&sealed).await), "gate-crypto-no-key");
}
