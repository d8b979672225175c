//! Pushing what was watched to an OpenTelemetry collector.

use std::sync::Arc;
use std::time::Duration;

use ::watch::export::otlp;
use ::watch::{Collect, Exporter, Post, Reply};
use bytes::Bytes;
use flow::{BoxFuture, Code, Kind, Result};
use pool::Http;
use pool::http::Ask;
use pool::secret::Secret;

use super::Ground;

/// A header of the collector that is no reference to a secret.
pub(crate) static HEADER: Code = Code::new(
    Kind::Invalid,
    "wire-otlp-header",
    "A header for the collector is not a reference",
    "write its value as `env:NAME` or `file:PATH`",
);

/// The log's part of the export, to be given to the log before it starts.
pub(crate) fn collect(config: &otlp::Config, ground: &Ground) -> Option<Collect> {
    let Ground { clock, random, registry, .. } = ground;
    config.endpoint.is_some().then(|| Collect::new(config, clock, random, registry))
}

/// What pushes it.
pub(crate) fn exporter(
    config: &otlp::Config,
    collect: Option<&Collect>,
    ground: &Ground,
) -> Result<Option<Exporter>> {
    let (Some(endpoint), Some(collect)) = (&config.endpoint, collect) else { return Ok(None) };
    let Ground { clock, random, registry, process } = ground;
    let timeouts = pool::http::Config {
        answer_timeout: config.timeout,
        timeout: config.timeout,
        ..Default::default()
    };
    let http = Http::new(timeouts, clock.clone(), random.clone(), registry)?;
    let header = |(name, value): (&String, &String)| {
        let secret: Secret = value
            .parse()
            .map_err(|cause: &str| HEADER.error(format!("the header `{name}`")).because(cause))?;
        Ok((name.clone(), secret.read_text()?.to_string()))
    };
    let headers = config.headers.iter().map(header).collect::<Result<_>>()?;
    let collector = Collector { http, endpoint: endpoint.trim_end_matches('/').into(), headers };
    // Checked now, while somebody is looking.
    Ask::post(&collector.endpoint, Bytes::new())?;
    let resource = vec![
        ("service.name", "stockade".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", random.id(clock.now()).to_string()),
    ];
    let post = Arc::new(collector);
    Ok(Some(Exporter::new(config, collect, process.clone(), resource, post, registry)))
}

struct Collector {
    http: Http,
    endpoint: String,
    headers: Vec<(String, String)>,
}

impl Post for Collector {
    fn post<'a>(&'a self, path: &'static str, body: Bytes) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let ask = Ask::post(&format!("{}{path}", self.endpoint), body)?;
            let mut ask = ask.header("content-type", otlp::CONTENT_TYPE)?;
            for (name, value) in &self.headers {
                ask = ask.header(name, value)?;
            }
            let answer = self.http.send(ask).await?;
            let wait = answer.headers.get("retry-after").and_then(|value| value.to_str().ok());
            Ok(match answer.status.as_u16() {
                200..=299 => Reply::Taken(answer.body),
                429 | 502..=504 => {
                    Reply::Later(wait.and_then(|wait| wait.parse().ok()).map(Duration::from_secs))
                }
                status => Reply::Refused(format!("the collector answered {status}")),
            })
        })
    }
}
