//! Proofs: somebody shows that they hold a secret, and does not send it.
//!
//! A proof is `sth_<id>_<seconds>_<nonce>_<mac>`: HMAC-SHA-256 in hex, by the secret, of a
//! purpose and of each part before it with its length, so that no part can pass for
//! another. It is good once, for five minutes before and after its time.

use std::time::Duration;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use data_encoding::HEXLOWER;
use flow::request::PROOF as PREFIX;
use flow::{Clock, Random, Result, Time};
use zeroize::Zeroizing;

use crate::codes::{PROOF, PROOF_TIME};
use crate::digest::letters;

/// How far the time of a proof may be from now.
pub(crate) const WINDOW: Duration = Duration::from_secs(300);

/// What the secrets begin with that proofs are made with.
const SECRET: &str = "sths_";
/// What the code is for; a secret used for anything else makes no proofs.
const PURPOSE: &str = "stockade proof 1";
/// Letters of a nonce, as we make them and as others may.
const NONCE: usize = 32;
const NONCES: std::ops::RangeInclusive<usize> = 16..=64;

/// What somebody shows, which nobody has vouched for yet.
pub(crate) struct Proof<'a> {
    pub(crate) id: &'a str,
    pub(crate) nonce: &'a str,
    secs: u64,
    mac: Vec<u8>,
}

impl<'a> Proof<'a> {
    pub(crate) fn read(shown: &'a str) -> Result<Self> {
        let wrong =
            || PROOF.error("the proof is not of the form `sth_<id>_<seconds>_<nonce>_<mac>`");
        let mut parts = shown.strip_prefix(PREFIX).ok_or_else(wrong)?.split('_');
        let mut part = || parts.next().ok_or_else(wrong);
        let (id, secs, nonce, mac) = (part()?, part()?, part()?, part()?);
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // One proof has one form.
        let number = secs.parse().ok().filter(|number: &u64| number.to_string() == secs);
        let mac = HEXLOWER.decode(mac.as_bytes()).ok().filter(|mac| mac.len() == 32);
        match (number, mac) {
            (Some(secs), Some(mac))
                if parts.next().is_none()
                    && (1..=32).contains(&id.len())
                    && NONCES.contains(&nonce.len())
                    && is_plain(id)
                    && is_plain(nonce) =>
            {
                Ok(Self { id, nonce, secs, mac })
            }
            _ => Err(wrong()),
        }
    }

    /// When it was made.
    pub(crate) fn at(&self) -> Time {
        Time(self.secs.saturating_mul(1_000_000_000))
    }

    /// Refused where its time is not about now.
    pub(crate) fn is_timely(&self, now: Time) -> Result<()> {
        let (at, window) = (self.at(), WINDOW);
        let away = if at > now { at.since(now) } else { now.since(at) };
        match (away < window, at > now) {
            (true, _) => Ok(()),
            (false, true) => Err(PROOF_TIME.error("the proof is from the future")),
            (false, false) => Err(PROOF_TIME.error("the proof is more than five minutes old")),
        }
    }

    /// Whether whoever made it holds this secret. Compared in constant time.
    pub(crate) fn is_by(&self, secret: &[u8]) -> bool {
        let message = message(self.id, self.secs, self.nonce);
        verify(&Key::new(HMAC_SHA256, secret), message.as_bytes(), &self.mac).is_ok()
    }
}

/// Whether this is a secret that proofs are made with, by its looks.
pub fn is_secret(text: &str) -> bool {
    text.starts_with(SECRET)
}

/// A fresh proof that its maker holds this secret.
///
/// # Errors
/// When it is not such a secret.
pub fn prove(secret: &str, clock: &Clock, random: &Random) -> Result<Zeroizing<String>> {
    let named = secret.strip_prefix(SECRET).and_then(|rest| rest.split_once('_'));
    let (id, _) = named.ok_or_else(|| PROOF.error("the secret does not begin with `sths_`"))?;
    let (secs, nonce) = (clock.now().secs(), letters(random, NONCE));
    let key = Key::new(HMAC_SHA256, secret.as_bytes());
    let mac = sign(&key, message(id, secs, &nonce).as_bytes());
    Ok(Zeroizing::new(format!("{PREFIX}{id}_{secs}_{nonce}_{}", HEXLOWER.encode(mac.as_ref()))))
}

