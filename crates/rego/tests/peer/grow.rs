//! Policies that are well-formed by the way they are made, and inputs for them.

use std::fmt::Write;

/// A row of numbers that follows from its seed.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % end as u64).unwrap()
    }

    pub(super) fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    fn often(&mut self, percent: u64) -> bool {
        self.number() % 100 < percent
    }
}

const SCALARS: [&str; 11] =
    ["0", "1", "2", "3", "-1", "1.5", "\"a\"", "\"b\"", "\"\"", "true", "null"];

/// A document in JSON.
pub(super) fn document(chance: &mut Chance, depth: usize) -> String {
    match chance.below(if depth == 0 { 2 } else { 5 }) {
        0 | 1 => match chance.below(12) {
            11 => "false".into(),
            place => SCALARS[place].into(),
        },
        2 | 3 => {
            let items: Vec<String> =
                (0..chance.below(4)).map(|_| document(chance, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => object(chance, depth),
    }
}

/// An object in JSON.
pub(super) fn object(chance: &mut Chance, depth: usize) -> String {
    let mut members = Vec::new();
    for key in ["a", "b", "c"] {
        if chance.often(70) {
            members.push(format!("\"{key}\":{}", document(chance, depth - 1)));
        }
    }
    format!("{{{}}}", members.join(","))
}

/// A policy, and the names of its rules.
pub(super) struct Grown {
    pub(super) text: String,
    pub(super) rules: Vec<String>,
    /// Those that are objects made of parts.
    pub(super) partial: Vec<String>,
}

struct Gardener<'c> {
    chance: &'c mut Chance,
    /// Rules that may be asked for: those written before.
    rules: Vec<String>,
    functions: usize,
    /// What is known where something is written.
    known: Vec<String>,
    names: usize,
}

/// A policy of a few rules.
pub(super) fn policy(chance: &mut Chance) -> Grown {
    let mut text = String::from("package t\n\n");
    let mut gardener =
        Gardener { chance, rules: Vec::new(), functions: 0, known: Vec::new(), names: 0 };
    let mut partial = Vec::new();
    for number in 0..3 + gardener.chance.below(4) {
        let (rule, is_partial) = gardener.rule(number, &mut text);
        if is_partial {
            partial.push(rule.clone());
        }
        gardener.rules.extend((!rule.is_empty()).then_some(rule));
    }
    Grown { text, rules: gardener.rules, partial }
}

impl Gardener<'_> {
    fn rule(&mut self, number: usize, text: &mut String) -> (String, bool) {
        let name = format!("r{number}");
        self.known.clear();
        match self.chance.below(7) {
            0 | 1 => {
                if self.chance.often(40) {
                    writeln!(text, "default {name} := {}\n", self.scalar()).unwrap();
                }
                // Two that say different things at once are a conflict, which both report.
                for _ in 0..1 + self.chance.below(2) {
                    let body = self.body();
                    let value = self.sure(2);
                    write!(text, "{name} := {value} if {{\n{body}}}").unwrap();
                    if self.chance.often(30) {
                        self.known.clear();
                        let body = self.body();
                        let value = self.sure(1);
                        write!(text, " else := {value} if {{\n{body}}}").unwrap();
                    }
                    text.push_str("\n\n");
                    self.known.clear();
                }
                (name, false)
            }
            2 | 3 => {
                for _ in 0..1 + self.chance.below(2) {
                    let body = self.body();
                    let member = self.sure(1);
                    writeln!(text, "{name} contains {member} if {{\n{body}}}\n").unwrap();
                    self.known.clear();
                }
                (name, false)
            }
            4 | 5 => {
                for _ in 0..1 + self.chance.below(2) {
                    let body = self.body();
                    let key = self.key();
                    let value = self.sure(1);
                    writeln!(text, "{name}[{key}] := {value} if {{\n{body}}}\n").unwrap();
                    self.known.clear();
                }
                (name, true)
            }
            _ => {
                let function = format!("f{}", self.functions);
                self.known = vec!["n".into(), "m".into()];
                let body = self.body();
                let value = self.sure(1);
                writeln!(text, "{function}(n, m) := {value} if {{\n{body}}}\n").unwrap();
                self.functions += 1;
                (String::new(), false)
            }
        }
    }

    /// What may be the key of a part: an expression would be fine too, and says nothing more.
    fn key(&mut self) -> String {
        match self.known.is_empty() || self.chance.often(25) {
            true => self.chance.one(&["\"a\"", "\"b\"", "1", "[1, \"a\"]"]).into(),
            false => self.variable(),
        }
    }

    fn body(&mut self) -> String {
        let count = 1 + self.chance.below(4);
        (0..count).map(|_| format!("\t{}\n", self.line())).collect()
    }

    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn line(&mut self) -> String {
        match self.chance.below(14) {
            0 | 1 => {
                let collection = self.collection();
                let name = self.fresh();
                self.known.push(name.clone());
                format!("some {name} in {collection}")
            }
            2 => {
                let collection = self.collection();
                let (key, name) = (self.fresh(), self.fresh());
                self.known.extend([key.clone(), name.clone()]);
                format!("some {key}, {name} in {collection}")
            }
            3 | 4 => {
                let term = self.term(2);
                let name = self.fresh();
                self.known.push(name.clone());
                format!("{name} := {term}")
            }
            5 | 6 => {
                let order = self.chance.one(&["==", "!=", "<", "<=", ">", ">="]);
                let other = match order {
                    "==" | "!=" => self.term(1),
                    _ => self.scalar(),
                };
                format!("{} {order} {other}", self.term(1))
            }
            7 => {
                let place = self.place();
                let name = self.fresh();
                self.known.push(name.clone());
                format!("some {name}\n\t{place}[{name}]")
            }
            8 => format!("not {}", self.condition()),
            9 => {
                let collection = self.collection();
                let name = self.fresh();
                self.known.push(name.clone());
                let inner = self.condition();
                self.known.pop();
                format!("every {name} in {collection} {{ {inner} }}")
            }
            10 => {
                let from = self.term(1);
                let (one, two) = (self.fresh(), self.fresh());
                let line = format!("[{one}, {two}] = [{from}, {}]", self.term(1));
                self.known.extend([one, two]);
                line
            }
            11 => {
                let line = self.condition();
                format!("{line} with input.a as {}", self.scalar())
            }
            12 => self.place(),
            _ => self.condition(),
        }
    }

    /// A line that brings no name with it.
    fn condition(&mut self) -> String {
        match self.chance.below(4) {
            0 => format!("{} == {}", self.term(1), self.term(0)),
            1 => format!("{} in {}", self.term(0), self.collection()),
            2 => format!("{} < {}", self.term(1), self.scalar()),
            _ => self.place(),
        }
    }

    fn variable(&mut self) -> String {
        let place = self.chance.below(self.known.len());
        self.known[place].clone()
    }

    fn scalar(&mut self) -> String {
        // At the beginning of a line it would go on with the one before.
        self.chance.one(&SCALARS).replace("-1", "7")
    }

    fn place(&mut self) -> String {
        let root = match self.rules.is_empty() || self.chance.often(60) {
            true => self.chance.one(&["input", "data.d"]).to_owned(),
            false => {
                let place = self.chance.below(self.rules.len());
                self.rules[place].clone()
            }
        };
        let root = match root.as_str() {
            "input" | "data.d" => format!("{root}.{}", self.chance.one(&["a", "b", "c"])),
            _ => root,
        };
        match self.chance.below(5) {
            0 => format!("{root}.{}", self.chance.one(&["a", "b", "c"])),
            1 => format!("{root}[{}]", self.chance.one(&["0", "1", "\"a\""])),
            2 if !self.known.is_empty() => format!("{root}[{}]", self.variable()),
            _ => root,
        }
    }

    fn collection(&mut self) -> String {
        match self.chance.below(4) {
            0 => format!("[{}, {}, {}]", self.term(0), self.term(0), self.term(0)),
            1 => format!("{{{}, {}}}", self.term(0), self.term(0)),
            _ => self.place(),
        }
    }

    fn term(&mut self, depth: usize) -> String {
        match self.chance.below(if depth == 0 { 4 } else { 12 }) {
            0 => self.scalar(),
            1 | 2 if !self.known.is_empty() => self.variable(),
            1..=3 => self.place(),
            4 => format!("[{}, {}]", self.term(depth - 1), self.term(depth - 1)),
            5 => format!("{{\"a\": {}, \"b\": {}}}", self.term(depth - 1), self.term(depth - 1)),
            6 => {
                let sign = self.chance.one(&["+", "-", "*"]);
                format!("({} {sign} {})", self.operand(), self.operand())
            }
            7 => {
                let before = self.known.len();
                let collection = self.collection();
                let name = self.fresh();
                self.known.push(name.clone());
                let (line, what) = (self.condition(), self.term(depth - 1));
                self.known.truncate(before);
                match self.chance.below(2) {
                    0 => format!("[{what} | some {name} in {collection}; {line}]"),
                    _ => format!("{{{what} | some {name} in {collection}; {line}}}"),
                }
            }
            8 => {
                let function = self.chance.one(&["is_string", "is_array", "type_name"]);
                match self.known.is_empty() {
                    true => format!("count({})", self.place()),
                    false => format!("{function}({})", self.variable()),
                }
            }
            9 => format!("object.get(input, {}, {})", self.scalar(), self.scalar()),
            10 if self.functions > 0 => {
                let number = self.chance.below(self.functions);
                format!("f{number}({}, {})", self.term(depth - 1), self.term(depth - 1))
            }
            _ => format!("sum([{}, {}])", self.operand(), self.operand()),
        }
    }

    /// A term that has a value whatever there is. Heads are made of no others, for theirs are read
    /// otherwise elsewhere: a head that is undefined ends their search.
    fn sure(&mut self, depth: usize) -> String {
        match self.chance.below(if depth == 0 { 4 } else { 6 }) {
            0 => self.scalar(),
            1..=3 if !self.known.is_empty() => self.variable(),
            1..=3 => self.scalar(),
            4 => format!("[{}, {}]", self.sure(depth - 1), self.sure(depth - 1)),
            _ => format!("{{\"a\": {}, \"b\": {}}}", self.sure(depth - 1), self.sure(depth - 1)),
        }
    }

    fn operand(&mut self) -> String {
        match self.known.is_empty() || self.chance.often(40) {
            true => self.chance.one(&["1", "2", "0.5", "input.a", "data.d.b"]).into(),
            false => self.variable(),
        }
    }
}
