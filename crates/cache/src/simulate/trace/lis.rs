//! The text of the ARC traces: runs of blocks.

use flow::Result;

use super::Requests;
use super::lines::{Lines, number};
use super::source::Source;

const EXPECTED: &str = "four whole numbers `start count ignored n`";

pub(super) fn read(source: Source, requests: &mut Requests) -> Result<()> {
    let mut lines = Lines::new(source);
    while let Some(line) = lines.next()? {
        let Some((start, count)) = run(line) else { return Err(lines.wrong(EXPECTED)) };
        requests.expect(count)?;
        let blocks = (0..count).map(|place| start.wrapping_add(place));
        for block in blocks {
            requests.add(block, 1)?;
        }
    }
    Ok(())
}

fn run(line: &[u8]) -> Option<(u64, u64)> {
    let fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let fields: Vec<u64> = fields.map(number).collect::<Option<_>>()?;
    match fields.as_slice() {
        [start, count, _, _] => Some((*start, *count)),
        _ => None,
    }
}
