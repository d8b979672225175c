//! The hashes: argon2id for all that is new, bcrypt as others made them.

use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use flow::Result;

use super::Verdict;
use crate::codes::{FOREIGN_HASH, HASHES};

/// Bytes of a salt.
pub(super) const SALT: usize = 16;

/// What OWASP recommends: 19 MiB, twice, in one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash somebody brings may cost this much more than ours, not more.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
const PASSES_MAX: u32 = 8;
const LANES_MAX: u32 = 4;
/// What bcrypt may cost: one more doubles the time, and 14 is most of a second.
const COST_MAX: u32 = 14;
/// bcrypt reads so many bytes and says nothing of those behind.
const BCRYPT_READS: usize = 72;

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(broken)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn broken(cause: impl std::error::Error + Send + Sync + 'static) -> flow::Error {
    HASHES.error("the password cannot be hashed").because(cause)
}

/// The hash of a new password.
pub(super) fn make(password: &[u8], salt: &[u8; SALT]) -> Result<String> {
    let made = argon2()?.hash_password_with_salt(password, salt).map_err(broken)?;
    Ok(made.to_string())
}

/// Compares; a right password under a hash we would not make today is hashed anew.
pub(super) fn compare(
    password: &[u8],
    hash: &str,
    nobody: &str,
    salt: &[u8; SALT],
) -> Result<Verdict> {
    let right = match Kind::of(hash) {
        Some(Kind::Bcrypt) if !fits_bcrypt(password) => {
            // Two long passwords with the same beginning are one to bcrypt. It takes a
            // while to say so, as it would for anybody.
            matches_argon2(password, nobody);
            false
        }
        Some(Kind::Bcrypt) => bcrypt::non_truncating_verify(password, hash).unwrap_or(false),
        Some(Kind::Argon2 { .. }) => matches_argon2(password, hash),
        None => return Err(HASHES.error("the stored password hash cannot be read")),
    };
    match (right, Kind::of(hash)) {
        (false, _) => Ok(Verdict::Wrong),
        (true, Some(Kind::Argon2 { ours: true })) => Ok(Verdict::Right),
        (true, _) => Ok(Verdict::Upgrade(make(password, salt)?)),
    }
}

fn matches_argon2(password: &[u8], hash: &str) -> bool {
    let parsed = PasswordHash::new(hash);
    parsed.is_ok_and(|parsed| Argon2::default().verify_password(password, &parsed).is_ok())
}

/// What bcrypt reads whole: its words end at a zero, and are at most 72 bytes with it.
fn fits_bcrypt(password: &[u8]) -> bool {
    password.len() < BCRYPT_READS && !password.contains(&0)
}

/// Refuses a hash from elsewhere that we cannot compare with, or only at a price
/// somebody could make us pay again and again.
pub(crate) fn check(hash: &str) -> Result<()> {
    match Kind::of(hash) {
        Some(_) => Ok(()),
        None => Err(FOREIGN_HASH.error("the password hash is of no kind that is known")),
    }
}

enum Kind {
    Bcrypt,
    Argon2 { ours: bool },
}

impl Kind {
    fn of(hash: &str) -> Option<Self> {
        match hash.starts_with("$2") {
            true => Self::bcrypt(hash),
            false => Self::argon2(hash),
        }
    }

    fn bcrypt(hash: &str) -> Option<Self> {
        let parts: bcrypt::HashParts = hash.parse().ok()?;
        let known = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix));
        (known && hash.len() == 60 && (4..=COST_MAX).contains(&parts.get_cost()))
            .then_some(Self::Bcrypt)
    }

    fn argon2(hash: &str) -> Option<Self> {
        let parsed = PasswordHash::new(hash).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        let modest = memory <= MEMORY_KIB_MAX && passes <= PASSES_MAX && lanes <= LANES_MAX;
        let known = parsed.algorithm.as_str() == "argon2id" && parsed.version == Some(0x13);
        let whole = parsed.salt.is_some() && parsed.hash.is_some_and(|hash| hash.len() >= 16);
        let ours = memory >= MEMORY_KIB && passes >= PASSES;
        (modest && known && whole).then_some(Self::Argon2 { ours })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(password: &[u8], hash: &str) -> Verdict {
        let nobody = make(b"nobody at all", &[9; SALT]).unwrap();
        compare(password, hash, &nobody, &[7; SALT]).unwrap()
    }

    fn bcrypt(password: &[u8], cost: u32) -> String {
        bcrypt::hash_with_salt(password, cost, [3; 16]).unwrap().to_string()
    }

    #[test]
    fn new_hashes_are_argon2id_as_recommended() {
        let hash = make(b"a good password", &[1; SALT]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(verdict(b"a good password", &hash), Verdict::Right);
        assert_eq!(verdict(b"a good passwore", &hash), Verdict::Wrong);
        assert_ne!(hash, make(b"a good password", &[2; SALT]).unwrap());
    }

    #[test]
    fn a_hash_of_a_library_elsewhere_is_read() {
        // Made by the reference implementation: argon2 -id -t 2 -m 16 -p 1.
        let reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                         CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(verdict(b"password", reference), Verdict::Right);
        // From the test vectors of OpenBSD's.
        let openbsd = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        assert_eq!(verdict(b"U*U", openbsd), verdict(b"U*U", &bcrypt(b"U*U", 5)));
    }

    #[test]
    fn weaker_hashes_are_replaced_when_the_password_is_there() {
        for hash in [bcrypt(b"old but right", 4), {
            let params = Params::new(8 * 1024, 1, 1, None).unwrap();
            let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            weak.hash_password_with_salt(b"old but right", &[1; 16]).unwrap().to_string()
        }] {
            let Verdict::Upgrade(better) = verdict(b"old but right", &hash) else {
                panic!("it is kept: {hash}")
            };
            assert_eq!(verdict(b"old but right", &better), Verdict::Right);
            assert_eq!(verdict(b"something wrong", &hash), Verdict::Wrong);
        }
    }

    #[test]
    fn what_bcrypt_would_not_read_never_matches() {
        let long = [b'x'; 80];
        let hash = bcrypt(&long, 4);
        assert!(bcrypt::verify(&long[..75], &hash).unwrap(), "the trap");
        assert_eq!(verdict(&long, &hash), Verdict::Wrong);
        assert_eq!(verdict(&long[..75], &hash), Verdict::Wrong);
        assert_eq!(verdict(b"before\0behind", &bcrypt(b"before\0behind", 4)), Verdict::Wrong);
        let most = [b'x'; 71];
        assert!(matches!(verdict(&most, &bcrypt(&most, 4)), Verdict::Upgrade(_)));
        // argon2id reads all of it.
        let hash = make(&[b'x'; 1024], &[1; SALT]).unwrap();
        assert_eq!(verdict(&[b'x'; 1023], &hash), Verdict::Wrong);
    }

    #[test]
    fn hashes_that_cost_too_much_or_say_nothing_are_not_taken() {
        let right = bcrypt(b"password", 4);
        assert!(check(&right).is_ok());
        for wrong in [
            "",
            "plain text",
            "$1$abc$def",
            "$2b$12$short",
            &right.replace("$04$", "$15$"),
            &right.replace("$04$", "$31$"),
            &right.replace("$2b$", "$2x$"),
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=99,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ",
        ] {
            assert_eq!(
                check(wrong).err().map(|error| error.code().name),
                Some("gate-foreign-hash"),
                "{wrong}"
            );
        }
    }
}
