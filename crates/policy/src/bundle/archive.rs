//! What is in an archive, unpacked in memory and nowhere else.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use flow::Result;
use flow::unit::Size;
use tar::{Archive, Entry, EntryType};

use super::Limits;
use crate::codes::{BUNDLE_INVALID, BUNDLE_TOO_LARGE};

/// No name of a file is longer.
const NAME_MAX: usize = 1024;
/// No file is in more directories.
const DEPTH_MAX: usize = 64;

/// Files by their names, without a slash in front.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// The files of an archive, or which of them cannot be taken.
pub(super) fn unpacked(archive: &[u8], limits: &Limits) -> Result<Files> {
    if archive.len() as u64 > limits.size_max.0 {
        let size = Size(archive.len() as u64);
        let story = format!("it is {size} large, which is more than {}", limits.size_max);
        return Err(BUNDLE_TOO_LARGE.error(story));
    }
    let mut bounded =
        Bounded { inner: MultiGzDecoder::new(archive), left: limits.unpacked_max.0, over: false };
    let files = entries(&mut bounded, limits);
    // What is wrong then is that no more of it was read.
    match bounded.over {
        true => {
            let story = format!("it unpacks to more than {}", limits.unpacked_max);
            Err(BUNDLE_TOO_LARGE.error(story))
        }
        false => files,
    }
}

fn entries(bounded: &mut Bounded<'_>, limits: &Limits) -> Result<Files> {
    let mut files = Files::new();
    let mut all = 0_u64;
    for entry in Archive::new(&mut *bounded).entries().map_err(broken)? {
        all += 1;
        if all > limits.files_max {
            let story = format!("there are more than {} files in it", limits.files_max);
            return Err(BUNDLE_TOO_LARGE.error(story));
        }
        let mut entry = entry.map_err(broken)?;
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            continue;
        }
        let Some(name) = name(&entry)? else { continue };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        if files.contains_key(&name) {
            return Err(BUNDLE_INVALID.error(format!("`{name}` is in it twice")));
        }
        files.insert(name, bytes);
    }
    // The checksum stands at the end.
    io::copy(bounded, &mut io::sink()).map_err(broken)?;
    Ok(files)
}

/// What a file is called; nothing for a directory.
fn name<R: Read>(entry: &Entry<'_, R>) -> Result<Option<String>> {
    let bytes = entry.path_bytes();
    let shown = String::from_utf8_lossy(bytes.get(..NAME_MAX).unwrap_or(&bytes)).into_owned();
    let bad = |why: &str| Err(BUNDLE_INVALID.error(format!("`{shown}` {why}")));
    let Ok(whole) = std::str::from_utf8(&bytes) else { return bad("has a name that is no UTF-8") };
    let is_directory = match entry.header().entry_type() {
        EntryType::Directory => true,
        EntryType::Regular | EntryType::Continuous => false,
        EntryType::Symlink | EntryType::Link => return bad("is a link, and only files are taken"),
        _ => return bad("is neither a file nor a directory"),
    };
    if whole.len() > NAME_MAX {
        return bad("has a name that is too long");
    }
    // `tar` and OPA write what is at the root as `./data.json` and `/data.json`.
    let name = whole.strip_prefix("./").or_else(|| whole.strip_prefix('/')).unwrap_or(whole);
    if is_directory && (name.is_empty() || name == ".") {
        return Ok(None);
    }
    let name = if is_directory { name.strip_suffix('/').unwrap_or(name) } else { name };
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return bad("leads somewhere else by its name");
    }
    if name.chars().any(char::is_control) {
        return bad("has a name with control characters in it");
    }
    if name.split('/').count() > DEPTH_MAX {
        return bad("is in too many directories");
    }
    Ok((!is_directory).then(|| name.to_owned()))
}

fn broken(error: io::Error) -> flow::Error {
    let error = BUNDLE_INVALID.error(format!("it does not unpack: {error}")).because(error);
    error.with_advice("send files packed by `tar` and `gzip`, as `stockade policy build` does")
}

/// Reads so much and no more.
struct Bounded<'a> {
    inner: MultiGzDecoder<&'a [u8]>,
    left: u64,
    over: bool,
}

impl Read for Bounded<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            // There may be exactly as much as is allowed.
            self.over = self.over || self.inner.read(&mut [0])? > 0;
            return match self.over {
                true => Err(io::Error::other("too much")),
                false => Ok(0),
            };
        }
        let most = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.inner.read(into.get_mut(..most).unwrap_or_default())?;
        self.left -= read as u64;
        Ok(read)
    }
}