/// A secret for this key.
pub(crate) fn secret_of(id: &str, random: &Random) -> String {
    format!("{SECRET}{id}_{}", letters(random, 40))
}

/// What is signed: each part with its length, so that it is the same for no other parts.
fn message(id: &str, secs: u64, nonce: &str) -> String {
    let secs = secs.to_string();
    let mut message = format!("{PURPOSE},");
    for part in [id, &secs, nonce] {
        message.push_str(&format!("{}:{part},", part.len()));
    }
    message
}

#[cfg(test)]
mod tests {
    use flow::request::is_proof;

    use super::*;

    const SECRET: &str = "sths_7k2m9xw4qa_abcdefghjkmnpqrstuvwxyzabcdefghjkmnpqrs";

    fn proof() -> String {
        let clock = Clock::manual(Time(1_700_000_000_000_000_000));
        prove(SECRET, &clock, &Random::seeded(1)).unwrap().to_string()
    }

    #[test]
    fn a_proof_is_of_one_secret_and_of_all_its_parts() {
        let proof = proof();
        assert!(is_proof(&proof));
        let read = Proof::read(&proof).unwrap();
        assert!(read.is_by(SECRET.as_bytes()));
        assert!(!read.is_by(b"another"));
        assert!(!proof.contains(&SECRET[16..]));
        for (from, to) in [("7k2m9xw4qa", "7k2m9xw4qb"), ("1700000000", "1700000001")] {
            let changed = proof.replace(from, to);
            assert!(!Proof::read(&changed).unwrap().is_by(SECRET.as_bytes()), "{changed}");
        }
    }

    #[test]
    fn what_is_signed_is_the_same_for_no_other_parts() {
        assert_eq!(message("a", 12, "b"), "stockade proof 1,1:a,2:12,1:b,");
        assert_ne!(message("a", 12, "b"), message("a1", 2, "b"));
        assert_ne!(message("a", 12, "b"), message("a", 1, "2b"));
    }

    #[test]
    fn a_proof_has_one_form() {
        let good = proof();
        let (head, mac) = good.rsplit_once('_').unwrap();
        for wrong in [
            String::new(),
            "sth_".into(),
            "sth____".into(),
            head.to_owned(),
            format!("{good}_"),
            format!("{good} "),
            format!("{head}_{}", mac.to_uppercase()),
            format!("{head}_{}", &mac[2..]),
            good.replace("_1700000000_", "_01700000000_"),
            good.replace("_1700000000_", "_+1700000000_"),
            good.replace("_1700000000_", "_-1_"),
            good.replace("_1700000000_", "_99999999999999999999999_"),
            good.replace("7k2m9xw4qa", ""),
            good.replace("7k2m9xw4qa", "x:bot:1"),
            format!("sth_a_1_{}_{mac}", "n".repeat(15)),
            format!("sth_a_1_{}_{mac}", "n".repeat(65)),
            format!("sth_a_1_{}_{mac}", "n".repeat(100_000)),
        ] {
            assert!(Proof::read(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_proof_is_of_about_now() {
        let good = proof();
        let check = |secs: u64, timely: bool| {
            let now = Time(secs * 1_000_000_000);
            assert_eq!(Proof::read(&good).unwrap().is_timely(now).is_ok(), timely, "{secs}");
        };
        check(1_700_000_000, true);
        check(1_700_000_299, true);
        check(1_700_000_300, false);
        check(1_699_999_701, true);
        check(1_699_999_700, false);
        check(0, false);
        let far = good.replace("_1700000000_", "_18446744073709551615_");
        assert!(Proof::read(&far).unwrap().is_timely(Time(1_700_000_000_000_000_000)).is_err());
    }
}
