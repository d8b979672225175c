//! What is sent, read back with the official types by a collector of our own.

use super::*;
use crate::export::Numbers;
use crate::process::Process;
use flow::signal::Registry;
use flow::{Clock, Random, Time};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Point;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};
use opentelemetry_proto::tonic::trace::v1::{Span as Official, span::SpanKind};
use parking_lot::Mutex;
use prost::Message;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};
use tracing_subscriber::layer::SubscriberExt;

/// A collector that answers as it is told and passes on what it takes.
struct Collector {
    replies: Mutex<Vec<Reply>>,
    posted: mpsc::UnboundedSender<(&'static str, Bytes)>,
}

impl Post for Collector {
    fn post<'a>(&'a self, path: &'static str, body: Bytes) -> BoxFuture<'a, Result<Reply>> {
        // What the client says must not come back as something to export.
        tracing::info!("posting");
        let reply = self.replies.lock().pop().unwrap_or_else(|| Reply::Taken(Bytes::new()));
        let _ = self.posted.send((path, body));
        Box::pin(std::future::ready(Ok(reply)))
    }
}

struct Setup {
    registry: Registry,
    clock: Clock,
    stop: Arc<Notify>,
    posted: mpsc::UnboundedReceiver<(&'static str, Bytes)>,
    running: tokio::task::JoinHandle<()>,
    _guard: tracing::subscriber::DefaultGuard,
}

/// An exporter at work, its layer installed for this thread. The last reply is
/// the first to be given.
fn start(config: &Config, replies: Vec<Reply>) -> Setup {
    let (registry, clock) = (Registry::default(), Clock::manual(Time(1_700_000_000_000_000_000)));
    let collect = Collect::new(config, &clock, &Random::seeded(1), &registry);
    let process = Process::new(&registry, &clock);
    let numbers = Numbers::new(&registry, process, 100);
    let (sender, posted) = mpsc::unbounded_channel();
    let collector = Arc::new(Collector { replies: Mutex::new(replies), posted: sender });
    let resource = vec![("service.name", "stockade".to_owned())];
    let exporter = Exporter::new(config, &collect, numbers, resource, collector, &registry);
    let subscriber = tracing_subscriber::registry().with(collect.filtered().unwrap());
    let _guard = tracing::subscriber::set_default(subscriber);
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone();
    let running = tokio::spawn(exporter.run(async move { stopped.notified().await }));
    Setup { registry, clock, stop, posted, running, _guard }
}

impl Setup {
    async fn next(&mut self, path: &str) -> Bytes {
        loop {
            let (to, body) = self.posted.recv().await.unwrap();
            if to == path {
                return body;
            }
        }
    }

    async fn spans(&mut self) -> Vec<Official> {
        let body = self.next("/v1/traces").await;
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let resource = request.resource_spans[0].resource.as_ref().unwrap();
        assert_eq!(text(&resource.attributes, "service.name"), Some("stockade"));
        request.resource_spans[0].scope_spans[0].spans.clone()
    }

    async fn records(&mut self) -> Vec<LogRecord> {
        let body = self.next("/v1/logs").await;
        let request = ExportLogsServiceRequest::decode(body).unwrap();
        request.resource_logs[0].scope_logs[0].log_records.clone()
    }

    async fn metrics(&mut self) -> Vec<Metric> {
        let body = self.next("/v1/metrics").await;
        let request = ExportMetricsServiceRequest::decode(body).unwrap();
        request.resource_metrics[0].scope_metrics[0].metrics.clone()
    }

    fn count(&self, which: &str, signal: &str) -> u64 {
        let name = match which {
            "lost" => "stockade_watch_otlp_lost_total",
            _ => "stockade_watch_otlp_sent_total",
        };
        self.registry.counter(name, "", &[("signal", signal)]).get()
    }

