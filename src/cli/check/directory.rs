//! The data directory, as anybody sees it who may look.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use flow::unit::Size;

use super::Finding;
use crate::config::Config;

const NAME: &str = "data directory";

/// Whether it is ours, ours alone, of this release, and has room.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let data = config.data.as_path();
    match fs::metadata(data) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let note = format!("`{}` will be made at the first start", data.display());
            vec![Finding::unseen(NAME, note)]
        }
        Err(error) => vec![Finding::ill(NAME, format!("`{}`: {error}", data.display()))],
        Ok(metadata) if !metadata.is_dir() => {
            let advice = format!("`{}` is no directory; set `data` to one", data.display());
            vec![Finding::ill(NAME, advice)]
        }
        Ok(metadata) => vec![private(data, &metadata), format(data), space(config)],
    }
}

fn private(data: &Path, metadata: &fs::Metadata) -> Finding {
    let shown = data.display();
    let mode = metadata.mode() & 0o777;
    match mode & 0o077 {
        0 => Finding::well(NAME, format!("`{shown}`")),
        _ => Finding::ill(NAME, format!("others can read `{shown}`; run `chmod 700 {shown}`")),
    }
}

fn format(data: &Path) -> Finding {
    let name = "data format";
    match fs::read_to_string(data.join("FORMAT")) {
        Ok(format) if format.starts_with("stockade ") => Finding::well(name, format.trim()),
        Ok(_) => {
            let advice = "`FORMAT` was not written by Stockade; set `data` to another directory";
            Finding::ill(name, advice)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::unseen(name, "nothing has been stored yet")
        }
        Err(error) => Finding::ill(name, format!("`FORMAT` cannot be read: {error}")),
    }
}

fn space(config: &Config) -> Finding {
    let name = "disk space";
    let free = match rustix::fs::statvfs(&config.data) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Finding::ill(name, format!("cannot be read: {error}")),
    };
    let wanted = config.directory.free_min;
    // To the digit that matters: whole GiB when there are many.
    let unit: u64 = if free < 10 << 30 { 1 << 20 } else { 1 << 30 };
    let shown = Size(free / unit * unit);
    match free < wanted.0 {
        false => Finding::well(name, format!("{shown} free")),
        true => Finding::ill(
            name,
            format!("{shown} free, less than {wanted}; make room, or lower `directory.free_min`"),
        ),
    }
}
