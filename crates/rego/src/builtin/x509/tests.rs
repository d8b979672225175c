//! Certificates made here, shown and followed to where they come from.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};

use super::super::tests::call;
use super::*;

struct Made {
    root: String,
    between: String,
    leaf: String,
    leaf_key: KeyPair,
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "Stockade");
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// A root, what it issued, and what that issued.
fn made() -> Made {
    let root =
        CertifiedIssuer::self_signed(authority("root"), KeyPair::generate().unwrap()).unwrap();
    let between =
        CertifiedIssuer::signed_by(authority("between"), KeyPair::generate().unwrap(), &root)
            .unwrap();
    let mut params = named("leaf");
    params.subject_alt_names = vec![
        SanType::DnsName("leaf.example".try_into().unwrap()),
        SanType::IpAddress("192.0.2.1".parse().unwrap()),
        SanType::URI("spiffe://example/leaf?a".try_into().unwrap()),
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&leaf_key, &between).unwrap().pem();
    Made { root: root.pem(), between: between.pem(), leaf, leaf_key }
}

fn step<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(value, |value, key| match key.parse::<i64>() {
        Ok(place) => value.get(&place.into()).unwrap(),
        Err(_) => value.get_text(key).unwrap_or_else(|| panic!("no {key}")),
    })
}

#[test]
fn parts_of_a_certificate_have_the_names_go_gives_them() {
    let made = made();
    let shown = call("crypto.x509.parse_certificates", &[made.leaf.as_str().into()]).unwrap();
    let cases: [(&[&str], Value); 18] = [
        (&["0", "Subject", "CommonName"], "leaf".into()),
        (&["0", "Subject", "Organization", "0"], "Stockade".into()),
        (&["0", "Subject", "Country"], Value::Null),
        (&["0", "Subject", "Names", "0", "Type", "3"], 3.into()),
        (&["0", "Issuer", "CommonName"], "between".into()),
        (&["0", "Version"], 3.into()),
        (&["0", "DNSNames", "0"], "leaf.example".into()),
        (&["0", "IPAddresses", "0"], "192.0.2.1".into()),
        (&["0", "URIs", "0", "Host"], "example".into()),
        (&["0", "URIs", "0", "RawQuery"], "a".into()),
        (&["0", "URIStrings", "0"], "spiffe://example/leaf?a".into()),
        (&["0", "EmailAddresses"], Value::Null),
        (&["0", "ExtKeyUsage", "0"], 1.into()),
        (&["0", "SignatureAlgorithm"], 10.into()),
        (&["0", "PublicKeyAlgorithm"], 3.into()),
        (&["0", "PublicKey", "Curve"], Value::object([])),
        (&["0", "IsCA"], false.into()),
        (&["0", "NotBefore"], "1975-01-01T00:00:00Z".into()),
    ];
    for (path, expected) in cases {
        assert_eq!(*step(&shown, path), expected, "{path:?}");
    }
    let shown = call("crypto.x509.parse_certificates", &[made.root.as_str().into()]).unwrap();
    for (key, expected) in
        [("IsCA", true.into()), ("MaxPathLen", 1.into()), ("KeyUsage", 32.into())]
    {
        assert_eq!(*step(&shown, &["0", key]), expected, "{key}");
    }
}

