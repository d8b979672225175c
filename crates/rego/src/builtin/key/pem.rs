//! PEM: base 64 between lines that say what it is.

use super::super::encoded::{Alphabet, decode};

/// What stands between two lines.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Block {
    /// What it is: `CERTIFICATE`.
    pub(in super::super) label: String,
    /// The bytes.
    pub(in super::super) bytes: Vec<u8>,
}

/// The first block and what follows the line it ends with.
pub(in super::super) fn first_block(text: &str) -> Option<(Block, &str)> {
    const BEGIN: &str = "-----BEGIN ";
    let mut rest = text;
    loop {
        let start = match rest.strip_prefix(BEGIN) {
            Some(after) => after,
            None => rest.split_once("\n-----BEGIN ")?.1,
        };
        rest = start;
        let Some((line, body)) = start.split_once('\n') else { continue };
        let Some(label) = line.trim_end().strip_suffix("-----") else { continue };
        let end = format!("-----END {label}-----");
        let (inside, after) = match body.strip_prefix(end.as_str()) {
            Some(after) => ("", after),
            None => match body.split_once(&format!("\n{end}")) {
                Some(parts) => parts,
                None => continue,
            },
        };
        let (tail, after) = after.split_once('\n').unwrap_or((after, ""));
        if !tail.trim_end().is_empty() {
            continue;
        }
        let spaceless: String = without_headers(inside).split_whitespace().collect();
        let Ok(bytes) = decode(&spaceless, Alphabet::Standard) else { continue };
        return Some((Block { label: label.to_owned(), bytes }, after));
    }
}

/// All blocks in their order; what stands between them is skipped.
pub(in super::super) fn blocks(text: &str) -> Vec<Block> {
    let mut rest = text;
    let mut all = Vec::new();
    while let Some((block, after)) = first_block(rest) {
        all.push(block);
        rest = after;
    }
    all
}

/// Headers such as `Proc-Type: 4,ENCRYPTED` stand before what is in base 64.
fn without_headers(text: &str) -> &str {
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        if !line.contains(':') {
            break;
        }
        rest = after;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = "hello\n-----BEGIN A-----\nZm9v\n-----END A-----\nthere\n\
                    -----BEGIN B B-----\nKind: 4\n\nYmFy\n-----END B B-----\nmore";
        let block = |label: &str, bytes: &[u8]| Block { label: label.into(), bytes: bytes.into() };
        assert_eq!(blocks(text), [block("A", b"foo"), block("B B", b"bar")]);
        let (_, rest) = first_block(text).unwrap();
        assert_eq!(first_block(rest).unwrap().1, "more");
        for none in ["", "-----BEGIN A-----", "-----BEGIN A-----\n!\n-----END A-----\n"] {
            assert!(first_block(none).is_none(), "{none}");
        }
    }
}
