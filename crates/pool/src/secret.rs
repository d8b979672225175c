//! Where a secret is, never the secret itself.
//!
//! Configuration names secrets (`env:REDIS_PASSWORD`, `file:/run/secrets/redis`)
//! and a literal value is refused, so that a configuration file may be shown,
//! logged and committed. What is read is wiped from memory when it is dropped.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use flow::Result;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::codes;

/// No secret is longer; a path to a disk image is a mistake.
const LONGEST: u64 = 64 << 10;

/// A reference to a secret, written `env:NAME` or `file:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// The value of an environment variable.
    Env(String),
    /// The content of a file, without the line break at its end.
    File(PathBuf),
}

impl Secret {
    /// The secret's bytes.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>> {
        let bytes = match self {
            Secret::Env(name) => self.read_variable(name)?,
            Secret::File(path) => self.read_file(path)?,
        };
        if bytes.is_empty() {
            return Err(codes::SECRET_MISSING.error(format!("the secret `{self}` is empty")));
        }
        Ok(bytes)
    }

    /// The secret as text.
    pub fn read_text(&self) -> Result<Zeroizing<String>> {
        let bytes = self.read()?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            // The cause would quote the secret's length and place; it stays out.
            Err(_) => Err(codes::SECRET_MISSING.error(format!("the secret `{self}` is not text"))),
        }
    }

    fn read_variable(&self, name: &str) -> Result<Zeroizing<Vec<u8>>> {
        let value = std::env::var_os(name).ok_or_else(|| {
            codes::SECRET_MISSING.error(format!("there is no secret at `{self}`"))
        })?;
        Ok(Zeroizing::new(value.into_encoded_bytes()))
    }

    fn read_file(&self, path: &PathBuf) -> Result<Zeroizing<Vec<u8>>> {
        let missing = |error: std::io::Error| {
            codes::SECRET_MISSING
                .error(format!("cannot read the secret at `{self}`"))
                .because(error)
        };
        let file = std::fs::File::open(path).map_err(missing)?;
        // Room for all of it at once: a growing vector would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(missing)?;
        if bytes.len() as u64 > LONGEST {
            return Err(codes::SECRET_MISSING.error(format!("`{self}` is too long for a secret")));
        }
        for end in [b'\n', b'\r'] {
            if bytes.last() == Some(&end) {
                bytes.pop();
            }
        }
        Ok(bytes)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Env(name) => write!(f, "env:{name}"),
            Secret::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl FromStr for Secret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Secret::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Secret::File(path.into())),
            // What was written may be the secret itself: it must not be repeated.
            _ => Err(
                "a secret is written as a reference, `env:NAME` or `file:PATH`, never as its value",
            ),
        }
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(env|file):.+",
            "examples": ["env:REDIS_PASSWORD", "file:/run/secrets/redis"],
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_literal_values_are_refused_unrepeated() {
        for text in ["env:NAME", "file:/a/b", "file:C:/x"] {
            assert_eq!(text.parse::<Secret>().unwrap().to_string(), text);
        }
        for wrong in ["", "env:", "file:", "hunter2", "vault:x"] {
            let error = wrong.parse::<Secret>().unwrap_err();
            let repeated = !wrong.ends_with(':') && !wrong.is_empty() && error.contains(wrong);
            assert!(!repeated, "{error}");
        }
        let json = serde_json::from_str::<Secret>("\"hunter2\"").unwrap_err();
        assert!(!json.to_string().contains("hunter2"), "{json}");
    }

    #[test]
    fn a_file_loses_the_line_break_at_its_end_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        for (written, read) in [("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a")] {
            std::fs::write(&path, written).unwrap();
            let secret = Secret::File(path.clone());
            assert_eq!(secret.read_text().unwrap().as_str(), read);
        }
    }

    #[test]
    fn what_is_absent_empty_or_endless_says_where_it_was_looked_for() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty");
        std::fs::write(&empty, "\n").unwrap();
        for (secret, part) in [
            (Secret::Env("STOCKADE_NO_SUCH_VARIABLE".into()), "no secret at"),
            (Secret::File(directory.path().join("none")), "cannot read"),
            (Secret::File(empty), "is empty"),
            (Secret::File("/dev/zero".into()), "too long"),
        ] {
            let error = secret.read().unwrap_err();
            assert!(error.detail().contains(part), "{error}");
            assert!(error.detail().contains(&secret.to_string()), "{error}");
        }
    }
}
