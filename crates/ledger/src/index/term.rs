//! Terms: what an event can be found by.

use twox_hash::XxHash3_64;

use crate::event::Record;
use crate::header::Placed;

/// How many folders of a path, and beginnings of a type, are terms of their own. What
/// lies deeper is found by the last of these.
const LEVELS_MAX: usize = 32;

/// A property of an event, hashed. Two properties may have one term: whoever finds
/// something by it looks whether that is what was meant.
///
/// It is the upper 48 bits of the XXH3 (64 bits) of a text, seeded with the XXH3 of the
/// tenant (seed 0) plus 2^56 times the number of the field; for an idempotency key, with
/// the XXH3 of the stream, itself seeded so. Files hold terms: this never changes. The
/// 16 bits that are left out would cost two bytes a term, and of 100 million terms they
/// would tell apart one pair in three million lookups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Term(u64);

/// What a term is about. The numbers are in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Field {
    Tenant = 1,
    Stream = 2,
    Kind = 3,
    Actor = 4,
    Component = 5,
    Folder = 6,
    Correlation = 7,
    Causation = 8,
    Key = 9,
}

impl Term {
    /// Of a number that [`Term::number`] gave.
    pub(super) fn of(number: u64) -> Self {
        Self(number)
    }

    /// Less than 2^48.
    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// Whose terms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tenant(u64);

impl Tenant {
    /// This one's.
    pub(crate) fn new(tenant: &str) -> Self {
        Self(XxHash3_64::oneshot(tenant.as_bytes()))
    }

    /// Of a stream, an actor and whatever else is looked for as a whole.
    pub(crate) fn term(self, field: Field, text: &str) -> Term {
        Term(self.hash(field, text) >> 16)
    }

    /// Of everything this tenant has.
    pub(crate) fn all(self) -> Term {
        self.term(Field::Tenant, "")
    }

    /// Of an idempotency key, which is one of a stream.
    pub(crate) fn key(self, stream: &str, key: &str) -> Term {
        let seed = self.hash(Field::Key, stream);
        Term(XxHash3_64::oneshot_with_seed(seed, key.as_bytes()) >> 16)
    }

    /// Of a type, or of all that begin as it says before a `*`; `None` when the index
    /// cannot tell: only beginnings that end in a dot are terms.
    pub(crate) fn kind(self, wanted: &str) -> Option<Term> {
        let Some(beginning) = wanted.strip_suffix('*') else {
            return Some(self.term(Field::Kind, wanted));
        };
        let known = if beginning.ends_with('.') { beginnings(beginning).last() } else { None };
        known.map(|known| self.term(Field::Kind, known))
    }

    /// Of all that is at a path or below it; `None` for the whole.
    pub(crate) fn folder(self, path: &str) -> Option<Term> {
        folders(path).last().map(|folder| self.term(Field::Folder, folder))
    }

    fn hash(self, field: Field, text: &str) -> u64 {
        let seed = self.0.wrapping_add((field as u64) << 56);
        XxHash3_64::oneshot_with_seed(seed, text.as_bytes())
    }
}

/// What of an event makes its terms.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Texts<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) stream: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) component: &'a str,
    pub(crate) path: &'a str,
    pub(crate) correlation: &'a str,
    pub(crate) causation: &'a str,
    pub(crate) key: &'a str,
}

impl<'a> From<&'a Record> for Texts<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            tenant: record.tenant(),
            stream: record.stream(),
            kind: record.kind(),
            actor: record.actor(),
            component: record.component(),
            path: record.path(),
            correlation: record.correlation(),
            causation: record.causation(),
            key: record.key(),
        }
    }
}

impl<'a> From<&Placed<'a>> for Texts<'a> {
    fn from(placed: &Placed<'a>) -> Self {
        let Placed { append, event, key, .. } = *placed;
        Self {
            tenant: &append.tenant,
            stream: &append.stream,
            kind: &event.kind,
            actor: &event.actor,
            component: &event.component,
            path: &event.path,
            correlation: &event.correlation,
            causation: &event.causation,
            key,
        }
    }
}

/// Adds the terms of an event.
///
/// That it is its tenant's is one of them, though in a log of one tenant all events have
/// it: it costs a byte an event, and spares a small tenant among many the reading of
/// everybody's events.
pub(crate) fn terms(texts: &Texts<'_>, out: &mut Vec<Term>) {
    let tenant = Tenant::new(texts.tenant);
    out.push(tenant.all());
    let whole = [
        (Field::Stream, texts.stream),
        (Field::Kind, texts.kind),
        (Field::Actor, texts.actor),
        (Field::Component, texts.component),
        (Field::Correlation, texts.correlation),
        (Field::Causation, texts.causation),
    ];
    let whole = whole.into_iter().filter(|(_, text)| !text.is_empty());
    out.extend(whole.map(|(field, text)| tenant.term(field, text)));
    out.extend(beginnings(texts.kind).map(|beginning| tenant.term(Field::Kind, beginning)));
    out.extend(folders(texts.path).map(|folder| tenant.term(Field::Folder, folder)));
    if !texts.key.is_empty() {
        out.push(tenant.key(texts.stream, texts.key));
    }
}

