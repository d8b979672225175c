//! What never imports what: the arrows of the architecture, held by a test.
//!
//! Manifests say which crate may name which, so most rules read only those; the
//! few that reach inside a crate read its sources. `cargo xtask check` runs the
//! same rules from here without building anything else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The crates between the vocabulary and the doors, one per stage of a request.
const STAGES: &[&str] =
    &["gate", "policy", "cache", "ledger", "store", "project", "experts", "edge", "watch"];

/// Tools that serve the rooms and are none.
const TOOLS: &[&str] = &["engines", "xtask", "bare-hyper"];

/// The binary, where the parts meet.
const ROOT: &str = "stockade";

/// Rule 4: whoever names one of these speaks an outside protocol.
const PROTOCOLS: &[&str] =
    &["http", "hyper", "hyper-util", "axum", "tower-http", "tonic", "quick-xml", "fuser"];

/// Rule 5: the clients of what leaves the process.
const CLIENTS: &[&str] = &[
    "rusqlite",
    "libsqlite3-sys",
    "tokio-postgres",
    "postgres",
    "sqlx",
    "diesel",
    "deadpool",
    "bb8",
    "redis",
    "fred",
    "reqwest",
    "ureq",
    "object_store",
    "aws-sdk-*",
    "aws-config",
    "azure_*",
];

/// Rule 1: words by which a source does I/O.
const IO: &[&str] = &[
    "std::fs",
    "std::process",
    "std::os::unix",
    "tokio::fs",
    "tokio::net",
    "tokio::process",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
];

/// Rule 5: words by which a source is an HTTP client; the crate is shared with the doors.
const HTTP_CLIENT: &[&str] = &["hyper::client", "hyper_util::client"];

/// Rule 6: names that say nothing about what is inside.
const NAMELESS: &[&str] = &["common", "util", "utils", "helper", "helpers", "misc"];

/// A crate of this workspace.
#[derive(Debug, Default)]
struct Room {
    /// The short name: `flow`, not `stockade-flow`.
    name: String,
    uses: Vec<Use>,
    sources: Vec<Source>,
}

/// One line of a manifest.
#[derive(Debug, Clone)]
struct Use {
    name: String,
    /// Whether the crate is one of ours.
    ours: bool,
    /// Whether only tests use it.
    dev: bool,
}

/// One source file, tests at its end cut off.
#[derive(Debug)]
struct Source {
    /// Path within the room, `src/serve/once.rs`.
    path: String,
    text: String,
}

/// Every broken rule of this workspace as a sentence: which, where, and what to do.
pub(crate) fn broken() -> io::Result<Vec<String>> {
    Ok(judge(&rooms()?))
}

fn judge(rooms: &[Room]) -> Vec<String> {
    let rules = [
        the_ground_imports_none_of_ours,
        the_ground_does_no_io,
        pool_imports_only_flow,
        stages_never_import_each_other,
        only_doors_speak_protocols,
        only_pool_names_clients,
        only_policy_names_the_rego_engine,
        only_three_name_tree_sitter,
        nothing_is_called_common,
    ];
    let rooms = || rooms.iter().filter(|room| !TOOLS.contains(&room.name.as_str()));
    rules.iter().flat_map(|rule| rooms().flat_map(rule)).collect()
}

fn the_ground_imports_none_of_ours(room: &Room) -> Vec<String> {
    let allowed: &[&str] = match room.name.as_str() {
        "flow" => &[],
        "memory" => &["flow"],
        "values" => &[],
        // What its benches measure, they measure by the clock of `flow`.
        "rego" => &["flow"],
        _ => return Vec::new(),
    };
    room.foreign(allowed)
        .map(|other| {
            format!(
                "rule 1: `{}` imports `{other}`, but the vocabulary, the memory engine, the \
                 shapes of values and the language of policies stand on nothing of ours; turn the need into a trait in `flow` and implement it in `{other}`",
                room.name
            )
        })
        .collect()
}

fn the_ground_does_no_io(room: &Room) -> Vec<String> {
    if !["flow", "memory", "values", "rego"].contains(&room.name.as_str()) {
        return Vec::new();
    }
    room.naming(IO)
        .map(|(path, word)| {
            format!(
                "rule 1: `{}/{path}` names `{word}`, but `{0}` does no I/O; what leaves the process \
                 belongs in `pool`",
                room.name
            )
        })
        .collect()
}

fn pool_imports_only_flow(room: &Room) -> Vec<String> {
    if room.name != "pool" {
        return Vec::new();
    }
    room.foreign(&["flow"])
        .map(|other| {
            format!(
                "rule 2: `pool` imports `{other}`, but it imports only `flow`; let `{other}` hand in \
                 what `pool` needs through a trait in `flow`"
            )
        })
        .collect()
}

