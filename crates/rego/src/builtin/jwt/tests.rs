//! Tokens of the standards, and what is asked of them.

use super::super::encoded::encode_url;
use super::super::tests::call;
use super::*;

/// The key and the token of RFC 7515, A.1.
const SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
    eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
    dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The keys of RFC 7515, A.3 and A.4, and of RFC 8037, A.1.
const P256: &str = r#"{"kty":"EC","crv":"P-256",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn object(text: &str) -> Value {
    crate::value::json::read_text(text).unwrap()
}

fn sign(header: &str, claims: &str, key: &str) -> String {
    let args = [header.into(), claims.into(), key.into()];
    call("io.jwt.encode_sign_raw", &args).unwrap().as_text().unwrap().to_owned()
}

fn secret_key() -> String {
    format!(r#"{{"kty":"oct","k":"{}"}}"#, encode_url(b"secret"))
}

/// The key without what signs.
fn public(key: &str) -> Value {
    let Value::Object(key) = object(key) else { panic!("no key") };
    let shown = key.iter().filter(|(name, _)| name.as_text() != Some("d"));
    Value::from(crate::value::json::write(&Value::object(
        shown.map(|(name, value)| (name.clone(), value.clone())),
    )))
}

#[test]
fn the_token_of_the_standard_is_made_and_read() {
    let header = "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}";
    let claims =
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
    let key = format!(r#"{{"kty":"oct","k":"{SECRET}"}}"#);
    assert_eq!(sign(header, claims, &key), TOKEN);
    let decoded = call("io.jwt.decode", &[TOKEN.into()]).unwrap();
    assert_eq!(decoded.get(&0.into()), Some(&object(r#"{"typ":"JWT","alg":"HS256"}"#)));
    assert_eq!(decoded.get(&1.into()).unwrap().get_text("iss"), Some(&"joe".into()));
    let hex = decoded.get(&2.into()).unwrap().as_text().unwrap();
    assert!(hex.starts_with("7418dfb49799e0254ffa607dd8adbbba"), "{hex}");
}

#[test]
fn what_is_signed_is_verified_and_what_is_changed_is_not() {
    for (alg, verify, key) in
        [("ES256", "io.jwt.verify_es256", P256), ("EdDSA", "io.jwt.verify_eddsa", ED)]
    {
        let token = sign(&format!(r#"{{"alg":"{alg}"}}"#), r#"{"sub":"me"}"#, key);
        let changed = token.replace(&encode_url(b"{\"sub\":\"me\"}"), &encode_url(b"{}"));
        for (token, expected) in [(&token, true), (&changed, false)] {
            let args = [token.as_str().into(), public(key)];
            assert_eq!(call(verify, &args).unwrap(), expected.into(), "{alg} {token}");
        }
    }
}

#[test]
fn a_key_of_another_kind_verifies_nothing() {
    let token = sign(r#"{"alg":"EdDSA"}"#, "{}", ED);
    for verify in ["io.jwt.verify_rs256", "io.jwt.verify_ps512", "io.jwt.verify_es384"] {
        let answer = call(verify, &[token.as_str().into(), public(ED)]).unwrap();
        assert_eq!(answer, false.into(), "{verify}");
    }
}

/// What a token with these claims is, asked with these constraints; `SECRET` is the right one.
fn verified(claims: &str, constraints: &str) -> Result<bool, String> {
    let token = sign(r#"{"alg":"HS256"}"#, claims, &secret_key());
    match call("io.jwt.decode_verify", &[token.as_str().into(), object(constraints)]) {
        Ok(answer) => Ok(answer.get(&0.into()) == Some(&true.into())),
        Err(Failure::Broken(why)) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_token_is_believed_when_all_that_is_asked_holds() {
    let cases = [
        ("{}", r#"{"secret":"secret"}"#, Ok(true)),
        ("{}", r#"{"secret":"other"}"#, Ok(false)),
        ("{}", r#"{"secret":"secret","alg":"HS256"}"#, Ok(true)),
        ("{}", r#"{"secret":"secret","alg":"RS256"}"#, Ok(false)),
        (r#"{"iss":"a"}"#, r#"{"secret":"secret","iss":"a"}"#, Ok(true)),
        (r#"{"iss":"b"}"#, r#"{"secret":"secret","iss":"a"}"#, Ok(false)),
        ("{}", r#"{"secret":"secret","iss":"a"}"#, Ok(false)),
        (r#"{"aud":"a"}"#, r#"{"secret":"secret","aud":"a"}"#, Ok(true)),
        (r#"{"aud":["b","a"]}"#, r#"{"secret":"secret","aud":"a"}"#, Ok(true)),
        (r#"{"aud":["b"]}"#, r#"{"secret":"secret","aud":"a"}"#, Ok(false)),
        // Who is not told for whom it has to be is not the one it is for.
        (r#"{"aud":"a"}"#, r#"{"secret":"secret"}"#, Ok(false)),
        ("{}", r#"{"secret":"secret","aud":"a"}"#, Ok(false)),
        (r#"{"exp":3}"#, r#"{"secret":"secret","time":2000000000}"#, Ok(true)),
        (r#"{"exp":2}"#, r#"{"secret":"secret","time":2000000000}"#, Ok(false)),
        (r#"{"nbf":2}"#, r#"{"secret":"secret","time":2000000000}"#, Ok(true)),
        (r#"{"nbf":3}"#, r#"{"secret":"secret","time":2000000000}"#, Ok(false)),
        // The clock of the evaluation says 1,700,000,000.
        (r#"{"exp":1700000001}"#, r#"{"secret":"secret"}"#, Ok(true)),
        (r#"{"exp":1700000000}"#, r#"{"secret":"secret"}"#, Ok(false)),
        (r#"{"exp":"x"}"#, r#"{"secret":"secret"}"#, Err("exp value must be a number")),
        ("{}", "{}", Err("no key constraint")),
        ("{}", r#"{"secret":"s","cert":"{\"keys\":[]}"}"#, Err("duplicate key constraints")),
        ("{}", r#"{"x":1}"#, Err("unknown token validation constraint: x")),
        ("{}", r#"{"secret":1}"#, Err("secret constraint: must be a string")),
        ("{}", r#"{"time":-1}"#, Err("token time constraint: must not be negative")),
    ];
    for (claims, constraints, expected) in cases {
        let answer = verified(claims, constraints);
        assert_eq!(answer, expected.map_err(str::to_owned), "{claims} {constraints}");
    }
}

#[test]
fn of_several_keys_the_named_one_counts() {
    let named = |kid: &str, key: &str| key.replacen('{', &format!("{{\"kid\":\"{kid}\","), 1);
    let shown = |kid: &str, key: &str| named(kid, public(key).as_text().unwrap());
    let set = format!(r#"{{"keys":[{},{}]}}"#, shown("a", ED), shown("b", P256));
    for (header, expected) in [
        (r#"{"alg":"EdDSA"}"#, true),
        (r#"{"alg":"EdDSA","kid":"a"}"#, true),
        (r#"{"alg":"EdDSA","kid":"b"}"#, false),
        (r#"{"alg":"EdDSA","kid":"c"}"#, true),
    ] {
        let token = sign(header, "{}", ED);
        let asked = Value::object([("cert".into(), set.as_str().into())]);
        let answer = call("io.jwt.decode_verify", &[token.as_str().into(), asked]).unwrap();
        assert_eq!(answer.get(&0.into()), Some(&expected.into()), "{header}");
    }
}

#[test]
fn a_token_in_a_token_is_opened() {
    let inner = sign(r#"{"alg":"HS256"}"#, r#"{"sub":"me"}"#, &secret_key());
    let outer = sign(r#"{"alg":"HS256","cty":"JWT","typ":"x"}"#, &inner, &secret_key());
    let asked = object(r#"{"secret":"secret"}"#);
    let answer = call("io.jwt.decode_verify", &[outer.as_str().into(), asked]).unwrap();
    assert_eq!(answer.get(&2.into()), Some(&object(r#"{"sub":"me"}"#)));
    let answer = call("io.jwt.decode", &[outer.as_str().into()]).unwrap();
    assert_eq!(answer.get(&1.into()), Some(&object(r#"{"sub":"me"}"#)));
}

#[test]
fn what_is_no_token_is_an_error_that_says_why() {
    let enc = format!("{}.e30.e30", encode_url(b"{\"enc\":1}"));
    let cases = [
        ("abc", "encoded JWT had no period separators"),
        ("a.b", "encoded JWT must have 3 sections, found 2"),
        ("!!!!.e30.e30", "JWT header had invalid encoding: illegal base64 data at input byte 0"),
        ("e30.e30!.e30", "JWT payload had invalid encoding: illegal base64 data at input byte 3"),
        ("e30.e30.e3!=", "JWT signature had invalid encoding: illegal base64 data at input byte 2"),
        ("MQ.e30.e30", "bad JWT header: decoded JSON type was not an Object"),
        (&enc, "JWT is a JWE object, which is not supported"),
    ];
    for (token, expected) in cases {
        match call("io.jwt.decode", &[token.into()]) {
            Err(Failure::Broken(why)) => assert_eq!(why, expected, "{token}"),
            other => panic!("{token}: {other:?}"),
        }
    }
}

#[test]
fn what_can_not_be_signed_is_an_error_without_the_key() {
    let key = secret_key();
    let cases = [
        (
            "{}",
            "{}",
            key.as_str(),
            "missing or invalid 'alg' header: jwsbb: header \"alg\" not found",
        ),
        (
            "",
            "{}",
            &key,
            "missing or invalid 'alg' header: cannot parse JSON: cannot parse empty string",
        ),
        (r#"{"alg":"none"}"#, "{}", &key, "unknown JWS algorithm: none"),
        (r#"{"alg":"HS256"}"#, "x", &key, "type is JWT but payload is not JSON"),
        (r#"{"alg":"HS256"}"#, "{}", r#"{"keys":[]}"#, "no keys found in JWK set"),
        (r#"{"alg":"RS256"}"#, "{}", &key, "key is of another type than the algorithm needs"),
    ];
    for (header, claims, key, expected) in cases {
        let args = [header.into(), claims.into(), key.into()];
        match call("io.jwt.encode_sign_raw", &args) {
            Err(Failure::Broken(why)) => assert_eq!(why, expected, "{header}"),
            other => panic!("{header}: {other:?}"),
        }
    }
}
