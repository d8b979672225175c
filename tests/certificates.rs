//! Clients that show a certificate, through the real doors, with the clients everybody has.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use engines::known::{CURL, REDIS};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustix::process::Signal;
use server::{KEY, Server, stockade};

/// Somebody who signs certificates, and the directory where they are.
struct Authority {
    place: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// One whose certificate is `NAME.pem`.
    fn new(place: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(place.join(format!("{name}.pem")), issuer.pem()).unwrap();
        Self { place: place.into(), issuer }
    }

    /// Signs a certificate, `NAME.pem` with `NAME.key`.
    fn sign(&self, name: &str, serial: u64, change: impl FnOnce(&mut CertificateParams)) {
        let mut params = CertificateParams::new(["localhost".into(), "127.0.0.1".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |kind| self.place.join(format!("{name}.{kind}"));
        std::fs::write(file("key"), key.serialize_pem()).unwrap();
        std::fs::write(file("pem"), certificate.pem()).unwrap();
    }

    /// Signs the certificate of a client that calls itself so.
    fn client(&self, name: &str, serial: u64) {
        self.sign(name, serial, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let uri = format!("spiffe://example.org/{name}");
            params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into().unwrap())];
        });
    }

    /// Lists these certificates as revoked, in `revoked.pem`.
    fn revoke(&self, serials: &[u64]) {
        let revoked = |&serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2120, 1, 1),
            crl_number: SerialNumber::from(serials.len() as u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).unwrap().pem().unwrap();
        std::fs::write(self.place.join("revoked.pem"), list).unwrap();
    }
}

/// A server whose doors are within TLS and believe clients of `authority.pem`.
fn serve(place: &Path, more: impl FnOnce(&mut Command)) -> Server {
    Server::start_with(&place.join("data"), |command| {
        command.args(["--resp-tls", "127.0.0.1:0"]);
        for door in ["HTTP", "RESP"] {
            let mut set = |name: &str, value: String| {
                command.env(format!("STOCKADE_{door}__TLS__{name}"), value);
            };
            let file = |name: &str| place.join(name).display().to_string();
            set("CERTIFICATE", file("server.pem"));
            set("KEY", format!("file:{}", file("server.key")));
            set("CLIENTS__AUTHORITIES", file("authority.pem"));
            set("CLIENTS__REVOKED", file("revoked.pem"));
        }
        more(command);
    })
}

/// What `curl` is answered, its status behind it; empty when no hands were shaken.
fn curl(place: &Path, server: &Server, client: Option<&str>, path: &str) -> String {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--write-out", "%{http_code}", "--cacert"]);
    command.arg(place.join("authority.pem"));
    if let Some(client) = client {
        command.arg("--cert").arg(place.join(format!("{client}.pem")));
        command.arg("--key").arg(place.join(format!("{client}.key")));
    }
    let output = command.arg(format!("https://{}{path}", server.http)).output().unwrap();
    if !output.stderr.is_empty() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).unwrap()
}

