//! Which route holds for a request.
//!
//! Whoever is behind us may undo dots, doubled slashes and encodings in a path, or not. A path
//! that can be read in two ways is held to the stricter of the routes of both, so that nobody
//! talks their way into an open route.

use flow::Result;

use super::config::{Config, Exception, Mode, Route as Written};
use super::field::{Field, Selector};
use super::pattern::Pattern;
use crate::codes::INSPECT;
use crate::inspect::{Kind, Kinds, THREAT};

/// The routes in their order, the one for the rest last.
#[derive(Debug)]
pub(super) struct Routes(Vec<Route>);

/// A route as it was understood.
#[derive(Debug)]
pub(super) struct Route {
    host: Option<Pattern>,
    path: Option<Pattern>,
    methods: Vec<String>,
    pub(super) mode: Mode,
    strangers: Option<bool>,
    pub(super) threshold: f32,
    pub(super) exceptions: Vec<Except>,
}

/// Kinds that are let be in some fields.
#[derive(Debug)]
pub(super) struct Except {
    fields: Selector,
    /// Those that the inspector knows.
    kinds: Kinds,
    /// Those that rules have; none where all are meant.
    own: Option<Vec<String>>,
}

/// What holds for one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) mode: Mode,
    pub(super) threshold: f32,
    exceptions: &'a [Except],
}

impl Routes {
    /// Understands what is written; `own` are the kinds of rules.
    pub(super) fn new(config: &Config, own: &[&str]) -> Result<Self> {
        let rest = Written { strangers: Some(config.strangers), ..Written::default() };
        let written = config.routes.iter().chain([&rest]).enumerate();
        let routes = written.map(|(index, route)| {
            let named = |error: flow::Error| {
                let sentence = format!("route {} of `gate.inspect.routes`: {error}", index + 1);
                INSPECT.error(sentence).with_advice(error.advice().to_owned())
            };
            Route::new(route, config, own).map_err(named)
        });
        Ok(Self(routes.collect::<Result<_>>()?))
    }

    /// Whether whoever shows no credential may pass to a place.
    pub(super) fn opens(&self, host: &str, path: &str) -> bool {
        let open = |path: &[u8]| {
            let fits = |route: &&Route| route.methods.is_empty() && route.leads(host, path);
            let said = self.0.iter().filter(fits).find_map(|route| route.strangers);
            said.unwrap_or(false)
        };
        open(path.as_bytes()) && other_reading(path).is_none_or(|path| open(&path))
    }

    /// What holds for a request.
    pub(super) fn of(&self, method: &str, host: &str, path: &str) -> Held<'_> {
        let first = self.first(method, host, path.as_bytes());
        let other = other_reading(path).and_then(|path| self.first(method, host, &path));
        match (first, other) {
            (Some(first), Some(other)) if !std::ptr::eq(first, other) => first.stricter(other),
            (Some(first), _) => first.held(),
            // INVARIANT: the last route is for the rest.
            (None, _) => Held { mode: Mode::Block, threshold: THREAT, exceptions: &[] },
        }
    }

    fn first(&self, method: &str, host: &str, path: &[u8]) -> Option<&Route> {
        self.0.iter().find(|route| route.is_for(method) && route.leads(host, path))
    }
}

impl Held<'_> {
    /// What is let be in a field.
    pub(super) fn let_be(&self, field: &Field<'_>) -> Kinds {
        let about = self.exceptions.iter().filter(|except| except.fields.has(field));
        about.fold(Kinds::NONE, |kinds, except| kinds.and(except.kinds))
    }

    /// Whether a rule's kind is let be in a field.
    pub(super) fn lets_be(&self, field: &Field<'_>, kind: &str) -> bool {
        let named = |except: &Except| {
            except.own.as_ref().is_none_or(|own| own.iter().any(|held| held == kind))
        };
        self.exceptions.iter().any(|except| named(except) && except.fields.has(field))
    }
}

impl Mode {
    /// The stricter, the less.
    const fn rank(self) -> u8 {
        match self {
            Self::Block => 0,
            Self::Flag => 1,
            Self::Observe => 2,
            Self::Off => 3,
        }
    }

    /// The word used in facts and metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Flag => "flag",
            Self::Observe => "observe",
            Self::Off => "off",
        }
    }
}

impl Route {
    fn new(written: &Written, config: &Config, own: &[&str]) -> Result<Self> {
        let threshold = threshold(written.threshold.unwrap_or(config.threshold))?;
        if written.strangers.is_some() && !written.methods.is_empty() {
            let sentence = "`strangers` cannot be said of some methods alone";
            return Err(INSPECT.error(sentence).with_advice(
                "leave `methods` away, or say `strangers` in a route of its own without them",
            ));
        }
        let exceptions = written.exceptions.iter().map(|except| Except::new(except, own));
        Ok(Self {
            host: written.host.as_deref().map(host).transpose()?,
            path: written.path.as_deref().map(path).transpose()?,
            methods: written.methods.iter().map(|name| method(name)).collect::<Result<_>>()?,
            mode: written.mode.unwrap_or(config.mode),
            strangers: written.strangers,
            threshold,
            exceptions: exceptions.collect::<Result<_>>()?,
        })
    }

