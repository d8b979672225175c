//! Templates, read.

use super::{Node, Pipeline, Term};
use crate::value::{Number, Value, json};

type Read<T> = Result<T, &'static str>;

/// How deep blocks and parentheses may lie in one another.
const DEPTH_MAX: usize = 64;

/// The parts of a template.
pub(super) fn parse(text: &str) -> Read<Vec<Node>> {
    let mut parser = Parser { rest: text, trim: false };
    let (nodes, end) = parser.block(0)?;
    match end {
        End::Nothing => Ok(nodes),
        End::Close | End::Else(_) => Err("`end` ends nothing"),
    }
}

struct Parser<'a> {
    rest: &'a str,
    /// Whether spaces at the beginning of the next text are left out.
    trim: bool,
}

/// What a block ends with.
enum End<'a> {
    Nothing,
    Close,
    Else(&'a str),
}

impl<'a> Parser<'a> {
    fn block(&mut self, depth: usize) -> Read<(Vec<Node>, End<'a>)> {
        if depth > DEPTH_MAX {
            return Err("blocks lie too deep in one another");
        }
        let mut nodes = Vec::new();
        loop {
            let (text, action) = self.next()?;
            if !text.is_empty() {
                nodes.push(Node::Text(text.to_owned()));
            }
            let Some(action) = action else { return Ok((nodes, End::Nothing)) };
            let (word, rest) = action.split_once(char::is_whitespace).unwrap_or((action, ""));
            match word {
                "end" => return Ok((nodes, End::Close)),
                "else" => return Ok((nodes, End::Else(rest.trim()))),
                "if" | "with" | "range" => nodes.push(self.branch(word, rest, depth)?),
                _ if action.starts_with("/*") && action.ends_with("*/") => {}
                _ => nodes.push(Node::Print(pipeline(action)?)),
            }
        }
    }

    fn branch(&mut self, word: &str, condition: &str, depth: usize) -> Read<Node> {
        let pipeline = pipeline(condition)?;
        let (nodes, end) = self.block(depth + 1)?;
        let others = match end {
            End::Close => Vec::new(),
            End::Else("") => match self.block(depth + 1)? {
                (others, End::Close) => others,
                _ => return Err("`{{end}}` is missing"),
            },
            End::Else(again) => {
                let (word, condition) =
                    again.split_once(char::is_whitespace).ok_or("`else` has no condition")?;
                vec![self.branch(word, condition, depth + 1)?]
            }
            End::Nothing => return Err("`{{end}}` is missing"),
        };
        match word {
            "if" => Ok(Node::If(pipeline, nodes, others)),
            "with" => Ok(Node::With(pipeline, nodes, others)),
            "range" => Ok(Node::Range(pipeline, nodes, others)),
            _ => Err("`else` is followed by no condition"),
        }
    }

    /// The text up to the next action, and the action.
    fn next(&mut self) -> Read<(&'a str, Option<&'a str>)> {
        let trim = self.trim;
        let start = |text: &'a str| if trim { text.trim_start() } else { text };
        let Some((text, behind)) = self.rest.split_once("{{") else {
            let text = start(self.rest);
            self.rest = "";
            return Ok((text, None));
        };
        let mut text = start(text);
        let mut inside = behind;
        if let Some(trimmed) = behind.strip_prefix("- ") {
            text = text.trim_end();
            inside = trimmed;
        }
        let length = end_of_action(inside).ok_or("an action does not end")?;
        let (action, rest) = inside.split_at_checked(length).ok_or("an action does not end")?;
        self.rest = rest.get(2..).unwrap_or("");
        let trimmed = action.strip_suffix(" -");
        self.trim = trimmed.is_some();
        Ok((text, Some(trimmed.unwrap_or(action).trim())))
    }
}

/// Where an action ends: braces in strings and comments do not end it.
fn end_of_action(text: &str) -> Option<usize> {
    if text.trim_start().starts_with("/*") {
        let comment = text.find("*/")?;
        return text.get(comment..)?.find("}}").map(|at| at + comment);
    }
    let mut quote = None;
    let mut escaped = false;
    for (at, char) in text.char_indices() {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if char == '\\' => escaped = true,
            Some(open) if open == char => quote = None,
            Some(_) => {}
            None if matches!(char, '"' | '`') => quote = Some(char),
            None if text.get(at..).is_some_and(|rest| rest.starts_with("}}")) => return Some(at),
            None => {}
        }
    }
    None
}

