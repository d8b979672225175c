//! What Redis makes long texts shorter with.

/// What was compressed, if it was as long as is said.
pub(super) fn read(mut from: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut to = Vec::new();
    while let Some((control, rest)) = from.split_first() {
        from = rest;
        let high = usize::from(control >> 5);
        if high == 0 {
            let (own, rest) = from.split_at_checked(usize::from(*control) + 1)?;
            to.extend_from_slice(own);
            from = rest;
        } else {
            let mut count = high + 2;
            if high == 7 {
                count += usize::from(take(&mut from)?);
            }
            let back = (usize::from(control & 0x1f) << 8 | usize::from(take(&mut from)?)) + 1;
            repeat(&mut to, back, count)?;
        }
        if to.len() > length {
            return None;
        }
    }
    (to.len() == length).then_some(to)
}

fn take(from: &mut &[u8]) -> Option<u8> {
    let (first, rest) = from.split_first()?;
    *from = rest;
    Some(*first)
}

/// Says again what was said a while ago, which may be what is just being said.
fn repeat(to: &mut Vec<u8>, back: usize, count: usize) -> Option<()> {
    let begin = to.len().checked_sub(back)?;
    for at in begin..begin + count {
        to.push(*to.get(at)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn what_repeats_itself_is_read() {
        assert_eq!(super::read(&[0, b'a', 0xe0, 4, 0, 0, b'b'], 15).unwrap(), b"aaaaaaaaaaaaaab");
        assert_eq!(super::read(&[0, b'a', 0xe0, 4, 0, 0, b'b'], 14), None);
        assert_eq!(super::read(&[0, b'a', 0xe0, 4, 1], 14), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>, length in 0usize..100) {
            super::read(&bytes, length);
        }
    }
}
