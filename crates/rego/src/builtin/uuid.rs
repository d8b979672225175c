//! Identifiers as RFC 4122 has them.

use super::argument::{at, text};
use super::{Builtin, Failure, Surroundings, World};
use crate::value::Value;

pub(super) const ALL: &[Builtin] = &[
    Builtin::fresh("uuid.rfc4122", 1, made),
    Builtin::steady("uuid.parse", 1, |_, args| {
        parse(text(args, 0)?).map(described).ok_or(Failure::Undefined)
    }),
];

/// A random identifier, the same for the same argument.
fn made(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    surroundings.keep("uuid.rfc4122", at(args, 0)?, |world| Ok(random(world).into()))
}

fn random(world: &dyn World) -> String {
    let number = u128::from(world.random()) << 64 | u128::from(world.random());
    let number = number & !(0xf << 76) | 0x4 << 76;
    let number = number & !(0x3 << 62) | 0x2 << 62;
    let digits = format!("{number:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or("");
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// The number of a text, in one of the four ways such are written.
fn parse(text: &str) -> Option<u128> {
    let text = match text.len() {
        45 => {
            let (scheme, rest) = text.split_at_checked(9)?;
            scheme.eq_ignore_ascii_case("urn:uuid:").then_some(rest)?
        }
        38 => text.get(1..37)?,
        _ => text,
    };
    let digits = match text.len() {
        32 => text.to_owned(),
        36 => {
            let dashes = [8, 13, 18, 23];
            let good = dashes.iter().all(|place| text.as_bytes().get(*place) == Some(&b'-'));
            good.then(|| text.replace('-', ""))?
        }
        _ => return None,
    };
    let good = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| u128::from_str_radix(&digits, 16).ok())?
}

fn described(number: u128) -> Value {
    let bits = |from: u32, count: u32| {
        i64::try_from(number >> from & ((1 << count) - 1)).unwrap_or_default()
    };
    let version = bits(76, 4);
    let variant = match bits(56, 8) {
        byte if byte & 0xc0 == 0x80 => "RFC4122",
        byte if byte & 0xe0 == 0xc0 => "Microsoft",
        byte if byte & 0xe0 == 0xe0 => "Future",
        _ => "Reserved",
    };
    let mut pairs: Vec<(Value, Value)> =
        vec![("version".into(), version.into()), ("variant".into(), variant.into())];
    if matches!(version, 1 | 2) {
        // Steps of 100 nanoseconds since October 1582.
        let time = (bits(64, 12) << 48 | bits(80, 16) << 32 | bits(96, 32)) - EPOCH;
        let node: Vec<String> =
            (0..6).rev().map(|place| format!("{:02x}", bits(place * 8, 8))).collect();
        let kind = match bits(40, 8) & 3 {
            3 => "local:multicast",
            1 => "global:multicast",
            2 => "local:unicast",
            _ => "global:unicast",
        };
        pairs.push(("time".into(), time.wrapping_mul(100).into()));
        pairs.push(("nodeid".into(), node.join("-").into()));
        pairs.push(("macvariables".into(), kind.into()));
        pairs.push(("clocksequence".into(), bits(48, 14).into()));
    }
    if version == 2 {
        let domain = match bits(48, 8) {
            0 => "Person".to_owned(),
            1 => "Group".to_owned(),
            2 => "Org".to_owned(),
            other => format!("Domain{other}"),
        };
        pairs.push(("id".into(), bits(96, 32).into()));
        pairs.push(("domain".into(), domain.into()));
    }
    Value::object(pairs)
}

/// From October 1582 to 1970, in steps of 100 nanoseconds.
const EPOCH: i64 = 122_192_928_000_000_000;

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn identifiers() {
        let plain = r#"{"variant":"RFC4122","version":4}"#;
        check(&[
            ("uuid.rfc4122", r#"["k"]"#, r#""01234567-89ab-4def-8123-456789abcdef""#),
            ("uuid.parse", r#"["00000000-0000-4000-8000-000000000000"]"#, plain),
            ("uuid.parse", r#"["{00000000-0000-4000-8000-000000000000}"]"#, plain),
            ("uuid.parse", r#"["urn:uuid:00000000-0000-4000-8000-000000000000"]"#, plain),
            ("uuid.parse", r#"["00000000000040008000000000000000"]"#, plain),
            ("uuid.parse", r#"["00000000-0000-4000-8000"]"#, "undefined"),
            ("uuid.parse", "[1]", "uuid.parse: operand 1 must be string but got number"),
            (
                "uuid.parse",
                r#"["c232ab00-9414-11ec-b3c8-9f6bdeced846"]"#,
                r#"{"clocksequence":13256,"macvariables":"local:multicast","nodeid":"9f-6b-de-ce-d8-46","time":1645557742000000000,"variant":"RFC4122","version":1}"#,
            ),
        ]);
    }
}
