//! Archives that are taken, those that are not, and who signed them.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use flow::unit::Size;
use pool::secret::Secret;
use rcgen::{KeyPair, RsaKeySize};
use tar::{Builder, EntryType, Header};

use super::archive::Files;
use super::*;

const RULE: &str = "package a.b\n\nallow if input.admin";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// An archive of entries as they are, with names no careful writer would write.
fn raw(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (name, kind, bytes) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    gzip(&archive.into_inner().unwrap())
}

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut entries: Vec<(&str, EntryType, &[u8])> = Vec::new();
    for (name, text) in files {
        entries.push((name, EntryType::Regular, text.as_bytes()));
    }
    raw(&entries)
}

fn read(bytes: &[u8]) -> Result<Bundle> {
    Bundle::read("test", bytes, None, &Limits::default())
}

/// Why an archive is refused.
fn refusal(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().detail().to_owned()
}

#[test]
fn policies_and_documents_are_where_their_directories_are() {
    let bundle = read(&archive(&[
        ("/.manifest", r#"{"revision":"7","roots":["a","x"],"metadata":{"who":"me"}}"#),
        ("./a/b/rule.rego", RULE),
        ("/a/data.json", r#"{"n":1.50}"#),
        ("a/c/data.yaml", "- x\n- yes\n"),
        ("x/data.yml", "k: 1"),
        ("README.md", "neither"),
        ("other.json", "{"),
        ("policy.wasm", "\0asm"),
        ("/a/plan.json", "{}"),
    ]))
    .unwrap();
    assert_eq!((bundle.revision.as_str(), bundle.policies()), ("7", 1));
    assert_eq!(bundle.roots.names(), ["a", "x"]);
    assert_eq!(json::write(&bundle.data), r#"{"a":{"c":["x",true],"n":1.50},"x":{"k":1}}"#);
    assert_eq!(bundle.modules[0].id, "bundle/test/a/b/rule.rego");
    assert_eq!(bundle.warnings.len(), 2, "{:?}", bundle.warnings);
    bundle.check().unwrap();
    let all = read(&archive(&[("r.rego", RULE)])).unwrap();
    assert_eq!(all.roots.names(), [""]);
}

#[test]
fn what_was_packed_by_others_is_read() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(place.path().join("in/a")).unwrap();
    std::fs::write(place.path().join("in/a/rule.rego"), RULE).unwrap();
    std::fs::write(place.path().join("in/a/data.json"), r#"{"x":[1]}"#).unwrap();
    for format in ["gnu", "ustar", "pax"] {
        let tar = std::process::Command::new("tar")
            .current_dir(place.path())
            .args(["-czf", "out.tar.gz", &format!("--format={format}"), "-C", "in", "."])
            .status();
        if !tar.is_ok_and(|status| status.success()) {
            eprintln!("skipped: there is no `tar` here that knows {format}");
            continue;
        }
        let bundle = read(&std::fs::read(place.path().join("out.tar.gz")).unwrap()).unwrap();
        assert_eq!(bundle.modules[0].id, "bundle/test/a/rule.rego", "{format}");
        assert_eq!(json::write(&bundle.data), r#"{"a":{"x":[1]}}"#, "{format}");
    }
}

#[test]
fn hostile_archives_are_refused_by_the_name_of_the_file() {
    let long = "d/".repeat(49);
    let deep = format!("{}x.rego", "d/".repeat(30));
    for (name, kind, said) in [
        ("../up.rego", EntryType::Regular, "`../up.rego` leads somewhere else"),
        ("a/../up.rego", EntryType::Regular, "`a/../up.rego` leads somewhere else"),
        ("//etc/x.rego", EntryType::Regular, "`//etc/x.rego` leads somewhere else"),
        ("a//x.rego", EntryType::Regular, "`a//x.rego` leads somewhere else"),
        ("a/./x.rego", EntryType::Regular, "`a/./x.rego` leads somewhere else"),
        ("a/..", EntryType::Directory, "`a/..` leads somewhere else"),
        ("x\n.rego", EntryType::Regular, "control characters"),
        ("link.rego", EntryType::Symlink, "`link.rego` is a link"),
        ("hard.rego", EntryType::Link, "`hard.rego` is a link"),
        ("pipe", EntryType::Fifo, "`pipe` is neither a file nor a directory"),
        ("disk", EntryType::Block, "`disk` is neither a file nor a directory"),
        (&long, EntryType::Regular, "leads somewhere else"),
    ] {
        let said_so =
            refusal(&raw(&[("fine.rego", EntryType::Regular, b"package x"), (name, kind, b"")]));
        assert!(said_so.contains(said), "{name}: {said_so}");
    }
    assert!(read(&archive(&[(&deep, "package x")])).is_ok());
    let twice = refusal(&archive(&[("a.rego", "package a"), ("./a.rego", "package b")]));
    assert_eq!(twice, "`a.rego` is in it twice");
}

#[test]
fn archives_that_are_too_large_are_refused() {
    let limits = Limits { size_max: Size::kib(8), unpacked_max: Size::kib(64), files_max: 10 };
    let read = |bytes: &[u8]| Bundle::read("test", bytes, None, &limits);
    let code = |bytes: &[u8]| read(bytes).unwrap_err().code().name;
    let zeros = "0".repeat(1 << 20);
    let bomb = archive(&[("data.json", &zeros)]);
    assert!(bomb.len() < 8 << 10, "{}", bomb.len());
    assert_eq!(code(&bomb), "policy-bundle-too-large");
    assert_eq!(code(&gzip(&vec![0; 4 << 20])), "policy-bundle-too-large", "behind the end");
    assert_eq!(code(&vec![0; 9 << 10]), "policy-bundle-too-large");
    let names: Vec<String> = (0..11).map(|n| format!("{n}.rego")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "package x")).collect();
    assert_eq!(code(&archive(&many)), "policy-bundle-too-large");
    assert!(read(&archive(&many[..10])).is_ok());
    // As large as it may be: the file, its header, and what ends an archive.
    let most = (64 << 10) - 4 * 512;
    let exactly = format!("{{\"x\":\"{}\"}}", "y".repeat(most - 8));
    assert!(read(&archive(&[("data.json", &exactly)])).is_ok());
}

#[test]
fn what_is_no_bundle_is_refused() {
    let whole = archive(&[("a.rego", RULE), ("data.json", "{}")]);
    let mut flipped = whole.clone();
    let last = flipped.len() - 6;
    flipped[last] ^= 1;
    for (bytes, said) in [
        (b"".to_vec(), "does not unpack"),
        (b"no gzip at all".to_vec(), "does not unpack"),
        (whole[..whole.len() / 2].to_vec(), "does not unpack"),
        (flipped, "does not unpack"),
        (gzip(b"no archive"), "does not unpack"),
        (archive(&[]), "neither policy nor data"),
        (archive(&[("x.txt", "")]), "neither policy nor data"),
        (archive(&[("patch.json", "{}")]), "delta bundle"),
        (archive(&[("data.json", "[1]")]), "`data.json` has to be an object"),
        (archive(&[("data.json", "{")]), "`data.json` cannot be read"),
        (archive(&[("a/data.yaml", "a: [")]), "`a/data.yaml` cannot be read"),
        (archive(&[("a/data.json", "1"), ("data.json", r#"{"a":2}"#)]), "at `a`"),
        (archive(&[(".manifest", "[]")]), "`.manifest`"),
        (archive(&[(".manifest", r#"{"roots":["a","a/b"]}"#)]), "`a` and `a/b`"),
        (archive(&[(".manifest", r#"{"rego_version":2}"#)]), "`rego_version` 2"),
        (
            archive(&[(".manifest", r#"{"roots":["a"]}"#), ("data.json", r#"{"b":1}"#)]),
            "data at `b`, outside",
        ),
    ] {
        let said_so = refusal(&bytes);
        assert!(said_so.contains(said), "{said}: {said_so}");
    }
    let elsewhere = archive(&[(".manifest", r#"{"roots":["a/c"]}"#), ("r.rego", RULE)]);
    let error = read(&elsewhere).unwrap().check().unwrap_err();
    assert!(error.detail().contains("`bundle/test/r.rego` has the package `a.b`"), "{error}");
    for name in ["", ".", "..", "a/b", ".x", "ä", "a b", &"x".repeat(129)] {
        assert!(Bundle::read(name, &whole, None, &Limits::default()).is_err(), "{name}");
    }
}

#[test]
fn rego_from_before_is_read_where_the_manifest_says_so() {
    let old = "package old\n\nallow { input.x }";
    for (manifest, fine) in [
        ("{}", false),
        (r#"{"rego_version":0}"#, true),
        (r#"{"rego_version":0,"file_rego_versions":null,"revision":null,"roots":null}"#, true),
        (r#"{"rego_version":1,"file_rego_versions":{"/old/*.rego":0}}"#, true),
        (r#"{"rego_version":0,"file_rego_versions":{"/old/r.rego":1}}"#, false),
        (r#"{"file_rego_versions":{"/new/*":0}}"#, false),
    ] {
        let bundle = read(&archive(&[(".manifest", manifest), ("old/r.rego", old)])).unwrap();
        assert_eq!(bundle.check().is_ok(), fine, "{manifest}");
    }
}

fn files() -> Files {
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    Files::from([
        file("a/rule.rego", RULE),
        file("data.json", "{ \"b\": 1.0, \"a\": \"<&>\" }"),
        file("y/data.yaml", "z: 1\na: [x]\n"),
        file(".manifest", r#"{"revision":"r","roots":[""]}"#),
    ])
}

struct Keys {
    place: tempfile::TempDir,
}

impl Keys {
    fn key(&self, text: &str, algorithm: &str, names: (Option<&str>, Option<&str>)) -> Key {
        let path = self.place.path().join(format!("{:x}", text.len() + algorithm.len()));
        std::fs::write(&path, text).unwrap();
        let names = (names.0.map(str::to_owned), names.1.map(str::to_owned));
        Key::read(&Secret::File(path), algorithm.parse().unwrap(), names.0, names.1).unwrap()
    }
}

fn signed(key: Key) -> Vec<u8> {
    pack(files(), &Signing { key: Some(key), ..Signing::default() }).unwrap()
}

#[test]
fn every_way_to_sign_is_verified_and_by_no_other_key() {
    let keys = Keys { place: tempfile::tempdir().unwrap() };
    let rsa = || {
        let pair = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        (pair.serialize_pem(), pair.public_key_pem())
    };
    let curve = |algorithm| {
        let pair = KeyPair::generate_for(algorithm).unwrap();
        (pair.serialize_pem(), pair.public_key_pem())
    };
    let (one, other) = (rsa(), rsa());
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
        check_pair(&keys, algorithm, &one, &other.1);
    }
    for (algorithm, kind) in
        [("ES256", &rcgen::PKCS_ECDSA_P256_SHA256), ("ES384", &rcgen::PKCS_ECDSA_P384_SHA384)]
    {
        check_pair(&keys, algorithm, &curve(kind), &curve(kind).1);
    }
    for algorithm in ["HS256", "HS384", "HS512"] {
        let pair = ("a shared secret".to_owned(), "a shared secret".to_owned());
        check_pair(&keys, algorithm, &pair, "another secret");
    }
}

fn check_pair(keys: &Keys, algorithm: &str, (private, public): &(String, String), other: &str) {
    let none = (None, None);
    let archive = signed(keys.key(private, algorithm, none));
    let limits = Limits::default();
    let verified = |key: &Key| Bundle::read("test", &archive, Some(key), &limits);
    verified(&keys.key(public, algorithm, none)).unwrap();
    let error = verified(&keys.key(other, algorithm, none)).unwrap_err();
    assert_eq!(error.code().name, "policy-bundle-untrusted", "{algorithm}: {error}");
    // A public key is no secret, whatever the token says.
    let error =
        verified(&keys.key(public, if algorithm == "HS256" { "HS512" } else { "HS256" }, none));
    assert_eq!(error.unwrap_err().code().name, "policy-bundle-untrusted", "{algorithm}");
}

#[test]
fn a_signature_is_for_these_files_and_no_others() {
    let keys = Keys { place: tempfile::tempdir().unwrap() };
    let key = |names| keys.key("a shared secret", "HS256", names);
    let signatures = {
        let archive = signed(key((Some("k1"), Some("write"))));
        archive::unpacked(&archive, &Limits::default()).unwrap()[SIGNATURES].clone()
    };
    let with = |change: &dyn Fn(&mut Files)| {
        let mut files = files();
        files.insert(SIGNATURES.to_owned(), signatures.clone());
        change(&mut files);
        files
    };
    let put = |name: &'static str, text: &'static str| {
        move |files: &mut Files| drop(files.insert(name.to_owned(), text.as_bytes().to_vec()))
    };
    let both = (Some("k1"), Some("write"));
    let verify = |change: &dyn Fn(&mut Files), names| {
        key(names).verify(&with(change)).map_err(|error| error.detail().to_owned())
    };
    assert_eq!(verify(&|_| {}, both), Ok(()));
    assert_eq!(verify(&|_| {}, (None, Some("write"))), Ok(()));
    // What is said counts, not how it is written.
    assert_eq!(verify(&put("data.json", "{\"a\":\"\\u003c&>\",\"b\":1.0}"), both), Ok(()));
    assert_eq!(verify(&put("y/data.yaml", "{a: [x], z: 1}"), both), Ok(()));
    for (change, names, said) in [
        (
            &put("data.json", r#"{"b":1,"a":"<&>"}"#) as &dyn Fn(&mut Files),
            both,
            "`data.json` is another",
        ),
        (&put("a/rule.rego", "package a.b\n\nallow := true"), both, "`a/rule.rego` is another"),
        (&put(".manifest", r#"{"revision":"r"}"#), both, "`.manifest` is another"),
        (&put("more.rego", "package more"), both, "`more.rego` is in it"),
        (&put("README.md", "hello"), both, "`README.md` is in it"),
        (&|files: &mut Files| drop(files.remove("a/rule.rego")), both, "names `a/rule.rego`"),
        (&|files: &mut Files| drop(files.remove(SIGNATURES)), both, "it is not signed"),
        (&put(SIGNATURES, r#"{"signatures":[]}"#), both, "there are 0"),
        (&put(SIGNATURES, r#"{"signatures":["a","b"]}"#), both, "there are 2"),
        (&put(SIGNATURES, r#"{"signatures":["a.b.c"]}"#), both, "`.signatures.json`"),
        (&put(SIGNATURES, "[]"), both, "`.signatures.json`"),
        (&|_: &mut Files| {}, (Some("k2"), Some("write")), "the key `k1`, and not with `k2`"),
        (&|_: &mut Files| {}, (Some("k1"), None), "its scope is `write`"),
        (&|_: &mut Files| {}, (Some("k1"), Some("read")), "its scope is `write`"),
    ] {
        let error = verify(change, names).unwrap_err();
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn the_same_files_make_the_same_bytes() {
    let keys = Keys { place: tempfile::tempdir().unwrap() };
    let key = || keys.key("a shared secret", "HS256", (None, None));
    assert_eq!(signed(key()), signed(key()));
    let said = |revision: &str| Signing {
        revision: Some(revision.to_owned()),
        roots: vec!["a".to_owned(), "b".to_owned(), "y".to_owned()],
        key: None,
    };
    let (one, two) = (pack(files(), &said("1")).unwrap(), pack(files(), &said("2")).unwrap());
    assert_eq!(one, pack(files(), &said("1")).unwrap());
    let (one, two) = (read(&one).unwrap(), read(&two).unwrap());
    assert_eq!((one.revision.as_str(), two.revision.as_str()), ("1", "2"));
    assert_eq!(one.roots.names(), ["a", "b", "y"]);
    assert!(one.digest != two.digest);
    let signed = Bundle::read("test", &signed(key()), None, &Limits::default()).unwrap();
    let plain = read(&pack(files(), &Signing::default()).unwrap()).unwrap();
    assert_eq!(signed.digest, plain.digest, "who signed it is no part of it");
    assert!(signed.warnings[0].contains("policy.bundles.test.key"), "{:?}", signed.warnings);
}
