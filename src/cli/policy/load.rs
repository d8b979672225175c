//! Policies and data from files and directories, as `opa eval --data` reads them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Error, Result};
use rego::syntax::{self, Edition, Module, SyntaxError};
use rego::value::{json, yaml};
use rego::{Options, Problem, Program, Value};

use super::super::failure::Failure;
use super::super::input::whole_of;
use super::{CLASH, NONE, UNREAD, WRONG};

/// Directories within directories are read so deep.
const DEPTH_MAX: usize = 64;

/// As many files are read at most.
const FILES_MAX: usize = 100_000;

/// What files say.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) modules: Vec<Arc<Module>>,
    pub(super) data: Value,
}

/// Reads files, and what is in directories: policies by their packages, and documents at the
/// place that directories below the named one make. What begins with a dot is passed over.
pub(super) fn load(paths: &[PathBuf], edition: Edition) -> std::result::Result<Loaded, Failure> {
    let mut loading = Loading { edition, data: Value::object([]), ..Loading::default() };
    for path in paths {
        loading.path(path)?;
    }
    match loading.wrong.is_empty() {
        true => Ok(Loaded { modules: loading.modules, data: loading.data }),
        false => Err(loading.wrong.into_iter().collect()),
    }
}

/// The same, where it makes no sense without a policy.
pub(super) fn load_some(
    paths: &[PathBuf],
    edition: Edition,
) -> std::result::Result<Loaded, Failure> {
    let loaded = load(paths, edition)?;
    if loaded.modules.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(NONE.error(format!("there is no `.rego` file in {}", names.join(", "))).into());
    }
    Ok(loaded)
}

/// Compiles modules, or says everything that is wrong with them.
pub(super) fn compile(
    modules: Vec<Arc<Module>>,
    options: Options,
) -> std::result::Result<Program, Failure> {
    Program::compile(modules, options).map_err(|problems| wrong(&problems))
}

/// What is wrong with modules, each with its line and a mark under it.
pub(super) fn wrong(problems: &[Problem]) -> Failure {
    problems.iter().map(|problem| WRONG.error(quoted(problem))).collect()
}

/// What is wrong, with the line and a mark under it.
pub(super) fn quoted(problem: &Problem) -> String {
    let message = format!("{}: {}", problem.code, problem.message);
    let (span, source) = (problem.place.span, problem.place.source.clone());
    SyntaxError { span, message, source }.to_string()
}

struct Loading {
    edition: Edition,
    modules: Vec<Arc<Module>>,
    data: Value,
    /// What was wrong with policies; the rest is read nonetheless.
    wrong: Vec<Error>,
    files: usize,
}

impl Default for Loading {
    fn default() -> Self {
        let (modules, wrong) = (Vec::new(), Vec::new());
        Self { edition: Edition::V1, modules, data: Value::Null, wrong, files: 0 }
    }
}

impl Loading {
    fn path(&mut self, path: &Path) -> Result<()> {
        let about = fs::metadata(path).map_err(|error| {
            UNREAD.error(format!("`{}` cannot be read: {error}", path.display())).because(error)
        })?;
        if about.is_dir() {
            return self.directory(path, &mut Vec::new());
        }
        match self.file(path, &[])? {
            true => Ok(()),
            false => {
                let name = path.display();
                Err(UNREAD.error(format!("`{name}` is neither policy nor data by its name")))
            }
        }
    }

    /// Reads a directory that is at this place in the data.
    fn directory(&mut self, path: &Path, place: &mut Vec<Value>) -> Result<()> {
        let unread = |error: std::io::Error| {
            UNREAD.error(format!("`{}` cannot be read: {error}", path.display())).because(error)
        };
        if place.len() > DEPTH_MAX {
            let name = path.display();
            return Err(UNREAD.error(format!("`{name}` is deeper than {DEPTH_MAX} directories")));
        }
        let entries = fs::read_dir(path).map_err(unread)?;
        let mut entries: Vec<PathBuf> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()
            .map_err(unread)?;
        entries.sort();
        for entry in entries {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            match fs::metadata(&entry).map_err(unread)?.is_dir() {
                true => {
                    place.push(name.into());
                    self.directory(&entry, place)?;
                    place.pop();
                }
                false => {
                    self.file(&entry, place)?;
                }
            }
        }
        Ok(())
    }

    /// Reads a file, unless it is one of those that say nothing here.
    fn file(&mut self, path: &Path, place: &[Value]) -> Result<bool> {
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        if !matches!(ending, "rego" | "json" | "yaml" | "yml") {
            return Ok(false);
        }
        self.files += 1;
        if self.files > FILES_MAX {
            return Err(UNREAD.error(format!("there are more than {FILES_MAX} files")));
        }
        let name = path.display().to_string();
        let text = text(path)?;
        if ending == "rego" {
            match syntax::module(&name, &text, self.edition) {
                Ok(module) => self.modules.push(Arc::new(module)),
                Err(errors) => {
                    self.wrong.extend(errors.iter().map(|error| WRONG.error(error.to_string())));
                }
            }
            return Ok(true);
        }
        let document = document(&name, ending, &text)?;
        let around = |inner, key: &Value| Value::object([(key.clone(), inner)]);
        let document = place.iter().rev().fold(document, around);
        if !matches!(document, Value::Object(_)) {
            let kind = document.type_name();
            return Err(
                UNREAD.error(format!("`{name}` has to be an object, and is of type {kind}"))
            );
        }
        let data = std::mem::replace(&mut self.data, Value::Null);
        self.data = merged(data, document, &mut Vec::new()).map_err(|place| {
            CLASH.error(format!("`{name}` says what is at `{place}`, and another file does too"))
        })?;
        Ok(true)
    }
}

fn text(path: &Path) -> Result<String> {
    String::from_utf8(whole_of(path)?)
        .map_err(|error| UNREAD.error(format!("`{}` is not UTF-8", path.display())).because(error))
}

fn document(name: &str, ending: &str, text: &str) -> Result<Value> {
    let read = match ending {
        "json" => json::read(text.as_bytes()).map_err(|error| error.to_string()),
        _ => yaml::read(text),
    };
    read.map_err(|error| UNREAD.error(format!("`{name}` cannot be read: {error}")))
}

/// Reads what a policy is asked about: JSON or YAML, from a file or standard input.
pub(super) fn input(path: &Path) -> Result<Value> {
    let text = text(path)?;
    let name = match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    match path.extension().and_then(OsStr::to_str) {
        Some("yaml" | "yml") => document(&name, "yaml", &text),
        _ => document(&name, "json", &text),
    }
}

/// Two documents as one, or the place at which both say something.
fn merged(one: Value, two: Value, place: &mut Vec<String>) -> std::result::Result<Value, String> {
    let (Value::Object(ones), Value::Object(twos)) = (&one, &two) else {
        return Err(place.join("."));
    };
    let mut pairs: Vec<(Value, Value)> =
        ones.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in twos.iter() {
        place.push(key.as_text().map_or_else(|| key.to_string(), str::to_owned));
        let value = match ones.get(key) {
            Some(there) => merged(there.clone(), value.clone(), place)?,
            None => value.clone(),
        };
        pairs.push((key.clone(), value));
        place.pop();
    }
    Ok(Value::object(pairs))
}
