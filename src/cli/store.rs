//! `stockade store`: bytes that stay.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use flow::{Code, Kind};
use pool::http::Reply;
use serde_json::{Map, Value};
use tokio::io::AsyncWriteExt;

use super::Outcome;
use super::client::{Client, encoded, read};
use super::failure::Failure;
use super::globals::Globals;
use super::input;
use super::output::Output;

static NOT_WRITTEN: Code = Code::new(
    Kind::Invalid,
    "cli-file",
    "The file cannot be written",
    "name a directory that is there, with room for it",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[&NOT_WRITTEN];

/// Objects: put, get, remove
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Store {
    Put(Put),
    Get(Get),
    Rm(Rm),
}

/// Put an object; it is there whole, or not at all
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade store put reports/2026/q1.pdf q1.pdf --type application/pdf
  pg_dump shop | stockade store put dumps/shop.sql")]
pub(super) struct Put {
    /// Bucket and key: reports/2026/q1.pdf
    object: Object,
    /// The file [default: standard input]
    file: Option<PathBuf>,
    /// What it is
    #[arg(long = "type", value_name = "MEDIA_TYPE")]
    media_type: Option<String>,
}

/// Get an object
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade store get reports/2026/q1.pdf q1.pdf
  stockade store get dumps/shop.sql | psql shop")]
pub(super) struct Get {
    /// Bucket and key: reports/2026/q1.pdf
    object: Object,
    /// The file, replaced when all of it is there [default: standard output]
    file: Option<PathBuf>,
}

/// Remove an object
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade store rm reports/2026/q1.pdf")]
pub(super) struct Rm {
    /// Bucket and key: reports/2026/q1.pdf
    object: Object,
}

/// A bucket and a key in it.
#[derive(Debug, Clone)]
struct Object {
    bucket: String,
    key: String,
}

impl std::str::FromStr for Object {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
            }
            _ => Err("write bucket and key with a slash between, as in `reports/q1.pdf`"),
        }
    }
}

impl Object {
    fn path(&self) -> String {
        let steps: Vec<_> = self.key.split('/').map(encoded).collect();
        format!("/v1/objects/{}/{}", encoded(&self.bucket), steps.join("/"))
    }

    fn document(&self) -> Map<String, Value> {
        let bucket = ("bucket".to_owned(), self.bucket.as_str().into());
        Map::from_iter([bucket, ("key".to_owned(), self.key.as_str().into())])
    }
}

impl Store {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let mut client = Client::connect(globals).await?;
        match self {
            Self::Put(put) => put.run(&mut client, output).await,
            Self::Get(get) => get.run(&mut client, output).await,
            Self::Rm(Rm { object }) => {
                client.ask("DELETE", &object.path()).await?;
                output.done("removed", &object.document())
            }
        }
    }
}

impl Put {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let file = self.file.as_deref().filter(|path| *path != Path::new("-"));
        let body = input::streamed(file).await?;
        let mut ask = client.question("PUT", &self.object.path())?;
        if let Some(media_type) = &self.media_type {
            ask = ask.header("content-type", media_type)?;
        }
        let mut document = self.object.document();
        let stored: Map<String, Value> = read(&client.upload(ask, body).await?)?;
        let size = stored.get("size").and_then(Value::as_u64).unwrap_or_default();
        document.extend(stored);
        output.done(&format!("{size} bytes are stored"), &document)
    }
}

impl Get {
    async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let ask = client.question("GET", &self.object.path())?;
        let mut reply = client.open(ask).await?;
        let file = self.file.as_deref().filter(|path| *path != Path::new("-"));
        let Some(path) = file else {
            while let Some(piece) = reply.piece().await? {
                output.bytes(&piece)?;
            }
            return Ok(true);
        };
        let size = save(&mut reply, path).await?;
        let mut document = self.object.document();
        document.insert("size".into(), size.into());
        output.done(&format!("{size} bytes are in `{}`", path.display()), &document)
    }
}

/// Writes beside the file first: what is there stays until all of the new is.
async fn save(reply: &mut Reply, path: &Path) -> Result<u64, Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let saved = fill(reply, &part).await;
    let failed = |error: std::io::Error| {
        let sentence = format!("cannot write `{}`: {error}", path.display());
        Failure::from(NOT_WRITTEN.error(sentence).because(error))
    };
    let saved = match saved {
        Ok(size) => std::fs::rename(&part, path).map(|()| size).map_err(failed),
        Err(Stopped::Here(error)) => Err(failed(error)),
        Err(Stopped::There(failure)) => Err(failure),
    };
    if saved.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    saved
}

/// On which side it stopped.
enum Stopped {
    Here(std::io::Error),
    There(Failure),
}

async fn fill(reply: &mut Reply, part: &Path) -> Result<u64, Stopped> {
    let mut file = tokio::fs::File::create(part).await.map_err(Stopped::Here)?;
    let mut size = 0;
    while let Some(piece) = reply.piece().await.map_err(|error| Stopped::There(error.into()))? {
        file.write_all(&piece).await.map_err(Stopped::Here)?;
        size += piece.len() as u64;
    }
    file.flush().await.map_err(Stopped::Here)?;
    file.sync_all().await.map_err(Stopped::Here)?;
    Ok(size)
}
