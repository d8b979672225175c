//! Certificates and requests, read into their parts.

use std::net::IpAddr;

use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::super::key::PublicKey;
use super::der::{Part, Parts};

/// A certificate.
#[derive(Clone)]
pub(super) struct Certificate {
    /// All of it.
    pub(super) raw: Vec<u8>,
    /// What is signed.
    pub(super) signed: Vec<u8>,
    /// Its version: 1, 2 or 3.
    pub(super) version: i64,
    /// Its number, with its sign.
    pub(super) serial: Vec<u8>,
    /// Who issued it.
    pub(super) issuer: Vec<u8>,
    /// Whose it is.
    pub(super) subject: Vec<u8>,
    /// Seconds since 1970 from which it is valid.
    pub(super) not_before: i64,
    /// Seconds since 1970 up to which it is.
    pub(super) not_after: i64,
    /// The key with what it is for.
    pub(super) key_raw: Vec<u8>,
    /// The key.
    pub(super) key: PublicKey,
    /// What kind of key it is, as Go counts them.
    pub(super) key_kind: i64,
    /// How it is signed, as Go counts the ways.
    pub(super) algorithm: i64,
    /// The signature.
    pub(super) signature: Vec<u8>,
    /// What else it says, in order.
    pub(super) extensions: Vec<Extension>,
    /// What of that is understood.
    pub(super) says: Says,
}

/// Something else a certificate says.
#[derive(Clone)]
pub(super) struct Extension {
    /// What it is about.
    pub(super) id: Vec<i64>,
    /// Whether who does not understand it has to refuse.
    pub(super) critical: bool,
    /// What it says.
    pub(super) value: Vec<u8>,
}

/// What certificates say, as far as it is understood.
#[derive(Clone, Default)]
pub(super) struct Says {
    pub(super) unhandled: Vec<Vec<i64>>,
    pub(super) key_usage: i64,
    pub(super) extended: Vec<i64>,
    pub(super) extended_unknown: Vec<Vec<i64>>,
    /// Whether it issues others, and how many may be between; minus one when that is not said.
    pub(super) authority: Option<(bool, i64)>,
    pub(super) subject_key: Option<Vec<u8>>,
    pub(super) authority_key: Option<Vec<u8>>,
    pub(super) ocsp: Vec<String>,
    pub(super) issuers: Vec<String>,
    pub(super) names: Names,
    pub(super) constraints_critical: bool,
    pub(super) permitted: Names,
    pub(super) excluded: Names,
    pub(super) revocation: Vec<String>,
    pub(super) policies: Vec<Vec<i64>>,
    pub(super) explicit_policy: Option<i64>,
    pub(super) no_mapping: Option<i64>,
    pub(super) no_any: Option<i64>,
}

/// Names of whoever holds a certificate, or parts of such names.
#[derive(Clone, Default)]
pub(super) struct Names {
    pub(super) dns: Vec<String>,
    pub(super) email: Vec<String>,
    pub(super) uris: Vec<String>,
    /// Addresses, in networks with masks.
    pub(super) addresses: Vec<Vec<u8>>,
}

/// A request for a certificate.
pub(super) struct Request {
    pub(super) raw: Vec<u8>,
    pub(super) signed: Vec<u8>,
    pub(super) version: i64,
    pub(super) subject: Vec<u8>,
    pub(super) key_raw: Vec<u8>,
    pub(super) key: PublicKey,
    pub(super) key_kind: i64,
    pub(super) algorithm: i64,
    pub(super) signature: Vec<u8>,
    pub(super) extensions: Vec<Extension>,
    pub(super) names: Names,
}

/// The certificate that bytes begin with, and the bytes after it.
pub(super) fn certificate(bytes: &[u8]) -> Option<(Certificate, &[u8])> {
    let mut all = Parts(bytes);
    let whole = all.tagged(0x30)?;
    let rest = all.0;
    let mut parts = whole.parts();
    let signed = parts.tagged(0x30)?;
    let algorithm = parts.tagged(0x30)?;
    let signature = parts.tagged(0x03)?.bits()?.to_vec();
    let mut inner = signed.parts();
    let version =
        inner.maybe(0xa0).and_then(|part| part.parts().tagged(0x02)?.small()).unwrap_or(0);
    let serial = inner.tagged(0x02)?.body.to_vec();
    inner.tagged(0x30)?;
    let issuer = inner.tagged(0x30)?.whole.to_vec();
    let mut validity = inner.tagged(0x30)?.parts();
    let (not_before, not_after) = (validity.next()?.time()?, validity.next()?.time()?);
    let subject = inner.tagged(0x30)?.whole.to_vec();
    let key_part = inner.tagged(0x30)?;
    let (key, key_kind) = key(key_part)?;
    inner.maybe(0x81);
    inner.maybe(0x82);
    let extensions = match inner.maybe(0xa3) {
        Some(part) => extensions(part.parts().tagged(0x30)?)?,
        None => Vec::new(),
    };
    let says = Says::of(&extensions)?;
    let certificate = Certificate {
        raw: whole.whole.to_vec(),
        signed: signed.whole.to_vec(),
        version: version + 1,
        serial,
        issuer,
        subject,
        not_before,
        not_after,
        key_raw: key_part.whole.to_vec(),
        key,
        key_kind,
        algorithm: algorithm_of(algorithm),
        signature,
        extensions,
        says,
    };
    Some((certificate, rest))
}

