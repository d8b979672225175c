//! Where the bytes of a trace come from, out of their compression.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use flow::{Error, Result};
use zstd::stream::read::Decoder;

use crate::simulate::codes;

/// Read in pieces of this size, whatever there is.
const PIECE: usize = 1 << 16;

/// How zstd and gzip files begin.
pub(super) const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The bytes of a trace, and what to call them.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) bytes: Box<dyn BufRead>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Self::unpacked("standard input".to_owned(), io::stdin());
        }
        let name = format!("`{}`", path.display());
        match File::open(path) {
            Ok(file) => Self::unpacked(name, file),
            Err(error) => Err(unopened(&name, error)),
        }
    }

    /// Whether there is a file, without waiting for a pipe to be written.
    pub(super) fn look(path: &Path) -> Result<()> {
        let name = format!("`{}`", path.display());
        match std::fs::metadata(path) {
            _ if path == Path::new("-") => Ok(()),
            Ok(found) if found.is_dir() => {
                Err(codes::UNREADABLE.error(format!("{name} is a directory")))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(unopened(&name, error)),
        }
    }

    /// The first bytes tell the compression: names are forgotten in pipes. Memory is
    /// bounded by the window of the format, 128 MiB at most; what asks for more is an
    /// error.
    pub(super) fn unpacked(name: String, packed: impl Read + 'static) -> Result<Self> {
        let mut packed = BufReader::with_capacity(PIECE, packed);
        let mut head = Vec::with_capacity(ZSTD.len());
        let begin = packed.by_ref().take(ZSTD.len() as u64).read_to_end(&mut head);
        begin.map_err(|error| unreadable(&name, error))?;
        let (zstd, gzip) = (head == ZSTD, head.starts_with(&GZIP));
        let whole = Cursor::new(head).chain(packed);
        let bytes: Box<dyn BufRead> = if zstd {
            let decoder = Decoder::with_buffer(whole).map_err(|error| unreadable(&name, error))?;
            Box::new(BufReader::with_capacity(PIECE, decoder))
        } else if gzip {
            Box::new(BufReader::with_capacity(PIECE, MultiGzDecoder::new(whole)))
        } else {
            Box::new(whole)
        };
        Ok(Self { name, bytes })
    }

    pub(super) fn unreadable(&self, error: io::Error) -> Error {
        unreadable(&self.name, error)
    }
}

fn unopened(name: &str, error: io::Error) -> Error {
    codes::UNREADABLE.error(format!("{name} cannot be opened: {error}")).because(error)
}

fn unreadable(name: &str, error: io::Error) -> Error {
    codes::UNREADABLE.error(format!("{name} cannot be read: {error}")).because(error)
}
