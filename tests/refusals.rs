//! What a server refuses to start with, and how it says so; and what it never says.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use server::{KEY, SERVE, Server, attempt, stockade};

/// Starts a server that is expected to refuse: its exit code and what it printed.
fn refused(data: &Path, more: impl FnOnce(&mut Command)) -> (Option<i32>, String) {
    let mut command = stockade(data);
    command.args(SERVE);
    more(&mut command);
    let Err((status, said)) = Server::launch(command, data) else {
        panic!("it served");
    };
    assert!(!said.contains("panicked"), "{said}");
    assert!(said.contains("try:"), "it says what to do: {said}");
    (status.code(), said)
}

/// As [`refused`], with what has to be in the words.
fn check(data: &Path, more: impl FnOnce(&mut Command), words: &[&str]) {
    let (code, said) = refused(data, more);
    assert_eq!(code, Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[test]
fn of_two_servers_on_one_directory_the_second_is_told_who_was_first() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let pid = format!("process id {}", server.pid());
    check(place.path(), |_| {}, &[&pid, "--data"]);
    assert_eq!(server.http("GET", "/readyz", b"").status, 200);
    // The number is that of who runs now, not of who once did.
    server.kill();
    let server = Server::start(place.path());
    let pid = format!("process id {}", server.pid());
    check(place.path(), |_| {}, &[&pid]);
}

#[test]
fn a_taken_port_is_named_with_its_flag() {
    let place = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--http", "--resp", "--grpc"] {
        let mut command = stockade(place.path());
        command.args(["serve", flag, &address]);
        for other in ["--http", "--resp", "--grpc"].into_iter().filter(|other| *other != flag) {
            command.args([other, "127.0.0.1:0"]);
        }
        let (status, said) = Server::launch(command, place.path()).err().unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(&address) && said.contains(flag), "{said}");
        assert!(!place.path().join("stockade.db").exists(), "nothing was made for it");
    }
}

#[test]
fn addresses_that_are_none_are_refused() {
    let place = tempfile::tempdir().unwrap();
    for address in ["nonsense", "127.0.0.1", "127.0.0.1:99999", "192.0.2.1:7400", ":::", "a b:1"] {
        let mut command = stockade(place.path());
        command.args(["serve", "--http", address, "--resp", "127.0.0.1:0"]);
        let (status, said) = Server::launch(command, place.path()).err().unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("try:"), "{said}");
    }
}

fn configured(command: &mut Command, file: &Path) {
    command.arg("--config").arg(file);
}

#[test]
fn a_configuration_that_means_nothing_is_refused_with_the_place() {
    let place = tempfile::tempdir().unwrap();
    let (file, data) = (place.path().join("stockade.toml"), place.path().join("data"));
    for (text, words) in [
        ("[log\nlevel = 1", &["stockade.toml"][..]),
        ("\0\u{1}\u{2}", &["stockade.toml"]),
        ("[lgo]\nlevel = \"info\"", &["lgo", "log"]),
        ("[log]\nlevle = \"info\"", &["log.levle", "log.level", "stockade.toml:2"]),
        ("[serve]\ndrain = \"a while\"", &["serve.drain", "a while"]),
        ("[cache]\ncapacity = true", &["cache.capacity"]),
        ("listen = 7400", &["listen"]),
        ("profile = \"prod\"", &["prod"]),
    ] {
        fs::write(&file, text).unwrap();
        check(&data, |command| configured(command, &file), words);
    }
    fs::write(&file, [0xff, 0xfe, 0x00, 0xd8]).unwrap();
    check(&data, |command| configured(command, &file), &["stockade.toml"]);
    let absent = place.path().join("absent.toml");
    check(&data, |command| configured(command, &absent), &["absent.toml"]);
    check(&data, |command| configured(command, place.path()), &["cannot read"]);
    assert!(!data.exists(), "nothing was made for it");

    let (code, _) = {
        let mut command = stockade(&data);
        command.args(["serve", "--no-such-flag"]);
        let (status, said) = Server::launch(command, &data).err().unwrap();
        (status.code(), said)
    };
    assert_eq!(code, Some(2), "a wrong command line is another exit code");
}