fn pipeline(text: &str) -> Read<Pipeline> {
    let mut reader = Reader { rest: text, depth: 0 };
    let pipeline = reader.pipeline()?;
    reader.space();
    if reader.rest.is_empty() { Ok(pipeline) } else { Err("an action has something unexpected") }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn pipeline(&mut self) -> Read<Pipeline> {
        let (variables, declared) = self.variables();
        let mut commands = Vec::new();
        loop {
            let mut command = Vec::new();
            while let Some(term) = self.term()? {
                command.push(term);
            }
            if command.is_empty() {
                return Err("a command is missing");
            }
            commands.push(command);
            if !self.take("|") {
                return Ok(Pipeline { variables, declared, commands });
            }
        }
    }

    /// Variables the result is put into: `$x :=`, `$x =` or `$i, $x :=`.
    fn variables(&mut self) -> (Vec<String>, bool) {
        let before = self.rest;
        let mut names = Vec::new();
        self.space();
        while self.take("$") {
            names.push(self.word().to_owned());
            self.space();
            if self.take(":=") {
                return (names, true);
            }
            if self.take("=") {
                return (names, false);
            }
            if !self.take(",") {
                break;
            }
            self.space();
        }
        self.rest = before;
        (Vec::new(), false)
    }

    fn term(&mut self) -> Read<Option<Term>> {
        self.space();
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        Ok(Some(match first {
            '|' | ')' => return Ok(None),
            '(' => {
                self.take("(");
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err("parentheses lie too deep in one another");
                }
                let inner = self.pipeline()?;
                self.depth -= 1;
                self.space();
                if !self.take(")") {
                    return Err("`)` is missing");
                }
                Term::Group(inner, self.fields()?)
            }
            '.' if !self.rest.get(1..).is_some_and(|next| next.starts_with(is_letter)) => {
                self.take(".");
                Term::Fields(Vec::new())
            }
            '.' => Term::Fields(self.fields()?),
            '$' => {
                self.take("$");
                let name = self.word().to_owned();
                Term::Variable(name, self.fields()?)
            }
            '"' | '`' => Term::Value(self.string(first)?),
            '0'..='9' | '-' | '+' => Term::Value(self.number()?),
            letter if is_letter(letter) => match self.word() {
                "true" => Term::Value(true.into()),
                "false" => Term::Value(false.into()),
                "nil" => Term::Value(Value::Null),
                name => Term::Function(name.to_owned()),
            },
            _ => return Err("an action has something unexpected"),
        }))
    }

    fn fields(&mut self) -> Read<Vec<String>> {
        let mut fields = Vec::new();
        while self.take(".") {
            match self.word() {
                "" => return Err("a field has no name"),
                name => fields.push(name.to_owned()),
            }
        }
        Ok(fields)
    }

    fn string(&mut self, quote: char) -> Read<Value> {
        let body = self.rest.get(1..).unwrap_or("");
        let mut escaped = false;
        let end = body.char_indices().find(|(_, char)| {
            let ends = *char == quote && !escaped;
            escaped = quote == '"' && *char == '\\' && !escaped;
            ends
        });
        let (end, _) = end.ok_or("a string does not end")?;
        let (whole, rest) = self.rest.split_at_checked(end + 2).ok_or("a string does not end")?;
        self.rest = rest;
        if quote == '`' {
            return Ok(whole.trim_matches('`').into());
        }
        json::read_text(whole).map_err(|_| "a string has an escape that is not known")
    }

    fn number(&mut self) -> Read<Value> {
        let part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '+');
        let end = self.rest.find(|char| !part(char)).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        Number::parse(digits).map(Value::Number).ok_or("a number cannot be read")
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|char: char| !is_letter(char) && !char.is_numeric());
        let end = end.unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        word
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

fn is_letter(char: char) -> bool {
    char.is_alphabetic() || char == '_'
}