fn verified(all: &[&str], options: Option<&str>) -> Result<usize, String> {
    let given = all.concat();
    let answer = match options {
        None => call("crypto.x509.parse_and_verify_certificates", &[given.into()]),
        Some(options) => {
            let options = crate::value::json::read_text(options).unwrap();
            let name = "crypto.x509.parse_and_verify_certificates_with_options";
            call(name, &[given.into(), options])
        }
    };
    match answer {
        Ok(answer) => {
            let Some(Value::Array(chain)) = answer.get(&1.into()) else { panic!("{answer:?}") };
            assert_eq!(answer.get(&0.into()), Some(&(!chain.is_empty()).into()));
            Ok(chain.len())
        }
        Err(Failure::Broken(why)) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_chain_is_believed_from_the_last_to_the_first() {
    let Made { root, between, leaf, .. } = made();
    let other = made();
    assert_eq!(verified(&[&root, &between, &leaf], None), Ok(3));
    assert_eq!(verified(&[&between, &leaf], None), Ok(2));
    for wrong in [
        &[root.as_str(), &leaf][..],
        &[&other.root, &between, &leaf],
        &[&root, &other.between, &leaf],
        &[&leaf, &between, &root],
        &[&root],
        &["-----BEGIN X-----\n-----END X-----\n"],
    ] {
        assert_eq!(verified(wrong, None), Ok(0));
    }
    let all = [root.as_str(), &between, &leaf];
    let cases = [
        (r#"{"DNSName":"leaf.example"}"#, Ok(3)),
        (r#"{"DNSName":"192.0.2.1"}"#, Ok(3)),
        (r#"{"DNSName":"other.example"}"#, Ok(0)),
        (r#"{"KeyUsages":["KeyUsageClientAuth"]}"#, Ok(0)),
        (r#"{"KeyUsages":["KeyUsageClientAuth","KeyUsageServerAuth"]}"#, Ok(3)),
        (r#"{"KeyUsages":["KeyUsageAny"]}"#, Ok(3)),
        (r#"{"CurrentTime":0}"#, Ok(0)),
        (r#"{"CurrentTime":1700000000000000000}"#, Ok(3)),
        (r#"{"KeyUsages":["x"]}"#, Err("invalid entries for 'KeyUsages' found: [x]")),
        (r#"{"DNSName":1}"#, Err("'DNSName' should be a string")),
        (r#"{"what":1}"#, Err("invalid key option")),
    ];
    for (options, expected) in cases {
        assert_eq!(verified(&all, Some(options)), expected.map_err(str::to_owned), "{options}");
    }
}

#[test]
fn keys_are_shown_and_belong_to_certificates() {
    let made = made();
    let key = made.leaf_key.serialize_pem();
    let pair = call("crypto.x509.parse_keypair", &[made.leaf.as_str().into(), key.as_str().into()]);
    let pair = pair.unwrap();
    assert_eq!(*step(&pair, &["Leaf", "Subject", "CommonName"]), "leaf".into());
    let shown = call("crypto.parse_private_keys", &[key.as_str().into()]).unwrap();
    assert_eq!(step(&shown, &["0"]), step(&pair, &["PrivateKey"]));
    assert_eq!(step(&shown, &["0", "X"]), step(&pair, &["Leaf", "PublicKey", "X"]));
    let jwk = call("crypto.x509.parse_rsa_private_key", &[key.as_str().into()]).unwrap();
    assert_eq!(*step(&jwk, &["crv"]), "P-256".into());
    let other =
        call("crypto.x509.parse_keypair", &[made.root.as_str().into(), key.as_str().into()]);
    assert!(matches!(other, Err(Failure::Broken(why)) if why.contains("does not match")));
    assert_eq!(call("crypto.parse_private_keys", &["".into()]).unwrap(), Value::Null);
    assert_eq!(call("crypto.parse_private_keys", &["x".into()]).unwrap(), Value::array([]));
}

#[test]
fn a_request_shows_what_is_asked() {
    let mut params = named("asked");
    params.subject_alt_names = vec![SanType::DnsName("a.example".try_into().unwrap())];
    let request = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
    let shown = call("crypto.x509.parse_certificate_request", &[request.as_str().into()]).unwrap();
    assert_eq!(*step(&shown, &["Subject", "CommonName"]), "asked".into());
    assert_eq!(*step(&shown, &["DNSNames", "0"]), "a.example".into());
    assert_eq!(*step(&shown, &["Version"]), 0.into());
}

#[test]
fn what_is_none_of_them_is_told() {
    let cases = [
        ("crypto.x509.parse_certificates", "foobar!", "illegal base64 data at input byte 6"),
        ("crypto.x509.parse_certificates", "YmFkc3RyaW5n", "x509: malformed certificate"),
        (
            "crypto.x509.parse_certificate_request",
            "YmFkc3RyaW5n",
            "asn1: structure error: malformed certificate request",
        ),
        ("crypto.x509.parse_rsa_private_key", "invalid", "illegal base64 data at input byte 4"),
        ("crypto.x509.parse_rsa_private_key", "", "input PEM data was empty"),
    ];
    for (name, given, expected) in cases {
        match call(name, &[given.into()]) {
            Err(Failure::Broken(why)) => assert_eq!(why, expected, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
