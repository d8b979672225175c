//! What production refuses, each with the setting to change.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use flow::Error;
use toml::Value;

use super::codes::UNSAFE;
use super::environment::BOOTSTRAP_KEY;
use super::load::Loaded;
use super::mask;
use super::origin::Origin;
use super::problem::Problems;
use super::{Config, Profile};

/// A key of fewer characters can be guessed.
const KEY_MIN: usize = 32;

/// What people leave in examples; a key that holds one of these was never chosen.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "change-me",
    "change_me",
    "replace",
    "example",
    "secret",
    "password",
    "placeholder",
    "xxxxxxxx",
    "00000000",
    "12345678",
    "aaaaaaaa",
];

impl Loaded {
    /// Whether what is configured can be meant, and whether the profile accepts it: only
    /// production is picky.
    pub(crate) fn vet(&self) -> Result<(), Problems> {
        let mut refusals = Problems::default();
        refusals.0.extend(self.config.gate.inspect.check().err());
        if self.config.profile != Profile::Production {
            return refusals.none();
        }
        refusals.0.extend(self.secrets_in_file());
        refusals.0.extend(open_doors(&self.config));
        refusals.0.extend(directory(&self.config.data));
        refusals.0.extend(self.bootstrap_key());
        refusals.none()
    }

    fn secrets_in_file(&self) -> Vec<Error> {
        let literal = self.values.iter().filter(|(key, (value, origin))| {
            let secret = matches!(value, Value::String(text) if mask::has_secret(key, text));
            secret && matches!(origin, Origin::File(..))
        });
        literal
            .map(|(key, (_, origin))| {
                UNSAFE
                    .error(format!("{origin}: `{key}` holds a password"))
                    .with_advice(format!(
                        "set `{key} = \"file:/run/secrets/{0}\"` or `{key} = \"env:NAME\"` and put the whole URL there",
                        key.parent()
                    ))
            })
            .collect()
    }

    fn bootstrap_key(&self) -> Option<Error> {
        let key = self.environment().get(BOOTSTRAP_KEY)?;
        let advice = "take a random one: `openssl rand -hex 32`";
        if key.chars().count() < KEY_MIN {
            let sentence = format!("`{BOOTSTRAP_KEY}` has fewer than {KEY_MIN} characters");
            return Some(UNSAFE.error(sentence).with_advice(advice));
        }
        let lower = key.to_ascii_lowercase();
        let placeholder = PLACEHOLDERS.iter().any(|placeholder| lower.contains(placeholder));
        placeholder.then(|| {
            UNSAFE
                .error(format!("`{BOOTSTRAP_KEY}` is a placeholder that everybody knows"))
                .with_advice(advice)
        })
    }
}

/// Doors that others than this machine can reach, in the clear.
fn open_doors(config: &Config) -> Vec<Error> {
    let mut refusals = Vec::new();
    if is_reachable(&config.listen.http) && config.http.tls.is_none() {
        let sentence = format!(
            "`listen.http` is `{}`, which others can reach, without TLS",
            config.listen.http
        );
        refusals.push(UNSAFE.error(sentence).with_advice(
            "set `http.tls.certificate` and `http.tls.key`, or `listen.http = \"127.0.0.1:7400\"` behind a proxy on this machine",
        ));
    }
    if is_reachable(&config.listen.resp) {
        let sentence = format!(
            "`listen.resp` is `{}`, which others can reach, without TLS",
            config.listen.resp
        );
        refusals.push(UNSAFE.error(sentence).with_advice(
            "set `listen.resp_tls` instead, with `resp.tls.certificate` and `resp.tls.key`, and `listen.resp = \"127.0.0.1:7401\"` for this machine or `listen.resp = \"\"` for nobody",
        ));
    }
    if is_reachable(&config.listen.grpc) && config.authz.tls.is_none() {
        let sentence = format!(
            "`listen.grpc` is `{}`, which others can reach, without TLS",
            config.listen.grpc
        );
        refusals.push(UNSAFE.error(sentence).with_advice(
            "set `authz.tls.certificate` and `authz.tls.key`, or `listen.grpc = \"127.0.0.1:7403\"` for an Envoy on this machine, or `listen.grpc = \"\"` for nobody",
        ));
    }
    refusals
}

