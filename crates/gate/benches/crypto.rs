//! What it costs to encrypt by a key that is looked up, counted and bound, beside the bare
//! cipher.
//!
//! `cargo bench -p stockade-gate --bench crypto`. Contenders take short turns, so that a busy
//! machine is busy for all of them; medians are printed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that fails should stop")]

mod turns;

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, RandomizedNonceKey, UnboundKey};
use flow::feed::{Announcer, MemoryFeed};
use flow::identity::MAIN;
use flow::question::crypto::{Bound, CreateCryptoKey, Encrypt, Form, KeyKind, Plain, Sealed};
use flow::{Clock, Random, Revisions};
use gate::Seal;
use gate::crypto::Strongbox;
use pool::file::Disk;
use pool::sql::sqlite::{Options, Sqlite};
use turns::by_turns;

async fn open() -> Strongbox {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let directory = tempfile::tempdir().unwrap();
    let seal = Arc::new(Seal::made(&Disk, &directory.path().join("seal")).unwrap());
    let (clock, random) = (Clock::system(), Random::system());
    let announcer = Announcer::new(Arc::new(MemoryFeed::new(clock.clone(), 64)), clock.clone());
    let (revisions, announcer) = (Arc::new(Revisions::default()), Arc::new(announcer));
    let keys = Strongbox::open((sql, seal), revisions, announcer, (clock, random)).await.unwrap();
    for n in 0..1000 {
        let (name, kind) = (format!("key-{n}"), KeyKind::Aes256Gcm);
        let new = CreateCryptoKey { name: &name, kind, derived: false, rotate_every: None };
        keys.create(MAIN, &new, None).await.unwrap();
    }
    keys
}

/// The answer of work that has nothing to wait for.
fn now<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
        std::thread::yield_now();
    }
}

fn measure(keys: &Strongbox, size: usize, times: u32) {
    let text = vec![7; size];
    let in_place = RandomizedNonceKey::new(&AES_256_GCM, &[7; 32]).unwrap();
    let mut buffer = text.clone();
    let apart = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
    let (mut tag, mut fresh_tag) = ([0; 16], [0; 16]);
    let mut room = vec![0; size];
    let bound = Bound { context: None, associated: b"row 7" };
    let plain = [Plain { text: &text, bound, version: None }];
    let encrypt = |form| {
        let ask = Encrypt { key: "key-7", form, items: &plain };
        now(keys.encrypt(MAIN, &ask)).unwrap().remove(0).unwrap().bytes
    };
    let sealed = encrypt(Form::Raw);
    let nonce = || {
        let mut nonce = [0; 12];
        aws_lc_rs::rand::fill(&mut nonce).unwrap();
        Nonce::assume_unique_for_key(nonce)
    };
    let mut known = text.clone();
    let known_nonce = Nonce::assume_unique_for_key([7; 12]);
    apart.seal_in_place_append_tag(known_nonce, Aad::from(b"row 7"), &mut known).unwrap();
    let contenders = by_turns(
        times,
        [
            &mut || {
                let bound = Aad::from(b"row 7");
                drop(black_box(in_place.seal_in_place_separate_tag(bound, &mut buffer).unwrap()));
            },
            &mut || {
                let bound = Aad::from(b"row 7");
                apart
                    .seal_out_of_place_scatter(nonce(), bound, &text, &mut room, &[], &mut tag)
                    .unwrap();
            },
            &mut || {
                let (mut fresh, bound) = (vec![0; size], Aad::from(b"row 7"));
                let (tag, text) = (&mut fresh_tag, &text);
                apart
                    .seal_out_of_place_scatter(nonce(), bound, text, &mut fresh, &[], tag)
                    .unwrap();
                black_box(fresh);
            },
            &mut || drop(black_box(encrypt(Form::Raw))),
            &mut || {
                let (nonce, mut fresh) = (Nonce::assume_unique_for_key([7; 12]), vec![0; size]);
                let bound = Aad::from(b"row 7");
                let (text, tag) = known.split_at(size);
                apart.open_separate_gather(nonce, bound, text, tag, &mut fresh).unwrap();
                black_box(fresh);
            },
            &mut || {
                let items = [Sealed { ciphertext: &sealed, bound }];
                let opened = now(keys.decrypt(MAIN, ("key-7", Form::Raw), &items)).unwrap();
                black_box(opened);
            },
            &mut || drop(black_box(encrypt(Form::Text))),
        ],
    );
    let [placed, apart, fresh, raw, opened, decrypted, text] = contenders;
    let rows = [
        ("encrypted", raw, "aws-lc-rs, in place", placed),
        ("encrypted", raw, "aws-lc-rs, apart", apart),
        ("encrypted", raw, "aws-lc-rs, into fresh memory", fresh),
        ("decrypted", decrypted, "aws-lc-rs, into fresh memory", opened),
        ("encrypted, as text", text, "aws-lc-rs, in place", placed),
    ];
    for (what, ours, peer, theirs) in rows {
        println!("{size} bytes {what}\t{ours:.0}\tns\t\t{peer}\t{theirs:.0}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("# By a key that is looked up among a thousand, counted and bound; medians of turns.");
    let keys = open().await;
    // Held, and a block of uses reserved, before anything is measured.
    let plain = [Plain { text: b"x", bound: Bound::default(), version: None }];
    let ask = Encrypt { key: "key-7", form: Form::Raw, items: &plain };
    drop(keys.encrypt(MAIN, &ask).await.unwrap());
    measure(&keys, 64, 200);
    measure(&keys, 1 << 10, 200);
    measure(&keys, 1 << 20, 4);
}
