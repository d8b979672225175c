//! The places in the data that are a bundle's alone.

use flow::Result;
use rego::Value;
use rego::syntax::Module;

use crate::codes::{BUNDLE_INVALID, BUNDLE_ROOTS};

/// Roots, none of which lies below another. The empty one is all of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roots(Vec<Vec<String>>);

impl Roots {
    /// What a manifest says; without any it is everything.
    pub(crate) fn of(said: Option<&[String]>) -> Result<Self> {
        let Some(said) = said else { return Ok(Self(vec![Vec::new()])) };
        let roots: Vec<Vec<String>> = said.iter().map(|root| parts(root)).collect();
        for (place, root) in roots.iter().enumerate() {
            if root.iter().any(String::is_empty) {
                let story = format!("the root `{}` has an empty part", root.join("/"));
                return Err(BUNDLE_INVALID.error(story));
            }
            let other = roots.iter().skip(place + 1).find(|other| overlap(root, other));
            if let Some(other) = other {
                let (one, two) = (root.join("/"), other.join("/"));
                let story = format!("its roots `{one}` and `{two}` lie in one another");
                return Err(BUNDLE_INVALID.error(story));
            }
        }
        Ok(Self(roots))
    }

    /// As the manifest writes them.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|root| root.join("/")).collect()
    }

    /// Each as the keys that lead there.
    pub(crate) fn paths(&self) -> impl Iterator<Item = Vec<Value>> {
        self.0.iter().map(|root| root.iter().map(|part| Value::from(part.as_str())).collect())
    }

    /// Whether a place lies below one of them.
    pub(crate) fn contain(&self, place: &[&str]) -> bool {
        self.0.iter().any(|root| lies_below(root, place))
    }

    /// Whether what is done at a place would be done to a part of them.
    pub(crate) fn touch(&self, place: &[&str]) -> bool {
        let place: Vec<String> = place.iter().map(|part| (*part).to_owned()).collect();
        self.0.iter().any(|root| overlap(root, &place))
    }

    /// Refuses a bundle whose roots lie in those of another.
    pub(crate) fn check_apart(&self, name: &str, others: &Self) -> Result<()> {
        for root in &self.0 {
            if let Some(other) = others.0.iter().find(|other| overlap(root, other)) {
                let (one, two) = (root.join("/"), other.join("/"));
                let story =
                    format!("its root `{one}` and the root `{two}` of `{name}` lie in one another");
                return Err(BUNDLE_ROOTS.error(story));
            }
        }
        Ok(())
    }

    /// Refuses a policy whose package lies elsewhere.
    pub(crate) fn check_package(&self, module: &Module) -> Result<()> {
        let package = package(module);
        match self.contain(&package) {
            true => Ok(()),
            false => {
                let (file, package) = (&module.source.name, package.join("."));
                let story = format!("`{file}` has the package `{package}`, outside of the roots");
                Err(BUNDLE_INVALID.error(story).with_advice(self.advice()))
            }
        }
    }

    /// Refuses documents elsewhere.
    pub(super) fn check_data(&self, data: &Value) -> Result<()> {
        self.check_below(data, &mut Vec::new())
    }

    fn check_below<'v>(&self, value: &'v Value, place: &mut Vec<&'v str>) -> Result<()> {
        if self.contain(place) {
            return Ok(());
        }
        match value {
            Value::Object(members) if place.is_empty() || self.touch(place) => {
                for (key, value) in members.iter() {
                    place.push(key.as_text().unwrap_or_default());
                    self.check_below(value, place)?;
                    place.pop();
                }
                Ok(())
            }
            _ => {
                let story = format!("it has data at `{}`, outside of the roots", place.join("/"));
                Err(BUNDLE_INVALID.error(story).with_advice(self.advice()))
            }
        }
    }

    fn advice(&self) -> String {
        let names: Vec<_> = self.names().iter().map(|name| format!("`{name}`")).collect();
        format!("put it below {}, or add its place to `roots` of the manifest", names.join(", "))
    }
}

/// The package of a policy, without `data`.
fn package(module: &Module) -> Vec<&str> {
    module.package.iter().map(|name| &**name).collect()
}

/// Whether a place is a root or lies below it.
fn lies_below(root: &[String], place: &[&str]) -> bool {
    root.len() <= place.len() && root.iter().zip(place).all(|(one, two)| one == two)
}

fn overlap(one: &[String], two: &[String]) -> bool {
    one.iter().zip(two).all(|(one, two)| one == two)
}

fn parts(root: &str) -> Vec<String> {
    match root.trim_matches('/') {
        "" => Vec::new(),
        root => root.split('/').map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use rego::value::json;

    use super::*;

    fn roots(names: &[&str]) -> Result<Roots> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Roots::of(Some(&names))
    }

    #[test]
    fn roots_of_one_bundle_lie_apart() {
        for (names, fine) in [
            (&["a", "b"][..], true),
            (&["a/b", "a/c"], true),
            (&["a", "ab"], true),
            (&["a", "a/b"], false),
            (&["/a/", "a"], false),
            (&["", "a"], false),
            (&["a//b"], false),
            (&[], true),
        ] {
            assert_eq!(roots(names).is_ok(), fine, "{names:?}");
        }
    }

    #[test]
    fn roots_of_two_bundles_lie_apart() {
        for (one, two, apart) in
            [("a", "b", true), ("a/b", "a/c", true), ("a", "a/c", false), ("", "a", false)]
        {
            let (first, second) = (roots(&[one]).unwrap(), roots(&[two]).unwrap());
            assert_eq!(first.check_apart("other", &second).is_ok(), apart, "{one} {two}");
            assert_eq!(second.check_apart("other", &first).is_ok(), apart, "{two} {one}");
        }
    }

    #[test]
    fn data_lies_below_the_roots() {
        for (names, data, fine) in [
            (&[""][..], r#"{"a":1}"#, true),
            (&["a"], r#"{"a":1}"#, true),
            (&["a/b", "c"], r#"{"a":{"b":{"x":1}},"c":2}"#, true),
            (&["a/b"], r#"{"a":{"b":1,"x":2}}"#, false),
            (&["a/b"], r#"{"a":1}"#, false),
            (&["a"], r#"{"ab":1}"#, false),
            (&[], "{}", true),
            (&[], r#"{"a":1}"#, false),
        ] {
            let data = json::read(data.as_bytes()).unwrap();
            assert_eq!(roots(names).unwrap().check_data(&data).is_ok(), fine, "{names:?} {data}");
        }
    }
}
