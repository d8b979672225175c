//! One layer of values over another: the tree's defaults, the profile's, the
//! file, the environment, the flags. Each value remembers where it comes from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use flow::{Error, Result};
use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::codes::{MISSING_VALUE, UNKNOWN_KEY, UNREADABLE, WRONG_VALUE};
use super::environment::Environment;
use super::key::Key;
use super::kind::Kind;
use super::known::{Known, Place, Setting};
use super::mask;
use super::origin::Origin;
use super::problem::Problems;
use super::{Config, Profile};

/// Values by key, each with its origin.
pub(crate) type Values = BTreeMap<Key, (Value, Origin)>;

/// Layers put one over another so far.
pub(crate) struct Layers<'a> {
    known: &'a Known,
    pub(crate) values: Values,
    pub(crate) problems: Problems,
}

impl<'a> Layers<'a> {
    /// The tree's own defaults.
    pub(crate) fn new(known: &'a Known) -> Self {
        let mut layers = Self { known, values: Values::new(), problems: Problems::default() };
        let one = |setting: &&Setting| !setting.needed && !setting.key.is_pattern();
        for setting in known.settings.iter().filter(one) {
            // Defaults of a section that is absent as a whole hold once it is there.
            if let Some(default) =
                setting.default.clone().filter(|_| !is_absent(known, &setting.key))
            {
                layers.put(&setting.key, &setting.kind, default, &|_| Origin::Default);
            }
        }
        layers
    }

    /// What a profile sets differently.
    pub(crate) fn profile(&mut self, profile: Profile) {
        let table: Table = profile.differences().parse().unwrap_or_default();
        self.table(&Key::default(), &table, &|_| Origin::Profile(profile));
    }

    /// A file.
    pub(crate) fn file(&mut self, path: &Arc<std::path::PathBuf>, text: &str) {
        match (text.parse::<Table>(), DeTable::parse(text)) {
            (Ok(table), Ok(spans)) => {
                let line = |key: &Key| line_of(spans.get_ref(), key.steps(), text);
                self.table(&Key::default(), &table, &|key| Origin::File(path.clone(), line(key)));
            }
            (Err(error), _) | (_, Err(error)) => self.problems.0.push(not_toml(path, text, &error)),
        }
    }

    /// The environment. An empty variable sets text to nothing, and is otherwise
    /// the same as none.
    pub(crate) fn environment(&mut self, environment: &Environment) {
        for setting in environment.settings(self.known) {
            match setting {
                Ok((name, key, value)) => self.written(&key, &value, Origin::Variable(name)),
                Err(error) => self.problems.0.push(error),
            }
        }
    }

    /// A value written as plain text.
    pub(crate) fn written(&mut self, key: &Key, written: &str, origin: Origin) {
        let Place::Setting(kind) = self.known.place(key) else { return };
        let default = self.values.get(key);
        if written.is_empty() && (*kind != Kind::Text || default.is_none()) {
            return;
        }
        self.put(key, kind, kind.read(written), &|_| origin.clone());
    }

    fn table(&mut self, section: &Key, table: &Table, origin: &dyn Fn(&Key) -> Origin) {
        let known = self.known;
        for (name, value) in table {
            let key = section.join(name);
            match (known.place(&key), value) {
                (Place::Setting(kind), value) => self.put(&key, kind, value.clone(), origin),
                (Place::Section, Value::Table(inner)) => self.table(&key, inner, origin),
                (Place::Section, _) => self.problems.0.push(WRONG_VALUE.error(format!(
                    "{}: `{key}` is a section, so a table is wanted; write `[{key}]` and its settings below",
                    origin(&key)
                ))),
                (Place::Nothing, value) => {
                    let error = self.unknown(&key, value, origin);
                    self.problems.0.push(error);
                }
            }
        }
    }

