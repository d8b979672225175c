//! Whether a token is what it says.

use super::super::argument::{object, text};
use super::super::key::{Curve, Digest, PublicKey, Scheme, secret_verifies};
use super::super::{Failure, Surroundings};
use super::NESTED_MAX;
use super::constraints::{Constraints, any_verifies, keys_of};
use super::token::{Header, Token, object_of};
use crate::Value;

type Answer = Result<Value, Failure>;

macro_rules! by_scheme {
    ($($name:ident $scheme:expr, $says:literal;)*) => {$(
        #[doc = $says]
        pub(super) fn $name(_: &mut Surroundings<'_>, args: &[Value]) -> Answer {
            verify($scheme, args)
        }
    )*};
}

by_scheme! {
    rs256 Scheme::Rsa(Digest::Sha256), "Verifies RSA with PKCS #1 v1.5 over SHA-256.";
    rs384 Scheme::Rsa(Digest::Sha384), "Verifies RSA with PKCS #1 v1.5 over SHA-384.";
    rs512 Scheme::Rsa(Digest::Sha512), "Verifies RSA with PKCS #1 v1.5 over SHA-512.";
    ps256 Scheme::Pss(Digest::Sha256), "Verifies RSA with PSS over SHA-256.";
    ps384 Scheme::Pss(Digest::Sha384), "Verifies RSA with PSS over SHA-384.";
    ps512 Scheme::Pss(Digest::Sha512), "Verifies RSA with PSS over SHA-512.";
    es256 Scheme::Ec(Digest::Sha256), "Verifies ECDSA over SHA-256.";
    es384 Scheme::Ec(Digest::Sha384), "Verifies ECDSA over SHA-384.";
    es512 Scheme::Ec(Digest::Sha512), "Verifies ECDSA over SHA-512.";
    eddsa Scheme::Ed, "Verifies Ed25519.";
}

/// Verifies HMAC over SHA-256.
pub(super) fn hs256(_: &mut Surroundings<'_>, args: &[Value]) -> Answer {
    verify_secret(Digest::Sha256, args)
}

/// Verifies HMAC over SHA-384.
pub(super) fn hs384(_: &mut Surroundings<'_>, args: &[Value]) -> Answer {
    verify_secret(Digest::Sha384, args)
}

/// Verifies HMAC over SHA-512.
pub(super) fn hs512(_: &mut Surroundings<'_>, args: &[Value]) -> Answer {
    verify_secret(Digest::Sha512, args)
}

/// Whether one of the keys signed the token in this way, whatever its header says of the way.
fn verify(scheme: Scheme, args: &[Value]) -> Answer {
    let token = Token::split(text(args, 0)?)?;
    let keys = keys_of(text(args, 1)?).map_err(Failure::Broken)?;
    let signed = token.signature().map_err(Failure::Broken)?;
    let header = Header::of(&token.header()?)?;
    let verifies = |key: &PublicKey| key.verifies(scheme, token.message.as_bytes(), &signed);
    Ok(any_verifies(&keys, &header.kid, &header.alg, verifies).into())
}

fn verify_secret(digest: Digest, args: &[Value]) -> Answer {
    let (token, secret) = (text(args, 0)?, text(args, 1)?);
    let token = Token::split(token)?;
    let signed = token.signature().map_err(Failure::Broken)?;
    Ok(secret_verifies(secret.as_bytes(), digest, token.message.as_bytes(), &signed).into())
}

/// Header and claims of a token that is signed and as the caller asks; or that it is not.
pub(super) fn decode_verify(around: &mut Surroundings<'_>, args: &[Value]) -> Answer {
    let asked = object(args, 1)?;
    let unverified = || Value::array([false.into(), Value::object([]), Value::object([])]);
    let constraints = Constraints::of(asked, around.world.now())?;
    let mut whole = text(args, 0)?.to_owned();
    for _ in 0..NESTED_MAX {
        let token = Token::split(&whole)?;
        let shown = token.header()?;
        let header = Header::of(&shown)?;
        let other = !constraints.alg.is_empty() && constraints.alg != header.alg;
        if !header.is_valid() || other {
            return Ok(unverified());
        }
        let signed = token.signature().map_err(Failure::Broken)?;
        let verifies =
            |key: &PublicKey| by_name(key, &header.alg, token.message.as_bytes(), &signed);
        if !constraints.verify(&header.kid, &header.alg, verifies) {
            return Ok(unverified());
        }
        let payload = token.payload()?;
        if header.holds_token() {
            whole = payload;
            continue;
        }
        let claims = object_of(&payload).map_err(Failure::Broken)?;
        if !constraints.allow(&claims)? {
            return Ok(unverified());
        }
        return Ok(Value::array([true.into(), shown, claims]));
    }
    Err(Failure::Broken("too many tokens inside of one another".into()))
}

/// Verifies in the way the header names; on a curve both numbers have to be of its length.
fn by_name(key: &PublicKey, alg: &str, message: &[u8], signed: &[u8]) -> bool {
    let Some(scheme) = Scheme::of_token(alg) else { return false };
    let whole = |curve: &Curve| signed.len() == curve.bytes().saturating_mul(2);
    !matches!(key, PublicKey::Ec { curve, .. } if !whole(curve))
        && key.verifies(scheme, message, signed)
}
