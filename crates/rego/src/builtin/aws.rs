//! Requests signed as Amazon's services want them (`providers.aws.sign_req`), version 4.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};

use super::argument::{number, object, wrong};
use super::outside::REQUEST;
use super::{Builtin, Failure, Surroundings, crypto};
use crate::value::json;
use crate::{Object, Value};

/// The functions.
pub(super) const ALL: &[Builtin] = &[Builtin::steady("providers.aws.sign_req", 3, sign_req)];

/// What has to be known to sign.
const NEEDED: [&str; 4] = ["aws_access_key", "aws_region", "aws_secret_access_key", "aws_service"];

/// What proxies may change is not signed.
const UNSIGNED: [&str; 3] = ["authorization", "user-agent", "x-amzn-trace-id"];

/// The request with the headers that sign it.
fn sign_req(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (request, config) = (object(args, 0)?, object(args, 1)?);
    check_config(config)?;
    let time = number(args, 2)?.as_i64().filter(|time| *time >= 0);
    let time =
        time.ok_or_else(|| wrong(2, "could not convert time_ns value into a unix timestamp"))?;
    check_request(request)?;
    let headers = match request.get_text("headers") {
        None => BTreeMap::new(),
        Some(Value::Object(headers)) => {
            let word = |value: &Value| value.as_text().unwrap_or_default().to_owned();
            headers.iter().map(|(name, value)| (word(name), word(value))).collect()
        }
        Some(other) => {
            let what = format!("must be object but got {}", other.type_name());
            return Err(Failure::Type(format!("operand 0 {what}")));
        }
    };
    let unsigned = match config.get_text("disable_payload_signing") {
        None => false,
        Some(Value::Bool(unsigned)) => *unsigned,
        Some(_) => {
            return Err(wrong(1, "invalid value for 'disable_payload_signing' in AWS config"));
        }
    };
    let signer = Signer {
        method: field(request, "method"),
        url: Url::of(field(request, "url"))?,
        body: if unsigned { "UNSIGNED-PAYLOAD".into() } else { sha256(&body(request)) },
        config,
        time: time / 1_000_000_000,
    };
    let (authorization, added) = signer.sign(&headers);
    let mut all = headers;
    all.insert("Authorization".into(), authorization);
    all.extend(added);
    let all = Value::object(all.into_iter().map(|(name, value)| (name.into(), value.into())));
    let pairs = request.iter().map(|(key, value)| (key.clone(), value.clone()));
    Ok(Value::object(pairs.chain([("headers".into(), all)])))
}

fn field<'o>(object: &'o Object, name: &str) -> &'o str {
    object.get_text(name).and_then(Value::as_text).unwrap_or_default()
}

/// Names as a set is written.
fn quoted<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    (!names.is_empty()).then(|| format!("{{{}}}", names.join(", ")))
}

fn check_config(config: &Object) -> Result<(), Failure> {
    let missing = NEEDED.into_iter().filter(|name| config.get_text(name).is_none());
    if let Some(names) = quoted(missing) {
        return Err(wrong(1, &format!("missing required AWS config parameters(s): {names}")));
    }
    let is_no_text = |name: &&str| config.get_text(name).and_then(Value::as_text).is_none();
    match quoted(NEEDED.into_iter().filter(is_no_text)) {
        Some(names) => {
            let what = format!("invalid values for required AWS config parameters(s): {names}");
            Err(wrong(1, &what))
        }
        None => Ok(()),
    }
}

