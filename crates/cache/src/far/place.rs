//! Where things are in a far tier, as keys a person can read.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};

/// Longer keys are kept under so much of their beginning, and their hash: longer together
/// than any key that is kept as it is, so that nobody can write the one by the other's name.
pub(super) const HEAD: usize = 900;

/// A namespace of a tenant: `main:sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    name: String,
}

impl Place {
    pub(crate) fn new(tenant: &str, namespace: &str) -> Self {
        Self { name: [escaped(tenant), escaped(namespace)].join(":") }
    }

    /// Where the locks of a tenant are; no namespace is called so.
    pub(crate) fn of_locks(tenant: &str) -> Self {
        Self { name: [&escaped(tenant), "!locks"].concat() }
    }

    /// What it is called in the tier.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The tenant and the namespace.
    pub(crate) fn names(&self) -> (String, String) {
        let (tenant, namespace) = self.name.split_once(':').unwrap_or_default();
        (plain(tenant), plain(namespace))
    }

    /// `main:sessions#`: what its entries are judged by.
    pub(crate) fn ground(&self) -> Vec<u8> {
        [self.name.as_bytes(), b"#"].concat()
    }

    /// `main:sessions#01234567`: a dictionary its values were written with.
    pub(crate) fn dictionary(&self, id: u32) -> Vec<u8> {
        format!("{}#{id:08x}", self.name).into_bytes()
    }

    /// `main:sessions!0123456789abcdef`: when a tag was last purged.
    pub(crate) fn tag(&self, tag: u64) -> Vec<u8> {
        format!("{}!{tag:016x}", self.name).into_bytes()
    }

    /// `main:sessions=`: what the keys of all its entries begin with.
    pub(crate) fn entries(&self) -> Vec<u8> {
        [self.name.as_bytes(), b"="].concat()
    }

    /// `main:sessions=ann`: an entry.
    pub(crate) fn entry(&self, key: &[u8]) -> Vec<u8> {
        let mut place = Vec::with_capacity(self.name.len() + 1 + key.len().min(HEAD + 64));
        place.extend_from_slice(self.name.as_bytes());
        place.push(b'=');
        match key.split_at_checked(HEAD) {
            Some((head, rest)) if !rest.is_empty() => {
                place.extend_from_slice(head);
                place.extend_from_slice(hex(digest(&SHA256, key).as_ref()).as_bytes());
            }
            _ => place.extend_from_slice(key),
        }
        place
    }

    /// The key in the key of an entry; of a long one only its beginning and hash.
    pub(crate) fn key<'a>(&self, place: &'a [u8]) -> Option<&'a [u8]> {
        place.strip_prefix(self.name.as_bytes())?.strip_prefix(b"=")
    }
}

/// Without what divides.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '%' | ':' | '=' | '#' | '!' => {
                let _ = write!(escaped, "%{:02x}", u32::from(letter));
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// With what divides again.
fn plain(escaped: &str) -> String {
    let mut parts = escaped.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).unwrap_or_default();
        plain.extend(u8::from_str_radix(code, 16).ok().map(char::from));
        plain.push_str(rest);
    }
    plain
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_namespaces_share_a_key() {
        let names = [("a", "b:c"), ("a:b", "c"), ("a", "b=c"), ("a", "b"), ("a%", "b"), ("", "")];
        let places: Vec<_> = names.iter().map(|(t, n)| Place::new(t, n).entry(b"c=d")).collect();
        for (index, place) in places.iter().enumerate() {
            assert!(!places[..index].contains(place));
        }
        let place = Place::new("main", "sessions");
        assert_eq!(place.entry(b"ann"), b"main:sessions=ann");
        assert_eq!(place.key(b"main:sessions=ann"), Some(&b"ann"[..]));
        assert_eq!(place.key(b"main:sessions2=ann"), None);
    }

    #[test]
    fn long_keys_are_short_and_different() {
        let place = Place::new("main", "n");
        let (a, b) = (vec![1; 10 << 20], vec![1; (10 << 20) + 1]);
        assert!(place.entry(&a).len() < 1100);
        assert_ne!(place.entry(&a), place.entry(&b));
    }

    #[test]
    fn no_key_lies_where_a_long_one_does() {
        let place = Place::new("main", "n");
        let long = place.entry(&[1; 2000]);
        assert_ne!(place.entry(place.key(&long).unwrap()), long);
    }

    #[test]
    fn names_are_found_again() {
        for (tenant, namespace) in [("a", "b:c"), ("a:=#!%b", "%25"), ("", ""), ("ä", "ö%é")] {
            let names = Place::new(tenant, namespace).names();
            assert_eq!(names, (tenant.to_owned(), namespace.to_owned()));
        }
    }
}
