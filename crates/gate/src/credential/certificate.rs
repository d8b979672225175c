//! Client certificates, which the doors verify, and whose they are.
//!
//! A certificate is a key whose secret never leaves its owner: it stands in the table of keys
//! under one of its names, is listed and revoked like a key, and leads to the same identity.

use std::sync::Arc;

use flow::question::admin::CreatedKey;
use flow::{Certificate, Fact, Identity, Result};

use crate::codes::{NO_CERTIFICATE, UNKNOWN_KEY};
use crate::credential::api_key::{Kept, Keys, NewKey};
use crate::digest::{Digest, digest_of, in_hex};

/// The kinds of names, and what one of each looks like.
const KINDS: [&str; 5] = ["sha256:", "uri:", "dns:", "email:", "ip:"];

/// A longer name than any certificate has.
const NAME_MAX: usize = 512;

impl Keys {
    /// Lets whoever has a certificate of this name be taken for a principal.
    pub async fn certify(
        &self,
        tenant: &str,
        new: NewKey<'_>,
        name: &str,
        fact: Option<Fact>,
    ) -> Result<CreatedKey> {
        let name = plain(name)?;
        let id = self.next_id();
        let kept = Kept::Certificate(in_hex(&digest(&name)), name);
        self.keep(tenant, new, &id, kept, fact).await?;
        Ok(CreatedKey { id, secret: String::new() })
    }

    /// Whose certificate this is, if that is known without asking the database.
    pub fn recognise_certificate_now(&self, shown: &Certificate) -> Option<Arc<Identity>> {
        let known = self.remembered(&digest(shown.names.first()?));
        known.filter(|identity| self.moment() < identity.until)
    }

    /// Whose certificate this is: of its names the first that is known decides.
    pub async fn recognise_certificate(&self, shown: &Certificate) -> Result<Arc<Identity>> {
        if let Some(known) = self.recognise_certificate_now(shown) {
            return Ok(known);
        }
        if shown.until <= self.moment() {
            return Err(UNKNOWN_KEY.error("the certificate's time is over"));
        }
        for name in &*shown.names {
            let found = match self.look_up_digest(&digest(name)).await {
                Err(error) if error.code() == &UNKNOWN_KEY => continue,
                found => found?,
            };
            let identity = Arc::new(Identity::clone(&found).until(shown.until));
            if let Some(first) = shown.names.first() {
                self.remember(digest(first), identity.clone());
            }
            return Ok(identity);
        }
        let whose = || UNKNOWN_KEY.error("the certificate is good, and belongs to nobody here");
        Err(whose().with_advice("`stockade key create NAME --role ROLE --certificate uri:…`"))
    }
}

/// What no key's secret can have as its digest: those are digests of text.
fn digest(name: &str) -> Digest {
    digest_of(&[b"\xffcertificate ", name.as_bytes()].concat())
}

