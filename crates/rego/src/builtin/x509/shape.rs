//! Certificates, requests and keys as values.

use super::super::encoded::{encode, encode_url};
use super::super::key::{Curve, PrivateKey, PublicKey};
use super::big;
use super::der::{Parts, dotted};
use super::read::{Certificate, Extension, Names, Request, address};
use crate::Value;

type Pairs = Vec<(&'static str, Value)>;

fn object(pairs: Pairs) -> Value {
    Value::object(pairs.into_iter().map(|(key, value)| (key.into(), value)))
}

fn bytes(bytes: &[u8]) -> Value {
    encode(bytes).into()
}

fn maybe_bytes(maybe: Option<&Vec<u8>>) -> Value {
    maybe.map_or(Value::Null, |some| bytes(some))
}

/// A list that is nothing when it is empty, as Go's are.
fn list<T>(items: &[T], one: impl Fn(&T) -> Value) -> Value {
    if items.is_empty() { Value::Null } else { items.iter().map(one).collect() }
}

fn texts(all: &[String]) -> Value {
    list(all, |one| one.as_str().into())
}

fn oid(numbers: &[i64]) -> Value {
    numbers.iter().map(|number| (*number).into()).collect()
}

/// A certificate. `uris` tells whether addresses are shown as texts too.
pub(super) fn certificate(one: &Certificate, uris: bool) -> Value {
    let says = &one.says;
    let (is_authority, between) = says.authority.unwrap_or((false, 0));
    let mut pairs: Pairs = vec![
        ("Raw", bytes(&one.raw)),
        ("RawTBSCertificate", bytes(&one.signed)),
        ("RawSubjectPublicKeyInfo", bytes(&one.key_raw)),
        ("RawSubject", bytes(&one.subject)),
        ("RawIssuer", bytes(&one.issuer)),
        ("Signature", bytes(&one.signature)),
        ("SignatureAlgorithm", one.algorithm.into()),
        ("PublicKeyAlgorithm", one.key_kind.into()),
        ("PublicKey", public(&one.key)),
        ("Version", one.version.into()),
        ("SerialNumber", big::signed(&one.serial)),
        ("Issuer", name(&one.issuer)),
        ("Subject", name(&one.subject)),
        ("NotBefore", time(one.not_before)),
        ("NotAfter", time(one.not_after)),
        ("KeyUsage", says.key_usage.into()),
        ("Extensions", list(&one.extensions, extension)),
        ("ExtraExtensions", Value::Null),
        ("UnhandledCriticalExtensions", list(&says.unhandled, |id| oid(id))),
        ("ExtKeyUsage", list(&says.extended, |usage| (*usage).into())),
        ("UnknownExtKeyUsage", list(&says.extended_unknown, |id| oid(id))),
        ("BasicConstraintsValid", says.authority.is_some().into()),
        ("IsCA", is_authority.into()),
        ("MaxPathLen", between.into()),
        ("MaxPathLenZero", (says.authority.is_some() && between == 0).into()),
        ("SubjectKeyId", maybe_bytes(says.subject_key.as_ref())),
        ("AuthorityKeyId", maybe_bytes(says.authority_key.as_ref())),
        ("OCSPServer", texts(&says.ocsp)),
        ("IssuingCertificateURL", texts(&says.issuers)),
    ];
    pairs.extend(names(&says.names));
    pairs.extend(constraints(one));
    pairs.extend(policies(one));
    if uris {
        pairs.push(("URIStrings", texts(&says.names.uris)));
    }
    object(pairs)
}

fn names(names: &Names) -> Pairs {
    let shown =
        |bytes: &Vec<u8>| address(bytes).map_or(Value::Null, |address| address.to_string().into());
    vec![
        ("DNSNames", texts(&names.dns)),
        ("EmailAddresses", texts(&names.email)),
        ("IPAddresses", list(&names.addresses, shown)),
        ("URIs", list(&names.uris, |text| uri(text))),
    ]
}

fn constraints(one: &Certificate) -> Pairs {
    let (permitted, excluded) = (&one.says.permitted, &one.says.excluded);
    let network = |both: &Vec<u8>| {
        let (address_of, mask) = both.split_at_checked(both.len() / 2).unwrap_or_default();
        let shown = address(address_of).map_or(Value::Null, |ip| ip.to_string().into());
        object(vec![("IP", shown), ("Mask", bytes(mask))])
    };
    vec![
        ("PermittedDNSDomainsCritical", one.says.constraints_critical.into()),
        ("PermittedDNSDomains", texts(&permitted.dns)),
        ("ExcludedDNSDomains", texts(&excluded.dns)),
        ("PermittedIPRanges", list(&permitted.addresses, network)),
        ("ExcludedIPRanges", list(&excluded.addresses, network)),
        ("PermittedEmailAddresses", texts(&permitted.email)),
        ("ExcludedEmailAddresses", texts(&excluded.email)),
        ("PermittedURIDomains", texts(&permitted.uris)),
        ("ExcludedURIDomains", texts(&excluded.uris)),
        ("CRLDistributionPoints", texts(&one.says.revocation)),
    ]
}

fn policies(one: &Certificate) -> Pairs {
    let says = &one.says;
    let count = |count: Option<i64>| count.unwrap_or(0).into();
    let zero = |count: Option<i64>| (count == Some(0)).into();
    vec![
        ("PolicyIdentifiers", list(&says.policies, |id| oid(id))),
        ("Policies", list(&says.policies, |id| dotted(id).into())),
        ("InhibitAnyPolicy", count(says.no_any)),
        ("InhibitAnyPolicyZero", zero(says.no_any)),
        ("InhibitPolicyMapping", count(says.no_mapping)),
        ("InhibitPolicyMappingZero", zero(says.no_mapping)),
        ("RequireExplicitPolicy", count(says.explicit_policy)),
        ("RequireExplicitPolicyZero", zero(says.explicit_policy)),
        ("PolicyMappings", Value::Null),
    ]
}

/// A request for a certificate.
pub(super) fn request(one: &Request) -> Value {
    let asked = |extension: &Extension| {
        object(vec![("Type", oid(&extension.id)), ("Value", bytes(&extension.value))])
    };
    let attributes = if one.extensions.is_empty() {
        Value::Null
    } else {
        let id = oid(&[1, 2, 840, 113_549, 1, 9, 14]);
        let values = Value::array([list(&one.extensions, asked)]);
        Value::array([object(vec![("Type", id), ("Value", values)])])
    };
    let mut pairs: Pairs = vec![
        ("Raw", bytes(&one.raw)),
        ("RawTBSCertificateRequest", bytes(&one.signed)),
        ("RawSubjectPublicKeyInfo", bytes(&one.key_raw)),
        ("RawSubject", bytes(&one.subject)),
        ("Version", one.version.into()),
        ("Signature", bytes(&one.signature)),
        ("SignatureAlgorithm", one.algorithm.into()),
        ("PublicKeyAlgorithm", one.key_kind.into()),
        ("PublicKey", public(&one.key)),
        ("Subject", name(&one.subject)),
        ("Attributes", attributes),
        ("Extensions", list(&one.extensions, extension)),
        ("ExtraExtensions", Value::Null),
    ];
    pairs.extend(names(&one.names));
    object(pairs)
}

fn extension(one: &Extension) -> Value {
    object(vec![
        ("Id", oid(&one.id)),
        ("Critical", one.critical.into()),
        ("Value", bytes(&one.value)),
    ])
}

/// Who someone is: what is known by a name, and all of it in order.
fn name(raw: &[u8]) -> Value {
    const LISTED: [(&str, &str); 7] = [
        ("2.5.4.6", "Country"),
        ("2.5.4.10", "Organization"),
        ("2.5.4.11", "OrganizationalUnit"),
        ("2.5.4.7", "Locality"),
        ("2.5.4.8", "Province"),
        ("2.5.4.9", "StreetAddress"),
        ("2.5.4.17", "PostalCode"),
    ];
    let mut all: Vec<(Vec<i64>, Value)> = Vec::new();
    for set in Parts(raw).tagged(0x30).iter().flat_map(|name| name.parts()) {
        for pair in set.parts() {
            let mut parts = pair.parts();
            let Some(id) = parts.tagged(0x06) else { continue };
            let value = parts.next().and_then(|value| value.text());
            all.push((id.oid(), value.map_or(Value::Null, Value::from)));
        }
    }
    let of = |wanted: &str| -> Vec<Value> {
        let same = all.iter().filter(|(id, _)| dotted(id) == wanted);
        same.map(|(_, value)| value.clone()).collect()
    };
    let last = |wanted: &str| of(wanted).pop().unwrap_or_else(|| "".into());
    let mut pairs: Pairs = vec![
        ("SerialNumber", last("2.5.4.5")),
        ("CommonName", last("2.5.4.3")),
        ("ExtraNames", Value::Null),
    ];
    pairs.extend(LISTED.iter().map(|(id, key)| (*key, list(&of(id), Value::clone))));
    let one =
        |(id, value): &(Vec<i64>, Value)| object(vec![("Type", oid(id)), ("Value", value.clone())]);
    pairs.push(("Names", list(&all, one)));
    object(pairs)
}

fn public(key: &PublicKey) -> Value {
    match key {
        PublicKey::Rsa { n, e } => object(vec![("N", big::number(n)), ("E", big::number(e))]),
        PublicKey::Ec { point, .. } => object(point_pairs(point)),
        PublicKey::Ed(key) => bytes(key),
        PublicKey::Secret(_) | PublicKey::Other => Value::Null,
    }
}

fn coordinates(point: &[u8]) -> (&[u8], &[u8]) {
    let both = point.get(1..).unwrap_or_default();
    both.split_at_checked(both.len() / 2).unwrap_or_default()
}

fn point_pairs(point: &[u8]) -> Pairs {
    let (x, y) = coordinates(point);
    vec![("Curve", Value::object([])), ("X", big::number(x)), ("Y", big::number(y))]
}

/// A private key as Go shows it.
pub(super) fn private(key: &PrivateKey) -> Value {
    match key {
        PrivateKey::Rsa { n, e, d, p, q } => {
            let (dp, dq, qi) = big::crt(d, p, q).unwrap_or_default();
            let made = object(vec![
                ("Dp", big::number(&dp)),
                ("Dq", big::number(&dq)),
                ("Qinv", big::number(&qi)),
                ("CRTValues", Value::array([])),
            ]);
            object(vec![
                ("N", big::number(n)),
                ("E", big::number(e)),
                ("D", big::number(d)),
                ("Primes", Value::array([big::number(p), big::number(q)])),
                ("Precomputed", made),
            ])
        }
        PrivateKey::Ec { d, point, .. } => {
            let mut pairs = point_pairs(point);
            pairs.push(("D", big::number(d)));
            object(pairs)
        }
        PrivateKey::Ed { seed, public } => bytes(&[seed.as_slice(), public].concat()),
        PrivateKey::Secret(_) => Value::Null,
    }
}

/// A private key as JWK.
pub(super) fn jwk(key: &PrivateKey) -> Result<Value, String> {
    let text = |bytes: &[u8]| Value::from(encode_url(bytes));
    match key {
        PrivateKey::Rsa { n, e, d, p, q } => {
            let (dp, dq, qi) = big::crt(d, p, q).ok_or("x509: failed to parse private key")?;
            Ok(object(vec![
                ("kty", "RSA".into()),
                ("n", text(n)),
                ("e", text(e)),
                ("d", text(d)),
                ("p", text(p)),
                ("q", text(q)),
                ("dp", text(&dp)),
                ("dq", text(&dq)),
                ("qi", text(&qi)),
            ]))
        }
        PrivateKey::Ec { curve, d, point } => {
            let curve = match curve {
                Curve::P256 => "P-256",
                Curve::P384 => "P-384",
                Curve::P521 => "P-521",
            };
            let (x, y) = coordinates(point);
            Ok(object(vec![
                ("kty", "EC".into()),
                ("crv", curve.into()),
                ("x", text(x)),
                ("y", text(y)),
                ("d", text(d)),
            ]))
        }
        PrivateKey::Ed { .. } | PrivateKey::Secret(_) => {
            Err("invalid key type for a JSON web key".into())
        }
    }
}

fn time(seconds: i64) -> Value {
    let (year, month, day) = super::civil(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z").into()
}

/// An address in its parts, as Go's type of it has them.
fn uri(text: &str) -> Value {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (scheme, rest) = rest.split_once(':').unwrap_or(("", rest));
    let (opaque, user, host, path) = match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (host, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
            match host.rsplit_once('@') {
                Some((_, host)) => ("", Value::object([]), host, path),
                None => ("", Value::Null, host, path),
            }
        }
        None if rest.starts_with('/') || scheme.is_empty() => ("", Value::Null, "", rest),
        None => (rest, Value::Null, "", ""),
    };
    object(vec![
        ("Scheme", scheme.to_lowercase().into()),
        ("Opaque", opaque.into()),
        ("User", user),
        ("Host", host.into()),
        ("Path", path.into()),
        ("RawPath", "".into()),
        ("OmitHost", false.into()),
        ("ForceQuery", (query == Some("")).into()),
        ("RawQuery", query.unwrap_or_default().into()),
        ("Fragment", fragment.into()),
        ("RawFragment", "".into()),
    ])
}
