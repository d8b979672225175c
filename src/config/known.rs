//! Every setting there is, read off the schema of the tree: one source for
//! checking, showing and documenting.

use schemars::generate::SchemaSettings;
use serde_json::Value as Json;
use toml::Value;

use super::Config;
use super::key::{ANY, Key};
use super::kind::Kind;
use super::nearest::nearest;

/// Everything that can be set.
#[derive(Debug)]
pub(crate) struct Known {
    /// The sections, each before what stands in it.
    pub(crate) sections: Vec<Section>,
    /// The settings, in the order of their keys.
    pub(crate) settings: Vec<Setting>,
}

/// A table of settings.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) key: Key,
    /// What it is about.
    pub(crate) about: String,
}

/// One thing that can be set.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) key: Key,
    pub(crate) kind: Kind,
    /// What it means, in Markdown.
    pub(crate) about: String,
    /// What holds when nobody sets it; `None` when that is nothing at all.
    pub(crate) default: Option<Value>,
    /// Whether its section, once there, cannot do without it.
    pub(crate) needed: bool,
}

/// What stands at a key.
pub(crate) enum Place<'a> {
    /// A setting, or one entry of a setting that takes a table.
    Setting(&'a Kind),
    /// A section.
    Section,
    /// Nothing.
    Nothing,
}

impl Known {
    /// Reads the schema.
    pub(crate) fn new() -> Self {
        let settings =
            SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let schema = settings.into_generator().into_root_schema_for::<Config>();
        let defaults = Value::try_from(Config::default()).unwrap_or(Value::Boolean(false));
        let mut known = Self { sections: Vec::new(), settings: Vec::new() };
        known.read(&Key::default(), schema.as_value(), Some(&defaults));
        known
    }

    /// Reads a section. What is optional as a whole has no defaults while it is absent.
    fn read(&mut self, section: &Key, schema: &Json, defaults: Option<&Value>) {
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return };
        let required = |name: &str| {
            let names = schema.get("required").and_then(Json::as_array);
            names.is_some_and(|names| names.iter().any(|required| required == name))
        };
        let mut inner = Vec::new();
        for (name, property) in properties {
            let key = section.join(name);
            let about = about(property);
            let property = present(property);
            let default = defaults.and_then(|defaults| defaults.get(name));
            match Kind::of(property) {
                Some(kind) => {
                    let default = default.cloned().or_else(|| of_schema(property));
                    let needed = required(name);
                    self.settings.push(Setting { key, kind, about, default, needed });
                }
                None => inner.push((key, about, property, default)),
            }
        }
        for (key, about, property, default) in inner {
            self.sections.push(Section { key: key.clone(), about });
            match property.get("additionalProperties").filter(|entry| entry.is_object()) {
                None => self.read(&key, property, default),
                Some(entry) => {
                    let about = self::about(entry);
                    let key = key.join(ANY);
                    self.sections.push(Section { key: key.clone(), about });
                    self.read(&key, entry, None);
                }
            }
        }
    }

    /// What stands at a key.
    pub(crate) fn place(&self, key: &Key) -> Place<'_> {
        for setting in &self.settings {
            match &setting.kind {
                kind if key.fits(&setting.key) => return Place::Setting(kind),
                Kind::Map(entry) if key.parent().fits(&setting.key) => {
                    return Place::Setting(entry);
                }
                _ => {}
            }
        }
        match self.sections.iter().any(|section| key.fits(&section.key)) {
            true => Place::Section,
            false => Place::Nothing,
        }
    }

    /// The keys somebody may have meant, each in backticks and written by `write`.
    pub(crate) fn meant(&self, key: &Key, write: impl Fn(&Key) -> String) -> Vec<String> {
        let settings = self.settings.iter().map(|setting| &setting.key);
        let all = settings.chain(self.sections.iter().map(|section| &section.key));
        let keys: Vec<Key> = all.map(|known| known.named_as(key)).collect();
        let written: Vec<String> = keys.iter().map(&write).collect();
        let near = nearest(&write(key), written.iter().map(String::as_str));
        if !near.is_empty() {
            return near;
        }
        // The right word in the wrong place.
        let same = keys.iter().filter(|known| known.name() == key.name()).take(3);
        same.map(|known| format!("`{}`", write(known))).collect()
    }
}

/// The first description on the way in.
fn about(schema: &Json) -> String {
    let own = schema.get("description").and_then(Json::as_str);
    let inner = || present(schema).get("description").and_then(Json::as_str);
    own.or_else(inner).unwrap_or_default().to_owned()
}

/// The schema of what is there, of a schema that also allows nothing.
fn present(schema: &Json) -> &Json {
    let variants = schema.get("anyOf").and_then(Json::as_array);
    let some = variants
        .and_then(|variants| variants.iter().find(|one| one.get("type") != Some(&"null".into())));
    some.unwrap_or(schema)
}

fn of_schema(schema: &Json) -> Option<Value> {
    Value::try_from(schema.get("default").filter(|default| !default.is_null())?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_meaning_and_a_default_it_would_accept() {
        let known = Known::new();
        assert!(known.settings.len() > 30, "{}", known.settings.len());
        for setting in &known.settings {
            assert!(!setting.about.is_empty(), "`{}` is not explained", setting.key);
            if let Some(default) = &setting.default {
                assert_eq!(setting.kind.check(default), Ok(()), "{}", setting.key);
            }
        }
        for section in &known.sections {
            assert!(!section.about.is_empty(), "`{}` is not explained", section.key);
        }
    }

    #[test]
    fn what_is_optional_as_a_whole_is_known_too() {
        let known = Known::new();
        let find =
            |key: &str| known.settings.iter().find(|setting| setting.key == Key::new(key)).unwrap();
        assert!(find("http.tls.certificate").needed);
        assert_eq!(find("http.tls.certificate").default, None);
        assert!(!find("http.tls.check_every").needed);
        assert_eq!(find("http.tls.check_every").default, Some(Value::from("10s")));
        assert_eq!(find("sql.url").default, None);
    }
}