    async fn end(self) -> Registry {
        self.stop.notify_one();
        self.running.await.unwrap();
        self.registry
    }
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match value(attributes, key)? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// Batches of two, so that two of anything are sent at once.
fn pairs() -> Config {
    Config { batch: 2, ..Config::default() }
}

#[tokio::test]
async fn numbers_arrive_as_they_are() {
    let mut setup = start(&Config::default(), vec![]);
    setup.metrics().await;
    let registry = &setup.registry;
    registry.counter("stockade_a_total", "A", &[("b", "c")]).add(7);
    registry.gauge("stockade_age_seconds", "Age", &[]).time(Duration::from_millis(1500));
    let histogram = registry.histogram("stockade_h_seconds", "H", &[]);
    for value in [0, 1_000, 1_000, 1_000_000_000] {
        histogram.record(value);
    }
    setup.clock.advance(Duration::from_secs(15));
    let metrics = setup.metrics().await;
    let find = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap();

    let Some(Data::Sum(sum)) = &find("stockade_a_total").data else { panic!("not a sum") };
    let point = &sum.data_points[0];
    assert!(sum.is_monotonic);
    assert_eq!(sum.aggregation_temporality(), AggregationTemporality::Cumulative);
    assert_eq!((&point.value, text(&point.attributes, "b")), (&Some(Point::AsInt(7)), Some("c")));
    assert_eq!(point.start_time_unix_nano, 1_700_000_000_000_000_000);
    assert_eq!(point.time_unix_nano, 1_700_000_015_000_000_000);

    let age = find("stockade_age_seconds");
    let Some(Data::Gauge(gauge)) = &age.data else { panic!("not a gauge") };
    assert_eq!(gauge.data_points[0].value, Some(Point::AsDouble(1.5)));
    assert_eq!((age.unit.as_str(), age.description.as_str()), ("s", "Age"));

    let Some(Data::ExponentialHistogram(histogram)) = &find("stockade_h_seconds").data else {
        panic!("not a histogram")
    };
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.zero_count, point.sum), (4, 1, Some(1.000_002)));
    let positive = point.positive.as_ref().unwrap();
    assert!(positive.bucket_counts.len() <= 160);
    let base = f64::exp2(f64::exp2(f64::from(-point.scale)));
    for (seconds, count) in [(1e-6, 2), (1.0, 1)] {
        // Bucket `i` holds `(base^i, base^(i+1)]`; ours are off by 0.8 % at most.
        let holds = |index: usize| {
            let from = base.powi(positive.offset + index as i32);
            from * 0.99 <= seconds && seconds <= from * base * 1.01
        };
        let found = positive.bucket_counts.iter().enumerate().filter(|(index, _)| holds(*index));
        assert_eq!(found.map(|(_, count)| count).sum::<u64>(), count, "{seconds}");
    }
    assert_eq!(positive.bucket_counts.iter().sum::<u64>(), 3);
}

#[tokio::test]
async fn a_request_and_its_stages_are_one_trace() {
    let mut setup = start(&pairs(), vec![]);
    let id = Random::seeded(2).id(Time(1_700_000_000_000_000_000));
    {
        let serve =
            tracing::info_span!("serve", request = %id, bytes = 5u64, late = tracing::field::Empty);
        serve.record("late", "said");
        let _serve = serve.enter();
        let _permit = tracing::info_span!("permit", allowed = true, score = -0.5).entered();
        setup.clock.advance(Duration::from_millis(3));
        tracing::error!(count = -2, "it broke");
        tracing::info!(target: "pool::kv", "and went on");
    }
    let spans = setup.spans().await;
    let [permit, serve] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((permit.name.as_str(), serve.name.as_str()), ("permit", "serve"));
    assert_eq!(
        (&permit.trace_id, &permit.trace_id),
        (&serve.trace_id, &id.0.to_be_bytes().to_vec())
    );
    assert_eq!((&permit.parent_span_id, serve.parent_span_id.len()), (&serve.span_id, 0));
    assert_eq!((permit.kind(), serve.kind()), (SpanKind::Internal, SpanKind::Server));
    assert_eq!(permit.end_time_unix_nano - permit.start_time_unix_nano, 3_000_000);
    assert_eq!(value(&permit.attributes, "allowed"), Some(&Value::BoolValue(true)));
    assert_eq!(value(&permit.attributes, "score"), Some(&Value::DoubleValue(-0.5)));
    assert_eq!(value(&serve.attributes, "bytes"), Some(&Value::IntValue(5)));
    assert_eq!(text(&serve.attributes, "late"), Some("said"));
    assert_eq!(permit.status.as_ref().unwrap().code, 2);
    assert_eq!(serve.status, None);

    let records = setup.records().await;
    let [broke, went_on] = &records[..] else { panic!("{records:?}") };
    assert_eq!((broke.severity_number, broke.severity_text.as_str()), (17, "ERROR"));
    assert_eq!(broke.body.clone().unwrap().value, Some(Value::StringValue("it broke".into())));
    assert_eq!(value(&broke.attributes, "count"), Some(&Value::IntValue(-2)));
    assert_eq!((&broke.trace_id, &broke.span_id), (&permit.trace_id, &permit.span_id));
    assert_eq!(text(&went_on.attributes, "target"), Some("pool::kv"));
    assert_eq!((setup.count("lost", "traces"), setup.count("lost", "logs")), (0, 0));
}

#[tokio::test]
async fn a_caller_decides_for_its_own_trace() {
    let mut setup = start(&Config { sample: 0.0, ..pairs() }, vec![]);
    for flags in ["00", "01"] {
        let caller = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        let _serve = tracing::info_span!("serve", traceparent = caller, flags).entered();
        let _inner = tracing::info_span!("inner").entered();
    }
    drop(tracing::info_span!("nobody asked"));
    let spans = setup.spans().await;
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["inner", "serve"]);
    assert_eq!(text(&spans[1].attributes, "flags"), Some("01"));
    assert_eq!(spans[1].parent_span_id, 0x00f067aa0ba902b7u64.to_be_bytes());
    let trace = 0x4bf92f3577b34da6a3ce929d0e0e4736u128.to_be_bytes();
    assert!(spans.iter().all(|span| span.trace_id == trace));
}

