//! A key as memory keeps it: whose it is in front, and a short one in its place.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use flow::identity::MAIN;

/// So many bytes lie where the entry lies; more are looked for elsewhere.
const SHORT: usize = 22;
/// A part this long, or longer, says its length in four bytes more.
const LONG_PART: u8 = u8::MAX;

/// A key with the tenant and the namespace it is of.
#[derive(Clone)]
pub(super) enum Whole {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl Deref for Whole {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Whole {
    fn from(whole: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        match bytes.get_mut(..whole.len()) {
            Some(place) => {
                place.copy_from_slice(whole);
                Self::Short { length: whole.len() as u8, bytes }
            }
            None => Self::Long(whole.into()),
        }
    }
}

impl Borrow<[u8]> for Whole {
    #[inline]
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl Hash for Whole {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl PartialEq for Whole {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Whole {}

/// Where namespaces lie in memory: tenant and name, each with its length in front, so
/// that no two share a key, whatever they are called. The main tenant, who has most of them,
/// takes no room.
pub(crate) fn prefix(tenant: &str, namespace: &str) -> Box<[u8]> {
    let mut prefix = Vec::with_capacity(tenant.len() + namespace.len() + 10);
    for part in [renamed(tenant), namespace] {
        match u8::try_from(part.len()) {
            Ok(length) if length < LONG_PART => prefix.push(length),
            _ => {
                prefix.push(LONG_PART);
                prefix.extend_from_slice(&(part.len() as u32).to_be_bytes());
            }
        }
        prefix.extend_from_slice(part.as_bytes());
    }
    prefix.into()
}

/// The tenant, the namespace and the key of what lies in memory.
pub(crate) fn unprefixed(whole: &[u8]) -> Option<(&str, &str, &[u8])> {
    let (tenant, rest) = part(whole)?;
    let (namespace, key) = part(rest)?;
    Some((renamed(tenant), namespace, key))
}

fn renamed(tenant: &str) -> &str {
    match tenant {
        MAIN => "",
        "" => MAIN,
        tenant => tenant,
    }
}

fn part(from: &[u8]) -> Option<(&str, &[u8])> {
    let (short, rest) = from.split_first()?;
    let (length, rest) = match *short {
        LONG_PART => {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_be_bytes(*length) as usize, rest)
        }
        short => (usize::from(short), rest),
    };
    let (part, rest) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(part).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_front_is_found_again() {
        let long = "n".repeat(300);
        let names = ["", "db0", &long[..254], &long[..255], &long];
        for tenant in [MAIN, "", "acme", &long] {
            for name in names {
                for key in [&b""[..], b"key", &[0; 40]] {
                    let whole = [&prefix(tenant, name), key].concat();
                    let whole = Whole::from(&*whole);
                    let found = unprefixed(&whole);
                    assert_eq!(found, Some((tenant, name, key)));
                }
            }
        }
        assert_eq!(prefix(MAIN, "db0").len(), 5);
        assert_ne!(prefix(MAIN, "db0"), prefix("", "db0"));
    }

    #[test]
    fn what_is_cut_short_has_no_parts() {
        for whole in [&b""[..], b"\x04db", b"\xff\0\0", b"\0", b"\0\x02\xff\xff"] {
            assert_eq!(unprefixed(whole), None, "{whole:?}");
        }
    }

    #[test]
    fn short_and_long_keys_are_what_they_were_made_of() {
        for length in 0..=SHORT + 2 {
            let bytes: Vec<u8> = (0..length as u8).collect();
            assert_eq!(*Whole::from(&*bytes), *bytes);
        }
        assert_eq!((size_of::<Whole>(), size_of::<Option<Whole>>()), (24, 24));
    }
}
