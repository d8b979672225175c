use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::config::{Loaded, Sources};

/// Loads a file, variables and flags.
fn load(
    file: &str,
    variables: &[(&str, &str)],
    flags: &[(&'static str, &'static str, &str)],
) -> Result<Loaded, Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stockade.toml");
    std::fs::write(&path, file).unwrap();
    let flags = flags.iter().map(|(key, flag, value)| (*key, *flag, (*value).to_owned())).collect();
    let environment = Environment::of(variables);
    let loaded = Loaded::load(Sources { file: Some(path.clone()), flags, environment });
    loaded.map_err(|problems| {
        let place = format!("{}/", directory.path().display());
        problems.0.iter().map(|error| error.detail().replace(&place, "")).collect()
    })
}

/// The value and origin of a key, as `config show` has them.
fn shown(loaded: &Loaded, key: &str) -> (String, String) {
    let line = loaded.show(Some(key)).unwrap().pop().unwrap();
    (line.value, line.origin.rsplit('/').next().unwrap().to_owned())
}

#[test]
fn each_layer_wins_over_those_below() {
    let file = "# first\nprofile = \"testing\"\n[cache]\ncapacity = \"1MiB\"\n";
    let variable = [("STOCKADE_CACHE__CAPACITY", "2MiB")];
    let flag = [("cache.capacity", "--capacity", "3MiB")];
    for (file, variables, flags, value, origin) in [
        ("", &[][..], &[][..], "50MiB", "profile development"),
        ("profile = \"production\"", &[], &[], "500MiB", "profile production"),
        ("", &[("STOCKADE_PROFILE", "testing")], &[], "20MiB", "profile testing"),
        ("", &[], &[("profile", "--profile", "testing")], "20MiB", "profile testing"),
        (file, &[], &[], "1MiB", "stockade.toml:4"),
        (file, &variable, &[], "2MiB", "env STOCKADE_CACHE__CAPACITY"),
        (file, &variable, &flag, "3MiB", "flag --capacity"),
    ] {
        let loaded = load(file, variables, flags).unwrap();
        let expected = (format!("\"{value}\""), origin.to_owned());
        assert_eq!(shown(&loaded, "cache.capacity"), expected, "{file}");
        assert_eq!(loaded.config.cache.capacity.to_string(), value);
    }
}

#[test]
fn nothing_but_defaults_is_the_tree_with_its_profile() {
    let loaded = Loaded::load(Sources::default()).unwrap();
    let mut expected = Config::default();
    expected.cache.capacity = flow::unit::Size::mib(50);
    expected.gate.strangers.loopback = true;
    assert_eq!(format!("{:?}", loaded.config), format!("{expected:?}"));
    assert_eq!(shown(&loaded, "listen.http").1, "default");
}

#[test]
fn values_of_every_kind_come_from_every_layer() {
    let toml = "
        listen.resp = ''
        http.cors.origins = ['https://a', 'https://b']
        gate.rates = { agent = 7, robot = 8 }
        http.compression.enabled = false
        resp.idle = '5m'
        sql.url = 'env:DATABASE_URL'
    ";
    let variables = [
        ("STOCKADE_LISTEN__RESP", ""),
        ("STOCKADE_HTTP__CORS__ORIGINS", "['https://a', 'https://b']"),
        ("STOCKADE_GATE__RATES", "{ agent = 7, robot = 8 }"),
        ("STOCKADE_HTTP__COMPRESSION__ENABLED", "false"),
        ("STOCKADE_RESP__IDLE", "5m"),
        ("STOCKADE_SQL__URL", "env:DATABASE_URL"),
    ];
    for loaded in [load(toml, &[], &[]).unwrap(), load("", &variables, &[]).unwrap()] {
        let Config { listen, http, gate, resp, sql, .. } = &loaded.config;
        assert_eq!(listen.resp, "");
        assert_eq!(http.cors.origins, ["https://a", "https://b"]);
        assert_eq!((gate.rates.0["agent"], gate.rates.0["robot"]), (7, 8));
        assert_eq!(gate.rates.0["admin"], 10_000, "what is not named stays");
        assert!(!http.compression.enabled);
        assert_eq!(resp.idle, flow::unit::Span::secs(300));
        assert_eq!(sql.url.as_deref(), Some("env:DATABASE_URL"));
    }
}

#[test]
fn a_section_that_is_there_must_be_whole_and_has_its_defaults() {
    let whole = "[http.tls]\ncertificate = 'a.pem'\nkey = 'file:b.pem'";
    let loaded = load(whole, &[], &[]).unwrap();
    let tls = loaded.config.http.tls.as_ref().unwrap();
    assert_eq!(tls.certificate, PathBuf::from("a.pem"));
    assert_eq!(tls.check_every, flow::unit::Span::secs(10));
    assert!(load("", &[], &[]).unwrap().config.http.tls.is_none());

    let half = load("[http.tls]\ncertificate = 'a.pem'", &[], &[]).unwrap_err();
    assert_eq!(
        half,
        ["stockade.toml:2: `http.tls.certificate` is set, so `http.tls.key` is needed too"]
    );
}