fn check_request(request: &Object) -> Result<(), Failure> {
    let unknown = request.keys().filter(|key| !key.as_text().is_some_and(|k| REQUEST.contains(&k)));
    let unknown: Vec<String> = unknown.map(json::write).collect();
    if !unknown.is_empty() {
        let what = format!("invalid request parameters(s): {{{}}}", unknown.join(", "));
        return Err(wrong(0, &what));
    }
    let needed = ["method", "url"];
    if let Some(names) = quoted(needed.into_iter().filter(|name| request.get_text(name).is_none()))
    {
        return Err(wrong(0, &format!("missing required request parameters(s): {names}")));
    }
    let is_no_text = |name: &&str| request.get_text(name).and_then(Value::as_text).is_none();
    match quoted(needed.into_iter().filter(is_no_text)) {
        Some(names) => {
            let what = format!("invalid values for required request parameters(s): {names}");
            Err(wrong(0, &what))
        }
        None => Ok(()),
    }
}

fn body(request: &Object) -> String {
    match (request.get_text("raw_body"), request.get_text("body")) {
        (Some(raw), _) => raw.as_text().unwrap_or_default().to_owned(),
        (None, Some(body)) => json::write(body),
        (None, None) => String::new(),
    }
}

fn sha256(text: &str) -> String {
    crypto::hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// What is signed, and with what.
struct Signer<'r> {
    method: &'r str,
    url: Url<'r>,
    /// The digest of the body, or that there is none.
    body: String,
    config: &'r Object,
    /// Seconds since 1970.
    time: i64,
}

impl Signer<'_> {
    /// The header that authorizes, and those it needs besides.
    fn sign(&self, headers: &BTreeMap<String, String>) -> (String, BTreeMap<String, String>) {
        let service = field(self.config, "aws_service");
        let (date, time) = stamp(self.time);
        let mut added = BTreeMap::from([
            ("host".to_owned(), self.url.host.to_owned()),
            ("x-amz-date".to_owned(), time.clone()),
        ]);
        if matches!(service, "s3" | "glacier") {
            added.insert("x-amz-content-sha256".into(), self.body.clone());
        }
        match field(self.config, "aws_session_token") {
            "" => {}
            token => {
                added.insert("x-amz-security-token".into(), token.into());
            }
        }
        // What the request says itself is what is signed, even where it is sent differently.
        let mut signed: BTreeMap<String, &str> =
            added.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
        for (name, value) in headers {
            let name = name.to_lowercase();
            if !UNSIGNED.contains(&name.as_str()) {
                signed.insert(name, value);
            }
        }
        let names = signed.keys().map(String::as_str).collect::<Vec<&str>>().join(";");
        let lines: String =
            signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!(
            "{}\n{}\n{}\n{lines}\n{names}\n{}",
            self.method, self.url.path, self.url.query, self.body
        );
        let scope = format!("{date}/{}/{service}/aws4_request", field(self.config, "aws_region"));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(&canonical));
        let secret = format!("AWS4{}", field(self.config, "aws_secret_access_key"));
        let key = scope.split('/').fold(secret.into_bytes(), |key, part| keyed(&key, part));
        let signature = crypto::hex(&keyed(&key, &text));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
            field(self.config, "aws_access_key")
        );
        (authorization, added)
    }
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// The day, and the second of it, as Amazon writes them.
fn stamp(seconds: i64) -> (String, String) {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = super::x509::civil(days);
    let date = format!("{year:04}{month:02}{day:02}");
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let time = format!("{date}T{hour:02}{minute:02}{second:02}Z");
    (date, time)
}

/// The parts of an address that are signed.
struct Url<'u> {
    host: &'u str,
    path: String,
    query: &'u str,
}

impl<'u> Url<'u> {
    fn of(url: &'u str) -> Result<Self, Failure> {
        if url.chars().any(char::is_control) {
            let why = format!("parse {url:?}: net/url: invalid control character in URL");
            return Err(Failure::Broken(why));
        }
        let whole = url.split_once('#').map_or(url, |(whole, _)| whole);
        let (whole, query) = whole.split_once('?').unwrap_or((whole, ""));
        let (host, path) = match whole.split_once("//") {
            Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => {
                let end = rest.find('/').unwrap_or(rest.len());
                rest.split_at_checked(end).unwrap_or((rest, ""))
            }
            _ => ("", whole),
        };
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        Ok(Self { host, path: escaped(path), query })
    }
}

