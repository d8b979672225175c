//! JSON Web Tokens (`io.jwt.decode`, `io.jwt.verify_rs256`, `io.jwt.encode_sign`, …).

mod constraints;
mod sign;
mod token;
mod verify;

use super::{Builtin, Failure, Surroundings, crypto};
use crate::Value;
use token::Token;

/// The functions.
pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("io.jwt.decode", 1, decode),
    Builtin::fresh("io.jwt.decode_verify", 2, verify::decode_verify),
    Builtin::steady("io.jwt.verify_rs256", 2, verify::rs256),
    Builtin::steady("io.jwt.verify_rs384", 2, verify::rs384),
    Builtin::steady("io.jwt.verify_rs512", 2, verify::rs512),
    Builtin::steady("io.jwt.verify_ps256", 2, verify::ps256),
    Builtin::steady("io.jwt.verify_ps384", 2, verify::ps384),
    Builtin::steady("io.jwt.verify_ps512", 2, verify::ps512),
    Builtin::steady("io.jwt.verify_es256", 2, verify::es256),
    Builtin::steady("io.jwt.verify_es384", 2, verify::es384),
    Builtin::steady("io.jwt.verify_es512", 2, verify::es512),
    Builtin::steady("io.jwt.verify_hs256", 2, verify::hs256),
    Builtin::steady("io.jwt.verify_hs384", 2, verify::hs384),
    Builtin::steady("io.jwt.verify_hs512", 2, verify::hs512),
    Builtin::steady("io.jwt.verify_eddsa", 2, verify::eddsa),
    Builtin::fresh("io.jwt.encode_sign", 3, sign::encode_sign),
    Builtin::fresh("io.jwt.encode_sign_raw", 3, sign::encode_sign_raw),
];

/// How many tokens may be inside of one another.
const NESTED_MAX: usize = 32;

/// Header, payload and signature of a token, of which nothing is verified. A token that holds
/// another is that other.
fn decode(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut text = super::argument::text(args, 0)?.to_owned();
    for _ in 0..NESTED_MAX {
        let token = Token::split(&text)?;
        let header = token.header()?;
        let payload = token.payload()?;
        if header.get_text("cty").and_then(Value::as_text) == Some("JWT") {
            text = payload.trim_matches(['"', '\'']).to_owned();
            continue;
        }
        let claims = token::object_of(&payload).map_err(Failure::Broken)?;
        let signed = token
            .signature()
            .map_err(|why| Failure::Broken(format!("JWT signature had invalid encoding: {why}")))?;
        return Ok(Value::array([header, claims, crypto::hex(&signed).into()]));
    }
    Err(Failure::Broken("too many tokens inside of one another".into()))
}

#[cfg(test)]
mod tests;
