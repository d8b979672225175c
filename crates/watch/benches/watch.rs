//! What watching costs, beside `prometheus-client` in the same run. Prints
//! `name<TAB>value<TAB>unit<TAB>goal` lines, and how true the median is beside how
//! fast it was had.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should stop there")]

use std::hint::black_box;

use flow::Clock;
use flow::signal::Registry;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use tracing_subscriber::layer::SubscriberExt;
use watch::export::Numbers;
use watch::export::otlp::{self, Collect};
use watch::export::prometheus::Prometheus;
use watch::process::Process;
use watch::scrape::Scrape;

const ROUNDS: usize = 9;

/// Median nanoseconds of one of `times` calls.
fn measure(times: u64, mut work: impl FnMut(u64)) -> f64 {
    let clock = Clock::system();
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = clock.moment();
            (0..times).for_each(&mut work);
            clock.moment().since(begun).as_nanos() as f64 / times as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(ROUNDS / 2).copied().unwrap()
}

fn say(name: &str, value: f64, unit: &str, goal: &str) {
    println!("{name}\t{value:.1}\t{unit}\t{goal}");
}

/// Latencies of a cache in nanoseconds: 2 to 50 µs.
fn latency(number: u64) -> u64 {
    2_000 + number.wrapping_mul(2_654_435_761) % 48_000
}

fn ours() {
    let registry = Registry::default();
    let counter = registry.counter("stockade_bench_counted_total", "Counted", &[]);
    say("counter add", measure(5_000_000, |_| black_box(&counter).add(1)), "ns", "<= 9");
    let histogram = registry.histogram("stockade_bench_took_seconds", "Took", &[]);
    let record = |number| black_box(&histogram).record(latency(number));
    say("histogram record", measure(5_000_000, record), "ns", "<= 25");
    let found = histogram.read().quantile(0.5) as f64 / 26_000.0;
    say("histogram p50 error", (found - 1.0).abs() * 100.0, "%", "<= 1");

    let registry = Registry::default();
    for number in 0..1_000 {
        let number = format!("{number:03}");
        registry.counter("stockade_bench_counted_total", "Counted", &[("number", &number)]).add(1);
    }
    expose("1,000 counters", &registry);
    let registry = Registry::default();
    for number in 0..12 {
        let number = format!("{number:03}");
        let histogram =
            registry.histogram("stockade_bench_took_seconds", "Took", &[("number", &number)]);
        (0..100_000).for_each(|number| histogram.record(latency(number)));
    }
    expose("12 histograms (984 series)", &registry);
}

fn expose(what: &str, registry: &Registry) {
    let process = Process::new(registry, &Clock::system());
    let prometheus = Prometheus::new(Numbers::new(registry, process, 10_000));
    for (format, accept) in [
        ("text", "text/plain"),
        ("openmetrics", "application/openmetrics-text"),
        (
            "protobuf",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        ),
    ] {
        let took = measure(50, |_| drop(black_box(prometheus.expose(accept))));
        let size = prometheus.expose(accept).body.len();
        say(&format!("{what} as {format}, {size} bytes"), took / 1e3, "µs", "");
    }
    let text = String::from_utf8(prometheus.expose("text/plain").body).unwrap();
    let took = measure(20, |_| drop(black_box(Scrape::read(&text).unwrap())));
    say(&format!("{what} read back"), took / 1e3, "µs", "");
}

fn spans() {
    let (clock, random, registry) = (Clock::system(), flow::Random::system(), Registry::default());
    for (name, sample) in [("span, not sampled", 0.0), ("span, collected", 1.0)] {
        let config = otlp::Config { sample, ..otlp::Config::default() };
        let collect = Collect::new(&config, &clock, &random, &registry);
        let subscriber = tracing_subscriber::registry().with(collect);
        tracing::subscriber::with_default(subscriber, || {
            let span = |number| drop(tracing::info_span!("bench", number));
            say(name, measure(100_000, span), "ns", "");
        });
    }
    let span = |number| drop(tracing::info_span!("bench", number));
    say("span, nobody listens", measure(1_000_000, span), "ns", "");
}

fn theirs() {
    let counter: prometheus_client::metrics::counter::Counter = Default::default();
    let add = measure(5_000_000, |_| _ = black_box(&counter).inc());
    say("prometheus-client: counter add", add, "ns", "");
    // As many buckets as we expose.
    let buckets = || exponential_buckets(1e-6, 1.2575, 79);
    let histogram = Histogram::new(buckets());
    let record = |number| black_box(&histogram).observe(latency(number) as f64 / 1e9);
    say("prometheus-client: histogram record", measure(1_000_000, record), "ns", "");

    type Labels = [(&'static str, String); 1];
    let mut registry = prometheus_client::registry::Registry::default();
    let family = Family::<Labels, prometheus_client::metrics::counter::Counter>::default();
    for number in 0..1_000 {
        family.get_or_create(&[("number", format!("{number:03}"))]).inc();
    }
    registry.register("stockade_bench_counted", "Counted", family);
    their_exposition("1,000 counters", &registry);
    let mut registry = prometheus_client::registry::Registry::default();
    let make = move || Histogram::new(buckets());
    let family = Family::<Labels, Histogram, _>::new_with_constructor(make);
    for number in 0..12 {
        let labels = [("number", format!("{number:03}"))];
        let histogram = family.get_or_create(&labels);
        (0..100_000).for_each(|number| histogram.observe(latency(number) as f64 / 1e9));
    }
    registry.register("stockade_bench_took_seconds", "Took", family);
    their_exposition("12 histograms (984 series)", &registry);
}

fn their_exposition(what: &str, registry: &prometheus_client::registry::Registry) {
    let expose = |_| {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
        black_box(&text);
    };
    say(&format!("prometheus-client: {what} as openmetrics"), measure(50, expose) / 1e3, "µs", "");
}

fn main() {
    // Under `cargo test` benchmarks are only compiled and started.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    ours();
    spans();
    theirs();
    let clock = Clock::system();
    let reading = measure(1_000_000, |_| _ = black_box(clock.moment()));
    say("reading the clock, for scale", reading, "ns", "");
}
