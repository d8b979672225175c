//! A key on each line.

use flow::Result;

use super::Requests;
use super::lines::{Lines, number};
use super::source::Source;

pub(super) fn read(source: Source, requests: &mut Requests) -> Result<()> {
    let mut lines = Lines::new(source);
    let weigh = requests.weigh();
    while let Some(line) = lines.next()? {
        match weigh {
            false => requests.add_text(line, 1)?,
            true => match key_and_size(line) {
                Some((key, size)) => requests.add_text(key, size)?,
                None => return Err(lines.wrong("a key, a space or tab, and a size in bytes")),
            },
        }
    }
    Ok(())
}

/// The size is the last column, so that a key may hold spaces.
fn key_and_size(line: &[u8]) -> Option<(&[u8], u64)> {
    let line = line.trim_ascii();
    let gap = line.iter().rposition(u8::is_ascii_whitespace)?;
    let (key, size) = line.split_at_checked(gap)?;
    Some((key.trim_ascii_end(), number(size.trim_ascii_start())?))
}
