//! Values and strings as other formats write them.

mod query;

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::argument::{at, broken, object, text, wrong};
use super::{Builtin, Failure};
use crate::value::json::{self, Layout};
use crate::value::text::quoted;
use crate::value::{Value, yaml};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("base64.encode", 1, |_, args| Ok(PLAIN.encode(text(args, 0)?).into())),
    Builtin::steady("base64.decode", 1, |_, args| decode(&PLAIN, text(args, 0)?)),
    Builtin::steady("base64.is_valid", 1, |_, args| {
        let text = args.first().and_then(Value::as_text);
        Ok(text.is_some_and(|text| decode(&PLAIN, text).is_ok()).into())
    }),
    Builtin::steady("base64url.encode", 1, |_, args| Ok(URL.encode(text(args, 0)?).into())),
    Builtin::steady("base64url.encode_no_pad", 1, |_, args| {
        Ok(URL.encode(text(args, 0)?).trim_end_matches('=').into())
    }),
    Builtin::steady("base64url.decode", 1, |_, args| decode_url(text(args, 0)?)),
    Builtin::steady("hex.encode", 1, |_, args| {
        let digits = text(args, 0)?.bytes().map(|byte| format!("{byte:02x}"));
        Ok(digits.collect::<String>().into())
    }),
    Builtin::steady("hex.decode", 1, |_, args| decode_hex(text(args, 0)?)),
    Builtin::steady("urlquery.encode", 1, |_, args| Ok(query::escape(text(args, 0)?).into())),
    Builtin::steady("urlquery.decode", 1, |_, args| {
        query::unescape(text(args, 0)?).map(Value::from)
    }),
    Builtin::steady("urlquery.encode_object", 1, |_, args| query::from_object(object(args, 0)?)),
    Builtin::steady("urlquery.decode_object", 1, |_, args| query::to_object(text(args, 0)?)),
    Builtin::steady("json.marshal", 1, |_, args| Ok(json::write(at(args, 0)?).into())),
    Builtin::steady("json.marshal_with_options", 2, |_, args| marshal(args)),
    Builtin::steady("json.unmarshal", 1, |_, args| {
        json::read_text(text(args, 0)?).map_err(|malformed| Failure::Broken(malformed.to_string()))
    }),
    Builtin::steady("yaml.marshal", 1, |_, args| Ok(yaml::write(at(args, 0)?).into())),
    Builtin::steady("yaml.unmarshal", 1, |_, args| {
        yaml::read(text(args, 0)?).map_err(Failure::Broken)
    }),
    Builtin::steady("yaml.is_valid", 1, |_, args| {
        let text = args.first().and_then(Value::as_text);
        Ok(text.is_some_and(|text| yaml::read(text).is_ok()).into())
    }),
    Builtin::steady("json.is_valid", 1, |_, args| {
        let text = args.first().and_then(Value::as_text);
        Ok(text.is_some_and(|text| json::read_text(text).is_ok()).into())
    }),
];

static PLAIN: GeneralPurpose = engine(&STANDARD);

static URL: GeneralPurpose = engine(&URL_SAFE);

const fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    GeneralPurpose::new(alphabet, config)
}

/// Ends of lines count for nothing, and bytes that are no UTF-8 become a mark of replacement.
fn decode(engine: &GeneralPurpose, text: &str) -> Result<Value, Failure> {
    let one_line = text.replace(['\r', '\n'], "");
    match engine.decode(&one_line) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned().into()),
        Err(error) => {
            let place = match error {
                base64::DecodeError::InvalidByte(place, _)
                | base64::DecodeError::InvalidLastSymbol { offset: place, .. } => place,
                _ => one_line.len(),
            };
            broken(format!("illegal base64 data at input byte {place}"))
        }
    }
}

fn decode_url(text: &str) -> Result<Value, Failure> {
    if text.ends_with('=') {
        return decode(&URL, text);
    }
    match text.len() % 4 {
        0 => decode(&URL, text),
        2 => decode(&URL, &format!("{text}==")),
        3 => decode(&URL, &format!("{text}=")),
        _ => broken(format!("illegal base64url string: {text}")),
    }
}

