//! Behind a real Envoy, which asks by gRPC or by HTTP.

use engines::own::Proxy;

use crate::forward::{self, KEEP_OUT, QUOTA, Words};
use crate::scene::{ATTACK, Scene, block, get};

const WORDS: Words = Words { documents: true, bodies: true, away: &[403, 500, 503] };

const GUIDE: &str = "let-envoy-ask";

/// The guide's Envoy that asks by gRPC.
fn by_grpc(scene: &Scene) -> Option<Proxy> {
    Proxy::envoy(&scene.guide(GUIDE, "yaml", "grpc_service"))
}

/// The same with the guide's other filter, and the cluster it wants.
fn by_http(scene: &Scene) -> Option<Proxy> {
    let whole = scene.guide(GUIDE, "yaml", "grpc_service");
    let filter = block(GUIDE, "yaml", "http_service");
    let begin = whole.find("                  - name: envoy.filters.http.ext_authz").unwrap();
    let end = whole.find("                  - name: envoy.filters.http.router").unwrap();
    let whole = format!("{}{filter}{}", &whole[..begin], &whole[end..]);
    let options = whole.find("      typed_extension_protocol_options").unwrap();
    let load = whole[options..].find("      load_assignment").unwrap() + options;
    let whole = format!("{}{}", &whole[..options], &whole[load..]);
    let port = |address: &str| format!("port_value: {}", address.rsplit(':').next().unwrap());
    let (grpc, http) = (port(&scene.server.grpc), port(&scene.server.http));
    Proxy::envoy(&whole.replace(&grpc, &http))
}

#[test]
fn what_envoy_holds_by_grpc_passes_or_not() {
    let scene = Scene::new();
    let Some(envoy) = by_grpc(&scene) else { return };
    forward::everything(&scene, envoy.address(), &WORDS);
    forward::closed_without_us(scene, envoy.address(), &WORDS);
}

#[test]
fn what_envoy_holds_by_http_passes_or_not() {
    let scene = Scene::new();
    let Some(envoy) = by_http(&scene) else { return };
    forward::everything(&scene, envoy.address(), &WORDS);
    forward::closed_without_us(scene, envoy.address(), &WORDS);
}

#[test]
fn envoy_says_who_is_too_fast_and_keeps_attackers_out() {
    for proxy in [by_grpc, by_http] {
        let scene = Scene::with(QUOTA);
        let Some(envoy) = proxy(&scene) else { return };
        forward::too_fast(&scene, envoy.address());
        let scene = Scene::with(KEEP_OUT);
        let Some(envoy) = proxy(&scene) else { return };
        forward::attackers_are_kept_out(&scene, envoy.address());
    }
}

/// What the filter says of a request goes to the access log; raw headers are read as well.
#[test]
fn envoy_is_told_more_than_headers() {
    let scene = Scene::new();
    let whole = scene.guide(GUIDE, "yaml", "grpc_service");
    let log = r#"stat_prefix: shop
                access_log:
                  - name: envoy.access_loggers.stderr
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog
                      log_format: { text_format_source: { inline_string: "seen %DYNAMIC_METADATA(envoy.filters.http.ext_authz)%\n" } }"#;
    let whole = whole.replace("stat_prefix: shop", log);
    let whole = whole.replace(
        "failure_mode_allow: false",
        "failure_mode_allow: false\n                      encode_raw_headers: true",
    );
    let Some(envoy) = Proxy::envoy(&whole) else { return };
    let key = scene.key("shop", "reader");
    let answer = get(&format!("/comments?{ATTACK}")).by(&key).to(envoy.address());
    assert_eq!(crate::scene::told(&answer, "kinds"), "sqli");
    assert_eq!(get("/").to(envoy.address()).status, 401);
    let said = crate::server::until("it is logged", std::time::Duration::from_secs(20), || {
        let log = envoy.log();
        log.lines().find(|line| line.contains("seen {")).map(str::to_owned)
    });
    for part in [r#""actor":"service:shop""#, r#""kinds":"sqli""#, r#""score":"#] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[test]
fn a_server_that_stops_finishes_what_envoy_asked() {
    let scene = Scene::new();
    let Some(envoy) = by_grpc(&scene) else { return };
    let key = scene.key("shop", "reader");
    assert_eq!(get("/").by(&key).to(envoy.address()).status, 200);
    let data = scene.data();
    let Scene { server, .. } = scene;
    assert!(server.stop().success(), "an open connection of a proxy holds nobody up");
    assert!(!data.join("doors.json").exists());
}
