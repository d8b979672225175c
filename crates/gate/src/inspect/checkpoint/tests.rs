#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod body;

use super::*;

pub(super) fn checkpoint(config: &str) -> Checkpoint {
    let config: Config = serde_json::from_str(config).unwrap();
    Checkpoint::new(&config, &Registry::default()).unwrap()
}

fn get<'a>(target: &'a str, headers: &'a [(&'a str, &'a [u8])]) -> Forward<'a> {
    Forward { method: "GET", host: "shop.example", target, headers, body: b"", whole: true }
}

#[test]
fn each_mode_does_what_it_says() {
    let attack = "/a?id=1%27%20or%20%271%27%3D%271";
    for (mode, refused, kinds, recorded) in [
        ("block", true, 0, true),
        ("flag", false, 1, true),
        ("observe", false, 0, true),
        ("off", false, 0, false),
    ] {
        let registry = Registry::default();
        let config: Config = serde_json::from_str(&format!(r#"{{"mode":"{mode}"}}"#)).unwrap();
        let checkpoint = Checkpoint::new(&config, &registry).unwrap();
        let record = match checkpoint.pass(&get(attack, &[])) {
            Ok(seen) => {
                assert!(!refused && seen.kinds.len() == kinds, "{mode}: {seen:?}");
                seen.record
            }
            Err(error) => {
                assert!(refused && error.code().name == "gate-attack", "{mode}: {error:?}");
                error.record().clone()
            }
        };
        assert_eq!(!record.is_null(), recorded, "{mode}");
        let counted: u64 = registry
            .metrics()
            .iter()
            .filter(|metric| metric.name == "stockade_gate_detections_total")
            .map(|metric| match &metric.number {
                flow::signal::Number::Counter(counter) => counter.get(),
                _ => 0,
            })
            .sum();
        assert_eq!(counted, u64::from(recorded), "{mode}");
        if recorded {
            assert_eq!(record["found"][0]["field"], "query:id");
            assert_eq!(record["found"][0]["kind"], "sqli");
            assert!(!record.to_string().contains("1'"), "{record}");
        }
    }
}

#[test]
fn a_bad_configuration_changes_nothing() {
    let checkpoint = checkpoint(r#"{"mode":"flag"}"#);
    let bad: Config = serde_json::from_str(r#"{"mode":"off","routes":[{"path":"x"}]}"#).unwrap();
    assert!(checkpoint.reload(&bad).is_err());
    let attack = get("/?a=<script>go()</script>", &[]);
    assert_eq!(checkpoint.pass(&attack).unwrap().kinds, ["xss"]);
    let good: Config = serde_json::from_str(r#"{"mode":"off"}"#).unwrap();
    checkpoint.reload(&good).unwrap();
    assert!(checkpoint.pass(&attack).unwrap().kinds.is_empty());
}

#[test]
fn what_a_browser_sends_is_clean() {
    let headers: [(&str, &[u8]); 14] = [
        ("host", b"shop.example:8443"),
        ("user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36"),
        ("accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
        ("accept-language", b"de-DE,de;q=0.9,en-US;q=0.8"),
        ("accept-encoding", b"gzip, deflate, br, zstd"),
        ("sec-ch-ua", b"\"Not(A:Brand\";v=\"99\", \"Chromium\";v=\"133\""),
        ("sec-ch-ua-platform", b"\"Linux\""),
        ("sec-fetch-site", b"same-origin"),
        ("if-none-match", b"W/\"5f3a-18c\""),
        ("if-modified-since", b"Mon, 02 Jan 2006 15:04:05 GMT"),
        ("origin", b"http://localhost:3000"),
        ("referer", b"http://localhost:3000/search?q=rock+%27n%27+roll&page=2#top"),
        ("cookie", b"_ga=GA1.2.1234567890.1700000000; theme=dark; session=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"),
        ("x-request-id", b"7b0c6a52-33a1-4d52-9f0e-0a6a8c1b2f3d"),
    ];
    let seen = checkpoint(r#"{"mode":"flag"}"#)
        .pass(&get("/products/12?q=O%27Brien+%26+Sons&sort=price", &headers));
    assert!(seen.as_ref().unwrap().record.is_null(), "{seen:?}");
}

#[test]
fn headers_that_break_their_grammar_are_read() {
    let attack = b"' or 'a'='a";
    for name in [
        "accept",
        "accept-language",
        "if-none-match",
        "date",
        "sec-fetch-mode",
        "host",
        "content-length",
        "user-agent",
        "x-forwarded-for",
        "referer",
    ] {
        let headers = [(name, &attack[..])];
        let error = checkpoint("{}").pass(&get("/", &headers)).unwrap_err();
        assert_eq!(error.record()["found"][0]["field"], format!("header:{name}"));
    }
    for name in ["authorization", "connection"] {
        assert!(checkpoint("{}").pass(&get("/", &[(name, attack)])).is_ok(), "{name}");
    }
}

#[test]
fn values_are_joined_and_divided_as_applications_do() {
    for target in [
        "/?id=1&id=2%20union%20select%20name&id=pass%20from%20staff",
        "/?id=1%20union%20select&x=1&id=%201,name%20from%20staff",
        "/?a=x;id=1'%20or%20'1'='1",
        "/?user[$ne]=1",
        "/?%3Cscript%3Ego()%3C/script%3E",
        "/?%3Cscript%3Ego()%3C/script%3E=1",
        "/users/1%20or%201=1",
        "/static/..%2f..%2f..%2fetc/passwd",
        "/static/..%252f..%252fsecret",
    ] {
        let found = checkpoint("{}").pass(&get(target, &[]));
        assert_eq!(found.unwrap_err().code().name, "gate-attack", "{target}");
    }
}

#[test]
fn rules_are_looked_for_where_they_say_and_shown_as_they_say() {
    let config = r#"{"mode":"flag","rules":[
        {"name":"no-tickets","kind":"ticket","fields":["query:note"],"matches":"(?i)case-\\d+",
         "message":"a ticket is named","matches_tests":["see CASE-12"],"passes_tests":["in any case"]}
    ]}"#;
    let checkpoint = checkpoint(config);
    let seen = checkpoint.pass(&get("/?note=see+case-7&q=case-8", &[])).unwrap();
    assert_eq!((seen.kinds, seen.score), (vec!["ticket"], 0.9));
    assert_eq!(seen.record["found"].as_array().unwrap().len(), 1);
    assert_eq!(seen.record["found"][0]["why"], "a ticket is named");
    assert_eq!(seen.record["found"][0]["span"], serde_json::json!([4, 10]));
}

/// An exception is for its kind alone, also where that kind hides another.
#[test]
fn what_is_excepted_hides_nothing_else() {
    let checkpoint = checkpoint(
        r#"{"routes":[{"path":"/blog","exceptions":[{"field":"query:text","kinds":["xss"]}]}]}"#,
    );
    let pass = |target| checkpoint.pass(&get(target, &[]));
    assert!(pass("/blog?text=%3Cscript%3Ego()%3C/script%3E").unwrap().record.is_null());
    assert!(pass("/blog?title=%3Cscript%3Ego()%3C/script%3E").is_err());
    assert!(pass("/shop?text=%3Cscript%3Ego()%3C/script%3E").is_err());
    assert!(pass("/blog?text=%3Cscript%3Ego()%3C/script%3E%2527%2520or%25201=1--").is_err());
}
