//! Behind a real nginx.

use engines::own::Proxy;

use crate::forward::{self, KEEP_OUT, QUOTA, Words};
use crate::scene::Scene;

const WORDS: Words = Words { documents: false, bodies: false, away: &[500] };

/// An nginx as the guide configures it.
fn nginx(scene: &Scene) -> Option<Proxy> {
    Proxy::nginx(&scene.guide("put-it-in-front-of-nginx", "nginx", "auth_request"))
}

#[test]
fn what_nginx_holds_passes_or_not() {
    let scene = Scene::new();
    let Some(nginx) = nginx(&scene) else { return };
    forward::everything(&scene, nginx.address(), &WORDS);
    forward::closed_without_us(scene, nginx.address(), &WORDS);
}

#[test]
fn nginx_says_who_is_too_fast() {
    let scene = Scene::with(QUOTA);
    let Some(nginx) = nginx(&scene) else { return };
    forward::too_fast(&scene, nginx.address());
}

#[test]
fn attackers_behind_nginx_are_kept_out() {
    let scene = Scene::with(KEEP_OUT);
    let Some(nginx) = nginx(&scene) else { return };
    forward::attackers_are_kept_out(&scene, nginx.address());
}

#[test]
fn an_nginx_that_does_not_say_what_it_asks_lets_nothing_pass() {
    let scene = Scene::new();
    let config = scene.guide("put-it-in-front-of-nginx", "nginx", "auth_request");
    let without = config.replace("proxy_set_header X-Original-Method", "# ");
    let Some(nginx) = Proxy::nginx(&without) else { return };
    let key = scene.key("shop", "reader");
    let answer = crate::scene::get("/open").by(&key).to(nginx.address());
    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(nginx.log().contains("auth request unexpected status: 400"), "{}", nginx.log());
    assert_eq!(scene.echo.asked(), 0);
}