    /// Puts a value over what is there; of a table, entry by entry.
    fn put(&mut self, key: &Key, kind: &Kind, value: Value, origin: &dyn Fn(&Key) -> Origin) {
        match (kind, value) {
            (Kind::Map(entry), Value::Table(entries)) => {
                for (name, value) in entries {
                    self.put(&key.join(&name), entry, value, origin);
                }
            }
            (kind, value) => {
                let origin = origin(key);
                if let Err(wrong) = kind.check(&value) {
                    let example = kind.example();
                    self.problems.0.push(
                        WRONG_VALUE
                            .error(format!("{origin}: `{key}` {wrong}"))
                            .with_advice(format!("write it like {example}")),
                    );
                }
                self.values.insert(key.clone(), (value, origin));
            }
        }
    }

    /// An unknown key; a table with one setting is taken for that setting.
    fn unknown(&self, key: &Key, value: &Value, origin: &dyn Fn(&Key) -> Origin) -> Error {
        let place = origin(key);
        let mut key = key.clone();
        let mut value = value;
        while let Some((name, inner)) =
            value.as_table().filter(|table| table.len() == 1).and_then(|table| table.iter().next())
        {
            key = key.join(name);
            value = inner;
        }
        let sentence = format!("{place}: unknown key `{}`", mask::masked(&key.to_string()));
        match self.known.meant(&key, Key::to_string).as_slice() {
            [] => UNKNOWN_KEY.error(sentence),
            near => UNKNOWN_KEY.error(format!("{sentence}; did you mean {}?", near.join(" or "))),
        }
    }

    /// The tree, when everything fits.
    pub(crate) fn build(mut self) -> Result<(Config, Values), Problems> {
        self.complete();
        self.problems.none()?;
        let mut table = Table::new();
        for (key, (value, _)) in &self.values {
            nest(&mut table, key.steps(), value);
        }
        let config = Config::deserialize(Value::Table(table)).map_err(|error| {
            // The cause may repeat a value; what it says of it is ours.
            WRONG_VALUE.error(mask::masked(error.message()))
        })?;
        Ok((config, self.values))
    }

    /// Sections that are there must be whole; what they leave out has its default.
    fn complete(&mut self) {
        for setting in &self.known.settings {
            let section = setting.key.parent();
            let started = || self.values.iter().find(|(key, _)| key.is_in(&section));
            if self.values.contains_key(&setting.key) || !is_absent(self.known, &setting.key) {
                continue;
            }
            let Some((because, (_, origin))) = started() else { continue };
            match &setting.default {
                Some(default) => {
                    let default = (default.clone(), Origin::Default);
                    self.values.insert(setting.key.clone(), default);
                }
                None if setting.needed => {
                    let sentence =
                        format!("{origin}: `{because}` is set, so `{}` is needed too", setting.key);
                    self.problems.0.push(MISSING_VALUE.error(sentence));
                }
                None => {}
            }
        }
    }
}

/// Whether a key stands in a section that is absent unless somebody sets it.
fn is_absent(known: &Known, key: &Key) -> bool {
    let section = key.parent();
    known.settings.iter().any(|setting| setting.needed && setting.key.parent() == section)
}

fn nest(table: &mut Table, steps: &[String], value: &Value) {
    match steps {
        [] => {}
        [name] => {
            table.insert(name.clone(), value.clone());
        }
        [name, rest @ ..] => {
            let inner = table.entry(name.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                nest(inner, rest, value);
            }
        }
    }
}

/// The line of a key: of the nearest table around it, if it has none of its own.
fn line_of(table: &DeTable<'_>, steps: &[String], text: &str) -> usize {
    let (mut line, mut table) = (1, Some(table));
    for step in steps {
        let Some((key, value)) = table.and_then(|table| table.get_key_value(step.as_str())) else {
            break;
        };
        line = line_at(text, key.span().start);
        table = match value.get_ref() {
            DeValue::Table(inner) => Some(inner),
            _ => None,
        };
    }
    line
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Says the line and what is wrong with it, but not what stands in it: that may be
/// a secret.
fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map_or(1, |span| line_at(text, span.start));
    let what = error.message().lines().next().unwrap_or_default();
    UNREADABLE.error(format!("{}:{line}: {what}", path.display()))
}

#[cfg(test)]
mod tests;