#[test]
fn a_directory_of_a_later_release_or_of_somebody_else_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let listed = || {
        let names = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect::<Vec<_>>()
    };
    for (name, text, words) in [
        ("FORMAT", "stockade 2\n", &["format 2"][..]),
        ("FORMAT", "stockade 99999999999999999999\n", &["FORMAT"]),
        ("FORMAT", "", &["FORMAT"]),
        ("thesis.tex", "years of work", &["thesis.tex", "--data"]),
    ] {
        fs::write(place.path().join(name), text).unwrap();
        let before = listed();
        check(place.path(), |_| {}, words);
        assert_eq!(listed(), before, "nothing in it is touched");
        fs::remove_file(place.path().join(name)).unwrap();
    }
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    check(&file, |_| {}, &["file"]);
}

#[test]
fn a_path_too_long_for_a_socket_is_said_to_be_so_before_anything_is_made() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("long".repeat(25)).join("data");
    check(&data, |_| {}, &["socket", "path"]);
    assert!(!data.exists(), "nothing was made for it");
}

#[test]
fn a_directory_it_may_not_use_is_named() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may use every directory");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    for mode in [0o000, 0o500, 0o300] {
        fs::set_permissions(&data, PermissionsExt::from_mode(mode)).unwrap();
        check(&data, |_| {}, &["data"]);
    }
    fs::set_permissions(&data, PermissionsExt::from_mode(0o700)).unwrap();
}

#[test]
fn a_file_where_a_directory_has_to_be_is_named() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("FORMAT"), "stockade 1\n").unwrap();
    fs::write(place.path().join("objects"), "no directory").unwrap();
    check(place.path(), |_| {}, &["objects"]);
}

#[test]
fn a_first_key_that_can_be_guessed_is_refused_and_not_repeated() {
    let place = tempfile::tempdir().unwrap();
    let key = "hunter2-hunter2-hunter2";
    let guess = |command: &mut Command| {
        command.env("STOCKADE_BOOTSTRAP_KEY", key);
    };
    let (code, said) = refused(place.path(), guess);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("32 characters"), "{said}");
    assert!(!said.contains(key), "{said}");
    // And the next start, with a good one, is the first.
    let server = Server::start(place.path());
    assert_eq!(server.http("GET", "/v1/status", b"").status, 200);
}