/// Whether somebody beyond this machine can come to an address. A name that is not
/// known to be this machine's own might be anything.
fn is_reachable(address: &str) -> bool {
    if let Ok(address) = address.parse::<SocketAddr>() {
        return !address.ip().to_canonical().is_loopback();
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    !address.is_empty() && host != "localhost"
}

/// A data directory that is not only ours. One that is not there yet will be.
fn directory(data: &Path) -> Vec<Error> {
    let Ok(metadata) = std::fs::metadata(data) else { return Vec::new() };
    let mut refusals = Vec::new();
    let shown = data.display();
    let owner = metadata.uid();
    let ours = rustix::process::geteuid().as_raw();
    if owner != ours {
        let sentence = format!(
            "the data directory `{shown}` belongs to user {owner}, and this is user {ours}"
        );
        let advice =
            format!("run `chown -R {ours} {shown}`, or set `data` to a directory of its own");
        refusals.push(UNSAFE.error(sentence).with_advice(advice));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        let sentence =
            format!("others can read the data directory `{shown}`: its mode is {mode:o}");
        let advice =
            format!("run `chmod 700 {shown}`, or set `data` to a directory that is private");
        refusals.push(UNSAFE.error(sentence).with_advice(advice));
    }
    refusals
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::{Sources, environment::Environment};

    /// Loads a file as production does and returns every refusal.
    fn refusals(file: &str, variables: &[(&str, &str)], mode: u32) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(mode)).unwrap();
        let path = directory.path().join("stockade.toml");
        std::fs::write(&path, file).unwrap();
        let data = data.display().to_string();
        let flags = vec![("profile", "--profile", "production".into()), ("data", "--data", data)];
        let environment = Environment::of(variables);
        let loaded = Loaded::load(Sources { file: Some(path), flags, environment }).unwrap();
        let problems = loaded.vet().err().unwrap_or_default().0;
        problems.iter().map(|error| format!("{error}; {}", error.advice())).collect()
    }

    fn check(file: &str, variables: &[(&str, &str)], mode: u32, expected: &[&[&str]]) {
        let refusals = refusals(file, variables, mode);
        assert_eq!(refusals.len(), expected.len(), "{refusals:?}");
        for (refusal, parts) in refusals.iter().zip(expected) {
            for part in *parts {
                assert!(refusal.contains(part), "`{part}` is not in: {refusal}");
            }
        }
    }

    #[test]
    fn what_is_safe_is_accepted() {
        check("", &[], 0o700, &[]);
        check("sql.url = \"env:DATABASE_URL\"", &[], 0o700, &[]);
        check("listen.http = \"localhost:7400\"\nlisten.resp = \"\"", &[], 0o700, &[]);
        check("listen.http = \"[::1]:7400\"", &[], 0o700, &[]);
        check(
            "listen.http = \"0.0.0.0:7400\"\n[http.tls]\ncertificate = \"a.pem\"\nkey = \"file:b.pem\"",
            &[],
            0o700,
            &[],
        );
        let random = "9f2c7e41d8b6a0539f2c7e41d8b6a053";
        check("", &[("STOCKADE_BOOTSTRAP_KEY", random)], 0o700, &[]);
        let url = [("STOCKADE_SQL__URL", "postgres://ann:hunter2@db/stockade")];
        check("", &url, 0o700, &[]);
    }

    #[test]
    fn what_is_not_is_refused_with_the_setting_to_change() {
        let url = "[sql]\nurl = \"postgres://ann:hunter2@db/stockade\"";
        check(
            url,
            &[],
            0o700,
            &[&["stockade.toml:2: `sql.url` holds a password", "file:/run/secrets/sql"]],
        );
        check(
            "listen.http = \"0.0.0.0:7400\"",
            &[],
            0o700,
            &[&["`listen.http` is `0.0.0.0:7400`", "http.tls.certificate"]],
        );
        check("listen.http = \"db.internal:7400\"", &[], 0o700, &[&["`listen.http`"]]);
        check("listen.resp = \"[::]:7401\"", &[], 0o700, &[&["`listen.resp`", "127.0.0.1:7401"]]);
        check("listen.grpc = \"0.0.0.0:7403\"", &[], 0o700, &[&["`listen.grpc`", "authz.tls"]]);
        check("", &[], 0o755, &[&["its mode is 755", "chmod 700 "]]);
        check("", &[], 0o710, &[&["its mode is 710"]]);
        check("", &[("STOCKADE_BOOTSTRAP_KEY", "short")], 0o700, &[&["fewer than 32"]]);
        let known = "changeme-changeme-changeme-changeme";
        check("", &[("STOCKADE_BOOTSTRAP_KEY", known)], 0o700, &[&["placeholder"]]);
    }

    #[test]
    fn everything_is_said_at_once_and_no_secret_with_it() {
        let file = "listen.http = \"0.0.0.0:1\"\nlisten.resp = \"0.0.0.0:2\"\nfeed.url = \"redis://:hunter2@cache\"";
        let refusals = refusals(file, &[("STOCKADE_BOOTSTRAP_KEY", "hunter2")], 0o777);
        assert_eq!(refusals.len(), 5, "{refusals:?}");
        assert!(!refusals.join(" ").contains("hunter2"), "{refusals:?}");
    }
}
