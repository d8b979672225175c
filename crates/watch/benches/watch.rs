//! What watching costs, beside `prometheus-client` in the same run, and how true the
//! median is beside how fast it was had.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should stop there")]

use std::hint::black_box;

use flow::Clock;
use flow::signal::Registry;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter as TheirCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram as TheirHistogram, exponential_buckets};
use prometheus_client::registry::Registry as TheirRegistry;
use rustix::time::{ClockId, clock_gettime};
use tracing_subscriber::layer::SubscriberExt;
use watch::export::Numbers;
use watch::export::otlp::{self, Collect};
use watch::export::prometheus::Prometheus;
use watch::process::Process;
use watch::scrape::Scrape;

const ROUNDS: usize = 21;

fn main() {
    // Under `cargo test` benchmarks are only compiled and started.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!(
        "# Processor time of one thread for one call, medians of {ROUNDS} rounds in turn with the peer. \
         Our expositions read from /proc first what the process uses. Latencies spread evenly from 2 to 50 µs; histograms of the peer have 79 buckets, as ours \
         have in text."
    );
    counting();
    expositions();
    spans();
}

/// What one call costs in nanoseconds: the median of some rounds of `times` calls.
fn cost(times: u64, mut work: impl FnMut(u64)) -> f64 {
    median((0..ROUNDS).map(|_| round(times, &mut work)).collect())
}

/// The same of ours and theirs, which take turns, so that the machine's moods strike
/// both.
fn costs(times: u64, mut ours: impl FnMut(u64), mut theirs: impl FnMut(u64)) -> (f64, f64) {
    let rounds = (0..ROUNDS).map(|_| (round(times, &mut ours), round(times, &mut theirs)));
    let (ours, theirs) = rounds.unzip();
    (median(ours), median(theirs))
}

/// By the processor time of this thread: others may be using the machine.
fn round(times: u64, work: &mut impl FnMut(u64)) -> f64 {
    let used = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let begun = used();
    (0..times).for_each(work);
    (used() - begun) / times as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap()
}

fn say(name: &str, value: f64, unit: &str, goal: &str) {
    println!("{name}\t{value:.2}\t{unit}\t{goal}");
}

fn say_beside(name: &str, (ours, theirs): (f64, f64), unit: &str, goal: &str) {
    println!("{name}\t{ours:.2}\t{unit}\t{goal}\tprometheus-client\t{theirs:.2}");
}

/// Latencies of a cache in nanoseconds: 2 to 50 µs.
fn latency(number: u64) -> u64 {
    2_000 + number.wrapping_mul(2_654_435_761) % 48_000
}

fn seconds(number: u64) -> f64 {
    latency(number) as f64 / 1e9
}

/// As many buckets as ours in text.
fn their_buckets() -> TheirHistogram {
    TheirHistogram::new(exponential_buckets(1e-6, 1.2575, 79))
}

fn counting() {
    let registry = Registry::default();
    let ours = registry.counter("stockade_bench_counted_total", "Counted", &[]);
    let theirs: TheirCounter = TheirCounter::default();
    let add = |_| black_box(&ours).add(1);
    let costs_of_one = costs(2_000_000, add, |_| _ = black_box(&theirs).inc());
    say_beside("counter add", costs_of_one, "ns", "≤ 9");

    let ours = registry.histogram("stockade_bench_took_seconds", "Took", &[]);
    let theirs = their_buckets();
    let record = |number| black_box(&ours).record(latency(number));
    let costs_of_one =
        costs(1_000_000, record, |number| black_box(&theirs).observe(seconds(number)));
    say_beside("histogram record", costs_of_one, "ns", "≤ 25");
    let found = ours.read().quantile(0.5) as f64 / 26_000.0;
    say("histogram, error of the median", (found - 1.0).abs() * 100.0, "%", "≤ 1");
}

fn expositions() {
    let (ours, mut theirs) = (Registry::default(), TheirRegistry::default());
    let family = Family::<Labels, TheirCounter>::default();
    for number in 0..1_000 {
        let number = format!("{number:03}");
        ours.counter("stockade_bench_counted_total", "Counted", &[("number", &number)]).add(1);
        family.get_or_create(&[("number", number)]).inc();
    }
    theirs.register("stockade_bench_counted", "Counted", family);
    expose("1,000 counters", &ours, &theirs);

    let (ours, mut theirs) = (Registry::default(), TheirRegistry::default());
    let family = Family::<Labels, TheirHistogram, _>::new_with_constructor(their_buckets);
    for number in 0..12 {
        let number = format!("{number:03}");
        let mine = ours.histogram("stockade_bench_took_seconds", "Took", &[("number", &number)]);
        let other = family.get_or_create_owned(&[("number", number)]);
        for number in 0..100_000 {
            mine.record(latency(number));
            other.observe(seconds(number));
        }
    }
    theirs.register("stockade_bench_took_seconds", "Took", family);
    expose("12 histograms", &ours, &theirs);
}

type Labels = [(&'static str, String); 1];

fn expose(what: &str, ours: &Registry, theirs: &TheirRegistry) {
    let process = Process::new(ours, &Clock::system());
    let prometheus = Prometheus::new(Numbers::new(ours, process, 10_000));
    let micros = |nanos: f64| nanos / 1e3;
    let expose = |accept| move |prometheus: &Prometheus| prometheus.expose(accept).body;
    let [text, open, protobuf] =
        ["text/plain", "application/openmetrics-text", PROTOBUF].map(expose);
    let their_text = || {
        let mut text = String::new();
        encode(&mut text, theirs).unwrap();
        text
    };
    let (mine, other) =
        costs(50, |_| drop(black_box(open(&prometheus))), |_| drop(black_box(their_text())));
    say_beside(&format!("{what} as OpenMetrics"), (micros(mine), micros(other)), "µs", "");
    let sizes = (open(&prometheus).len() as f64 / 1024.0, their_text().len() as f64 / 1024.0);
    say_beside(&format!("{what} as OpenMetrics, size"), sizes, "KiB", "");
    for (format, expose) in [("text", text), ("protobuf", protobuf)] {
        let took = cost(50, |_| drop(black_box(expose(&prometheus))));
        say(&format!("{what} as {format}"), micros(took), "µs", "");
        let size = expose(&prometheus).len() as f64 / 1024.0;
        say(&format!("{what} as {format}, size"), size, "KiB", "");
    }
    let text = String::from_utf8(text(&prometheus)).unwrap();
    let took = cost(20, |_| drop(black_box(Scrape::read(&text).unwrap())));
    say(&format!("{what} read back from text"), micros(took), "µs", "");
}

const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

fn spans() {
    let (clock, random, registry) = (Clock::system(), flow::Random::system(), Registry::default());
    let span = |number| drop(tracing::info_span!("bench", number));
    say("span, nobody listens", cost(500_000, span), "ns", "");
    for (name, sample) in [("span, not sampled", 0.0), ("span, collected", 1.0)] {
        let config = otlp::Config { sample, ..otlp::Config::default() };
        let collect = Collect::new(&config, &clock, &random, &registry);
        let subscriber = tracing_subscriber::registry().with(collect);
        tracing::subscriber::with_default(subscriber, || {
            let span = |number| drop(tracing::info_span!("bench", number));
            say(name, cost(100_000, span), "ns", "");
        });
    }
    let reading = cost(1_000_000, |_| _ = black_box(clock.moment()));
    say("reading the clock, for scale", reading, "ns", "");
}
