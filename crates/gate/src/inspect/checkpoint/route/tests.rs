#![allow(clippy::unwrap_used, reason = "a test that fails should stop there")]

use super::super::field::Part;
use super::*;

fn routes(config: &str) -> Result<Routes> {
    let config: Config = serde_json::from_str(config).unwrap();
    Routes::new(&config, &["house"])
}

#[test]
fn the_first_route_that_fits_holds() {
    let routes = routes(
        r#"{"mode":"flag","routes":[
            {"host":"*.shop.example","path":"/api","methods":["POST"],"mode":"observe"},
            {"host":"*.SHOP.example","path":"/api","mode":"off"},
            {"path":"/*/edit","mode":"block"}
        ]}"#,
    )
    .unwrap();
    for (method, host, path, expected) in [
        ("POST", "a.shop.example", "/api/x", Mode::Observe),
        ("GET", "a.shop.example", "/api", Mode::Off),
        ("GET", "A.shop.example", "/api/x", Mode::Off),
        ("GET", "a.shop.example", "/apiary", Mode::Flag),
        ("GET", "shop.example", "/api", Mode::Flag),
        ("GET", "b", "/a/b/edit", Mode::Block),
        ("GET", "b", "/", Mode::Flag),
    ] {
        assert_eq!(routes.of(method, host, path).mode, expected, "{method} {host} {path}");
    }
}

#[test]
fn nobody_talks_their_way_into_an_open_route() {
    let routes = routes(
        r#"{"routes":[
            {"path":"/public","strangers":true,"mode":"off"},
            {"path":"/public/x","methods":["POST"],"mode":"block"}
        ]}"#,
    )
    .unwrap();
    for (path, expected) in [
        ("/public", true),
        ("/public/a", true),
        ("/public/a%20b", true),
        ("/public/x", true),
        ("/publican", false),
        ("/", false),
        ("/public/../admin", false),
        ("/public/%2e%2e/admin", false),
        ("/public/%252e%252e/admin", false),
        ("/public/..;/admin", false),
        ("/public\\..\\admin", false),
        ("/public/./a", true),
        ("//admin/../public", false),
    ] {
        assert_eq!(routes.opens("h", path), expected, "{path}");
        let mode = if expected { Mode::Off } else { Mode::Block };
        assert_eq!(routes.of("GET", "h", path).mode, mode, "{path}");
    }
}

#[test]
fn exceptions_are_for_their_fields_and_kinds_alone() {
    let routes = routes(
        r#"{"routes":[{"exceptions":[
            {"field":"query:comment","kinds":["xss","house"]},
            {"field":"header:X-Note"},
            {"field":"json:a.*","kinds":["sqli"]}
        ]}]}"#,
    )
    .unwrap();
    let held = routes.of("GET", "h", "/");
    for (part, name, kind, expected) in [
        (Part::Query, "comment", "xss", true),
        (Part::Query, "comment", "sqli", false),
        (Part::Query, "comments", "xss", false),
        (Part::Form, "comment", "xss", false),
        (Part::Header, "x-note", "sqli", true),
        (Part::Json, "a.b.c", "sqli", true),
        (Part::Json, "b.a", "sqli", false),
    ] {
        let field = Field { part, name: name.as_bytes() };
        let kinds = held.let_be(&field);
        assert_eq!(kinds.has(Kind::named(kind).unwrap()), expected, "{name} {kind}");
    }
    let field = |name| Field { part: Part::Query, name };
    assert!(held.lets_be(&field(b"comment"), "house") && !held.lets_be(&field(b"q"), "house"));
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_to_write() {
    for (config, detail, advice) in [
        (r#"{"routes":[{"host":"http://a"}]}"#, "`http://a` is no host", "without scheme"),
        (r#"{"routes":[{"host":"a:80"}]}"#, "`a:80` is no host", "without scheme and port"),
        (r#"{"routes":[{"path":"api"}]}"#, "`api` is no path", "`/api`"),
        (r#"{"routes":[{"methods":["get"]}]}"#, "`get` is no method", "capitals"),
        (r#"{"routes":[{"threshold":0.2}]}"#, "`threshold` is `0.2`", "from 0.5"),
        (
            r#"{"routes":[{"methods":["GET"],"strangers":true}]}"#,
            "`strangers` cannot be said",
            "leave `methods` away",
        ),
        (
            r#"{"routes":[{"exceptions":[{"field":"query:a","kinds":["xs"]}]}]}"#,
            "`xs` is no kind of attack",
            "sqli, xss",
        ),
        (
            r#"{"routes":[{"exceptions":[{"field":"body"}]}]}"#,
            "`body` is no field",
            "`query:comment`",
        ),
        (r#"{"routes":[{},{"exceptions":[{"field":"query:"}]}]}"#, "route 2 of", "`query:comment`"),
    ] {
        let error = routes(config).unwrap_err();
        assert_eq!(error.code().name, "gate-inspect");
        assert!(error.detail().contains(detail), "{}", error.detail());
        assert!(error.advice().contains(advice), "{}", error.advice());
    }
}
