//! Where in a request a value stands, and what operators call such places.

use std::borrow::Cow;

use flow::Result;

use super::pattern::Pattern;
use crate::codes::INSPECT;

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Query,
    Header,
    Cookie,
    Form,
    Json,
    Xml,
    Graphql,
    Protobuf,
    Text,
}

impl Part {
    const ALL: [Self; 10] = [
        Self::Path,
        Self::Query,
        Self::Header,
        Self::Cookie,
        Self::Form,
        Self::Json,
        Self::Xml,
        Self::Graphql,
        Self::Protobuf,
        Self::Text,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Form => "form",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Graphql => "graphql",
            Self::Protobuf => "protobuf",
            Self::Text => "text",
        }
    }
}

/// Where a value stands: a part, and its name there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) part: Part,
    pub(super) name: &'a [u8],
}

/// No more of a field's name is written down.
const NAME_MAX: usize = 64;

/// Longer names are not compared with those that are configured.
const COMPARED_MAX: usize = 1024;

impl Field<'_> {
    /// What facts call it: never more of the name than is needed to find it.
    pub(super) fn shown(&self) -> String {
        let name = self.name.get(..NAME_MAX).unwrap_or(self.name);
        let name: Cow<'_, str> = String::from_utf8_lossy(name);
        match name.is_empty() {
            true => self.part.name().to_owned(),
            false => format!("{}:{}", self.part.name(), name.escape_debug()),
        }
    }
}

/// The fields that an exception or a rule is about.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    part: Option<Part>,
    name: Option<Pattern>,
}

impl Selector {
    /// Reads `*`, `path`, `query:comment`, `json:order.*`.
    pub(super) fn new(text: &str) -> Result<Self> {
        if text == "*" {
            return Ok(Self { part: None, name: None });
        }
        let (part, name) = match text.split_once(':') {
            Some((part, name)) => (part, Some(name)),
            None => (text, None),
        };
        let known = Part::ALL.into_iter().find(|known| known.name() == part);
        let Some(part) = known.filter(|_| name != Some("")) else {
            let parts = Part::ALL.map(Part::name).join(", ");
            return Err(INSPECT.error(format!("`{text}` is no field")).with_advice(format!(
                "write a part of the request, perhaps with a name behind a colon, such as \
                 `query:comment`, or `*`; parts are {parts}"
            )));
        };
        let lower = |name: &str| match part {
            Part::Header => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        };
        Ok(Self { part: Some(part), name: name.map(|name| Pattern::new(&lower(name))) })
    }

    /// Whether a field is among them.
    pub(super) fn has(&self, field: &Field<'_>) -> bool {
        // What is longer is never meant, and comparing it would take its time.
        let fits = |name: &Pattern| field.name.len() <= COMPARED_MAX && name.fits(field.name);
        self.part.is_none_or(|part| part == field.part) && self.name.as_ref().is_none_or(fits)
    }
}
