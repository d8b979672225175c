//! Bodies: what they say they are, what they are, and what cannot be read of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::super::*;
use super::checkpoint;

const JSON: &str = r#"{"a":"1' or '1'='1"}"#;

fn post(config: &str, headers: &[(&str, &str)], body: &[u8], whole: bool) -> Result<Seen> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let (method, host, target) = ("POST", "h", "/");
    checkpoint(config).pass(&Forward { method, host, target, headers: &headers, body, whole })
}

/// What is found in a body of a type.
fn found(kind: &str, body: &[u8]) -> Vec<&'static str> {
    let headers = [("content-type", kind)];
    let headers = if kind.is_empty() { &[][..] } else { &headers[..] };
    post(r#"{"mode":"flag"}"#, headers, body, true).unwrap().kinds
}

fn wide(text: &str, little: bool) -> Vec<u8> {
    let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn a_body_is_read_as_what_it_says_and_as_what_it_looks_like() {
    for (kind, body, expected) in [
        ("application/json", JSON, "sqli"),
        ("application/vnd.api+json; charset=utf-8", JSON, "sqli"),
        ("", JSON, "sqli"),
        ("text/plain", JSON, "sqli"),
        ("application/octet-stream", JSON, "sqli"),
        ("image/png", JSON, "sqli"),
        ("application/x-www-form-urlencoded", JSON, "sqli"),
        ("application/json", "a=b&c=1%27%20or%20%271%27%3D%271", "sqli"),
        ("application/json", "<a>1' or '1'='1</a>", "sqli"),
        ("", "c=1%27%20or%20%271%27%3D%271", "sqli"),
        ("application/json", r#"{"a":1,"a":"<script>go()</script>"}"#, "xss"),
        ("application/json", r#"{"a":1}{"b":"<script>go()</script>"}"#, "xss"),
        ("application/json", r#"{"a":"<script>go()</script>"#, "xss"),
        ("application/json", "{'a':'<script>go()</script>'}", "xss"),
        ("application/json", r#"{"\u003cscript>go()</script>":1}"#, "xss"),
        ("application/json", r#"{"a":"{\"b\":{\"$ne\":1}}"}"#, "nosqli"),
        ("application/xml", "<a><!-- <script>go()</script> --></a>", "xss"),
        ("application/xml", "<a><![CDATA[<script>go()</script>]]></a>", "xss"),
        ("application/xml", "<a><script>go()</script></a>", "xss"),
        ("application/xml", "<a><img onerror=\"go()\"/></a>", "xss"),
        ("application/xml", "<!DOCTYPE a SYSTEM \"http://e.example/a.dtd\"><a/>", "xxe"),
        ("application/xml", "<!DOCTYPE a [<!ENTITY b 'c>d'>]><a>&b;</a>", "xxe"),
        ("application/xml", "<?xml-stylesheet href=\"a.xsl\"?><a/>", "xxe"),
        ("application/graphql", "{ a(b: \"\"\"<script>go()</script>\"\"\") }", "xss"),
        ("application/graphql", "{ a(b: \"1' or '1'='1\") }", "sqli"),
        (
            "multipart/form-data; boundary=\"b\"",
            "--b\nContent-Disposition: form-data; name=a\n\n<script>go()</script>\n--b--",
            "xss",
        ),
        (
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; name=a; filename=a.json\r\nContent-Type: application/json\r\n\r\n{\"a\":{\"$ne\":1}}\r\n--b--",
            "nosqli",
        ),
        (
            "multipart/form-data",
            "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n<script>go()</script>\r\n--b--",
            "xss",
        ),
        ("text/plain", "hello\n<script>go()</script>", "xss"),
    ] {
        let kinds = found(kind, body.as_bytes());
        assert!(kinds.contains(&expected), "{kind} {body}: {kinds:?}");
    }
}

#[test]
fn other_alphabets_are_read_where_they_are_said_or_seen() {
    let xml =
        "<?xml version=\"1.0\" encoding=\"utf-7\"?><a>+ADw-script+AD4-go()+ADw-/script+AD4-</a>";
    for (kind, body, expected) in [
        ("application/json; charset=utf-16", [b"\xff\xfe", &*wide(JSON, true)].concat(), "sqli"),
        ("application/json; charset=utf-16le", wide(JSON, true), "sqli"),
        ("application/json", wide(JSON, false), "sqli"),
        ("text/plain; charset=utf-7", b"+ADw-script+AD4-go()+ADw-/script+AD4-".to_vec(), "xss"),
        ("application/xml", xml.as_bytes().to_vec(), "xss"),
        ("application/json; charset=latin1", b"{\"a\":\"\xe9' or '1'='1\"}".to_vec(), "sqli"),
        ("application/json", b"\xef\xbb\xbf{\"a\":{\"$ne\":1}}".to_vec(), "nosqli"),
    ] {
        let kinds = found(kind, &body);
        assert!(kinds.contains(&expected), "{kind}: {kinds:?}");
    }
    assert_eq!(found("text/plain; charset=ibm037", b"\x81\x82"), ["unread"]);
}

#[test]
fn packed_bodies_are_unpacked_within_bounds() {
    let packed = |body: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(body).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(body).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(body).unwrap();
        [("gzip", gzip.finish()), ("deflate", zlib.finish()), ("deflate", raw.finish())]
    };
    for (name, body) in packed(JSON.as_bytes()) {
        let body = body.unwrap();
        let headers = [("content-type", "application/json"), ("content-encoding", name)];
        let error = post("{}", &headers, &body, true).unwrap_err();
        assert_eq!(error.record()["found"][0]["field"], "json:a", "{name}");
        let cut = post(r#"{"mode":"flag"}"#, &headers, &body[..body.len() - 6], true).unwrap();
        assert!(cut.kinds.contains(&"unread"), "{name}: {:?}", cut.kinds);
    }
    let bomb = packed(&vec![b' '; 3 << 20]);
    for (name, body) in bomb {
        let headers = [("content-type", "text/plain"), ("content-encoding", name)];
        let seen = post("{}", &headers, &body.unwrap(), true).unwrap();
        assert_eq!(seen.kinds, ["unread"], "{name}");
        assert_eq!(seen.record["unread"], "the body unpacks to more than is read");
    }
    let seen = post("{}", &[("content-encoding", "br")], b"\x0b\x02\x80", true).unwrap();
    assert_eq!(seen.kinds, ["unread"]);
}

#[test]
fn what_is_not_read_is_said_and_dealt_with_as_configured() {
    let deep = "[".repeat(70) + &"]".repeat(70);
    let many = (0..2_100)
        .fold(String::from("{"), |all, index| all + &format!("\"a{index}\":\"abc\","))
        + "\"b\":1}";
    let long = format!("{{\"a\":\"{}\"}}", "abc ".repeat(300_000));
    let json = "application/json";
    for (kind, body, whole) in [
        (json, deep.as_bytes(), true),
        (json, many.as_bytes(), true),
        (json, long.as_bytes(), true),
        (json, &b"{\"a\":1}"[..], false),
        (json, b"", false),
        (json, b"\xff\xff\0\0", true),
        ("application/x-protobuf", b"\x08\x96\x01\0", true),
    ] {
        let of = |unread: &str, mode: &str| {
            let config = format!(r#"{{"unread":"{unread}","mode":"{mode}"}}"#);
            post(&config, &[("content-type", kind)], body, whole)
        };
        let start = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
        assert!(of("pass", "block").unwrap().record.is_null(), "{start}");
        let seen = of("flag", "block").unwrap();
        assert_eq!((seen.kinds, seen.score), (vec!["unread"], 0.5), "{start}");
        assert_eq!(of("block", "block").unwrap_err().code().name, "gate-unread", "{start}");
        assert_eq!(of("block", "flag").unwrap().kinds, ["unread"], "{start}");
        let seen = of("block", "observe").unwrap();
        assert!(seen.kinds.is_empty() && !seen.record.is_null(), "{start}");
    }
    // What is in the part beyond what is counted is read all the same.
    let behind = many.replace("\"b\":1", "\"b\":\"<script>go()</script>\"");
    let error = post("{}", &[("content-type", json)], behind.as_bytes(), true).unwrap_err();
    assert_eq!(error.code().name, "gate-attack");
}

#[test]
fn what_nobody_reads_is_let_be() {
    for (kind, body) in [
        ("image/png", &b"\x89PNG\r\n\x1a\n\0\0' or '1'='1"[..]),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\0\0\r\n--b--\r\n"),
        ("application/json", b"{\"a\":[1,-2.5e3,true,null,\"text\"],\"b\":{\"c\":\"d\"}}\n"),
        ("application/json", b"\"alone\""),
        ("application/xml", b"<?xml version=\"1.0\"?>\n<a xmlns=\"http://www.w3.org/2005/Atom\"><b c='d'>e &amp; f</b><g/></a>\n"),
        ("application/graphql", b"query($id: ID!) { user(id: $id) { name friends(first: 10) { edges } } } # all of them"),
        ("text/plain", b"Dear all,\n\nplease find the sort of thing you like; date it.\n"),
    ] {
        assert!(found(kind, body).is_empty(), "{kind}: {:?}", found(kind, body));
    }
}

#[test]
fn long_strings_with_spaces_are_what_somebody_wrote() {
    let prose = "Our guide says: run `id` or cat /etc/hosts to see who you are. ".repeat(6);
    let config = r#"{"rules":[{"name":"t","kind":"written","contains":"guide","channel":"text"}]}"#;
    let body = serde_json::json!({ "prompt": prose, "q": "guide" }).to_string();
    let seen = post(
        &config.replacen('{', r#"{"mode":"flag","#, 1),
        &[("content-type", "application/json")],
        body.as_bytes(),
        true,
    );
    let record = seen.unwrap().record;
    let fields: Vec<_> = record["found"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|hit| hit["kind"] == "written")
        .map(|hit| hit["field"].clone())
        .collect();
    assert_eq!(fields, ["json:prompt"]);
}