    const fn held(&self) -> Held<'_> {
        Held { mode: self.mode, threshold: self.threshold, exceptions: self.exceptions.as_slice() }
    }

    /// What holds where it is not known which of two routes a path leads to.
    fn stricter<'a>(&self, other: &Self) -> Held<'a> {
        let mode = if self.mode.rank() <= other.mode.rank() { self.mode } else { other.mode };
        Held { mode, threshold: self.threshold.min(other.threshold), exceptions: &[] }
    }

    fn is_for(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|held| held == method)
    }

    fn leads(&self, host: &str, path: &[u8]) -> bool {
        let here = self.host.as_ref().is_none_or(|wanted| {
            wanted.fits(host.as_bytes()) || wanted.fits(host.to_ascii_lowercase().as_bytes())
        });
        here && self.path.as_ref().is_none_or(|wanted| wanted.begins(path))
    }
}

impl Pattern {
    /// Whether a path is as the pattern says, or lies below it where it has no `*`.
    fn begins(&self, path: &[u8]) -> bool {
        if self.is_open() {
            return self.fits(path);
        }
        let Some(rest) = path.strip_prefix(self.bytes()) else { return false };
        rest.is_empty() || rest.starts_with(b"/") || self.bytes().ends_with(b"/")
    }
}

impl Except {
    fn new(written: &Exception, own: &[&str]) -> Result<Self> {
        let fields = Selector::new(&written.field)?;
        if written.kinds.is_empty() {
            return Ok(Self { fields, kinds: Kinds::ALL, own: None });
        }
        let mut except = Self { fields, kinds: Kinds::NONE, own: Some(Vec::new()) };
        for name in &written.kinds {
            let known = Kind::named(name);
            let rule = own.contains(&name.as_str());
            if known.is_none() && !rule {
                let all: Vec<_> =
                    Kind::ALL.map(Kind::name).into_iter().chain(own.to_vec()).collect();
                return Err(INSPECT
                    .error(format!("`{name}` is no kind of attack"))
                    .with_advice(format!("write some of: {}", all.join(", "))));
            }
            if let Some(kind) = known {
                except.kinds = except.kinds.and(Kinds::of(kind));
            }
            except.own.iter_mut().for_each(|own| own.push(name.clone()));
        }
        Ok(except)
    }
}

/// A threshold that leaves what is suspicious below it.
pub(super) fn threshold(value: f32) -> Result<f32> {
    match (0.5..=1.0).contains(&value) {
        true => Ok(value),
        false => Err(INSPECT
            .error(format!("`threshold` is `{value}`"))
            .with_advice("write a number from 0.5, which blocks most, to 1.0")),
    }
}

/// Longer patterns are refused.
const PATTERN_MAX: usize = 256;

fn pattern(what: &str, text: &str, wrong: bool, advice: &'static str) -> Result<Pattern> {
    match wrong || text.is_empty() || text.len() > PATTERN_MAX {
        true => Err(INSPECT.error(format!("`{text}` is no {what}")).with_advice(advice)),
        false => Ok(Pattern::new(text)),
    }
}

fn host(text: &str) -> Result<Pattern> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"*.-_:[]".contains(&byte);
    let port = text.rsplit_once(':').is_some_and(|(name, _)| !name.contains(':'));
    let wrong = port || !text.bytes().all(plain);
    let advice = "write the name alone, without scheme and port, such as `shop.example.com` or \
                  `*.example.com`";
    pattern("host", &text.to_ascii_lowercase(), wrong, advice)
}

fn path(text: &str) -> Result<Pattern> {
    let wrong = !text.starts_with(['/', '*']) || text.contains(['?', '#']);
    pattern("path", text, wrong, "write where paths begin, such as `/api`, or a pattern: `/*/edit`")
}

fn method(text: &str) -> Result<String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') {
        let sentence = format!("`{text}` is no method");
        return Err(INSPECT.error(sentence).with_advice("write it in capitals, such as `POST`"));
    }
    Ok(text.to_owned())
}

/// The path as a server reads it that undoes encodings, dots, doubled slashes and parameters of
/// segments; nothing where that is no different.
fn other_reading(path: &str) -> Option<Vec<u8>> {
    let odd = |byte: u8| matches!(byte, b'%' | b'\\' | b';' | 0x80..);
    let bytes = path.as_bytes();
    let dotted = bytes.windows(2).any(|pair| matches!(pair, b"//" | b"/."));
    if !dotted && !bytes.iter().any(|byte| odd(*byte)) {
        return None;
    }
    let mut decoded = bytes.to_vec();
    // Twice, as some do.
    for _ in 0..2 {
        decoded = crate::inspect::unescaped(&decoded);
    }
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in decoded.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment.split(|byte| *byte == b';').next().unwrap_or_default() {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut read = vec![b'/'];
    read.extend(segments.join(&b'/'));
    if decoded.ends_with(b"/") && read.len() > 1 {
        read.push(b'/');
    }
    (read != bytes).then_some(read)
}

#[cfg(test)]
#[path = "route/tests.rs"]
mod tests;
