//! Where replies end, in bytes that arrive piece by piece.

/// Counts the frames that a server sends, in either version, and keeps none of them.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// With which byte the frame began.
    kind: u8,
    /// Parts of the frame that are still to come.
    parts: u64,
    /// Bytes of the part under way that only have to pass.
    pass: u64,
    /// The line under way, if a number stands on it.
    line: Option<Line>,
    /// Whether the line under way is text.
    text: bool,
}

#[derive(Debug)]
struct Line {
    kind: u8,
    number: u64,
    negative: bool,
}

/// What a server sent is no reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoReply;

/// How far a frame goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// So many of the bytes belong to it.
    pub(crate) length: usize,
    /// With which byte the frame began.
    pub(crate) kind: u8,
    /// Whether this is its end.
    pub(crate) ends: bool,
}

impl Piece {
    /// Whether it was sent without having been asked for.
    pub(crate) fn is_push(&self) -> bool {
        self.kind == b'>'
    }
}

/// No list that is sent has more parts.
const PARTS_MAX: u64 = 1 << 40;

impl Scan {
    /// The next frame, or as much of it as is there.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Piece, NoReply> {
        let mut at = 0;
        if self.parts == 0
            && let Some(kind) = bytes.first()
        {
            (self.kind, self.parts) = (*kind, 1);
        }
        if bytes.is_empty() {
            return Ok(Piece { length: 0, kind: self.kind, ends: false });
        }
        while self.parts > 0 {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(Piece { length: at, kind: self.kind, ends: false });
            }
            at += self.step(rest)?;
        }
        Ok(Piece { length: at, kind: self.kind, ends: true })
    }

    /// Goes on by at least one byte.
    fn step(&mut self, rest: &[u8]) -> Result<usize, NoReply> {
        if self.pass > 0 {
            let passed = self.pass.min(rest.len() as u64);
            self.pass -= passed;
            self.parts -= u64::from(self.pass == 0);
            return Ok(passed as usize);
        }
        if self.text {
            return Ok(match rest.iter().position(|byte| *byte == b'\n') {
                None => rest.len(),
                Some(end) => {
                    self.text = false;
                    self.parts -= 1;
                    end + 1
                }
            });
        }
        let byte = rest.first().copied().unwrap_or_default();
        match &mut self.line {
            None => self.begin(byte)?,
            Some(line) => match byte {
                b'0'..=b'9' => {
                    let digit = u64::from(byte - b'0');
                    line.number = line.number.saturating_mul(10).saturating_add(digit);
                }
                b'-' => line.negative = true,
                b'\r' => {}
                b'\n' => self.end_line()?,
                _ => return Err(NoReply),
            },
        }
        Ok(1)
    }

    fn begin(&mut self, kind: u8) -> Result<(), NoReply> {
        match kind {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => self.text = true,
            b'$' | b'=' | b'!' | b'*' | b'~' | b'>' | b'%' | b'|' => {
                self.line = Some(Line { kind, number: 0, negative: false });
            }
            _ => return Err(NoReply),
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), NoReply> {
        let Some(line) = self.line.take() else { return Ok(()) };
        let number = if line.negative { 0 } else { line.number };
        if number > PARTS_MAX || self.parts > PARTS_MAX {
            return Err(NoReply);
        }
        match line.kind {
            b'$' | b'=' | b'!' if line.negative => self.parts -= 1,
            b'$' | b'=' | b'!' => self.pass = number + 2,
            b'%' => self.parts = self.parts + 2 * number - 1,
            // What it says is about the part that follows.
            b'|' => self.parts += 2 * number,
            _ => self.parts = self.parts + number - 1,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_frames_or_none(bytes: Vec<u8>, step in 1..9usize) {
            let mut scan = Scan::default();
            for mut bytes in bytes.chunks(step) {
                while !bytes.is_empty() {
                    let Ok(piece) = scan.next(bytes) else { return Ok(()) };
                    prop_assert!((1..=bytes.len()).contains(&piece.length));
                    bytes = &bytes[piece.length..];
                }
            }
        }
    }

    /// The frames of a stream, cut into pieces of this length.
    fn frames(stream: &[u8], step: usize) -> Vec<String> {
        let (mut scan, mut frames, mut frame) = (Scan::default(), Vec::new(), Vec::new());
        for mut bytes in stream.chunks(step) {
            while !bytes.is_empty() {
                let piece = scan.next(bytes).unwrap();
                frame.extend_from_slice(&bytes[..piece.length]);
                bytes = &bytes[piece.length..];
                if piece.ends {
                    frames.push(String::from_utf8(std::mem::take(&mut frame)).unwrap());
                }
            }
        }
        assert!(frame.is_empty(), "{frame:?}");
        frames
    }

    #[test]
    fn every_kind_of_reply_is_one_frame_however_it_is_cut() {
        let expected = [
            "+OK\r\n",
            "-ERR $5\r\n",
            ":-12\r\n",
            "$5\r\n*1\r\n+\r\n",
            "$0\r\n\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "*0\r\n",
            "*2\r\n*2\r\n:1\r\n$1\r\na\r\n*1\r\n_\r\n",
            "%0\r\n",
            "%2\r\n+a\r\n:1\r\n+b\r\n~2\r\n:1\r\n:2\r\n",
            "|1\r\n+ttl\r\n:3\r\n$1\r\nx\r\n",
            ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n",
            ",1.5\r\n",
            "#t\r\n",
            "(123456789012345678901234567890\r\n",
            "=7\r\ntxt:abc\r\n",
            "!3\r\nERR\r\n",
        ];
        let stream = expected.concat();
        for step in 1..=stream.len() {
            assert_eq!(frames(stream.as_bytes(), step), expected, "{step}");
        }
    }

    #[test]
    fn what_is_no_reply_is_told_apart() {
        for text in ["x", "*a\r\n", "$1x\r\n", "*99999999999999999999\r\n", "\r\n"] {
            assert_eq!(Scan::default().next(text.as_bytes()), Err(NoReply), "{text:?}");
        }
    }
}
