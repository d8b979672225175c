//! What makes values untrue: events, tables and other namespaces.

use std::collections::{BTreeMap, BTreeSet};

use flow::feed::Purge;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resolve::Resolved;
use super::template::Template;

/// Something that makes values untrue: one of an event, a namespace and a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dependency {
    /// The name of an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// A namespace of the same tenant: what is purged there is untrue here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A table whose rows change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Which values are dropped.
    pub purge: What,
    /// Whether values that were read lately are loaded anew at once.
    pub refresh: bool,
    /// Whether the trigger is made by which the table tells of its changes.
    pub install: bool,
}

/// Which values are dropped. Names in braces are filled from the event, the row or, as `{key}`,
/// from the key that was purged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// All of them.
    #[default]
    All,
    /// Those with a tag, such as `team:{team_id}`.
    Tag(String),
    /// Those a pattern matches, such as `user:{id}:*`.
    Glob(String),
    /// One, such as `user:{id}`.
    Key(String),
}

/// A dependency that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependence {
    /// What happens.
    pub on: Cause,
    /// Which values are dropped then.
    pub drops: Drops,
    /// Whether values that were read lately are loaded anew at once.
    pub refresh: bool,
    /// Whether the trigger is made by which the table tells of its changes.
    pub install: bool,
}

/// What happens that makes values untrue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// An event of this name.
    Event(Box<str>),
    /// A purge in this namespace of the same tenant.
    Namespace(Box<str>),
    /// A change of a row of this table.
    Table(Box<str>),
}

impl Cause {
    pub(crate) fn event(&self) -> Option<&str> {
        match self {
            Self::Event(name) => Some(name),
            Self::Namespace(_) | Self::Table(_) => None,
        }
    }
}

/// Which values are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drops {
    /// All.
    All,
    /// Those with a tag.
    Tag(Template),
    /// Those a pattern matches.
    Glob(Template),
    /// One.
    Key(Template),
}

impl Drops {
    /// The purge, filled from what happened. What cannot be filled drops everything: too
    /// much is loaded anew rather than something untrue kept.
    pub fn purge<'v>(&self, value: impl Fn(&str) -> Option<&'v [u8]>) -> Purge {
        let text = |filled: Vec<u8>| String::from_utf8(filled).ok();
        let purge = match self {
            Self::All => None,
            Self::Tag(tag) => tag.fill(value).and_then(text).map(Purge::Tag),
            Self::Glob(glob) => glob.fill_glob(value).and_then(text).map(Purge::Glob),
            Self::Key(key) => key.fill(value).map(Purge::Key),
        };
        purge.unwrap_or(Purge::All)
    }

    pub(crate) fn places(&self) -> Vec<&str> {
        match self {
            Self::All => Vec::new(),
            Self::Tag(template) | Self::Glob(template) | Self::Key(template) => {
                template.places().collect()
            }
        }
    }
}

impl Dependency {
    /// Checked, for the namespace of this name; what is wrong if it cannot hold.
    pub(super) fn check(&self, own: &str) -> Result<Dependence, String> {
        let on = match (&self.event, &self.namespace, &self.table) {
            (Some(name), None, None) => Cause::Event(named("event", name)?),
            (None, Some(name), None) => Cause::Namespace(named("namespace", name)?),
            (None, None, Some(name)) => Cause::Table(named("table", name)?),
            _ => return Err("say one of `event`, `namespace` and `table`".into()),
        };
        let drops = match &self.purge {
            What::All => Drops::All,
            What::Tag(text) => Drops::Tag(Template::parse(text)?),
            What::Glob(text) => Drops::Glob(Template::parse(text)?),
            What::Key(text) => Drops::Key(Template::parse(text)?),
        };
        if let Cause::Namespace(name) = &on {
            if **name == *own {
                return Err("a namespace cannot depend on itself; name another one".into());
            }
            if let Some(place) = drops.places().into_iter().find(|place| *place != "key") {
                let say = "a purge of a namespace fills only `{key}`";
                return Err(format!("{say}; replace `{{{place}}}`"));
            }
        }
        if self.install && !matches!(on, Cause::Table(_)) {
            return Err("`install` makes a trigger, and only a `table` has some".into());
        }
        Ok(Dependence { on, drops, refresh: self.refresh, install: self.install })
    }
}

