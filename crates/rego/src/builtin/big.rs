//! Whole numbers of many digits, as keys and serial numbers are.

use num_bigint::BigUint;

use crate::Value;
use crate::value::json;

/// The number that bytes are, the highest first.
pub(super) fn number(bytes: &[u8]) -> Value {
    let digits = BigUint::from_bytes_be(bytes).to_string();
    json::read_text(&digits).unwrap_or(Value::Null)
}

/// The number below zero or above that bytes in two's complement are, the highest first.
pub(super) fn signed(bytes: &[u8]) -> Value {
    let digits = num_bigint::BigInt::from_signed_bytes_be(bytes).to_string();
    json::read_text(&digits).unwrap_or(Value::Null)
}

/// What makes signing with RSA fast: `d mod (p-1)`, `d mod (q-1)` and the inverse of `q`
/// modulo `p`.
pub(super) fn crt(d: &[u8], p: &[u8], q: &[u8]) -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let one = BigUint::from(1u8);
    let [d, p, q] = [d, p, q].map(BigUint::from_bytes_be);
    if p <= one || q <= one {
        return None;
    }
    let inverse = q.modinv(&p)?;
    let (dp, dq) = (&d % (&p - &one), &d % (&q - &one));
    Some((dp.to_bytes_be(), dq.to_bytes_be(), inverse.to_bytes_be()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_signing_needs_is_made_of_the_primes() {
        // p = 11, q = 13, d = 103: 103 mod 10, 103 mod 12, and 13 * 6 = 78 = 7 * 11 + 1.
        assert_eq!(crt(&[103], &[11], &[13]), Some((vec![3], vec![7], vec![6])));
        assert_eq!(crt(&[103], &[0], &[13]), None);
        assert_eq!(crt(&[103], &[2], &[4]), None);
    }
}