fn decode_hex(text: &str) -> Result<Value, Failure> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len() / 2);
    if let Some(wrong) = text.bytes().find(|byte| digit(*byte).is_none()) {
        let char = char::from(wrong);
        return broken(format!("encoding/hex: invalid byte: U+{wrong:04X} '{char}'"));
    }
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return broken("encoding/hex: odd length hex string");
    }
    for [high, low] in pairs {
        bytes.push(digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

/// JSON in many lines if that is asked for, be it by how lines shall look.
fn marshal(args: &[Value]) -> Result<Value, Failure> {
    let value = at(args, 0)?;
    let mut layout = Layout { prefix: "", indent: "\t" };
    let (mut asked, mut implied) = (None, false);
    for (key, option) in object(args, 1)?.iter() {
        let Some(name) = key.as_text() else {
            return Err(wrong(1, &format!("failed to stringify key {key}")));
        };
        match (name, option) {
            ("prefix", Value::Text(prefix)) => layout.prefix = prefix,
            ("indent", Value::Text(indent)) => layout.indent = indent,
            ("pretty", Value::Bool(pretty)) => asked = Some(*pretty),
            ("pretty", _) => return Err(wrong(1, "key \"pretty\" failed cast to bool")),
            ("prefix" | "indent", other) => {
                let got = other.type_name();
                let what = format!("key {} failed cast to string: got {got}", quoted(name));
                return Err(wrong(1, &what));
            }
            _ => {
                let what = format!("object contained unknown key {}", quoted(name));
                return Err(wrong(1, &what));
            }
        }
        implied |= matches!(name, "prefix" | "indent");
    }
    if asked.unwrap_or(implied) {
        return Ok(format!("{}{}", layout.prefix, json::write_with(value, layout)).into());
    }
    Ok(json::write(value).into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn strings_are_encoded_and_decoded() {
        check(&[
            ("base64.encode", r#"["a>?b"]"#, r#""YT4/Yg==""#),
            ("base64.decode", r#"["YT4/\nYg=="]"#, r#""a\u003e?b""#),
            (
                "base64.decode",
                r#"["YT4/Yg"]"#,
                "base64.decode: illegal base64 data at input byte 6",
            ),
            ("base64.is_valid", r#"["YT4/Yg=="]"#, "true"),
            ("base64.is_valid", r#"["YT4_Yg=="]"#, "false"),
            ("base64.is_valid", "[1]", "false"),
            ("base64url.encode", r#"["a>?b"]"#, r#""YT4_Yg==""#),
            ("base64url.encode_no_pad", r#"["a>?b"]"#, r#""YT4_Yg""#),
            ("base64url.decode", r#"["YT4_Yg"]"#, r#""a\u003e?b""#),
            (
                "base64url.decode",
                r#"["YT4_Y"]"#,
                "base64url.decode: illegal base64url string: YT4_Y",
            ),
            ("hex.encode", r#"["hi"]"#, r#""6869""#),
            ("hex.decode", r#"["6869"]"#, r#""hi""#),
            ("hex.decode", r#"["686"]"#, "hex.decode: encoding/hex: odd length hex string"),
            ("hex.decode", r#"["6g"]"#, "hex.decode: encoding/hex: invalid byte: U+0067 'g'"),
            ("urlquery.encode", r#"["a=b+1 ä~"]"#, r#""a%3Db%2B1+%C3%A4~""#),
            ("urlquery.decode", r#"["a%3Db%2B1+%C3%A4"]"#, r#""a=b+1 ä""#),
            ("urlquery.decode", r#"["%zz"]"#, r#"urlquery.decode: invalid URL escape "%zz""#),
            (
                "urlquery.encode_object",
                r#"[{"b": ["1", "2"], "a": "x y"}]"#,
                r#""a=x+y\u0026b=1\u0026b=2""#,
            ),
            (
                "urlquery.encode_object",
                r#"[{"b": 1}]"#,
                "urlquery.encode_object: operand 1 values must be string, array[string], or set[string]",
            ),
            (
                "urlquery.decode_object",
                r#"["a=1&b=%20&a=2&&c"]"#,
                r#"{"a":["1","2"],"b":[" "],"c":[""]}"#,
            ),
            (
                "urlquery.decode_object",
                r#"["a;b"]"#,
                "urlquery.decode_object: invalid semicolon separator in query",
            ),
        ]);
    }

    #[test]
    fn values_are_written_and_read() {
        check(&[
            ("json.marshal", r#"[{"a": [1, "<"]}]"#, r#""{\"a\":[1,\"\\u003c\"]}""#),
            ("json.marshal_with_options", r#"[[1], {}]"#, r#""[1]""#),
            ("json.marshal_with_options", r#"[[1], {"pretty": true}]"#, r#""[\n\t1\n]""#),
            (
                "json.marshal_with_options",
                r#"[[1], {"prefix": "> "}]"#,
                r#""\u003e [\n\u003e \t1\n\u003e ]""#,
            ),
            ("json.marshal_with_options", r#"[[1], {"indent": " ", "pretty": false}]"#, r#""[1]""#),
            (
                "json.marshal_with_options",
                r#"[[1], {"x": 1}]"#,
                r#"json.marshal_with_options: operand 2 object contained unknown key "x""#,
            ),
            ("json.unmarshal", r#"["{\"a\": 1.50}"]"#, r#"{"a":1.50}"#),
            ("json.unmarshal", "[1]", "json.unmarshal: operand 1 must be string but got number"),
            ("yaml.marshal", r#"[{"a": [1, "b"]}]"#, r#""a:\n- 1\n- b\n""#),
            ("yaml.unmarshal", r#"["a:\n- 1\n- b"]"#, r#"{"a":[1,"b"]}"#),
            ("yaml.is_valid", r#"["a: ["]"#, "false"),
            ("yaml.is_valid", r#"["a: b"]"#, "true"),
            ("json.is_valid", r#"["[1"]"#, "false"),
            ("json.is_valid", r#"["[1]"]"#, "true"),
            ("json.is_valid", "[1]", "false"),
        ]);
    }
}
