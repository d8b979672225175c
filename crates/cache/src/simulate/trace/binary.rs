//! Little-endian numbers of four bytes.

use std::io::{ErrorKind, Read};

use flow::Result;

use super::Requests;
use super::source::Source;
use crate::simulate::codes;

/// The object, for each request.
pub(super) fn numbers(source: Source, requests: &mut Requests) -> Result<()> {
    records(source, "numbers of 4 bytes", |id: [u8; 4]| {
        requests.add(u32::from_le_bytes(id).into(), 1)
    })
}

/// The object and its size.
pub(super) fn pairs(source: Source, requests: &mut Requests) -> Result<()> {
    records(source, "pairs of two numbers, 8 bytes", |pair: [u8; 8]| {
        let [a, b, c, d, sizes @ ..] = pair;
        let id = u32::from_le_bytes([a, b, c, d]);
        requests.add(id.into(), u32::from_le_bytes(sizes).into())
    })
}

/// Every `N` bytes of the source; it ends with a whole record.
fn records<const N: usize>(
    mut source: Source,
    what: &str,
    mut take: impl FnMut([u8; N]) -> Result<()>,
) -> Result<()> {
    let mut length: u64 = 0;
    loop {
        let mut record = [0; N];
        let read = fill(&mut source, &mut record)?;
        length += read as u64;
        match read {
            0 => return Ok(()),
            read if read < N => {
                return Err(codes::MALFORMED.error(format!(
                    "{} ends in the middle of a record: expected {what}, found {length} bytes in all",
                    source.name
                )));
            }
            _ => take(record)?,
        }
    }
}

/// As much of `record` as there is left.
fn fill(source: &mut Source, record: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while let Some(rest) = record.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.bytes.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(source.unreadable(error)),
        }
    }
    Ok(filled)
}
