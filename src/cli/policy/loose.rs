//! Policies as single files, and what they are called on a server.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use flow::{Error, Result};
use pool::http::Ask;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::client::{Client, encoded, read};
use super::super::failure::Failure;
use super::super::input::whole_of;
use super::{CLASH, LOOSE, NONE, UNREAD};

/// Directories within directories are read so deep.
const DEPTH_MAX: usize = 64;

/// Policies by their ids, with their texts.
pub(super) type Texts = BTreeMap<String, String>;

/// What becomes of tests, files called `…_test.rego`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tests {
    /// They are policies like others, as in a bundle.
    Taken,
    /// They stay where they are.
    PassedOver,
}

/// Reads policies as a bundle has them: all that is in a directory, by what they are called there.
pub(super) fn bundled(path: &Path, name: &str) -> Result<Texts> {
    let mut texts = Texts::new();
    directory(path, &format!("{}{name}/", super::BUNDLED_ID), (0, Tests::Taken), &mut texts)?;
    Ok(texts)
}

/// Reads policies: a file is called by its name, and what is in a directory by its path below it.
/// Tests (`…_test.rego`) and what begins with a dot are passed over. With an id, there is one file.
pub(super) fn texts(paths: &[PathBuf], id: Option<&str>) -> Result<Texts> {
    let mut texts = Texts::new();
    if let Some(id) = id {
        let [path] = paths else {
            return Err(LOOSE.error(format!("`--id {id}` is of one file")));
        };
        if path.is_dir() {
            return Err(LOOSE.error(format!("`{}` is a directory", path.display())));
        }
        texts.insert(id.to_owned(), text(path)?);
        return Ok(texts);
    }
    for path in paths {
        match path.is_dir() {
            true => directory(path, "", (0, Tests::PassedOver), &mut texts)?,
            false => {
                let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
                add(&name, path, &mut texts)?;
            }
        }
    }
    if texts.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(NONE.error(format!("there is no `.rego` file in {}", names.join(", "))));
    }
    Ok(texts)
}

fn directory(
    path: &Path,
    before: &str,
    (depth, tests): (usize, Tests),
    texts: &mut Texts,
) -> Result<()> {
    let shown = path.display();
    let unread = |error: std::io::Error| {
        UNREAD.error(format!("`{shown}` cannot be read: {error}")).because(error)
    };
    if depth > DEPTH_MAX {
        return Err(UNREAD.error(format!("`{shown}` is deeper than {DEPTH_MAX} directories")));
    }
    for entry in fs::read_dir(path).map_err(unread)? {
        let entry = entry.map_err(unread)?.path();
        let name = entry.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        let id = format!("{before}{name}");
        match entry.is_dir() {
            true => directory(&entry, &format!("{id}/"), (depth + 1, tests), texts)?,
            false if name.ends_with("_test.rego") && tests == Tests::PassedOver => {}
            false if name.ends_with(".rego") => add(&id, &entry, texts)?,
            false => {}
        }
    }
    Ok(())
}

fn add(id: &str, path: &Path, texts: &mut Texts) -> Result<()> {
    match texts.insert(id.to_owned(), text(path)?) {
        None => Ok(()),
        Some(_) => Err(CLASH
            .error(format!("two files are called `{id}`"))
            .with_advice("name a directory above both, or push them one by one with `--id`")),
    }
}

fn text(path: &Path) -> Result<String> {
    let no_text = |error| -> Error {
        UNREAD.error(format!("`{}` is not UTF-8", path.display())).because(error)
    };
    String::from_utf8(whole_of(path)?).map_err(no_text)
}

/// A policy as a server shows it.
#[derive(Deserialize)]
struct Policy {
    id: String,
    raw: String,
}

#[derive(Deserialize)]
struct Policies {
    result: Vec<Policy>,
}

#[derive(Deserialize)]
struct Shown {
    result: Policy,
}

/// A question where OPA's clients ask, with problems told as everywhere else.
pub(super) fn question(
    client: &Client,
    method: &str,
    path: &str,
) -> std::result::Result<Ask, Failure> {
    let accept = "application/json, application/problem+json";
    Ok(client.question(method, path)?.header("accept", accept)?)
}

async fn get<T: DeserializeOwned>(
    client: &mut Client,
    path: &str,
) -> std::result::Result<T, Failure> {
    let ask = question(client, "GET", path)?;
    read(&client.send(ask).await?)
}

/// The policies in force.
pub(super) async fn in_force(client: &mut Client) -> std::result::Result<Texts, Failure> {
    let policies: Policies = get(client, "/v1/policies").await?;
    Ok(policies.result.into_iter().map(|policy| (policy.id, policy.raw)).collect())
}

/// One policy as it is, or as it was in some version.
pub(super) async fn shown(
    client: &mut Client,
    id: &str,
    version: Option<u64>,
) -> std::result::Result<String, Failure> {
    let version = version.map(|version| format!("?version={version}")).unwrap_or_default();
    let path = format!("/v1/policies/{}{version}", encoded(id));
    let shown: Shown = get(client, &path).await?;
    Ok(shown.result.raw)
}
