//! The environment variables that are ours.

use std::collections::BTreeMap;
use std::fmt;

use flow::{Error, Result};

use super::codes::{UNKNOWN_KEY, WRONG_VALUE};
use super::key::{Key, PREFIX};
use super::known::{Known, Place};
use super::nearest::nearest;

/// The first admin's key, at the very first start.
pub(crate) const BOOTSTRAP_KEY: &str = "STOCKADE_BOOTSTRAP_KEY";
/// The configuration file.
pub(crate) const CONFIG: &str = "STOCKADE_CONFIG";
/// The server commands talk to.
pub(crate) const SERVER: &str = "STOCKADE_SERVER";
/// The key commands show to a server.
pub(crate) const KEY: &str = "STOCKADE_KEY";
/// What a command that is run under a lock finds its fence in.
pub(crate) const FENCE: &str = "STOCKADE_FENCE";

/// Variables that set nothing in the tree, and what they are for.
pub(crate) const RESERVED: &[(&str, &str)] = &[
    (
        BOOTSTRAP_KEY,
        "the first admin's API key at the very first start, instead of a generated one; 32 characters or more",
    ),
    (CONFIG, "the configuration file, as `--config` names it"),
    (SERVER, "the server that commands talk to, as `--server` names it"),
    (KEY, "the API key that commands show to that server"),
    (FENCE, "set for commands that run under `stockade cache lock`: the fence of the lock"),
];

/// Variables for tests, which set nothing here.
const TESTS: &str = "STOCKADE_TEST_";

/// Those environment variables that begin with `STOCKADE_`.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, Option<String>>);

impl Environment {
    /// Of this process.
    pub(crate) fn of_process() -> Self {
        let names =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let ours = names.filter(|(name, _)| name.starts_with(PREFIX));
        Self(ours.map(|(name, value)| (name, value.into_string().ok())).collect())
    }

    /// Of these variables.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
        Self(variables.iter().map(own).collect())
    }

    /// The value of a variable, if it has one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref().filter(|value| !value.is_empty())
    }

    /// Every variable that sets something: its name, the key, the value.
    pub(crate) fn settings(&self, known: &Known) -> Vec<Result<(String, Key, String)>> {
        let ours = self.0.iter().filter(|(name, _)| !is_reserved(name) && !is_of_kubernetes(name));
        ours.map(|(name, value)| {
            let key = Key::of_variable(name);
            if !matches!(known.place(&key), Place::Setting(_)) {
                return Err(unknown(name, &key, known));
            }
            let value =
                value.clone().ok_or_else(|| WRONG_VALUE.error(format!("`{name}` is not UTF-8")))?;
            Ok((name.clone(), key, value))
        })
        .collect()
    }
}

impl fmt::Debug for Environment {
    /// The names alone: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn is_reserved(name: &str) -> bool {
    name.starts_with(TESTS) || RESERVED.iter().any(|(reserved, _)| *reserved == name)
}

/// Kubernetes tells every pod where the services of its namespace are, in variables
/// called after them. A service called `stockade` must not keep Stockade from
/// starting. Ours have a double underscore or stand at the root of the tree.
fn is_of_kubernetes(name: &str) -> bool {
    let of_port = || {
        name.split_once("_PORT").is_some_and(|(_, rest)| {
            rest.is_empty()
                || rest
                    .strip_prefix('_')
                    .is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
        })
    };
    !name.contains("__")
        && (name.contains("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || of_port())
}

fn unknown(name: &str, key: &Key, known: &Known) -> Error {
    if let Place::Section = known.place(key) {
        let error =
            UNKNOWN_KEY.error(format!("`{name}` names the section `{key}`, not a setting in it"));
        return error
            .with_advice(format!("set one of its settings, as in `{}`", example(key, known)));
    }
    let mut near = nearest(name, RESERVED.iter().map(|(reserved, _)| *reserved));
    near.extend(known.meant(key, Key::variable));
    match near.as_slice() {
        [] => UNKNOWN_KEY.error(format!("unknown environment variable `{name}`")).with_advice(
            "a setting `section.name` is set by `STOCKADE_SECTION__NAME`; `stockade config reference` lists them",
        ),
        near => UNKNOWN_KEY.error(format!(
            "unknown environment variable `{name}`; did you mean {}?",
            near.join(" or ")
        )),
    }
}

fn example(section: &Key, known: &Known) -> String {
    let setting = known.settings.iter().find(|setting| setting.key.is_in(section));
    setting.map(|setting| setting.key.variable()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Result<&str, &str>) {
        let environment = Environment::of(&[(name, "1")]);
        match (environment.settings(&Known::new()).pop(), expected) {
            (Some(Ok((_, key, _))), Ok(expected)) => assert_eq!(key.to_string(), expected),
            (None, Ok(expected)) => assert_eq!("", expected, "{name} is passed over"),
            (Some(Err(error)), Err(part)) => assert!(error.detail().contains(part), "{error}"),
            (got, _) => panic!("`{name}` gave {got:?}"),
        }
    }

    #[test]
    fn variables_name_keys() {
        check("STOCKADE_DATA", Ok("data"));
        check("STOCKADE_CACHE__CAPACITY", Ok("cache.capacity"));
        check("STOCKADE_HTTP__LIMITS__JSON_MAX", Ok("http.limits.json_max"));
        check("STOCKADE_GATE__RATES__AGENT", Ok("gate.rates.agent"));
        check("STOCKADE_HTTP__TLS__KEY", Ok("http.tls.key"));
    }

    #[test]
    fn what_sets_nothing_is_passed_over() {
        for name in [
            "STOCKADE_KEY",
            "STOCKADE_BOOTSTRAP_KEY",
            "STOCKADE_TEST_REDIS",
            "STOCKADE_SERVICE_HOST",
            "STOCKADE_SERVICE_PORT_HTTP",
            "STOCKADE_PORT",
            "STOCKADE_PORT_7400_TCP_ADDR",
            "STOCKADE_REDIS_PORT_6379_TCP",
        ] {
            check(name, Ok(""));
        }
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        check("STOCKADE_CACHE_CAPACITY", Err("did you mean `STOCKADE_CACHE__CAPACITY`?"));
        check("STOCKADE_CACHE__CAPASITY", Err("did you mean `STOCKADE_CACHE__CAPACITY`?"));
        check("STOCKADE_BOOTSTRAPKEY", Err("did you mean `STOCKADE_BOOTSTRAP_KEY`?"));
        check("STOCKADE_CACHE", Err("names the section `cache`"));
        check("STOCKADE_TEAPOT", Err("unknown environment variable `STOCKADE_TEAPOT`"));
    }
}
