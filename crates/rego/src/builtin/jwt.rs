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
    Builtin { name: "io.jwt.decode", arity: 1, steady: true, run: decode },
    Builtin { name: "io.jwt.decode_verify", arity: 2, steady: false, run: verify::decode_verify },
    Builtin { name: "io.jwt.verify_rs256", arity: 2, steady: true, run: verify::rs256 },
    Builtin { name: "io.jwt.verify_rs384", arity: 2, steady: true, run: verify::rs384 },
    Builtin { name: "io.jwt.verify_rs512", arity: 2, steady: true, run: verify::rs512 },
    Builtin { name: "io.jwt.verify_ps256", arity: 2, steady: true, run: verify::ps256 },
    Builtin { name: "io.jwt.verify_ps384", arity: 2, steady: true, run: verify::ps384 },
    Builtin { name: "io.jwt.verify_ps512", arity: 2, steady: true, run: verify::ps512 },
    Builtin { name: "io.jwt.verify_es256", arity: 2, steady: true, run: verify::es256 },
    Builtin { name: "io.jwt.verify_es384", arity: 2, steady: true, run: verify::es384 },
    Builtin { name: "io.jwt.verify_es512", arity: 2, steady: true, run: verify::es512 },
    Builtin { name: "io.jwt.verify_hs256", arity: 2, steady: true, run: verify::hs256 },
    Builtin { name: "io.jwt.verify_hs384", arity: 2, steady: true, run: verify::hs384 },
    Builtin { name: "io.jwt.verify_hs512", arity: 2, steady: true, run: verify::hs512 },
    Builtin { name: "io.jwt.verify_eddsa", arity: 2, steady: true, run: verify::eddsa },
    Builtin { name: "io.jwt.encode_sign", arity: 3, steady: false, run: sign::encode_sign },
    Builtin { name: "io.jwt.encode_sign_raw", arity: 3, steady: false, run: sign::encode_sign_raw },
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