fn check(file: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let problems = load(file, variables, &[]).unwrap_err();
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, part) in problems.iter().zip(expected) {
        assert!(problem.contains(part), "`{part}` is not in: {problem}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    check(
        "[cache]\ncapasity = '1MiB'",
        &[],
        &["stockade.toml:2: unknown key `cache.capasity`; did you mean `cache.capacity`?"],
    );
    check("capacity = '1MiB'", &[], &["unknown key `capacity`; did you mean `cache.capacity`?"]);
    check("[cahce]\ncapacity = '1MiB'", &[], &["did you mean `cache.capacity`?"]);
    check("[teapot]\na = 1\nb = 2", &[], &["stockade.toml:1: unknown key `teapot`"]);
    check(
        "\ncache.capacity = 500",
        &[],
        &["stockade.toml:2: `cache.capacity` is the whole number 500, but a size is wanted"],
    );
    check("cache = 1", &[], &["`cache` is a section, so a table is wanted"]);
    check("data = { a = 1 }", &[], &["`data` is a table, but text is wanted"]);
    check("profile = 'producton'", &[], &["`profile` is `producton`; did you mean `production`?"]);
    check("ledger.queue = -1", &[], &["`ledger.queue` is -1, but must be 0 to 4294967295"]);
    check(
        "",
        &[("STOCKADE_SERVE__DRAIN", "soon")],
        &["env STOCKADE_SERVE__DRAIN: `serve.drain` is the text `soon`, but a duration is wanted"],
    );
    check("a = = 1", &[], &["stockade.toml:1: "]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let file = "cache.capacity = 1\nnonsense = 2\n[http.tls]\nkey = 'x'";
    check(
        file,
        &[("STOCKADE_NONSENSE", "1")],
        &[
            "`cache.capacity`",
            "`nonsense`",
            "`STOCKADE_NONSENSE`",
            "`http.tls.certificate` is needed too",
        ],
    );
}

#[test]
fn no_secret_is_repeated_by_whatever_is_wrong_or_shown() {
    let url = "postgres://ann:hunter2@db/stockade";
    let loaded = load(&format!("sql.url = '{url}'"), &[], &[]).unwrap();
    assert_eq!(shown(&loaded, "sql.url").0, "\"postgres://ann:***@db/stockade\"");
    let debug = format!("{loaded:?}{}", serde_json::to_string(&loaded.config).unwrap());
    assert!(!debug.contains("hunter2"), "{debug}");
    for broken in [
        format!("sql.url = '{url}' x"),
        format!("sql.url = '{url}"),
        format!("cache.capacity = '{url}'"),
        format!("profile = '{url}'"),
        format!("'{url}' = 1"),
    ] {
        let problems = load(&broken, &[], &[]).unwrap_err().join(" ");
        assert!(!problems.contains("hunter2"), "{problems}");
    }
}

/// One slip of a finger: what, where, and which letter.
fn slip(key: &str, what: u8, at: usize, letter: char) -> String {
    let mut letters: Vec<char> = key.chars().collect();
    let at = at % letters.len();
    match what {
        0 => letters[at] = letter,
        1 => letters.insert(at, letter),
        2 => drop(letters.remove(at)),
        _ if at + 1 < letters.len() => letters.swap(at, at + 1),
        _ => letters.push(letter),
    }
    letters.into_iter().collect()
}

/// A file that sets this key, however it is written.
fn file_with(key: &Key) -> String {
    let mut table = Table::new();
    nest(&mut table, key.steps(), &Value::from("x"));
    table.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_key_with_one_slip_is_recognised(
        index: usize, what in 0_u8..4, at: usize, letter in "[a-z0-9_]",
    ) {
        let known = Known::new();
        let meant = &known.settings[index % known.settings.len()].key;
        // Where any name may stand, this one does.
        let pattern = meant.to_string();
        let above = pattern.split_once(".<name>").map_or("cache.namespaces", |(above, _)| above);
        let named = Key::new(&format!("{above}.users"));
        let meant = &meant.named_as(&named);
        let letter = letter.chars().next().unwrap();
        let written = Key::new(&slip(&meant.to_string(), what, at, letter));
        prop_assume!(matches!(known.place(&written), Place::Nothing));
        // Any name is a name.
        prop_assume!(!meant.is_in(&named) || written.is_in(&named));
        let problems = load(&file_with(&written), &[], &[]).unwrap_err().join(" ");
        prop_assert!(problems.contains(&format!("`{meant}`")), "{meant} {written}: {problems}");

        let variable = slip(&meant.variable()["STOCKADE_".len()..], what, at, letter);
        let variable = format!("STOCKADE_{}", variable.to_uppercase());
        prop_assume!(variable != meant.variable());
        prop_assume!(!meant.is_in(&named) || Key::of_variable(&variable).is_in(&named));
        if let Err(problems) = load("", &[(&variable, "1")], &[]) {
            let problems = problems.join(" ");
            let expected = format!("`{}`", meant.variable());
            prop_assert!(problems.contains(&expected), "{meant} {variable}: {problems}");
        }
    }
}
