//! Lines out of a stream that arrives in pieces of any size.

/// Bytes as they come, taken out line by line.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
    }

    /// The next line that is whole, without its end.
    pub(super) fn next(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.0.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_they_arrive() {
        let mut lines = Lines::default();
        for piece in ["data: {\"a\"", ":1}\r\n\n", "da", "ta: 2\n"] {
            lines.add(piece.as_bytes());
        }
        let out: Vec<_> = std::iter::from_fn(|| lines.next()).collect();
        assert_eq!(out, ["data: {\"a\":1}", "", "data: 2"]);
    }
}
