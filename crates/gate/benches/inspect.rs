//! What inspection costs: `cargo bench -p stockade-gate --bench inspect`, with the values of
//! `../shared/corpora`, beside one copy of the bytes, and of requests as browsers and programs
//! send them.
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop there")]

use std::hint::black_box;
use std::path::Path;

use flow::question::guard::{Channel, Forward};
use flow::signal::Registry;
use gate::inspect::{Checkpoint, Config, Inspector};
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;

const ROUNDS: usize = 7;

#[derive(Deserialize)]
struct Value {
    text: String,
    label: String,
    kind: String,
}

fn main() {
    requests();
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let Ok(packed) = std::fs::File::open(place.join("threats.dev.jsonl.zst")) else {
        println!("skipped: there are no labelled values in ../shared/corpora");
        return;
    };
    let text = String::from_utf8(zstd::decode_all(packed).unwrap()).unwrap();
    let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    println!("{:<34} {:>8} {:>12} {:>10}", "what", "values", "ns/value", "MB/s");
    let of = |kinds: &[&str], label: &str| -> Vec<&str> {
        let wanted = |value: &&Value| kinds.contains(&&*value.kind) && value.label == label;
        values.iter().filter(wanted).map(|value| &*value.text).collect()
    };
    row("parameters", &of(&["param"], "benign"));
    row("prose", &of(&["prose", "security-prose"], "benign"));
    row("prompts", &of(&["llm-prompt"], "benign"));
    row("code", &of(&["code"], "benign"));
    row("SQL injection", &of(&["sqli"], "malicious"));
    row("script for browsers", &of(&["xss"], "malicious"));
    row("paths", &of(&["path-traversal"], "malicious"));
    let long = of(&["prose"], "benign").join(" ").repeat(4);
    row("prose in one piece", &[&long]);
}

/// What a browser sends with every request.
const HEADERS: [(&str, &[u8]); 10] = [
    ("host", b"shop.example"),
    (
        "user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36",
    ),
    ("accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
    ("accept-language", b"de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7"),
    ("accept-encoding", b"gzip, deflate, br, zstd"),
    ("referer", b"https://shop.example/products?page=2"),
    ("sec-fetch-site", b"same-origin"),
    ("sec-ch-ua", b"\"Not(A:Brand\";v=\"99\", \"Chromium\";v=\"133\""),
    ("connection", b"keep-alive"),
    ("cookie", b"session=7b0c6a52-33a1-4d52-9f0e-0a6a8c1b2f3d; theme=dark"),
];

fn requests() {
    println!("{:<34} {:>8} {:>12} {:>10}", "request", "bytes", "ns/request", "MB/s");
    let json = |items: usize| {
        let item = r#"{"name":"O'Brien & Sons; Ltd","note":"two of the blue ones, please","n":12}"#;
        format!("[{}]", vec![item; items].join(","))
    };
    let prompt = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#,
        "Please tell me what the sort of thing is that people like about the sea. ".repeat(50)
    );
    let form = "name=O%27Brien+%26+Sons&note=two+of+the+blue+ones%2C+please&n=12";
    let attack = "/search?q=1%27%20or%20%271%27%3D%271&page=2";
    let plain = "/search?q=blue+shoes&page=2";
    let html = "text/html";
    for (what, target, kind, body) in [
        ("GET, 2 parameters, 10 headers", plain, "", ""),
        ("GET, an attack in a parameter", attack, "", ""),
        ("POST, a form of 3", "/order", "application/x-www-form-urlencoded", form),
        ("POST, JSON of 10 objects", "/order", "application/json", &json(10)),
        ("POST, JSON of 500 objects", "/order", "application/json", &json(500)),
        ("POST, a prompt", "/chat", "application/json", &prompt),
        ("POST, text", "/note", html, &prompt),
    ] {
        let checkpoint = Checkpoint::new(&Config::default(), &Registry::default()).unwrap();
        let mut headers = HEADERS.to_vec();
        headers.extend((!kind.is_empty()).then_some(("content-type", kind.as_bytes())));
        let (headers, body, host) = (&*headers, body.as_bytes(), "shop.example");
        let method = if body.is_empty() { "GET" } else { "POST" };
        let forward = Forward { method, host, target, headers, body, whole: true };
        let sent = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>()
            + body.len()
            + target.len();
        let (repeat, mut best) = ((20_000_000 / sent).clamp(10, 50_000), f64::MAX);
        for _ in 0..ROUNDS {
            let begun = now();
            for _ in 0..repeat {
                black_box(checkpoint.pass(black_box(&forward)).is_ok());
            }
            best = best.min((now() - begun) / f64::from(u32::try_from(repeat).unwrap()));
        }
        let size = f64::from(u32::try_from(sent).unwrap());
        println!("{what:<34} {sent:>8} {best:>12.0} {:>10.0}", size * 1e3 / best);
    }
    println!();
}

/// The best of several rounds over all values.
fn row(what: &str, values: &[&str]) {
    let inspector = Inspector::default();
    let bytes: usize = values.iter().map(|value| value.len()).sum();
    let repeat = (4_000_000 / bytes.max(1)).max(1);
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let begun = now();
        for _ in 0..repeat {
            for value in values {
                black_box(inspector.inspect(black_box(value), Channel::Param).score);
            }
        }
        best = best.min((now() - begun) / f64::from(u32::try_from(repeat).unwrap()));
    }
    let count = f64::from(u32::try_from(values.len()).unwrap());
    let size = f64::from(u32::try_from(bytes).unwrap());
    println!("{what:<34} {:>8} {:>12.0} {:>10.0}", values.len(), best / count, size * 1e3 / best);
}

/// Nanoseconds of this thread alone.
fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "a bench is not that long")]
    let now = time.tv_sec as f64 * 1e9 + time.tv_nsec as f64;
    now
}
