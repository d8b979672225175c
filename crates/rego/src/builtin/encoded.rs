//! Base 64 in both alphabets, with the words OPA has for what is wrong.

/// Which characters stand for 62 and 63.
#[derive(Clone, Copy)]
pub(super) enum Alphabet {
    /// `+` and `/`.
    Standard,
    /// `-` and `_`.
    Url,
}

/// The bytes of base 64 with padding. Ends of lines are skipped.
pub(super) fn decode(text: &str, alphabet: Alphabet) -> Result<Vec<u8>, String> {
    let wrong = |place: usize| Err(format!("illegal base64 data at input byte {place}"));
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0u32);
    let mut input = text.bytes().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    while let Some((place, byte)) = input.next() {
        if byte == b'=' {
            let padded = match held {
                2 => match input.next() {
                    Some((_, b'=')) => true,
                    Some((place, _)) => return wrong(place),
                    None => return wrong(text.len()),
                },
                3 => true,
                _ => false,
            };
            if !padded {
                return wrong(place);
            }
            if let Some((place, _)) = input.next() {
                return wrong(place);
            }
            let whole = bits << (6 * (4 - held));
            let [_, one, two, _] = whole.to_be_bytes();
            bytes.push(one);
            if held == 3 {
                bytes.push(two);
            }
            return Ok(bytes);
        }
        let Some(value) = digit(byte, alphabet) else { return wrong(place) };
        bits = bits << 6 | value;
        held += 1;
        if held == 4 {
            let [_, one, two, three] = bits.to_be_bytes();
            bytes.extend([one, two, three]);
            (bits, held) = (0, 0);
        }
    }
    if held != 0 {
        return wrong(text.len().saturating_sub(held as usize));
    }
    Ok(bytes)
}

/// The bytes of base 64 for addresses, whose padding may have been left out (RFC 7515, C).
pub(super) fn decode_url(text: &str) -> Result<Vec<u8>, String> {
    if text.ends_with('=') {
        return decode(text, Alphabet::Url);
    }
    match text.len() % 4 {
        0 => decode(text, Alphabet::Url),
        2 => decode(&format!("{text}=="), Alphabet::Url),
        3 => decode(&format!("{text}="), Alphabet::Url),
        _ => Err(format!("illegal base64url string: {text}")),
    }
}

/// Base 64 for addresses, without padding.
pub(super) fn encode_url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// Base 64 with padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn digit(byte: u8, alphabet: Alphabet) -> Option<u32> {
    let value = match (byte, alphabet) {
        (b'A'..=b'Z', _) => byte - b'A',
        (b'a'..=b'z', _) => byte - b'a' + 26,
        (b'0'..=b'9', _) => byte - b'0' + 52,
        (b'+', Alphabet::Standard) | (b'-', Alphabet::Url) => 62,
        (b'/', Alphabet::Standard) | (b'_', Alphabet::Url) => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let place = |place| Err(format!("illegal base64 data at input byte {place}"));
        let cases: [(&str, Result<&[u8], String>); 8] = [
            ("", Ok(b"")),
            ("Zm9v", Ok(b"foo")),
            ("Zm9vYg==", Ok(b"foob")),
            ("Zm9v\nYmE=", Ok(b"fooba")),
            ("Zm9v!", place(4)),
            ("Zm9vYg=", place(7)),
            ("Zm9vYg", place(4)),
            ("Zm9=b", place(4)),
        ];
        for (text, expected) in cases {
            let decoded = decode(text, Alphabet::Standard);
            assert_eq!(decoded.as_deref().map_err(Clone::clone), expected, "{text}");
        }
        assert_eq!(decode_url("-_8"), Ok(vec![0xfb, 0xff]));
        assert_eq!(decode_url("abcde"), Err("illegal base64url string: abcde".into()));
    }
}
