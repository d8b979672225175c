//! Graphs: objects that say of each node to which others it leads.

use hashbrown::HashSet;

use super::argument::{at, broken, members, object, wrong_type};
use super::{Builtin, Failure, MADE_MAX, Surroundings};
use crate::value::{Object, SetBuilder, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("graph.reachable", 2, |_, args| reachable(args)),
    Builtin::steady("graph.reachable_paths", 2, paths),
];

fn starts(args: &[Value]) -> Result<Vec<&Value>, Failure> {
    let arg = at(args, 1)?;
    members(arg).ok_or_else(|| wrong_type(1, arg, &["{array, set}"]))
}

/// The nodes of the graph that some of these lead to, themselves included.
fn reachable(args: &[Value]) -> Result<Value, Failure> {
    let graph = object(args, 0)?;
    let mut reached = SetBuilder::default();
    let mut waiting = starts(args)?;
    while let Some(node) = waiting.pop() {
        if let Some(next) = graph.get(node)
            && reached.add(node.clone())
        {
            waiting.extend(members(next).unwrap_or_default());
        }
    }
    Ok(Value::Set(reached.build().into()))
}

/// How long a path may be.
const LENGTH_MAX: usize = 1024;

/// The paths on from these nodes. Of each neighbour of a start all others are entered once: where
/// one was before, the path ends.
fn paths(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let graph = object(args, 0)?;
    let mut found = Found { surroundings, paths: Vec::new(), items: 0 };
    for start in starts(args)? {
        let Some(next) = graph.get(start) else { continue };
        let next = members(next).unwrap_or_default();
        if next.is_empty() {
            found.add(std::slice::from_ref(start))?;
        }
        for neighbour in next {
            let mut reached = Reached::default();
            reached.insert(start.clone());
            let mut walk = Walk { graph, reached, path: vec![start.clone()], found: &mut found };
            walk.on(neighbour)?;
        }
    }
    Ok(Value::set(found.paths))
}

struct Found<'a, 'b> {
    surroundings: &'a Surroundings<'b>,
    paths: Vec<Value>,
    items: usize,
}

impl Found<'_, '_> {
    fn add(&mut self, path: &[Value]) -> Result<(), Failure> {
        self.surroundings.go_on()?;
        self.items += path.len();
        if self.items > MADE_MAX {
            return Err(Failure::Halted("a graph has too many paths"));
        }
        self.paths.push(Value::array(path));
        Ok(())
    }
}

type Reached = HashSet<Value, foldhash::fast::FixedState>;

struct Walk<'a, 'b, 'c> {
    graph: &'a Object,
    reached: Reached,
    path: Vec<Value>,
    found: &'a mut Found<'b, 'c>,
}

impl Walk<'_, '_, '_> {
    fn on(&mut self, node: &Value) -> Result<(), Failure> {
        let Some(next) = self.graph.get(node) else {
            return self.found.add(&self.path);
        };
        if self.path.len() >= LENGTH_MAX {
            return broken(format!("a path has more than {LENGTH_MAX} nodes"));
        }
        self.path.push(node.clone());
        let next = members(next).unwrap_or_default();
        if next.is_empty() {
            self.found.add(&self.path)?;
        }
        for neighbour in next {
            if self.reached.contains(neighbour) {
                self.found.add(&self.path)?;
            } else {
                self.reached.insert(node.clone());
                self.on(neighbour)?;
            }
        }
        self.path.pop();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn graphs() {
        let graph = r#"{"a": ["b", "c"], "b": ["a"], "c": [], "d": ["x"]}"#;
        check(&[
            ("graph.reachable", &format!(r#"[{graph}, ["a"]]"#), r#"["a","b","c"]"#),
            ("graph.reachable", &format!(r#"[{graph}, ["d", "y"]]"#), r#"["d"]"#),
            (
                "graph.reachable",
                &format!(r#"[{graph}, "a"]"#),
                "graph.reachable: operand 2 must be {array, set} but got string",
            ),
            ("graph.reachable_paths", &format!(r#"[{graph}, ["a"]]"#), r#"[["a","b"],["a","c"]]"#),
            ("graph.reachable_paths", &format!(r#"[{graph}, ["d"]]"#), r#"[["d"]]"#),
            ("graph.reachable_paths", &format!(r#"[{graph}, ["y"]]"#), "[]"),
            ("graph.reachable_paths", r#"[{"a": ["a"]}, ["a"]]"#, r#"[["a","a"]]"#),
            (
                "graph.reachable_paths",
                r#"[{"a": ["b"], "b": ["c", "d"], "c": ["e"], "d": ["c", "f"], "e": [], "f": []}, ["a"]]"#,
                r#"[["a","b","c","e"],["a","b","d"],["a","b","d","f"]]"#,
            ),
        ]);
    }
}
