//! How much of a question a policy reads.

use flow::Scope;

/// What rules may read of their input and still answer alike for everything in
/// a namespace.
const COARSE: [&[&str]; 4] =
    [&["identity"], &["action"], &["resource", "kind"], &["resource", "namespace"]];

/// Built-ins whose answer changes by itself.
const RESTLESS: [&str; 4] = ["time.", "rand.", "http.", "opa.runtime"];

/// For what else an answer of these rules holds. Whatever this reading of the
/// source does not recognise as coarse counts as exact: a mistake here costs
/// time, never a wrong answer.
pub fn scope_of(source: &str) -> Scope {
    let code = without_text(source);
    let restless = RESTLESS.iter().any(|name| code.contains(name));
    match !restless && inputs(&code).all(is_coarse) {
        true => Scope::Namespace,
        false => Scope::Exact,
    }
}

/// The source with comments and string contents blanked out.
fn without_text(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut letters = source.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '#' => {
                letters.by_ref().find(|letter| *letter == '\n');
                code.push('\n');
            }
            quote @ ('"' | '`') => {
                while let Some(letter) = letters.next() {
                    if letter == '\\' && quote == '"' {
                        letters.next();
                    } else if letter == quote {
                        break;
                    }
                }
                // Whatever stands in a string is not a name; the quotes remain,
                // so `input["x"]` is still seen as an index.
                code.push_str("\"\"");
            }
            other => code.push(other),
        }
    }
    code
}

/// What follows each `input`, up to the end of its path.
fn inputs(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("input").filter_map(move |(at, word)| {
        let before = code.get(..at)?.chars().next_back();
        let rest = code.get(at + word.len()..)?;
        let part_of_a_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        let own_word = !before.is_some_and(|before| part_of_a_name(before) || before == '.')
            && !rest.starts_with(part_of_a_name);
        own_word.then_some(rest)
    })
}

fn is_coarse(rest: &str) -> bool {
    let end = rest.find(|letter: char| !(letter.is_alphanumeric() || "_.".contains(letter)));
    let path = rest.get(..end.unwrap_or(rest.len())).unwrap_or("");
    let names: Vec<&str> = path.split('.').skip(1).collect();
    COARSE.iter().any(|coarse| names.starts_with(coarse))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &str, expected: Scope) {
        let source = format!("package p\nimport rego.v1\nallow if {{ {rule} }}\n");
        assert_eq!(scope_of(&source), expected, "{rule}");
    }

    #[test]
    fn coarse_rules_hold_for_their_namespace() {
        for rule in [
            r#"input.action == "cache.get""#,
            r#""admin" in input.identity.roles"#,
            r#"input.resource.namespace == "input.resource.name""#,
            r#"input.resource.kind == "cache"  # input.resource.name"#,
            "true",
        ] {
            check(rule, Scope::Namespace);
        }
    }

    #[test]
    fn everything_else_is_exact() {
        for rule in [
            r#"input.resource.name == "k""#,
            r#"input["resource"].name == "k""#,
            r#"input.resource["name"] == "k""#,
            "x := input",
            "x := input.resource; x.name == 1",
            "some k; input[k] == 1",
            "startswith(input.resource.name, input.identity.name)",
            "input.peer == 1",
            "time.now_ns() > 5",
            r#"rand.intn("x", 5) == 1"#,
        ] {
            check(rule, Scope::Exact);
        }
    }
}
