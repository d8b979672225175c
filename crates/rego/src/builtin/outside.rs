//! What is asked of the world, once in an evaluation.

use super::argument::{at, object, text, whole, wrong};
use super::{Builtin, Failure, Surroundings};
use crate::value::{Object, Value};

pub(super) const ALL: &[Builtin] = &[
    Builtin::fresh("rand.intn", 2, random),
    Builtin::fresh("opa.runtime", 0, |surroundings, _| Ok(surroundings.world.runtime())),
    Builtin::fresh("http.send", 1, |surroundings, args| {
        check_request(object(args, 0)?)?;
        let request = at(args, 0)?;
        surroundings.keep("http.send", request, |world| world.send(request))
    }),
    // A note for whoever looks at how a decision came to be; it decides nothing.
    Builtin::steady("trace", 1, |_, args| text(args, 0).map(|_| true.into())),
];

/// What a request to another server may say.
pub(super) const REQUEST: &[&str] = &[
    "body",
    "cache",
    "cache_ignored_headers",
    "caching_mode",
    "enable_redirect",
    "force_cache",
    "force_cache_duration_seconds",
    "force_json_decode",
    "force_yaml_decode",
    "headers",
    "max_retry_attempts",
    "method",
    "raise_error",
    "raw_body",
    "timeout",
    "tls_ca_cert",
    "tls_ca_cert_env_variable",
    "tls_ca_cert_file",
    "tls_client_cert",
    "tls_client_cert_env_variable",
    "tls_client_cert_file",
    "tls_client_key",
    "tls_client_key_env_variable",
    "tls_client_key_file",
    "tls_insecure_skip_verify",
    "tls_server_name",
    "tls_use_system_certs",
    "url",
];

fn check_request(request: &Object) -> Result<(), Failure> {
    let known = |key: &&Value| key.as_text().is_some_and(|key| REQUEST.contains(&key));
    let unknown = Value::set(request.keys().filter(|key| !known(key)).cloned());
    if unknown != Value::set([]) {
        return Err(wrong(0, &format!("invalid request parameters(s): {unknown}")));
    }
    let required = ["method", "url"].into_iter().filter(|key| request.get_text(key).is_none());
    let missing = Value::set(required.map(Value::from));
    if missing != Value::set([]) {
        return Err(wrong(0, &format!("missing required request parameters(s): {missing}")));
    }
    Ok(())
}

/// A random number below another, the same for the same key.
fn random(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (key, below) = (text(args, 0)?, whole(args, 1)?.unsigned_abs());
    let key = Value::array([key.into(), below.to_string().into()]);
    surroundings.keep("rand.intn", &key, |world| {
        let number = world.random().checked_rem(below).unwrap_or(0);
        Ok(i64::try_from(number).unwrap_or(i64::MAX).into())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn the_world_is_asked() {
        check(&[
            ("rand.intn", r#"["k", 10]"#, "5"),
            ("rand.intn", r#"["k", -10]"#, "5"),
            ("rand.intn", r#"["k", 0]"#, "0"),
            ("opa.runtime", "[]", "{}"),
            (
                "http.send",
                r#"[{"method": "get", "url": "x"}]"#,
                "http.send: this evaluation may not ask other servers",
            ),
            (
                "http.send",
                r#"[{"method": "get"}]"#,
                r#"http.send: operand 1 missing required request parameters(s): {"url"}"#,
            ),
            (
                "http.send",
                r#"[{"x": 1}]"#,
                r#"http.send: operand 1 invalid request parameters(s): {"x"}"#,
            ),
            ("http.send", "[1]", "http.send: operand 1 must be object but got number"),
            ("trace", r#"["note"]"#, "true"),
        ]);
    }
}
