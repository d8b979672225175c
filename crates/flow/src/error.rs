//! What went wrong, said once for everybody.
//!
//! An [`Error`] answers three questions: *what now?* (its [`Kind`]), *which
//! promise broke?* (its [`Code`], stable, documented, searchable) and *what
//! exactly?* (a sentence for the caller). The cause behind it is for the log
//! only: what a caller reads and what an operator reads differ on purpose.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::allowance::Allowance;

/// What the receiver of an error should do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is wrong: change it.
    Invalid,
    /// Nobody said who is asking: present a credential.
    Unknown,
    /// Not allowed: stop.
    Refused,
    /// There is no such thing.
    Missing,
    /// Something else got there first: read again, then decide.
    Conflict,
    /// Not at the moment: retry later.
    Busy,
    /// What was stored is not what was written: call an operator.
    Corrupt,
    /// Our bug.
    Internal,
}

impl Kind {
    /// The word used in facts, metrics and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Invalid => "invalid",
            Kind::Unknown => "unknown",
            Kind::Refused => "refused",
            Kind::Missing => "missing",
            Kind::Conflict => "conflict",
            Kind::Busy => "busy",
            Kind::Corrupt => "corrupt",
            Kind::Internal => "internal",
        }
    }
}

/// One way to fail, with a name that never changes.
///
/// Every crate lists its codes in a `CODES` table; the error reference is
/// generated from those tables.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable name, `stage-what-happened`.
    pub name: &'static str,
    /// What to do about errors of this code.
    pub kind: Kind,
    /// One line for people, the title of the problem document.
    pub title: &'static str,
    /// What to change.
    pub advice: &'static str,
}

impl Code {
    /// Declares a code; meant for `const` and `static` items.
    pub const fn new(
        kind: Kind,
        name: &'static str,
        title: &'static str,
        advice: &'static str,
    ) -> Self {
        Self { name, kind, title, advice }
    }

    /// An error of this code with a sentence for the caller.
    ///
    /// The sentence is lower-case, without a full stop, and quotes what the
    /// caller sent in backticks.
    pub fn error(&'static self, detail: impl Into<Cow<'static, str>>) -> Error {
        let (advice, retry_after, allowance) = (None, None, None);
        let (record, source) = (serde_json::Value::Null, None);
        let detail = detail.into();
        Error(Box::new(Inner {
            code: self,
            detail,
            advice,
            retry_after,
            allowance,
            record,
            source,
        }))
    }
}

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure: a [`Code`], a sentence for the caller, and a private cause.
pub struct Error(Box<Inner>);

struct Inner {
    code: &'static Code,
    detail: Cow<'static, str>,
    advice: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    allowance: Option<Allowance>,
    record: serde_json::Value,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// What to do now.
    pub fn kind(&self) -> Kind {
        self.0.code.kind
    }

    /// Which promise broke.
    pub fn code(&self) -> &'static Code {
        self.0.code
    }

    /// The sentence for the caller.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What to change: this error's own advice, or its code's.
    pub fn advice(&self) -> &str {
        self.0.advice.as_deref().unwrap_or(self.0.code.advice)
    }

    /// Replaces the code's general advice by one that fits this case.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// How long it would be of no use to ask again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Says how long it would be of no use to ask again.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// What the caller may still ask, where that was counted.
    pub fn allowance(&self) -> Option<&Allowance> {
        self.0.allowance.as_ref()
    }

    /// Says what the caller may still ask, unless that was said.
    #[must_use]
    pub fn with_allowance(mut self, allowance: Option<Allowance>) -> Self {
        self.0.allowance = self.0.allowance.or(allowance);
        self
    }

    /// What else an auditor should know; nothing where it is null.
    pub fn record(&self) -> &serde_json::Value {
        &self.0.record
    }

    /// Says what else an auditor should know. The caller never sees it.
    #[must_use]
    pub fn with_record(mut self, record: serde_json::Value) -> Self {
        self.0.record = record;
        self
    }

    /// Keeps the cause for the log; the caller never sees it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The whole story, for the log.
    pub fn story(&self) -> String {
        let mut story = format!("{}: {}", self.0.code.name, self.0.detail);
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            story.push_str(": ");
            story.push_str(&cause.to_string());
            source = cause.source();
        }
        story
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.story())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FULL: Code = Code::new(Kind::Busy, "disk-full", "the disk is full", "free some space");

    #[test]
    fn caller_and_log_read_different_sentences() {
        let error = FULL
            .error("cannot write `a`")
            .because(std::io::Error::other("no space left on /dev/vda"));
        assert_eq!(error.to_string(), "cannot write `a`");
        assert_eq!(error.story(), "disk-full: cannot write `a`: no space left on /dev/vda");
        assert_eq!(error.advice(), "free some space");
        assert_eq!(error.with_advice("delete `b`").advice(), "delete `b`");
    }

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }
}
