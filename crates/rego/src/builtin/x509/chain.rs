//! Whether certificates lead from one to one that is trusted. The first that is given is trusted,
//! the last is asked about, and those between may lead from one to the other.

use std::net::IpAddr;

use super::super::key::{Digest, Scheme};
use super::read::{Certificate, Names, address};
use crate::{Object, Value};

/// How many signatures are verified at most.
const TRIES_MAX: usize = 100;

/// What the certificate has to be good for.
pub(super) struct Options {
    name: String,
    /// Seconds since 1970.
    time: i64,
    /// Uses, as Go counts them, of which one is enough.
    uses: Vec<i64>,
}

const USES: [&str; 14] = [
    "KeyUsageAny",
    "KeyUsageServerAuth",
    "KeyUsageClientAuth",
    "KeyUsageCodeSigning",
    "KeyUsageEmailProtection",
    "KeyUsageIPSECEndSystem",
    "KeyUsageIPSECTunnel",
    "KeyUsageIPSECUser",
    "KeyUsageTimeStamping",
    "KeyUsageOCSPSigning",
    "KeyUsageMicrosoftServerGatedCrypto",
    "KeyUsageNetscapeServerGatedCrypto",
    "KeyUsageMicrosoftCommercialCodeSigning",
    "KeyUsageMicrosoftKernelCodeSigning",
];

impl Options {
    /// Good for a server, whatever its name, at a time in nanoseconds.
    pub(super) fn new(now: i64) -> Self {
        Self { name: String::new(), time: now.div_euclid(1_000_000_000), uses: vec![1] }
    }

    /// Reads what a caller asks besides.
    pub(super) fn read(&mut self, asked: &Object) -> Result<(), String> {
        for (key, value) in asked.iter() {
            match (key.as_text(), value) {
                (Some("DNSName"), Value::Text(name)) => {
                    self.name = name.trim_matches('"').to_owned();
                }
                (Some("DNSName"), _) => return Err("'DNSName' should be a string".into()),
                (Some("CurrentTime"), Value::Number(number)) => {
                    let time = number.as_i64();
                    let time = time.ok_or("'CurrentTime' should be a valid int64 number")?;
                    self.time = time.div_euclid(1_000_000_000);
                }
                (Some("CurrentTime"), _) => return Err("'CurrentTime' should be a number".into()),
                (Some("MaxConstraintComparisons"), Value::Number(number)) => {
                    let count = number.as_i64();
                    count.ok_or("'MaxConstraintComparisons' should be a valid number")?;
                }
                (Some("MaxConstraintComparisons"), _) => {
                    return Err("'MaxConstraintComparisons' should be a number".into());
                }
                (Some("KeyUsages"), value) => self.read_uses(value)?,
                (Some(_), _) => return Err("invalid key option".into()),
                (None, _) => {}
            }
        }
        Ok(())
    }

    fn read_uses(&mut self, value: &Value) -> Result<(), String> {
        let names: Vec<&str> = match value {
            Value::Array(items) => items.iter().filter_map(Value::as_text).collect(),
            Value::Set(members) => members.iter().filter_map(Value::as_text).collect(),
            _ => return Err("'KeyUsages' should be an Array or Set".into()),
        };
        let mut unknown = Vec::new();
        let mut uses = Vec::new();
        for name in names.iter().map(|name| name.trim_matches('"')) {
            match (0..).zip(USES).find(|(_, known)| *known == name) {
                Some((number, _)) => uses.push(number),
                None => unknown.push(name),
            }
        }
        if !unknown.is_empty() {
            let unknown = unknown.join(" ");
            return Err(format!("invalid entries for 'KeyUsages' found: [{unknown}]"));
        }
        if !uses.is_empty() {
            self.uses = uses;
        }
        Ok(())
    }
}

/// The certificates from the last to the first, if they lead there.
pub(super) fn verify<'c>(
    all: &'c [Certificate],
    options: &Options,
) -> Option<Vec<&'c Certificate>> {
    let (root, rest) = all.split_first()?;
    let (leaf, between) = rest.split_last()?;
    if !leaf.says.unhandled.is_empty() || !in_time(leaf, options) || !is_named(leaf, &options.name)
    {
        return None;
    }
    if leaf.raw == root.raw {
        return is_usable(&[leaf], &options.uses).then(|| vec![leaf]);
    }
    let mut search = Search { root, between, options, tries: 0 };
    search.from(vec![leaf])
}

struct Search<'c, 'o> {
    root: &'c Certificate,
    between: &'c [Certificate],
    options: &'o Options,
    tries: usize,
}

