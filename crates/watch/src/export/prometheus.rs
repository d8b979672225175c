//! The numbers for Prometheus and everything that reads its formats.
//!
//! Three formats, and the scraper chooses: the text of old (0.0.4), OpenMetrics,
//! and the protobuf one, which alone can carry *native histograms*. Their buckets
//! are 4.4 % wide at any latency, and they need one series instead of eighty. The
//! classic buckets beside them step by a third at most, from 1 µs to 60 s, so that
//! the median of a cache that answers in microseconds is right within 17 %; where
//! a tail begins, a quantile may be off by the whole step.

mod bounds;
mod native;
mod negotiate;
mod text;

use std::sync::Arc;

use super::Numbers;
pub use negotiate::{Format, choose};

/// Answers scrapes.
#[derive(Debug, Clone)]
pub struct Prometheus(Arc<Numbers>);

/// What a scraper is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposition {
    /// For the `Content-Type` header.
    pub content_type: &'static str,
    /// The numbers.
    pub body: Vec<u8>,
}

impl Prometheus {
    /// Exposes these numbers.
    pub fn new(numbers: Arc<Numbers>) -> Self {
        Self(numbers)
    }

    /// Everything as it stands now, in the format the `Accept` header asks for.
    pub fn expose(&self, accept: &str) -> Exposition {
        let families = self.0.families();
        let format = choose(accept);
        let body = match format {
            Format::Text | Format::OpenMetrics => text::write(&families, format).into_bytes(),
            Format::Protobuf => native::write(&families),
        };
        Exposition { content_type: format.content_type(), body }
    }
}

/// The text of these families, as it would be exposed.
#[cfg(test)]
pub(crate) fn text_of(families: &[super::Family]) -> String {
    text::write(families, Format::Text)
}
