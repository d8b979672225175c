//! Graphs: objects that say of each node to which others it leads.

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

/// All paths on from these nodes, each to where it ends or would come back to itself.
fn paths(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let graph = object(args, 0)?;
    let mut walk = Walk { graph, surroundings, path: Vec::new(), found: Vec::new(), items: 0 };
    for start in starts(args)? {
        if graph.has(start) {
            walk.on(start)?;
        }
    }
    Ok(Value::set(walk.found))
}

struct Walk<'a, 'b> {
    graph: &'a Object,
    surroundings: &'a Surroundings<'b>,
    path: Vec<Value>,
    found: Vec<Value>,
    items: usize,
}

impl Walk<'_, '_> {
    fn on(&mut self, node: &Value) -> Result<(), Failure> {
        let Some(next) = self.graph.get(node) else {
            return self.ends();
        };
        if self.path.len() >= LENGTH_MAX {
            return broken(format!("a path has more than {LENGTH_MAX} nodes"));
        }
        self.path.push(node.clone());
        let next = members(next).unwrap_or_default();
        if next.is_empty() {
            self.ends()?;
        }
        for neighbour in next {
            if self.path.contains(neighbour) {
                self.ends()?;
            } else {
                self.on(neighbour)?;
            }
        }
        self.path.pop();
        Ok(())
    }

    fn ends(&mut self) -> Result<(), Failure> {
        self.surroundings.go_on()?;
        self.items += self.path.len();
        if self.items > MADE_MAX {
            return Err(Failure::Halted("a graph has too many paths"));
        }
        self.found.push(Value::array(self.path.as_slice()));
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
        ]);
    }
}