impl<'c> Search<'c, '_> {
    fn from(&mut self, chain: Vec<&'c Certificate>) -> Option<Vec<&'c Certificate>> {
        let child = *chain.last()?;
        if self.issues(self.root, child, &chain, true) {
            let mut whole = chain.clone();
            whole.push(self.root);
            if is_usable(&whole, &self.options.uses) {
                return Some(whole);
            }
        }
        for parent in self.between {
            let known = chain.iter().any(|one| {
                one.raw == parent.raw
                    || one.subject == parent.subject && one.key_raw == parent.key_raw
            });
            if known || !self.issues(parent, child, &chain, false) {
                continue;
            }
            let mut longer = chain.clone();
            longer.push(parent);
            if let Some(whole) = self.from(longer) {
                return Some(whole);
            }
        }
        None
    }

    /// Whether one certificate issued another, and may have.
    fn issues(
        &mut self,
        parent: &Certificate,
        child: &Certificate,
        chain: &[&Certificate],
        is_root: bool,
    ) -> bool {
        const SIGNS_CERTIFICATES: i64 = 1 << 5;
        let says = &parent.says;
        if parent.subject != child.issuer || self.tries >= TRIES_MAX {
            return false;
        }
        self.tries += 1;
        let authority = match says.authority {
            Some((is, _)) => is,
            // Those of the oldest form could not say, and are believed when they are trusted.
            None => is_root && parent.version < 3,
        };
        let between = i64::try_from(chain.len()).unwrap_or(i64::MAX) - 1;
        let short = says.authority.is_none_or(|(_, most)| most < 0 || between <= most);
        let signs = says.key_usage == 0 || says.key_usage & SIGNS_CERTIFICATES != 0;
        authority
            && short
            && signs
            && says.unhandled.is_empty()
            && in_time(parent, self.options)
            && chain.iter().all(|one| allows(parent, &one.says.names))
            && is_signed(child, parent)
    }
}

fn in_time(one: &Certificate, options: &Options) -> bool {
    (one.not_before..=one.not_after).contains(&options.time)
}

fn is_signed(child: &Certificate, parent: &Certificate) -> bool {
    let scheme = match child.algorithm {
        4 => Scheme::Rsa(Digest::Sha256),
        5 => Scheme::Rsa(Digest::Sha384),
        6 => Scheme::Rsa(Digest::Sha512),
        10 => Scheme::Ec(Digest::Sha256),
        11 => Scheme::Ec(Digest::Sha384),
        12 => Scheme::Ec(Digest::Sha512),
        13 => Scheme::Pss(Digest::Sha256),
        14 => Scheme::Pss(Digest::Sha384),
        15 => Scheme::Pss(Digest::Sha512),
        16 => Scheme::Ed,
        // What is over SHA-1 and older digests is believed no more.
        _ => return false,
    };
    parent.key.verifies_der(scheme, &child.signed, &child.signature)
}

/// Whether the chain may be used for one of the uses: each that says anything has to say it.
fn is_usable(chain: &[&Certificate], uses: &[i64]) -> bool {
    const ANY: i64 = 0;
    uses.contains(&ANY)
        || uses.iter().any(|wanted| {
            chain.iter().all(|one| {
                let says = &one.says;
                let silent = says.extended.is_empty() && says.extended_unknown.is_empty();
                silent || says.extended.contains(&ANY) || says.extended.contains(wanted)
            })
        })
}

/// Whether the certificate is that of a host.
fn is_named(one: &Certificate, name: &str) -> bool {
    if name.is_empty() {
        return true;
    }
    let names = &one.says.names;
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if let Ok(wanted) = bare.parse::<IpAddr>() {
        return names.addresses.iter().any(|bytes| address(bytes) == Some(wanted));
    }
    let wanted = name.trim_end_matches('.').to_ascii_lowercase();
    names.dns.iter().any(|pattern| {
        let pattern = pattern.to_ascii_lowercase();
        match (pattern.strip_prefix("*."), wanted.split_once('.')) {
            (Some(pattern), Some((first, rest))) => !first.is_empty() && pattern == rest,
            _ => pattern == wanted,
        }
    })
}

/// Whether an issuer may issue for names. What it says of mail and of addresses on the web is
/// not weighed: who has such a name is refused when it says anything.
fn allows(parent: &Certificate, names: &Names) -> bool {
    let (permitted, excluded) = (&parent.says.permitted, &parent.says.excluded);
    let dns = |name: &String| {
        let within = |domain: &String| is_within(name, domain);
        (permitted.dns.is_empty() || permitted.dns.iter().any(within))
            && !excluded.dns.iter().any(within)
    };
    let ip = |bytes: &Vec<u8>| {
        let within = |network: &Vec<u8>| in_network(bytes, network);
        (permitted.addresses.is_empty() || permitted.addresses.iter().any(within))
            && !excluded.addresses.iter().any(within)
    };
    let silent = |permitted: &[String], excluded: &[String], names: &[String]| {
        names.is_empty() || permitted.is_empty() && excluded.is_empty()
    };
    names.dns.iter().all(dns)
        && names.addresses.iter().all(ip)
        && silent(&permitted.email, &excluded.email, &names.email)
        && silent(&permitted.uris, &excluded.uris, &names.uris)
}

fn is_within(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
    let bare = domain.strip_prefix('.').unwrap_or(&domain);
    let below = name.strip_suffix(bare).is_some_and(|rest| rest.ends_with('.'));
    bare.is_empty() || below || name == bare && !domain.starts_with('.')
}

fn in_network(bytes: &[u8], network: &[u8]) -> bool {
    let Some((base, mask)) = network.split_at_checked(network.len() / 2) else { return false };
    base.len() == bytes.len()
        && bytes.iter().zip(base).zip(mask).all(|((one, two), mask)| one & mask == two & mask)
}
