//! The decision doors of the real binary, asked by clients as their users install them.
#![expect(clippy::unwrap_used, reason = "a test that fails should stop there")]

#[path = "../server/mod.rs"]
mod server;

use std::process::{Command, Stdio};

use engines::clients::{DECERN, OPA_NODE, OPA_PYTHON};
use server::{KEY, Server};

/// What OPA's client for Node asks about.
const PLAY: &str = "package play

fixed := true

whole := input

n := input.n

deep.er.still := \"down\"

torn := 1 if input.x

torn := 2 if input.y

ratio := 1 / input.n
";

/// What it asks for conditions.
const ROWS: &str = "package rows

# METADATA
# scope: document
# compile:
#   unknowns: [input.posts]
#   mask_rule: masks
allow if input.user == \"root\"

allow if {
	input.posts.author == input.user
	input.posts.level <= input.level
}

# METADATA
# scope: document
# compile:
#   unknowns: [input.posts]
torn if lower(input.posts.author) == input.user

masks.posts.note.replace.value := \"***\" if input.user != \"root\"
";

/// What AuthZEN's client asks about.
const OWNERS: &str = "package authzen

default allow := false

allow if {
	input.resource.properties.owner == input.subject.id
	not input.context.night
}
";

/// Runs scenes against a server, and hears them out.
fn play(server: &Server, mut scenes: Command, name: &str, expected: &[&str]) {
    let port = server.http.rsplit(':').next().unwrap();
    let place = format!("{}/tests/opa/clients/{name}", env!("CARGO_MANIFEST_DIR"));
    scenes.arg(place).env("PORT", port).env("KEY", KEY).stdin(Stdio::null());
    let output = scenes.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "after {said}:\n{wrong}\n{}", server.said());
    for scene in expected {
        assert!(said.lines().any(|line| line == *scene), "{scene} is not in {said}");
    }
}

fn put(server: &Server, path: &str, policy: &str) {
    let answer = server.http("PUT", path, policy.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.json());
}

#[test]
fn opa_python_client_does_all_it_can() {
    let Some(python) = OPA_PYTHON.find_or_skip() else { return };
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    let expected = ["taking_away neighbour", "signals key", "taking_away key"];
    play(&server, Command::new(python), "scenes.py", &expected);
}

#[test]
fn opas_client_for_node_does_all_it_can() {
    let Some(modules) = OPA_NODE.find_or_skip() else { return };
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    put(&server, "/v1/policies/play.rego", PLAY);
    put(&server, "/v1/policies/rows.rego", ROWS);
    put(&server, "/v1/policies/main.rego", "package system\n\nmain := {\"default\": input}");
    let mut node = Command::new("node");
    node.env("MODULES", modules);
    play(&server, node, "scenes.mjs", &["decisions", "batches", "errors", "parameters", "filters"]);
}

#[test]
fn a_client_of_authzen_is_answered() {
    let Some(python) = DECERN.find_or_skip() else { return };
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path());
    put(&server, "/v1/policies/owners.rego", OWNERS);
    play(&server, Command::new(python), "authzen.py", &["deciding", "refusing"]);
}
