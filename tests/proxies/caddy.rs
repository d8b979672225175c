//! Behind a real Caddy, and requests as Traefik documents them.

use engines::own::Proxy;

use crate::forward::{self, KEEP_OUT, QUOTA, Words};
use crate::scene::{ATTACK, Scene, Sent, get, header};

const WORDS: Words = Words { documents: true, bodies: false, away: &[502] };

/// A Caddy as the guide configures it.
fn caddy(scene: &Scene) -> Option<Proxy> {
    Proxy::caddy(&scene.guide("let-traefik-and-caddy-ask", "caddy", "forward_auth"))
}

#[test]
fn what_caddy_holds_passes_or_not() {
    let scene = Scene::new();
    let Some(caddy) = caddy(&scene) else { return };
    forward::everything(&scene, caddy.address(), &WORDS);
    forward::closed_without_us(scene, caddy.address(), &WORDS);
}

#[test]
fn caddy_says_who_is_too_fast_and_keeps_attackers_out() {
    let scene = Scene::with(QUOTA);
    let Some(caddy) = caddy(&scene) else { return };
    forward::too_fast(&scene, caddy.address());
    let scene = Scene::with(KEEP_OUT);
    let Some(caddy) = self::caddy(&scene) else { return };
    forward::attackers_are_kept_out(&scene, caddy.address());
}

#[test]
fn traefik_asks_by_the_headers_it_documents() {
    let scene = Scene::new();
    let key = scene.key("shop", "reader");
    let attack = format!("/a?{ATTACK}");
    for (method, uri, key, status) in [
        ("GET", "/a?b=1", Some(&key), 200),
        ("POST", "/a", Some(&key), 200),
        ("GET", "/a", None, 401),
        ("GET", "/open", None, 200),
        ("GET", &*attack, Some(&key), 403),
    ] {
        let headers = [
            ("x-forwarded-method", method),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "shop.example"),
            ("x-forwarded-uri", uri),
            ("x-forwarded-for", "192.0.2.7"),
        ];
        let sent = Sent { key: key.map(|key| &*key.secret), ..get("/forward-auth") };
        let answer = sent.with(&headers).to(&scene.server.http);
        assert_eq!(answer.status, status, "{method} {uri}: {answer:?}");
        let actor = header(&answer, "x-stockade-actor");
        assert_eq!(actor.is_some(), status == 200, "{answer:?}");
        assert_eq!(answer.body.is_empty(), status == 200, "{answer:?}");
    }
    let answer = get("/forward-auth").by(&key).to(&scene.server.http);
    assert_eq!((answer.status, &*answer.problem()), (400, "door-http-request-not-clear"));
}