/// A name as certificates have it.
fn plain(name: &str) -> Result<String> {
    let wrong = || NO_CERTIFICATE.error(format!("`{}` names no certificate", name.escape_debug()));
    let kind = KINDS.into_iter().find(|kind| name.starts_with(kind)).ok_or_else(wrong)?;
    let rest = name.strip_prefix(kind).filter(|rest| !rest.is_empty()).ok_or_else(wrong)?;
    match kind {
        "sha256:" => {
            let digits = rest.replace(':', "").to_ascii_lowercase();
            let sane = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            sane.then(|| format!("{kind}{digits}")).ok_or_else(wrong)
        }
        "dns:" => Ok(name.to_ascii_lowercase()),
        _ if name.len() <= NAME_MAX => Ok(name.to_owned()),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use flow::rights::NO_RIGHTS;
    use std::time::Duration;

    use flow::identity::MAIN;
    use flow::question::admin::KeyShown;
    use flow::{Clock, Kind, Moment, Principal, Random, Revisions, Time};
    use pool::sql::sqlite::{Options, Sqlite};

    use super::*;

    async fn keys(clock: &Clock) -> Keys {
        let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
        let revisions = Arc::new(Revisions::default());
        Keys::open(sql, revisions, clock.clone(), Random::system()).await.unwrap()
    }

    fn shown(names: &[&str], until: Moment) -> Certificate {
        Certificate { names: names.iter().map(|name| (*name).into()).collect(), until }
    }

    fn new<'a>(principal: &'a str, roles: &'a [String]) -> NewKey<'a> {
        NewKey { principal, kind: Principal::Service, roles, rights: &NO_RIGHTS }
    }

    #[tokio::test]
    async fn the_most_particular_name_decides_until_it_is_revoked() {
        let keys = keys(&Clock::system()).await;
        let (reader, writer) = ([String::from("reader")], [String::from("writer")]);
        let digest = format!("sha256:{}", "ab".repeat(32));
        let names = [&*digest, "dns:ci.example", "uri:spiffe://example/ci"];
        let shown = shown(&names, Moment::NEVER);
        assert_eq!(keys.recognise_certificate(&shown).await.unwrap_err().kind(), Kind::Unknown);
        let uri = "uri:spiffe://example/ci";
        keys.certify(MAIN, new("ci", &reader), uri, None).await.unwrap();
        let identity = keys.recognise_certificate(&shown).await.unwrap();
        assert_eq!((&*identity.actor, &*identity.roles), ("service:ci", &reader[..]));
        assert!(keys.recognise_certificate_now(&shown).is_some());

        let colons = format!("sha256:{}", ["AB"; 32].join(":"));
        let key = keys.certify(MAIN, new("deploy", &writer), &colons, None).await.unwrap();
        let listed = keys.list(MAIN, "", 10).await.unwrap();
        let called = |name: &str| KeyShown::Certificate(name.to_owned());
        assert!(listed.iter().any(|key| key.shown == called(&digest)));
        let twice = keys.certify(MAIN, new("deploy", &writer), &digest, None).await;
        assert!(twice.is_err(), "one name leads to one principal");
        keys.revoke(MAIN, &listed.iter().find(|key| key.shown == called(uri)).unwrap().id, None)
            .await
            .unwrap();
        assert_eq!(&*keys.recognise_certificate(&shown).await.unwrap().actor, "service:deploy");
        keys.revoke(MAIN, &key.id, None).await.unwrap();
        assert!(keys.recognise_certificate_now(&shown).is_none());
        assert!(keys.recognise_certificate(&shown).await.is_err());
    }

    #[tokio::test]
    async fn one_whose_time_is_over_is_nobodys() {
        let clock = Clock::manual(Time(1_700_000_000_000_000_000));
        let keys = keys(&clock).await;
        keys.certify(MAIN, new("ci", &["reader".into()]), "dns:ci", None).await.unwrap();
        let until = clock.moment().after(Duration::from_secs(60));
        let shown = shown(&["sha256:00", "dns:ci"], until);
        assert_eq!(keys.recognise_certificate(&shown).await.unwrap().until, until);
        clock.advance(Duration::from_secs(60));
        assert!(keys.recognise_certificate_now(&shown).is_none());
        assert!(keys.recognise_certificate(&shown).await.is_err());
    }

    #[tokio::test]
    async fn the_name_of_a_certificate_is_no_key() {
        let keys = keys(&Clock::system()).await;
        keys.certify(MAIN, new("ci", &["admin".into()]), "dns:ci", None).await.unwrap();
        for secret in ["dns:ci", "certificate dns:ci", "\u{ff}certificate dns:ci"] {
            assert!(keys.recognise(secret).await.is_err(), "{secret}");
        }
        let own = "dns:a-secret-that-somebody-chose-for-a-key";
        keys.adopt(MAIN, new("ann", &["admin".into()]), own, None).await.unwrap();
        assert!(keys.recognise_certificate(&shown(&[own], Moment::NEVER)).await.is_err());
    }

    #[test]
    fn only_what_certificates_have_is_a_name() {
        let long = format!("uri:{}", "x".repeat(NAME_MAX));
        for wrong in ["", "ci", "cn:ci", "dns:", "sha256:", "sha256:12", "sha256:zz", &long] {
            assert_eq!(plain(wrong).unwrap_err().code(), &NO_CERTIFICATE, "{wrong}");
        }
        assert_eq!(plain("dns:CI.Example").unwrap(), "dns:ci.example");
        assert_eq!(plain("uri:spiffe://A/b").unwrap(), "uri:spiffe://A/b");
    }
}