fn stages_never_import_each_other(room: &Room) -> Vec<String> {
    if !STAGES.contains(&room.name.as_str()) {
        return Vec::new();
    }
    // The macros of a stage are a part of it that has to be a crate of its own.
    let macros = format!("{}-macros", room.name);
    let engine = if room.name == "policy" { "rego" } else { "" };
    room.foreign(&["flow", "memory", "values", "pool", &macros, engine])
        .map(|other| {
            format!(
                "rule 3: the stage `{}` imports `{other}`, but stages import only `flow`, `memory` and \
                 `pool`; take what it needs as a `flow` trait and connect the two in `src/wire/`",
                room.name
            )
        })
        .collect()
}

fn only_doors_speak_protocols(room: &Room) -> Vec<String> {
    if room.is_door() || ["pool", ROOT].contains(&room.name.as_str()) {
        return Vec::new();
    }
    room.depending(PROTOCOLS)
        .map(|other| {
            format!(
                "rule 4: `{}` depends on `{other}`, but only doors know status codes and frames; answer \
                 with the words of `flow` and let the door translate",
                room.name
            )
        })
        .collect()
}

fn only_pool_names_clients(room: &Room) -> Vec<String> {
    if room.name == "pool" {
        return Vec::new();
    }
    let manifests = room.depending(CLIENTS).map(|other| {
        format!(
            "rule 5: `{}` depends on `{other}`, but only `pool` names database, Redis, cloud and HTTP \
             clients; use the traits of `pool`",
            room.name
        )
    });
    let sources = room.naming(HTTP_CLIENT).map(|(path, word)| {
        format!(
            "rule 5: `{}/{path}` names `{word}`, but only `pool` has HTTP clients; use `pool::http`",
            room.name
        )
    });
    manifests.chain(sources).collect()
}

fn only_policy_names_the_rego_engine(room: &Room) -> Vec<String> {
    // Whoever writes a policy asks it from the command line, without a server.
    if ["policy", "rego", ROOT].contains(&room.name.as_str()) {
        return Vec::new();
    }
    let ours = room.foreign(&[]).filter(|other| *other == "rego");
    room.depending(&["regorus"])
        .chain(ours)
        .map(|other| {
            format!(
                "rule 5: `{}` depends on `{other}`, but only `policy` knows the Rego engine; ask the \
                 permit trait of `flow`",
                room.name
            )
        })
        .collect()
}

fn only_three_name_tree_sitter(room: &Room) -> Vec<String> {
    match room.name.as_str() {
        "project" | "experts" => Vec::new(),
        "policy" => room
            .naming(&["tree_sitter"])
            .filter(|(path, _)| !path.starts_with("src/command"))
            .map(|(path, _)| {
                format!(
                    "rule 5: `policy/{path}` names tree-sitter, but in `policy` only the judge of \
                     commands parses; move it under `src/command/`"
                )
            })
            .collect(),
        _ => room
            .depending(&["tree-sitter*"])
            .map(|other| {
                format!(
                    "rule 5: `{}` depends on `{other}`, but only `project`, `experts` and \
                     `policy::command` parse sources; ask one of them through a `flow` trait",
                    room.name
                )
            })
            .collect(),
    }
}

fn nothing_is_called_common(room: &Room) -> Vec<String> {
    let advice = "a name that says nothing collects everything; name it after its one idea";
    let krate = NAMELESS
        .contains(&room.name.as_str())
        .then(|| format!("rule 6: a crate is called `{}`; {advice}", room.name));
    let modules = room.sources.iter().filter(|source| source.has_nameless_module()).map(|source| {
        format!(
            "rule 6: `{}/{}` is or has a module with such a name; {advice}",
            room.name, source.path
        )
    });
    krate.into_iter().chain(modules).collect()
}

impl Room {
    fn is_door(&self) -> bool {
        self.name.starts_with("door-")
    }

    /// The crates of ours this one imports beyond `allowed`; tests may start engines.
    fn foreign<'a>(&'a self, allowed: &'a [&str]) -> impl Iterator<Item = &'a str> {
        self.uses
            .iter()
            .filter(|other| other.ours && !(other.dev && other.name == "engines"))
            .map(|other| other.name.as_str())
            .filter(|name| !allowed.contains(name) && *name != self.name)
    }

    /// The outside crates among `names` that this one is built on; tests may use any.
    fn depending<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
        self.uses
            .iter()
            .filter(|other| !other.ours && !other.dev)
            .map(|other| other.name.as_str())
            .filter(|name| names.iter().any(|pattern| fits(pattern, name)))
    }

    /// The sources that name one of `words`, with the first such word.
    fn naming<'a>(&'a self, words: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.sources.iter().filter_map(|source| {
            let word = words.iter().find(|word| source.names(word))?;
            Some((source.path.as_str(), *word))
        })
    }
}

impl Source {
    /// Whether code, not a comment, has `word`.
    fn names(&self, word: &str) -> bool {
        self.text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word))
    }

    fn has_nameless_module(&self) -> bool {
        let stems = self.path.split(['/', '.']);
        let declared = self.text.lines().filter_map(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("pub ").unwrap_or(line);
            let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
            line.strip_prefix("mod ")?.split([' ', ';', '{']).next()
        });
        stems.chain(declared).any(|name| NAMELESS.contains(&name))
    }
}

