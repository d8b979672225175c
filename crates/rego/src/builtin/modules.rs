//! Policies read as trees (`rego.parse_module`).

use super::argument::text;
use super::{Builtin, Failure, Surroundings};
use crate::Value;
use crate::syntax::{self, tree::Edition};

/// The functions.
pub(super) const ALL: &[Builtin] = &[Builtin::steady("rego.parse_module", 2, parse_module)];

/// The tree of a module in the shape programs know from OPA.
fn parse_module(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (name, source) = (text(args, 0)?, text(args, 1)?);
    match syntax::module(name, source, Edition::V1) {
        Ok(module) => Ok(syntax::json::module(&module)),
        Err(errors) => {
            let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Err(Failure::Broken(told.join("\n")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::tests::call;

    #[test]
    fn a_module_is_shown_as_a_tree() {
        let args = ["a.rego".into(), "package a.b\np := 1".into()];
        let tree = call("rego.parse_module", &args).unwrap();
        let path = tree.get_text("package").unwrap().get_text("path").unwrap();
        assert_eq!(path.get(&1.into()).unwrap().get_text("value"), Some(&"a".into()));
        let broken = call("rego.parse_module", &["a.rego".into(), "package".into()]);
        assert!(matches!(broken, Err(Failure::Broken(why)) if why.starts_with("a.rego:1:")));
    }
}