/// A request for a certificate.
pub(super) fn request(bytes: &[u8]) -> Option<Request> {
    let whole = Parts(bytes).tagged(0x30)?;
    if whole.whole.len() != bytes.len() {
        return None;
    }
    let mut parts = whole.parts();
    let signed = parts.tagged(0x30)?;
    let algorithm = parts.tagged(0x30)?;
    let signature = parts.tagged(0x03)?.bits()?.to_vec();
    let mut inner = signed.parts();
    let version = inner.tagged(0x02)?.small()?;
    let subject = inner.tagged(0x30)?.whole.to_vec();
    let key_part = inner.tagged(0x30)?;
    let (key, key_kind) = key(key_part)?;
    let attributes = inner.maybe(0xa0);
    let mut asked = Vec::new();
    for attribute in attributes.iter().flat_map(|part| part.parts()) {
        let mut parts = attribute.parts();
        if parts.tagged(0x06).is_some_and(|id| id.oid_text() == "1.2.840.113549.1.9.14") {
            asked.extend(extensions(parts.tagged(0x31)?.parts().tagged(0x30)?)?);
        }
    }
    let says = Says::of(&asked)?;
    Some(Request {
        raw: whole.whole.to_vec(),
        signed: signed.whole.to_vec(),
        version,
        subject,
        key_raw: key_part.whole.to_vec(),
        key,
        key_kind,
        algorithm: algorithm_of(algorithm),
        signature,
        extensions: asked,
        names: says.names,
    })
}

fn key(part: Part<'_>) -> Option<(PublicKey, i64)> {
    let (_, info) = SubjectPublicKeyInfo::from_der(part.whole).ok()?;
    let kind = match info.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" => 1,
        "1.2.840.10040.4.1" => 2,
        "1.2.840.10045.2.1" => 3,
        "1.3.101.112" => 4,
        _ => 0,
    };
    Some((PublicKey::of_info(&info), kind))
}

/// How something is signed, as Go counts the ways.
fn algorithm_of(part: Part<'_>) -> i64 {
    let mut parts = part.parts();
    let Some(id) = parts.tagged(0x06) else { return 0 };
    match id.oid_text().as_str() {
        "1.2.840.113549.1.1.2" => 1,
        "1.2.840.113549.1.1.4" => 2,
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => 3,
        "1.2.840.113549.1.1.11" => 4,
        "1.2.840.113549.1.1.12" => 5,
        "1.2.840.113549.1.1.13" => 6,
        "1.2.840.10040.4.3" => 7,
        "2.16.840.1.101.3.4.3.2" => 8,
        "1.2.840.10045.4.1" => 9,
        "1.2.840.10045.4.3.2" => 10,
        "1.2.840.10045.4.3.3" => 11,
        "1.2.840.10045.4.3.4" => 12,
        "1.2.840.113549.1.1.10" => {
            // The digest is the first thing said, and the mask has to be made with it too.
            let digest = parts
                .tagged(0x30)
                .and_then(|all| {
                    all.parts().tagged(0xa0)?.parts().tagged(0x30)?.parts().tagged(0x06)
                })
                .map(|id| id.oid_text());
            match digest.as_deref() {
                Some("2.16.840.1.101.3.4.2.1") => 13,
                Some("2.16.840.1.101.3.4.2.2") => 14,
                Some("2.16.840.1.101.3.4.2.3") => 15,
                _ => 0,
            }
        }
        "1.3.101.112" => 16,
        _ => 0,
    }
}

fn extensions(all: Part<'_>) -> Option<Vec<Extension>> {
    all.parts()
        .map(|part| {
            let mut parts = part.parts();
            let id = parts.tagged(0x06)?.oid();
            let critical = parts.maybe(0x01).is_some_and(|flag| flag.body == [0xff]);
            Some(Extension { id, critical, value: parts.tagged(0x04)?.body.to_vec() })
        })
        .collect()
}

impl Says {
    fn of(extensions: &[Extension]) -> Option<Self> {
        let mut says = Self::default();
        for extension in extensions {
            let known = says.read(extension)?;
            if extension.critical && !known {
                says.unhandled.push(extension.id.clone());
            }
        }
        Some(says)
    }