/// Whether a crate's name is the pattern, or begins with it when that ends in a star.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// The crates of this workspace, as cargo knows them.
fn rooms() -> io::Result<Vec<Room>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    list(&metadata, "packages").iter().map(room).collect()
}

fn room(package: &Value) -> io::Result<Room> {
    let manifest = PathBuf::from(text(package, "manifest_path"));
    let directory = manifest.parent().ok_or(io::ErrorKind::NotFound)?;
    let mut sources = Vec::new();
    read_sources(&directory.join("src"), directory, &mut sources)?;
    let uses = list(package, "dependencies")
        .iter()
        .map(|dependency| Use {
            name: short(text(dependency, "name")),
            ours: dependency.get("path").is_some_and(Value::is_string),
            dev: text(dependency, "kind") == "dev",
        })
        .collect();
    Ok(Room { name: short(text(package, "name")), uses, sources })
}

fn read_sources(directory: &Path, room: &Path, sources: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            read_sources(&path, room, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let all = fs::read_to_string(&path)?;
            // Unit tests stand at the end of a file and may do what their crate may not.
            let text = all.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            let path = path.strip_prefix(room).unwrap_or(&path).display().to_string();
            sources.push(Source { path, text });
        }
    }
    Ok(())
}

/// `flow` of `stockade-flow`.
fn short(package: &str) -> String {
    package.strip_prefix("stockade-").unwrap_or(package).to_owned()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arrow_points_the_right_way() {
        let broken = broken().unwrap();
        assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    }

    #[test]
    fn the_rooms_are_found_with_their_sources() {
        let rooms = rooms().unwrap();
        let flow = rooms.iter().find(|room| room.name == "flow").unwrap();
        assert!(flow.sources.iter().any(|source| source.path == "src/lib.rs"));
        assert!(flow.uses.iter().any(|other| other.name == "tokio" && !other.ours));
    }

    /// A room with one dependency and one source file; a dependency on a room of ours
    /// is written `@flow`, one of tests only `?redis`.
    fn check(name: &str, dependency: &str, path: &str, source: &str, expected: &str) {
        let bare = dependency.trim_start_matches(['@', '?']);
        let uses = [Use {
            name: bare.to_owned(),
            ours: dependency.contains('@'),
            dev: dependency.contains('?'),
        }];
        let sources = vec![Source { path: path.to_owned(), text: source.to_owned() }];
        let uses = uses.into_iter().filter(|other| !other.name.is_empty()).collect();
        let sentences = judge(&[Room { name: name.to_owned(), uses, sources }]);
        let rules: Vec<_> = sentences.iter().map(|line| line.get(..6).unwrap()).collect();
        assert_eq!(rules.join(" "), expected, "{name} {dependency} {path} {source}");
    }

    #[test]
    fn every_rule_can_be_broken() {
        check("flow", "@memory", "", "", "rule 1");
        check("flow", "", "src/a.rs", "use std::fs;", "rule 1");
        check("memory", "@pool", "", "", "rule 1");
        check("pool", "@cache", "", "", "rule 2");
        check("cache", "@ledger", "", "", "rule 3");
        check("gate", "?@policy", "", "", "rule 3");
        check("watch", "@door-http", "", "", "rule 3");
        check("policy", "axum", "", "", "rule 4");
        check("cache", "redis", "", "", "rule 5");
        check("store", "aws-sdk-s3", "", "", "rule 5");
        check("stockade", "rusqlite", "", "", "rule 5");
        check("door-http", "", "src/a.rs", "use hyper_util::client::legacy;", "rule 5");
        check("gate", "regorus", "", "", "rule 5");
        check("door-http", "@rego", "", "", "rule 5");
        check("rego", "@pool", "", "", "rule 1");
        check("gate", "tree-sitter-bash", "", "", "rule 5");
        check("policy", "", "src/rego.rs", "use tree_sitter::Parser;", "rule 5");
        check("util", "", "", "", "rule 6");
        check("gate", "", "src/common/a.rs", "", "rule 6");
        check("gate", "", "src/a.rs", "pub(crate) mod helpers {", "rule 6");
    }

    #[test]
    fn what_the_rules_allow_is_allowed() {
        check("memory", "@flow", "", "", "");
        check("pool", "redis", "", "", "");
        check("pool", "?@engines", "", "", "");
        check("cache", "@memory", "", "", "");
        check("policy", "@rego", "", "", "");
        check("door-http", "axum", "", "", "");
        check("door-resp", "?redis", "", "", "");
        check("policy", "tree-sitter", "src/command/parse.rs", "use tree_sitter::Parser;", "");
        check("flow", "", "src/a.rs", "// never `std::fs` here\nmod commonplace;", "");
        check("engines", "redis", "", "", "");
    }
}
