//! What two texts have in common.

use std::ops::Range;

use bytes::Bytes;
use values::{Space, SpaceExt};

use super::text;
use crate::command::{Arguments, Done, Wrong};
use crate::reply::Replies;

/// As many pairs of bytes as are compared; it takes as much memory four times over, and
/// others wait.
const PAIRS_MAX: usize = 16 << 20;

/// What is asked for.
#[derive(Default)]
struct Options {
    length: bool,
    places: bool,
    least: usize,
    with_length: bool,
}

impl Options {
    fn read(arguments: Arguments<'_>) -> Result<Self, Wrong> {
        let mut read = Self::default();
        let mut at = 3;
        while at < arguments.len() {
            match () {
                () if arguments.is(at, "LEN") => read.length = true,
                () if arguments.is(at, "IDX") => read.places = true,
                () if arguments.is(at, "WITHMATCHLEN") => read.with_length = true,
                () if arguments.is(at, "MINMATCHLEN") && at + 1 < arguments.len() => {
                    at += 1;
                    read.least = usize::try_from(arguments.integer(at)?).unwrap_or(0);
                }
                () => return Err(Wrong::SYNTAX),
            }
            at += 1;
        }
        if read.length && read.places {
            return Err(Wrong::said(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(read)
    }
}

/// A stretch that is the same in both.
struct Match {
    first: Range<usize>,
    second: Range<usize>,
}

pub(super) fn alike(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let kept = |at: usize| {
        let words = "ERR The specified keys must contain string values";
        space.read(arguments.at(at), |seen| {
            text(seen).map(Option::<&Bytes>::cloned).map_err(|_| Wrong::said(words))
        })
    };
    let (first, second) = (kept(1)?.unwrap_or_default(), kept(2)?.unwrap_or_default());
    let options = Options::read(arguments)?;
    let pairs = (first.len() + 1).checked_mul(second.len() + 1);
    if pairs.is_none_or(|pairs| pairs > PAIRS_MAX) {
        return Err(Wrong::said(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let table = Table::of(&first, &second);
    let length = table.at(first.len(), second.len());
    if options.length {
        replies.integer(i64::from(length));
        return Ok(());
    }
    let matches = table.matches(&first, &second);
    if !options.places {
        let parts = matches.iter().rev().filter_map(|part| first.get(part.first.clone()));
        replies.bulk(&parts.collect::<Vec<_>>().concat());
        return Ok(());
    }
    let long = |part: &&Match| part.first.len() >= options.least;
    replies.map(2);
    replies.bulk(b"matches");
    replies.array(matches.iter().filter(long).count());
    for part in matches.iter().filter(long) {
        replies.array(2 + usize::from(options.with_length));
        for range in [&part.first, &part.second] {
            replies.array(2);
            replies.integer(range.start as i64);
            replies.integer(range.end as i64 - 1);
        }
        if options.with_length {
            replies.integer(part.first.len() as i64);
        }
    }
    replies.bulk(b"len");
    replies.integer(i64::from(length));
    Ok(())
}

/// How much any two beginnings have in common.
struct Table {
    cells: Vec<u32>,
    width: usize,
}

impl Table {
    fn of(first: &[u8], second: &[u8]) -> Self {
        let width = second.len() + 1;
        let cells = Vec::with_capacity(width * (first.len() + 1));
        let mut table = Self { cells, width };
        table.cells.resize(width, 0);
        for (row, one) in first.iter().enumerate() {
            table.cells.push(0);
            for (column, other) in second.iter().enumerate() {
                let cell = match one == other {
                    true => table.at(row, column) + 1,
                    false => table.at(row, column + 1).max(table.at(row + 1, column)),
                };
                table.cells.push(cell);
            }
        }
        table
    }

    fn at(&self, row: usize, column: usize) -> u32 {
        self.cells.get(row * self.width + column).copied().unwrap_or(0)
    }

    /// The stretches that are the same, the last one first.
    fn matches(&self, first: &[u8], second: &[u8]) -> Vec<Match> {
        let (mut row, mut column) = (first.len(), second.len());
        let mut matches: Vec<Match> = Vec::new();
        while row > 0 && column > 0 {
            if first.get(row - 1) == second.get(column - 1) {
                (row, column) = (row - 1, column - 1);
                match matches.last_mut() {
                    Some(last)
                        if last.first.start == row + 1 && last.second.start == column + 1 =>
                    {
                        last.first.start = row;
                        last.second.start = column;
                    }
                    _ => {
                        let (first, second) = (row..row + 1, column..column + 1);
                        matches.push(Match { first, second });
                    }
                }
            } else if self.at(row - 1, column) > self.at(row, column - 1) {
                row -= 1;
            } else {
                column -= 1;
            }
        }
        matches
    }
}
