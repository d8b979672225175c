//! One line of the log before it has a form.

use flow::Time;
use tracing::Level;

use crate::fields::{Fields, Value};

/// What is said, when, by which part, about which request.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) at: Time,
    pub(super) level: Level,
    pub(super) target: &'a str,
    pub(super) message: String,
    pub(super) request: Option<Value>,
    /// The spans it happened in, the outermost first.
    pub(super) spans: Vec<&'static str>,
    /// What the event says, then what its spans say, the innermost first.
    pub(super) fields: Fields,
}

impl Line<'_> {
    /// The one line the log itself has to say.
    pub(super) fn about_lost(at: Time, lines: u64) -> Self {
        let mut fields = Fields::default();
        fields.put("lines", Value::Uint(lines));
        Self {
            at,
            level: Level::WARN,
            target: "watch::log",
            message: "log lines lost: nobody reads them fast enough".into(),
            request: None,
            spans: Vec::new(),
            fields,
        }
    }
}
