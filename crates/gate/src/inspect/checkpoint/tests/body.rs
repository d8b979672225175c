//! Bodies: what they say they are, what they are, and what cannot be read of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::io::{Read, Write};

use base64::Engine;
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
        let mut brotli = Vec::new();
        brotli::CompressorReader::new(body, 4096, 5, 22).read_to_end(&mut brotli).unwrap();
        [
            ("gzip", gzip.finish().unwrap()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
            ("br", brotli),
            ("zstd", zstd::encode_all(body, 3).unwrap()),
        ]
    };
    for (name, body) in packed(JSON.as_bytes()) {
        let headers = [("content-type", "application/json"), ("content-encoding", name)];
        let error = post("{}", &headers, &body, true).unwrap_err();
        assert_eq!(error.record()["found"][0]["field"], "json:a", "{name}");
        let cut = post(r#"{"mode":"flag"}"#, &headers, &body[..body.len() - 6], true).unwrap();
        assert!(cut.kinds.contains(&"unread"), "{name}: {:?}", cut.kinds);
    }
    let bomb = packed(&vec![b' '; 3 << 20]);
    for (name, body) in bomb {
        let headers = [("content-type", "text/plain"), ("content-encoding", name)];
        let seen = post("{}", &headers, &body, true).unwrap();
        assert_eq!(seen.kinds, ["unread"], "{name}");
        assert_eq!(seen.record["unread"], "the body unpacks to more than is read");
    }
    // Who packs so that whoever reads it needs 128 MiB is not read.
    let mut far = zstd::Encoder::new(Vec::new(), 1).unwrap();
    far.window_log(27).unwrap();
    far.write_all(JSON.as_bytes()).unwrap();
    for (name, body) in [
        ("compress", &b"\x1f\x9d\x90a"[..]),
        ("br", b"\xff\xff\xff"),
        ("zstd", b"{\"a\":1}"),
        ("zstd", &far.finish().unwrap()),
        ("br, br, br, br", b"\x3b"),
    ] {
        let seen = post("{}", &[("content-encoding", name)], body, true).unwrap();
        assert_eq!(seen.kinds, ["unread"], "{name}");
    }
}

/// A field of a message: its number, and what is in it.
fn held(number: u8, held: &[u8]) -> Vec<u8> {
    let length = u8::try_from(held.len()).unwrap();
    let (low, high) = (length & 0x7f, length >> 7);
    let length = if high == 0 { vec![low] } else { vec![low | 0x80, high] };
    [&[number << 3 | 2][..], &length, held].concat()
}

/// A message in a frame.
fn framed(flags: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flags][..], &length, message].concat()
}

