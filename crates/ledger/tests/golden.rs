//! The golden files are as the format says, and nothing in them can be changed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ledger::Codec;
use ledger::proof::{Bundle, Edge, Hash, Verifier, content, leaf};
use serde_json::Value;

fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn json(name: &str) -> Value {
    serde_json::from_str(&file(name)).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn hash(value: &Value) -> Hash {
    Hash::from(<[u8; 32]>::try_from(bytes(value)).unwrap())
}

fn key() -> Verifier {
    file("key.txt").trim_end().parse().unwrap()
}

#[test]
fn the_event_hashes_to_its_leaf() {
    let event = json("event.json");
    let own = content(&bytes(&event["salt"]), &bytes(&event["payload"]));
    assert_eq!(own, hash(&event["content"]));
    assert_eq!(leaf(&bytes(&event["header"]), &own), hash(&event["leaf"]));
    assert_eq!(hash(&event["leaf"]), hash(&json("tree.json")["leaves"][0]));
}

#[test]
fn the_tree_has_its_roots() {
    let tree = json("tree.json");
    let mut edge = Edge::default();
    let roots = tree["roots"].as_array().unwrap();
    assert_eq!(edge.root(), hash(&roots[0]));
    for (leaf, root) in tree["leaves"].as_array().unwrap().iter().zip(&roots[1..]) {
        edge.push(hash(leaf));
        assert_eq!(edge.root(), hash(root));
    }
    assert_eq!(edge.size(), 11);
}

#[test]
fn the_checkpoint_is_signed() {
    let checkpoint = key().open(&file("checkpoint.txt")).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/log", 11));
    assert_eq!(checkpoint.root, hash(&json("tree.json")["roots"][11]));
    assert_eq!(checkpoint.time.0, 1_763_712_011_000_000_077);
}

#[test]
fn the_bundle_proves_its_events() {
    let bundle = Bundle::from_json(file("bundle.json").as_bytes()).unwrap();
    let verified = bundle.verify(&key()).unwrap();
    assert_eq!(verified.earlier.unwrap().size, 6);
    let first = &verified.events[0];
    assert_eq!((first.position, first.version, first.schema), (1, 1, 1));
    assert_eq!(
        (first.tenant(), first.stream(), first.kind()),
        ("main", "orders-1", "order.placed")
    );
    assert_eq!((first.actor(), first.path()), ("human:ann", "shop/köln/7"));
    assert_eq!((first.correlation(), first.key()), ("checkout-1", "only-once"));
    assert_eq!((first.codec, first.time.0), (Codec::Json, 1_763_712_001_000_000_007));
    assert_eq!(first.id.0, 0x0123_4567_89ab_cdef_0011_2233_4455_6601);
    assert_eq!(verified.events[2].payload, None);
    assert_eq!(verified.events[3].payload.as_deref(), Some(&br#"{"number":11}"#[..]));
}

#[test]
fn nothing_in_the_bundle_can_be_changed() {
    let good = file("bundle.json").into_bytes();
    let key = key();
    let holds =
        |json: &[u8]| Bundle::from_json(json).and_then(|bundle| bundle.verify(&key)).is_ok();
    assert!(holds(&good));
    for place in 0..good.len() {
        for bit in [0, 1 + place % 7] {
            let mut bad = good.clone();
            bad[place] ^= 1 << bit;
            // The line break at the end means nothing.
            let blank = place + 1 == good.len() && bad[place].is_ascii_whitespace();
            assert!(blank || !holds(&bad), "bit {bit} of byte {place}");
        }
        assert!(place + 1 == good.len() || !holds(&good[..place]), "cut at {place}");
    }
}
