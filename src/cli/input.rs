//! What comes in by standard input or from files.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use flow::{Body, Code, Kind, Result};
use futures_util::stream;
use tokio::io::{AsyncRead, AsyncReadExt};

static UNREADABLE: Code = Code::new(
    Kind::Invalid,
    "cli-input",
    "The input cannot be read",
    "name a file that is there and readable, or `-` for standard input",
);

static TOO_LARGE: Code = Code::new(
    Kind::Invalid,
    "cli-input-too-large",
    "The input is too large to be held in memory",
    "put it into the store: `stockade store put` streams",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[&UNREADABLE, &TOO_LARGE];

/// Values are held in memory, here as there.
const WHOLE_MAX: u64 = 256 << 20;
/// What is streamed is read in pieces of this size.
const PIECE: usize = 64 << 10;

/// Everything standard input holds.
pub(super) fn whole() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(WHOLE_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| UNREADABLE.error("standard input cannot be read").because(error))?;
    match bytes.len() as u64 > WHOLE_MAX {
        true => Err(TOO_LARGE.error("standard input holds more than 256 MiB")),
        false => Ok(bytes),
    }
}

/// Everything a file holds; `-` is standard input.
pub(super) fn whole_of(file: &Path) -> Result<Vec<u8>> {
    if file == Path::new("-") {
        return whole();
    }
    let name = file.display();
    let size = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    if size > WHOLE_MAX {
        return Err(TOO_LARGE.error(format!("`{name}` holds more than 256 MiB")));
    }
    std::fs::read(file).map_err(|error| {
        UNREADABLE.error(format!("`{name}` cannot be read: {error}")).because(error)
    })
}

/// A file as it is read, or standard input where there is none.
pub(super) async fn streamed(file: Option<&Path>) -> Result<Body> {
    match file {
        None => Ok(body(tokio::io::stdin(), "standard input".into())),
        Some(path) => {
            let name = format!("`{}`", path.display());
            let opened = tokio::fs::File::open(path).await;
            let file = opened.map_err(|error| {
                UNREADABLE.error(format!("{name} cannot be opened: {error}")).because(error)
            })?;
            Ok(body(file, name))
        }
    }
}

fn body(source: impl AsyncRead + Send + Unpin + 'static, name: String) -> Body {
    let pieces = stream::unfold((source, name), |(mut source, name)| async {
        let mut piece = vec![0; PIECE];
        match source.read(&mut piece).await {
            Ok(0) => None,
            Ok(length) => {
                piece.truncate(length);
                Some((Ok(Bytes::from(piece)), (source, name)))
            }
            Err(error) => {
                let error = UNREADABLE.error(format!("{name} cannot be read")).because(error);
                Some((Err(error), (source, name)))
            }
        }
    });
    Body::new(Box::pin(pieces), u64::MAX)
}