fn redis_cli(place: &Path, server: &Server, client: &str, arguments: &[&str]) -> String {
    let port = server.resp_tls.rsplit(':').next().unwrap();
    let mut command = Command::new("redis-cli");
    command.args(["--tls", "-h", "127.0.0.1", "-p", port, "--cacert"]);
    command.arg(place.join("authority.pem"));
    command.arg("--cert").arg(place.join(format!("{client}.pem")));
    command.arg("--key").arg(place.join(format!("{client}.key")));
    let output = command.args(arguments).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Gives the key that leads from a certificate's name to a principal; its id.
fn certify(place: &Path, principal: &str, role: &str, name: &str) -> String {
    let mut command = stockade(&place.join("data"));
    command.args(["key", "create", principal, "--role", role, "--certificate", name, "--quiet"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn world(place: &Path) -> Authority {
    let authority = Authority::new(place, "authority");
    authority.sign("server", 1, |_| ());
    authority.client("ci", 2);
    authority.client("stolen", 3);
    authority.client("nobody", 4);
    authority.sign("over", 5, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    authority.revoke(&[]);
    authority
}

#[test]
fn a_certificate_is_who_you_are_until_its_key_is_revoked() {
    if CURL.find_or_skip().is_none() || REDIS.find_or_skip().is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let authority = world(place);
    let server = serve(place, |_| ());
    let name = "/v1/cache/db0/greeting";
    let ask = |client| curl(place, &server, client, name);
    let is = |answer: String, status: &str| assert!(answer.ends_with(status), "{answer}");

    is(ask(Some("ci")), "401");
    assert!(ask(Some("ci")).contains("belongs to nobody here"));
    assert!(redis_cli(place, &server, "ci", &["get", "greeting"]).contains("NOAUTH"));
    let id = certify(place, "ci", "writer", "uri:spiffe://example.org/ci");
    is(ask(Some("ci")), "404");
    assert_eq!(redis_cli(place, &server, "ci", &["set", "greeting", "hello"]), "OK\n");
    assert_eq!(ask(Some("ci")), "hello200");
    is(ask(Some("nobody")), "401");
    is(ask(None), "401");
    let said = redis_cli(place, &server, "nobody", &["-a", KEY, "--no-auth-warning", "dbsize"]);
    assert_eq!(said, "1\n", "a key is still good for a client whose certificate is nobody's");

    // Out of its time, or signed by somebody else, there is no connection at all.
    assert_eq!(ask(Some("over")), "000");
    let other = tempfile::tempdir().unwrap();
    let foreign = Authority::new(other.path(), "foreign");
    foreign.client("ci", 2);
    for file in ["ci.pem", "ci.key"] {
        std::fs::copy(other.path().join(file), place.join(format!("foreign-{file}"))).unwrap();
    }
    std::fs::rename(place.join("foreign-ci.pem"), place.join("foreign.pem")).unwrap();
    std::fs::rename(place.join("foreign-ci.key"), place.join("foreign.key")).unwrap();
    assert_eq!(ask(Some("foreign")), "000");

    // Its authority revokes one, its key another: neither comes in again.
    certify(place, "stolen", "reader", "uri:spiffe://example.org/stolen");
    is(ask(Some("stolen")), "hello200");
    authority.revoke(&[3]);
    server.signal(Signal::HUP);
    server.log("certificate of the Redis door reloaded");
    assert_eq!(ask(Some("stolen")), "000");
    is(ask(Some("ci")), "hello200");
    let ended = stockade(&server.data).args(["key", "revoke", &id]).status().unwrap();
    assert!(ended.success());
    is(ask(Some("ci")), "401");
    assert!(server.stop().success());
}

#[test]
fn where_a_certificate_is_required_nobody_speaks_without() {
    if CURL.find_or_skip().is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    world(place);
    let server = serve(place, |command| {
        command.env("STOCKADE_HTTP__TLS__CLIENTS__REQUIRED", "true");
    });
    assert_eq!(curl(place, &server, None, "/healthz"), "000");
    assert!(curl(place, &server, Some("nobody"), "/healthz").ends_with("200"));
    assert!(server.stop().success());
}

#[test]
fn a_file_that_is_no_authority_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    world(place);
    std::fs::write(place.join("authority.pem"), "nothing").unwrap();
    let mut command = stockade(&place.join("data"));
    command.args(server::SERVE).args(["--resp-tls", "127.0.0.1:0"]);
    for (name, file) in [("CERTIFICATE", "server.pem"), ("CLIENTS__AUTHORITIES", "authority.pem")] {
        command.env(format!("STOCKADE_HTTP__TLS__{name}"), place.join(file));
    }
    command.env("STOCKADE_HTTP__TLS__KEY", format!("file:{}", place.join("server.key").display()));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("holds no certificate"), "{said}");
}
