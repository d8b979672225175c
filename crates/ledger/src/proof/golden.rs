//! The golden files: what they hold, and that what is written today is still the same.

use std::path::PathBuf;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use flow::{Id, Time};
use pool::file::Files;
use pool::file::lossy::Lossy;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::tree::Tree;
use super::{Bundle, Checkpoint, Earlier, Edge, Hash, Included, Signer, content, leaf};
use crate::event::{Append, Codec, Event};
use crate::header::{self, Placed};
use crate::keep::{Ends, Evidence};

const NAME: &str = "example.com/log";
const START: u64 = 1_763_712_000_000_000_000;
/// How many events the log has, and had when it was signed before.
const SIZES: (u64, u64) = (11, 6);
/// The event whose payload was erased.
const ERASED: u64 = 7;

pub(super) fn signer() -> Signer {
    Signer::from_seed(NAME, Zeroizing::new([42; 32])).unwrap()
}

fn time(position: u64) -> Time {
    Time(START + position * 1_000_000_007)
}

/// The event at a position, behind one with this leaf; and its leaf.
fn evidence(position: u64, before: &Hash) -> (Evidence, Hash) {
    let payload = Bytes::from(format!("{{\"number\":{position}}}"));
    let event = Event {
        codec: Codec::Json,
        correlation: format!("checkout-{}", position % 3),
        ..Event::new("order.placed", payload.clone()).by("human:ann").about("shop/köln/7")
    };
    let append = Append::to(format!("orders-{}", position.div_ceil(2)));
    let placed = Placed {
        position,
        time: time(position),
        id: Id(0x0123_4567_89ab_cdef_0011_2233_4455_6600 + u128::from(position)),
        version: 2 - position % 2,
        append: &append,
        event: &event,
        key: if position == 1 { "only-once" } else { "" },
    };
    let mut header = Vec::new();
    header::write(&placed, &mut header);
    header.extend_from_slice(before.as_bytes());
    let salt = [position as u8; 16];
    let content = content(&salt, &payload);
    let leaf = leaf(&header, &content);
    let body = (position != ERASED).then_some((salt, payload));
    let ends = Ends { append: true, batch: true };
    (Evidence { position, header: header.into(), body, content, ends }, leaf)
}

struct Log {
    events: Vec<Evidence>,
    leaves: Vec<Hash>,
}

fn log() -> Log {
    let (mut events, mut leaves) = (Vec::new(), Vec::new());
    for position in 1..=SIZES.0 {
        let (event, leaf) = evidence(position, leaves.last().unwrap_or(&Hash::NONE));
        events.push(event);
        leaves.push(leaf);
    }
    Log { events, leaves }
}

fn note(size: u64, leaves: &[Hash]) -> String {
    let edge: Edge = leaves[..size as usize].iter().copied().collect();
    let (origin, time) = (NAME.to_owned(), time(size));
    signer().sign(&Checkpoint { origin, size, root: edge.root(), time }).unwrap()
}

/// Four of the events, of which one was erased, and an earlier checkpoint.
pub(super) fn bundle() -> Bundle {
    let Log { mut events, leaves } = log();
    let files: Arc<dyn Files> = Arc::new(Lossy::new(1));
    let tree = Tree::open(&files, "/".as_ref(), 0).unwrap();
    tree.append(&leaves).unwrap();
    let (size, old) = SIZES;
    events.retain(|event| [1, 2, ERASED, size].contains(&event.position));
    let included = events.into_iter().map(|event| {
        let inclusion = tree.inclusion(event.position - 1, size).unwrap();
        Included::new(event, inclusion)
    });
    let consistency = tree.consistency(old, size).unwrap();
    let earlier = Earlier { checkpoint: note(old, &leaves), consistency };
    Bundle { checkpoint: note(size, &leaves), earlier: Some(earlier), events: included.collect() }
}

/// Name and bytes of every golden file.
fn files() -> Vec<(&'static str, String)> {
    let Log { events, leaves } = log();
    let bytes = |bytes: &[u8]| Value::from(BASE64_STANDARD.encode(bytes));
    let (salt, payload) = events[0].body.clone().unwrap();
    let event = json!({
        "header": bytes(&events[0].header),
        "salt": bytes(&salt),
        "payload": bytes(&payload),
        "content": bytes(events[0].content.as_bytes()),
        "leaf": bytes(leaves[0].as_bytes()),
    });
    let roots = (0..=leaves.len()).map(|size| {
        let edge: Edge = leaves[..size].iter().copied().collect();
        bytes(edge.root().as_bytes())
    });
    let tree = json!({
        "leaves": leaves.iter().map(|leaf| bytes(leaf.as_bytes())).collect::<Vec<_>>(),
        "roots": roots.collect::<Vec<_>>(),
    });
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap() + "\n";
    vec![
        ("event.json", pretty(&event)),
        ("tree.json", pretty(&tree)),
        ("key.txt", format!("{}\n", signer().verifier())),
        ("checkpoint.txt", note(SIZES.0, &leaves)),
        ("bundle.json", bundle().to_json()),
    ]
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

#[test]
fn what_is_written_is_what_was_written_ever_since() {
    for (name, text) in files() {
        assert_eq!(std::fs::read_to_string(path(name)).unwrap(), text, "{name}");
    }
}

#[test]
#[ignore = "writes the golden files, which never change once a log was kept with them"]
fn write_the_golden_files() {
    for (name, text) in files() {
        std::fs::write(path(name), text).unwrap();
    }
}