    /// Reads one thing; tells whether it is understood.
    fn read(&mut self, extension: &Extension) -> Option<bool> {
        let mut parts = Parts(&extension.value);
        match super::der::dotted(&extension.id).as_str() {
            "2.5.29.15" => self.key_usage = usage(parts.tagged(0x03)?),
            "2.5.29.19" => {
                let mut inner = parts.tagged(0x30)?.parts();
                let is = inner.maybe(0x01).is_some_and(|flag| flag.body == [0xff]);
                let between = inner.maybe(0x02).and_then(|part| part.small()).unwrap_or(-1);
                self.authority = Some((is, between));
            }
            "2.5.29.17" => {
                parts.tagged(0x30)?.parts().for_each(|name| self.names.add(name));
                let Names { dns, email, uris, addresses } = &self.names;
                return Some(
                    !(dns.is_empty()
                        && email.is_empty()
                        && uris.is_empty()
                        && addresses.is_empty()),
                );
            }
            "2.5.29.30" => {
                self.constraints_critical = extension.critical;
                for side in parts.tagged(0x30)?.parts() {
                    let names =
                        if side.tag == 0xa0 { &mut self.permitted } else { &mut self.excluded };
                    side.parts().filter_map(|tree| tree.parts().next()).for_each(|n| names.add(n));
                }
            }
            "2.5.29.31" => {
                for place in parts.tagged(0x30)?.parts() {
                    let full = place.parts().maybe(0xa0).and_then(|name| name.parts().maybe(0xa0));
                    let names = full.iter().flat_map(|names| names.parts());
                    self.revocation.extend(names.filter(|name| name.tag == 0x86).map(ascii));
                }
            }
            "2.5.29.35" => {
                let key = parts.tagged(0x30)?.parts().maybe(0x80);
                self.authority_key = key.map(|key| key.body.to_vec());
            }
            "2.5.29.14" => self.subject_key = Some(parts.tagged(0x04)?.body.to_vec()),
            "2.5.29.37" => {
                for id in parts.tagged(0x30)?.parts() {
                    match USES.iter().position(|known| *known == id.oid_text()) {
                        Some(known) => self.extended.push(i64::try_from(known).ok()?),
                        None => self.extended_unknown.push(id.oid()),
                    }
                }
            }
            "2.5.29.32" => {
                let ids = parts.tagged(0x30)?.parts().filter_map(|one| one.parts().tagged(0x06));
                self.policies = ids.map(|id| id.oid()).collect();
            }
            "2.5.29.36" => {
                let mut inner = parts.tagged(0x30)?.parts();
                self.explicit_policy = inner.maybe(0x80).and_then(|part| part.small());
                self.no_mapping = inner.maybe(0x81).and_then(|part| part.small());
            }
            "2.5.29.54" => self.no_any = parts.tagged(0x02)?.small(),
            "2.5.29.33" => {}
            "1.3.6.1.5.5.7.1.1" => {
                for place in parts.tagged(0x30)?.parts() {
                    let mut inner = place.parts();
                    let Some(id) = inner.tagged(0x06) else { continue };
                    let Some(uri) = inner.maybe(0x86).map(ascii) else { continue };
                    match id.oid_text().as_str() {
                        "1.3.6.1.5.5.7.48.1" => self.ocsp.push(uri),
                        "1.3.6.1.5.5.7.48.2" => self.issuers.push(uri),
                        _ => {}
                    }
                }
                return Some(false);
            }
            _ => return Some(false),
        }
        Some(true)
    }
}

/// What a key may be used for, in the order Go counts it.
pub(super) const USES: [&str; 14] = [
    "2.5.29.37.0",
    "1.3.6.1.5.5.7.3.1",
    "1.3.6.1.5.5.7.3.2",
    "1.3.6.1.5.5.7.3.3",
    "1.3.6.1.5.5.7.3.4",
    "1.3.6.1.5.5.7.3.5",
    "1.3.6.1.5.5.7.3.6",
    "1.3.6.1.5.5.7.3.7",
    "1.3.6.1.5.5.7.3.8",
    "1.3.6.1.5.5.7.3.9",
    "1.3.6.1.4.1.311.10.3.3",
    "2.16.840.1.113730.4.1",
    "1.3.6.1.4.1.311.2.1.22",
    "1.3.6.1.4.1.311.61.1.1",
];

/// The first bit is the highest of the first byte.
fn usage(part: Part<'_>) -> i64 {
    let bits = part.bits().unwrap_or_default();
    let set = |place: u32| {
        let byte = bits.get(place as usize / 8).copied().unwrap_or(0);
        byte >> (7 - place % 8) & 1 == 1
    };
    (0..9).filter(|place| set(*place)).map(|place| 1 << place).sum()
}

fn ascii(part: Part<'_>) -> String {
    String::from_utf8_lossy(part.body).into_owned()
}

impl Names {
    fn add(&mut self, name: Part<'_>) {
        match name.tag {
            0x81 => self.email.push(ascii(name)),
            0x82 => self.dns.push(ascii(name)),
            0x86 => self.uris.push(ascii(name)),
            0x87 => self.addresses.push(name.body.to_vec()),
            _ => {}
        }
    }
}

/// An address of four or sixteen bytes.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(<[u8; 4]>::try_from(bytes).ok()?.into()),
        16 => Some(<[u8; 16]>::try_from(bytes).ok()?.into()),
        _ => None,
    }
}
