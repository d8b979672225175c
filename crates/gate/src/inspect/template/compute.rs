//! Sums of constants, which no template needs and every probe has.

use super::super::text::{at, is_space, trim};

/// Whether it is nothing but a sum of constants, or a constant that goes through a filter.
pub(super) fn computes(body: &[u8]) -> bool {
    let mut place = 0;
    let mut operands = 0;
    let mut operators = 0;
    while place < body.len() {
        let byte = at(body, place);
        match byte {
            b'0'..=b'9' => {
                let Some(end) = number(body, place) else { return false };
                place = end;
                operands += 1;
                continue;
            }
            b'\'' | b'"' => {
                let rest = body.get(place + 1..).unwrap_or_default();
                place += memchr::memchr(byte, rest).unwrap_or(rest.len()) + 1;
                operands += 1;
            }
            b'*' | b'+' | b'-' | b'/' | b'%' | b'^' | b'~' => {
                operators += usize::from(operands > 0)
            }
            // `7 | times: 7`: only constants are before the filter.
            b'|' if operands > 0 => return filtered(body, place + 1),
            b'>' | b'<' | b'!' | b'&' => operators += usize::from(operands > 0),
            b'=' if at(body, place + 1) == b'=' => operators += usize::from(operands > 0),
            b' ' | b'(' | b')' | b'=' | b'{' | b'[' | b']' | b'\\' | b'$' | b'#' | b'.' => {}
            _ => return false,
        }
        place += 1;
    }
    operators > 0 && operands > 1
}

/// Where a number ends; dotted addresses and ranges are none.
fn number(body: &[u8], start: usize) -> Option<usize> {
    let mut place = start;
    let mut dots = 0;
    while matches!(at(body, place), b'0'..=b'9' | b'.') {
        dots += usize::from(at(body, place) == b'.');
        place += 1;
    }
    (dots < 2).then_some(place)
}

fn filtered(body: &[u8], from: usize) -> bool {
    let rest = trim(body.get(from..).unwrap_or_default());
    let name = rest.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'_').count();
    name > 2
        && rest
            .get(name)
            .is_none_or(|byte| is_space(*byte) || matches!(byte, b':' | b'(' | b'|' | b'+'))
}