fn named(what: &str, name: &str) -> Result<Box<str>, String> {
    if name.is_empty() {
        return Err(format!("`{what}` is empty; write its name"));
    }
    Ok(name.into())
}

/// Namespaces that depend on each other in a circle, if some do: a purge in one of them
/// would never come to an end. The first is repeated as the last.
pub fn cycle(namespaces: &BTreeMap<String, Resolved>) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    namespaces.keys().find_map(|start| {
        // Depth first with the path as the stack: no recursion, each namespace entered once.
        let mut path = vec![(start.as_str(), causes(namespaces, start))];
        while let Some((_, open)) = path.last_mut() {
            let Some(next) = open.pop() else {
                done.extend(path.pop().map(|(name, _)| name));
                continue;
            };
            if let Some(at) = path.iter().position(|(name, _)| *name == next) {
                let circle = path.iter().skip(at).map(|(name, _)| *name).chain([next]);
                return Some(circle.map(str::to_owned).collect());
            }
            if !done.contains(next) {
                path.push((next, causes(namespaces, next)));
            }
        }
        None
    })
}

/// The namespaces one depends on.
fn causes<'a>(namespaces: &'a BTreeMap<String, Resolved>, name: &str) -> Vec<&'a str> {
    let rules = namespaces.get(name).into_iter();
    let causes = rules.flat_map(|rules| &rules.depends_on).filter_map(|one| match &one.on {
        Cause::Namespace(name) => Some(name.as_ref()),
        Cause::Event(_) | Cause::Table(_) => None,
    });
    causes.collect()
}

#[cfg(test)]
mod tests {
    use super::super::Rules;
    use super::*;

    fn rules(on: &[&str]) -> Resolved {
        let one = |name: &&str| Dependency {
            namespace: Some((*name).into()),
            purge: What::Key("{key}".into()),
            ..Dependency::default()
        };
        let depends_on = Some(on.iter().map(one).collect());
        let rules = Rules { depends_on, ..Rules::default() };
        rules.resolve("own", &Rules::default()).unwrap()
    }

    fn circle(edges: &[(&str, &[&str])]) -> Option<String> {
        let namespaces = edges.iter().map(|(name, on)| ((*name).to_owned(), rules(on))).collect();
        cycle(&namespaces).map(|circle| circle.join(">"))
    }

    #[test]
    fn circles_are_found_and_nothing_else() {
        assert_eq!(circle(&[]), None);
        assert_eq!(circle(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &["unknown"])]), None);
        assert_eq!(circle(&[("a", &["b"]), ("b", &["a"])]).unwrap(), "a>b>a");
        assert_eq!(circle(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]).unwrap(), "b>c>b");
    }

    #[test]
    fn what_cannot_be_filled_drops_everything() {
        let by =
            |what| Dependency { event: Some("e".into()), purge: what, ..Dependency::default() };
        let purge = |what: What, value: Option<&'static [u8]>| {
            by(what).check("own").unwrap().drops.purge(move |_| value)
        };
        assert_eq!(purge(What::Key("u:{id}".into()), Some(b"7")), Purge::Key(b"u:7".to_vec()));
        assert_eq!(purge(What::Tag("t:{id}".into()), Some(b"7")), Purge::Tag("t:7".into()));
        assert_eq!(purge(What::Glob("{id}:*".into()), Some(b"*")), Purge::Glob("\\*:*".into()));
        assert_eq!(purge(What::Key("u:{id}".into()), None), Purge::All);
        assert_eq!(purge(What::Tag("t:{id}".into()), Some(b"\xff")), Purge::All);
        assert_eq!(purge(What::All, Some(b"7")), Purge::All);
    }
}