/// A path with what may not stand in one escaped.
fn escaped(path: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@[]%/".contains(&byte);
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if kept(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::tests::call;

    const CONFIG: &str = r#"{"aws_access_key":"AKIDEXAMPLE","aws_region":"us-east-1",
        "aws_secret_access_key":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY","aws_service":"service"}"#;
    /// 2015-08-30 12:36:00.
    const TIME: i64 = 1_440_938_160_000_000_000;

    fn signed(request: &str, config: &str, time: i64) -> Result<Value, Failure> {
        let read = |text| json::read_text(text).unwrap();
        call("providers.aws.sign_req", &[read(request), read(config), time.into()])
    }

    #[test]
    fn requests_are_signed_as_amazon_shows_it() {
        // From Amazon's own suite: a plain request, one with parameters, and one with a body.
        let cases = [
            (
                r#"{"method":"GET","url":"https://example.amazonaws.com/"}"#,
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                r#"{"method":"GET","url":"https://example.amazonaws.com/?Param1=value1&Param2=value2"}"#,
                "host;x-amz-date",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                r#"{"method":"POST","url":"https://example.amazonaws.com/","raw_body":"Param1=value1",
                    "headers":{"Content-Type":"application/x-www-form-urlencoded"}}"#,
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ];
        for (request, names, signature) in cases {
            let answer = signed(request, CONFIG, TIME).unwrap();
            let headers = answer.get_text("headers").unwrap();
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,\
                 SignedHeaders={names},Signature={signature}"
            );
            assert_eq!(headers.get_text("Authorization"), Some(&expected.into()), "{request}");
            assert_eq!(headers.get_text("x-amz-date"), Some(&"20150830T123600Z".into()));
        }
    }

    #[test]
    fn a_bucket_is_told_the_digest_of_the_body_and_the_session() {
        let config = CONFIG.replace("\"service\"}", "\"s3\",\"aws_session_token\":\"T\"}");
        let answer = signed(r#"{"method":"get","url":"http://h/"}"#, &config, TIME).unwrap();
        let headers = answer.get_text("headers").unwrap();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(headers.get_text("x-amz-content-sha256"), Some(&empty.into()));
        assert_eq!(headers.get_text("x-amz-security-token"), Some(&"T".into()));
        let config = config.replace('}', ",\"disable_payload_signing\":true}");
        let answer = signed(r#"{"method":"get","url":"http://h/"}"#, &config, TIME).unwrap();
        let headers = answer.get_text("headers").unwrap();
        assert_eq!(headers.get_text("x-amz-content-sha256"), Some(&"UNSIGNED-PAYLOAD".into()));
    }

    #[test]
    fn what_is_missing_or_of_a_wrong_type_is_told() {
        let cases = [
            (
                "{}",
                CONFIG,
                TIME,
                "operand 1 missing required request parameters(s): {\"method\", \"url\"}",
            ),
            (
                r#"{"method":1,"url":"x"}"#,
                CONFIG,
                TIME,
                "operand 1 invalid values for required request parameters(s): {\"method\"}",
            ),
            (
                r#"{"method":"x","url":"x","a":1}"#,
                CONFIG,
                TIME,
                "operand 1 invalid request parameters(s): {\"a\"}",
            ),
            (
                "{}",
                "{}",
                TIME,
                "operand 2 missing required AWS config parameters(s): {\"aws_access_key\", \"aws_region\", \"aws_secret_access_key\", \"aws_service\"}",
            ),
            ("{}", CONFIG, -1, "operand 3 could not convert time_ns value into a unix timestamp"),
        ];
        for (request, config, time, expected) in cases {
            match signed(request, config, time) {
                Err(Failure::Type(why)) => assert_eq!(why, expected),
                other => panic!("{request}: {other:?}"),
            }
        }
    }
}