#[test]
fn messages_are_read_whatever_they_are_messages_of() {
    let attack = b"1' or '1'='1";
    let count = b"\x08\x96\x01";
    let name = held(2, b"Ann");
    for (field, message) in [
        ("protobuf:2", held(2, attack)),
        ("protobuf:3", [&name, &held(3, attack)[..], count].concat()),
        (
            "protobuf:4.1.2",
            [count, &held(4, &held(1, &[count, &*held(2, attack)].concat()))[..]].concat(),
        ),
        // In a group, behind numbers of four and of eight bytes.
        (
            "protobuf:1",
            [b"\x23\x0d1234\x11".as_slice(), b"12345678", &held(1, attack), b"\x24"].concat(),
        ),
        // A text that looks like a message with a number of eight bytes in it.
        ("protobuf:1", held(1, b"\x11' or 1=1")),
        // A text with a zero in it, and one that is no UTF-8.
        ("protobuf:1", held(1, b"1' or '1'='1'\0")),
        ("protobuf:1", held(1, b"\xe9' or '1'='1")),
    ] {
        for (kind, body) in [
            ("application/x-protobuf", message.clone()),
            ("application/grpc", framed(0, &message)),
            ("application/grpc+proto", [framed(0, count), framed(0, &message)].concat()),
            ("application/connect+proto", framed(0, &message)),
        ] {
            let error = post("{}", &[("content-type", kind)], &body, true).unwrap_err();
            assert_eq!(error.record()["found"][0]["field"], field, "{kind} {body:?}");
        }
    }
    let message = held(2, attack);
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let web = base64(&framed(0, count)) + &base64(&framed(0, &message));
    for (kind, body) in [
        ("application/grpc-web-text", web.into_bytes()),
        ("application/grpc-web+proto", [framed(0, &message), framed(0x80, b"a: b")].concat()),
        ("application/grpc+json", framed(0, JSON.as_bytes())),
        ("application/connect+json", [framed(0, JSON.as_bytes()), framed(2, b"{}")].concat()),
        ("application/grpc", framed(1, &zstd::encode_all(&*message, 1).unwrap())),
    ] {
        let seen = post(r#"{"mode":"flag"}"#, &[("content-type", kind)], &body, true).unwrap();
        assert_eq!(seen.kinds, ["sqli"], "{kind}");
    }
    // Behind more messages than are read one by one.
    let many = [framed(0, b"").repeat(2_100), framed(0, &message)].concat();
    assert_eq!(found("application/grpc", &many), ["sqli", "unread"]);
    // What did not come as a whole is read as far as it came.
    let message = held(2, b"1' or '1'='1' or '1'='1");
    let frame = framed(0, &message);
    for (kind, body) in [
        ("application/x-protobuf", &message[..18]),
        ("application/grpc", &frame[..23]),
        ("application/grpc-web-text", &base64(&frame).as_bytes()[..33]),
    ] {
        let seen = post(r#"{"mode":"flag"}"#, &[("content-type", kind)], body, false).unwrap();
        assert_eq!(seen.kinds, ["sqli", "unread"], "{kind}");
    }
}

#[test]
fn messages_that_are_none_are_said_to_be_unread() {
    let fits = framed(0, &held(2, b"Ann"));
    let deep =
        (0..70).fold(b"\x08\x01".to_vec(), |inner, _| held(1, &inner[..inner.len().min(200)]));
    for body in [
        &framed(0, b"\x0a\x20Ann"),
        &framed(0, b"\x0f"),
        &framed(0, b"\x00\x00"),
        &framed(0, b"\x08\x80"),
        &framed(0, &deep),
        &framed(1, b"no packing"),
        &fits[..fits.len() - 1],
        &[&fits, &b"\0\0"[..]].concat(),
        &[0, 0xff, 0xff, 0xff, 0xff],
    ] {
        let seen = post("{}", &[("content-type", "application/grpc")], body, true).unwrap();
        assert_eq!(seen.kinds, ["unread"], "{body:?}");
    }
    // A first text of sixty letters looks like markup by its length, and is none.
    let sixty = held(1, &[b'a'; 60]);
    assert!(found("application/protobuf", &[&*sixty, b"\x10\0"].concat()).is_empty());
    // What is nested is read as a text too only for so long. Few lengths are UTF-8.
    let nested = |times: u8| {
        let other = held(2, &[b' '; 122]);
        (0..times).fold(vec![b' '; 256 * 128 + 0x42], |inner, n| {
            [&[b'\n', 0xc2, 0x80 | n, 2], &*inner, &*other].concat()
        })
    };
    for (times, unread) in [(5, None), (40, Some("the messages are nested more than is read"))] {
        let kind = [("content-type", "application/protobuf")];
        let seen = post("{}", &kind, &nested(times), true).unwrap();
        assert_eq!(seen.record["unread"].as_str(), unread, "{times}: {:?}", seen.kinds);
    }
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

/// Whoever fills one part up does not get the next one past.
#[test]
fn parts_behind_one_that_is_too_full_are_read() {
    let many = "a=b&".repeat(2_100);
    let (target, cookies) = (format!("/?{many}"), "a=b; ".repeat(2_100));
    let attack = "<script>go()</script>";
    let query = format!("/?{many}id={attack}");
    for (target, cookie, body) in [
        (target.as_str(), "a=b", JSON),
        (&*query, "a=b", ""),
        ("/", &*format!("{cookies}c={attack}"), ""),
        ("/?id=1'+or+'1'='1", &*cookies, ""),
        ("/", &*cookies, JSON),
    ] {
        let headers = [("cookie", cookie.as_bytes()), ("content-type", &b"application/json"[..])];
        let (headers, body) = (&headers[..], body.as_bytes());
        let forward = Forward { method: "POST", host: "h", target, headers, body, whole: true };
        let error = checkpoint("{}").pass(&forward).unwrap_err();
        assert_eq!(error.code().name, "gate-attack");
    }
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
