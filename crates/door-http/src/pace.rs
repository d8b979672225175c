//! What a caller may still ask, in the fields of the IETF draft
//! `draft-ietf-httpapi-ratelimit-headers`: the policy of the limit that leaves the least, and
//! how many requests are left of it now.

use std::time::Duration;

use flow::Allowance;
use http::{HeaderMap, HeaderName, HeaderValue};

/// How many are left.
pub(crate) static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// Of how many, and within which time.
pub(crate) static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Says it.
pub(crate) fn tell(allowance: &Allowance, headers: &mut HeaderMap) {
    let Allowance { limit, requests, within, left, rest } = allowance;
    let policy = format!("\"{limit}\";q={requests};w={}", seconds(*within));
    let now = format!("\"{limit}\";r={left};t={}", seconds(*rest));
    if let (Ok(policy), Ok(now)) = (HeaderValue::try_from(policy), HeaderValue::try_from(now)) {
        headers.insert(&RATE_LIMIT_POLICY, policy);
        headers.insert(&RATE_LIMIT, now);
    }
}

/// Whole seconds, and rather one more than too few.
pub(crate) fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_the_draft() {
        let (within, rest) = (Duration::from_secs(60), Duration::from_millis(1_200));
        let allowance = Allowance { limit: "principal", requests: 100, within, left: 18, rest };
        let mut headers = HeaderMap::new();
        tell(&allowance, &mut headers);
        assert_eq!(headers[&RATE_LIMIT_POLICY], r#""principal";q=100;w=60"#);
        assert_eq!(headers[&RATE_LIMIT], r#""principal";r=18;t=2"#);
    }
}
