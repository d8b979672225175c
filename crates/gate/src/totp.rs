//! A second factor: six digits that change every half minute, as in RFC 6238.

mod store;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use flow::Time;

pub(crate) use store::{SEALED, Totps, forget};

/// Seconds each code is shown.
const STEP_SECS: u64 = 30;
/// Bytes of a secret, as RFC 4226 recommends.
pub(crate) const SECRET: usize = 20;

/// The code of a step. SHA-1 is what authenticator apps know; as a keyed hash of a
/// counter it is not broken.
fn code_at(secret: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or_default() & 15);
    let word = bytes.get(offset..offset + 4).and_then(|word| word.try_into().ok());
    let number = u32::from_be_bytes(word.unwrap_or_default()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The step whose code this is: now's, or the one before or behind, for clocks that differ.
pub(crate) fn step_of(secret: &[u8], now: Time, code: &str) -> Option<u64> {
    let step = now.secs() / STEP_SECS;
    let is = |step: &u64| {
        let expected = code_at(secret, *step);
        verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok()
    };
    [step.checked_sub(1), Some(step), step.checked_add(1)].into_iter().flatten().find(is)
}

/// What an authenticator app reads.
pub(crate) fn url(issuer: &str, name: &str, secret: &str) -> String {
    let (issuer, name) = (encoded(issuer), encoded(name));
    format!(
        "otpauth://totp/{issuer}:{name}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
    )
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let piece = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(piece).collect()
}

#[cfg(test)]
pub(crate) fn shown(secret: &[u8], now: Time) -> String {
    code_at(secret, now.secs() / STEP_SECS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_codes_of_rfc_6238_come_out() {
        for (secs, last_six) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(SECRET, secs / STEP_SECS), last_six);
        }
    }

    #[test]
    fn a_code_is_taken_one_step_early_or_late_and_no_more() {
        let at = |secs: u64| Time(secs * 1_000_000_000);
        let code = shown(SECRET, at(1_000_000));
        for (secs, expected) in [
            (999_930, false),
            (999_961, true),
            (1_000_000, true),
            (1_000_030, true),
            (1_000_050, false),
        ] {
            assert_eq!(step_of(SECRET, at(secs), &code).is_some(), expected, "{secs}");
        }
        for wrong in ["", "28708", "2870820", " 287082", "２８７０８２", "abcdef"] {
            assert_eq!(step_of(SECRET, at(59), wrong), None, "{wrong}");
        }
        assert_eq!(step_of(SECRET, Time(0), &code_at(SECRET, 0)), Some(0));
    }

    #[test]
    fn an_app_reads_the_address() {
        assert_eq!(
            url("Stockade", "ann@a b", "GEZDGNBV"),
            "otpauth://totp/Stockade:ann%40a%20b?secret=GEZDGNBV&issuer=Stockade&algorithm=SHA1&digits=6&period=30"
        );
    }
}