#[tokio::test]
async fn a_part_of_the_traces_is_sampled() {
    let setup = start(&Config { sample: 0.25, queue: 100_000, batch: 100_000, ..pairs() }, vec![]);
    for _ in 0..2_000 {
        let _outer = tracing::info_span!("outer").entered();
        let _inner = tracing::info_span!("inner").entered();
    }
    let sent = setup
        .end()
        .await
        .counter("stockade_watch_otlp_sent_total", "", &[("signal", "traces")])
        .get();
    assert!((900..1100).contains(&sent) && sent.is_multiple_of(2), "{sent}");
}

#[tokio::test]
async fn what_does_not_fit_is_counted() {
    let setup = start(&Config { queue: 10, batch: 10, ..pairs() }, vec![]);
    for _ in 0..25 {
        tracing::info!("a line");
    }
    assert_eq!(setup.count("lost", "logs"), 15);
    let registry = setup.end().await;
    let sent = registry.counter("stockade_watch_otlp_sent_total", "", &[("signal", "logs")]);
    assert_eq!(sent.get(), 10);
}

#[tokio::test]
async fn a_busy_collector_is_asked_again_and_a_part_may_be_refused() {
    let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "old".into() };
    let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let (later, taken) = (Reply::Later(Some(Duration::from_secs(7))), Reply::Taken(Bytes::new()));
    let mut setup = start(&pairs(), vec![Reply::Taken(body.into()), later, taken]);
    setup.metrics().await;
    drop(tracing::info_span!("one"));
    drop(tracing::info_span!("two"));
    let first = setup.next("/v1/traces").await;
    assert!(setup.posted.try_recv().is_err());
    setup.clock.advance(Duration::from_secs(7));
    assert_eq!(setup.next("/v1/traces").await, first);
    let registry = setup.end().await;
    let count = |name| registry.counter(name, "", &[("signal", "traces")]).get();
    assert_eq!(count("stockade_watch_otlp_sent_total"), 1);
    assert_eq!(count("stockade_watch_otlp_lost_total"), 1);
}

#[tokio::test]
async fn what_is_refused_is_lost_at_once() {
    let refused = Reply::Refused("no such tenant".into());
    let mut setup = start(&pairs(), vec![refused]);
    setup.metrics().await;
    setup.clock.advance(Duration::from_secs(15));
    setup.metrics().await;
    assert_eq!(setup.count("lost", "metrics"), 1);
}

#[tokio::test]
async fn what_waits_at_the_end_is_sent() {
    let mut setup = start(&Config::default(), vec![]);
    setup.metrics().await;
    tracing::info!("the last words");
    setup.stop.notify_one();
    let records = setup.records().await;
    assert_eq!(records.len(), 1, "what the exporter itself says is not exported: {records:?}");
    setup.running.await.unwrap();
}