/// Damages a database in ways disks do.
fn damage(path: &Path, how: &str) {
    let mut bytes = fs::read(path).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 8, "there is something to damage: {pages} pages");
    match how {
        "half" => bytes.truncate(bytes.len() / 2),
        "a page short" => bytes.truncate(bytes.len() - 4096),
        "an odd end" => bytes.truncate(bytes.len() - 1000),
        "header" => bytes[..100].fill(0),
        "zeroed pages" => bytes[2 * 4096..].fill(0),
        "garbage" => {
            for (index, byte) in bytes[4096..].iter_mut().enumerate() {
                *byte ^= (index % 251) as u8;
            }
        }
        "page headers" => {
            for page in 1..pages {
                bytes[page * 4096] ^= 0xff;
            }
        }
        "one page" => {
            let middle = pages / 2 * 4096;
            bytes[middle..middle + 4096].rotate_left(513);
        }
        _ => panic!("{how}"),
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_database_is_not_served() {
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole");
    let server = Server::start(&whole);
    for n in 0..60 {
        let path = format!("/v1/objects/b/{n}");
        assert_eq!(server.http("PUT", &path, b"bytes").status, 201);
    }
    assert!(server.stop().success());
    for how in [
        "half",
        "a page short",
        "an odd end",
        "header",
        "zeroed pages",
        "garbage",
        "page headers",
        "one page",
    ] {
        let data = place.path().join(how.replace(' ', "-"));
        let copied = Command::new("cp").arg("-a").args([&whole, &data]).status().unwrap();
        assert!(copied.success());
        damage(&data.join("stockade.db"), how);
        let (code, said) = refused(&data, |_| {});
        assert_eq!(code, Some(1), "{how}: {said}");
        assert!(said.contains("restore the last good backup"), "{how}: {said}");
    }
    assert!(Server::start(&whole).stop().success(), "the one without damage is served");
}

#[test]
fn no_key_is_ever_printed() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(place.path(), |command| {
        command.env("STOCKADE_LOG__LEVEL", "trace");
    });
    let body = br#"{"principal":"ci","kind":"service","roles":["reader"]}"#;
    let made = server.http("POST", "/v1/auth/keys", body).json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let wrong = "stk_wrong_but_secret_all_the_same_0123456789";
    let cut = &secret[..secret.len() - 1];
    for key in [secret, wrong, cut, "' OR 1=1 --sec\u{e9}ret"] {
        for (method, path) in [
            ("GET", "/v1/cache/db0/k"),
            ("PUT", "/v1/cache/db0/k"),
            ("GET", "/v1/events"),
            ("POST", "/v1/auth/keys"),
            ("GET", "/nowhere"),
            ("DELETE", "/v1/auth/keys/nobody"),
        ] {
            attempt(&server.http, Some(key), method, path, b"{\"broken\":").unwrap();
        }
        let _ = server.redis(key);
    }
    // In the wrong place altogether.
    for head in [
        format!("GET /v1/cache/db0/k?key={wrong} HTTP/1.1\r\nconnection: close"),
        format!(
            "GET /v1/cache/db0/k HTTP/1.1\r\nauthorization: Basic {wrong}\r\nconnection: close"
        ),
        format!("GET /v1/cache/db0/k HTTP/1.1\r\nx-api-key: {wrong}\r\nconnection: close"),
    ] {
        let mut stream = server::open(&server.http, None, &head);
        std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    }
    assert_eq!(server.http("DELETE", &format!("/v1/auth/keys/{id}"), b"").status, 204);
    assert_eq!(server.http_as(Some(secret), "GET", "/v1/cache/db0/k").status, 401);
    let events = server.http("GET", "/v1/events?limit=1000", b"");
    let said = server.said() + &String::from_utf8_lossy(&events.body);
    assert!(said.contains("TRACE") || said.contains(r#""level":"trace""#), "it said all it could");
    for key in [KEY, secret, wrong, cut] {
        assert!(!said.contains(key), "`{key}` was printed");
        assert!(!said.contains(&key[key.len() - 20..]), "most of `{key}` was printed");
    }
}

#[test]
fn a_password_in_a_database_url_is_never_printed() {
    let place = tempfile::tempdir().unwrap();
    let secret = "s3cr3t-p4ssw0rd";
    for (variable, url) in [
        ("STOCKADE_SQL__URL", format!("postgres://me:{secret}@127.0.0.1:1/x")),
        ("STOCKADE_SQL__URL", format!("postgres://me:{secret}@127.0.0.1:port/x")),
        ("STOCKADE_SQL__URL", format!("mysql://me:{secret}@127.0.0.1/x")),
        ("STOCKADE_SQL__URL", format!("me:{secret}@127.0.0.1/x")),
        ("STOCKADE_FEED__URL", format!("redis://me:{secret}@127.0.0.1:port")),
        ("STOCKADE_FEED__URL", format!("{secret}://me@127.0.0.1")),
    ] {
        let (code, said) = refused(place.path(), |command| {
            command.args(["-v"]).env(variable, &url);
        });
        assert_eq!(code, Some(1), "{said}");
        assert!(!said.contains(secret) || url.starts_with(secret), "{said}");
    }
}