/// What a type begins with, up to each of its dots: `order.` of `order.placed`.
fn beginnings(kind: &str) -> impl Iterator<Item = &str> {
    let dots = kind.match_indices('.').take(LEVELS_MAX);
    dots.filter_map(|(dot, _)| kind.get(..=dot))
}

/// The folders above a path, and itself: `a`, `a/b` and `a/b/c` of `a/b/c`.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(slash, _)| slash).chain([path.len()]);
    ends.filter_map(|end| path.get(..end)).filter(|folder| !folder.is_empty()).take(LEVELS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: Texts<'_>) -> Vec<Term> {
        let mut out = Vec::new();
        terms(&texts, &mut out);
        out
    }

    #[test]
    fn terms_are_the_same_in_every_release() {
        let tenant = Tenant::new("main");
        let terms = [
            tenant.all(),
            tenant.term(Field::Stream, "orders-7"),
            tenant.kind("order.*").unwrap(),
            tenant.folder("shop/berlin").unwrap(),
            tenant.key("orders-7", "k-1"),
            tenant.term(Field::Actor, &"long ".repeat(100)),
        ];
        let golden = [
            0xf28c_df87_bc85,
            0x3ba2_1351_9889,
            0xdb32_5596_203b,
            0xbb1d_c178_bd66,
            0xc14d_3e63_1711,
            0x066c_f270_4d4e,
        ];
        assert_eq!(terms.map(Term::number), golden);
    }

    #[test]
    fn an_event_is_found_by_everything_it_has() {
        let tenant = Tenant::new("t");
        let found = of(Texts {
            tenant: "t",
            stream: "s",
            kind: "order.item.placed",
            actor: "a",
            component: "c",
            path: "x/y/z",
            correlation: "r",
            causation: "e",
            key: "k",
        });
        let wanted = [
            tenant.all(),
            tenant.term(Field::Stream, "s"),
            tenant.term(Field::Kind, "order.item.placed"),
            tenant.term(Field::Actor, "a"),
            tenant.term(Field::Component, "c"),
            tenant.term(Field::Correlation, "r"),
            tenant.term(Field::Causation, "e"),
            tenant.kind("order.*").unwrap(),
            tenant.kind("order.item.*").unwrap(),
            tenant.folder("x").unwrap(),
            tenant.folder("x/y").unwrap(),
            tenant.folder("x/y/z").unwrap(),
            tenant.key("s", "k"),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_same_text_elsewhere_is_another_term() {
        let (one, other) = (Tenant::new("one"), Tenant::new("other"));
        let mut terms = vec![
            one.term(Field::Stream, "x"),
            one.term(Field::Actor, "x"),
            one.folder("x").unwrap(),
            one.key("x", "y"),
            one.key("y", "x"),
            other.term(Field::Stream, "x"),
        ];
        terms.sort();
        terms.dedup();
        assert_eq!(terms.len(), 6);
    }

    #[test]
    fn what_an_event_lacks_is_no_term() {
        assert_eq!(of(Texts { tenant: "t", ..Texts::default() }), [Tenant::new("t").all()]);
    }

    #[test]
    fn only_beginnings_up_to_a_dot_are_terms() {
        let tenant = Tenant::new("t");
        assert_eq!(tenant.kind("order.pla*"), None);
        assert_eq!(tenant.kind("*"), None);
        assert_eq!(tenant.kind("order.*"), Some(tenant.term(Field::Kind, "order.")));
    }

    #[test]
    fn what_lies_deep_is_found_by_a_folder_above_it() {
        let (path, kind) = ("a/".repeat(500) + "a", "a.".repeat(500) + "a");
        let found = of(Texts { tenant: "t", path: &path, kind: &kind, ..Texts::default() });
        assert_eq!(found.len(), 2 + 2 * LEVELS_MAX);
        let tenant = Tenant::new("t");
        assert!(found.contains(&tenant.folder(&path).unwrap()));
        assert!(found.contains(&tenant.folder(&path[..401]).unwrap()));
        assert!(found.contains(&tenant.kind(&format!("{}*", &kind[..400])).unwrap()));
    }

    #[test]
    fn a_slash_in_front_makes_no_folder_without_a_name() {
        assert_eq!(folders("/a/b").collect::<Vec<_>>(), ["/a", "/a/b"]);
        assert_eq!(folders("").count(), 0);
    }
}
