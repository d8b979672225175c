//! Which events are wanted.

use clap::Args;

use crate::cli::client::encoded;

/// Which events are wanted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which events")]
pub(super) struct Filter {
    /// Only of this stream; what Stockade did itself is in $facts
    #[arg(long, value_name = "STREAM")]
    stream: Option<String>,
    /// Only this type, or all that begin so: order.*; once for each
    #[arg(long = "type", value_name = "TYPE")]
    kinds: Vec<String>,
    /// Only what this actor did: human:ann
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Only within this part of a system
    #[arg(long, value_name = "NAME")]
    component: Option<String>,
    /// Only what belongs to this
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Only what followed from this
    #[arg(long, value_name = "ID")]
    causation: Option<String>,
    /// Only about paths like this: shop/*/orders/**
    #[arg(long, value_name = "GLOB")]
    path: Option<String>,
    /// Only at this time or later: 2026-03-01T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only before this time
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
}

impl Filter {
    /// What is asked for, as JSON.
    pub(super) fn document(&self) -> serde_json::Value {
        serde_json::json!({
            "stream": self.stream,
            "types": self.kinds,
            "actor": self.actor,
            "component": self.component,
            "correlation": self.correlation,
            "causation": self.causation,
            "path": self.path,
            "since": self.since,
            "before": self.before,
        })
    }

    /// What is asked for, as a query.
    pub(super) fn query(&self) -> Query {
        let mut query = Query::default();
        let one = [
            ("stream", &self.stream),
            ("actor", &self.actor),
            ("component", &self.component),
            ("correlation", &self.correlation),
            ("causation", &self.causation),
            ("path", &self.path),
            ("since", &self.since),
            ("before", &self.before),
        ];
        self.kinds.iter().for_each(|kind| query.add("type", Some(kind)));
        one.into_iter().for_each(|(name, value)| query.add(name, value.as_ref()));
        query
    }
}

/// A query as it grows.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<String>);

impl Query {
    pub(super) fn add(&mut self, name: &str, value: Option<impl ToString>) {
        self.0.extend(value.map(|value| format!("{name}={}", encoded(&value.to_string()))));
    }

    /// The question for events.
    pub(super) fn path(&self) -> String {
        match self.0.is_empty() {
            true => "/v1/events".to_owned(),
            false => format!("/v1/events?{}", self.0.join("&")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_and_has_what_was_said_only() {
        let mut query = Query::default();
        query.add("from", None::<u64>);
        assert_eq!(query.path(), "/v1/events");
        query.add("type", Some("a&b"));
        query.add("limit", Some(5));
        assert_eq!(query.path(), "/v1/events?type=a%26b&limit=5");
    }
}
