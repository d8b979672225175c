//! The exposition as the real Prometheus sees it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use engines::known::PROMETHEUS;
use flow::Clock;
use flow::signal::{Histogram, Registry};
use watch::export::Numbers;
use watch::export::prometheus::Prometheus;
use watch::process::Process;

fn prometheus(registry: &Registry) -> Prometheus {
    let process = Process::new(registry, &Clock::system());
    Prometheus::new(Numbers::new(registry, process, 1_000))
}

/// Latencies of a cache: most in the low microseconds, with a long tail.
fn latencies(histogram: &Histogram) {
    for number in 0..10_000u64 {
        histogram.record(2_000 + number * number / 2_000 * (1 + number / 9_900 * 50));
    }
}

#[test]
fn promtool_finds_nothing_to_say() {
    let Some(program) = PROMETHEUS.find_or_skip() else { return };
    let registry = Registry::default();
    registry.counter("stockade_test_asked_total", "Asked \"\\\n", &[("who", "a\"\\\nb")]).add(1);
    latencies(&registry.histogram("stockade_test_answer_seconds", "Answers", &[("who", "b")]));
    let mut promtool = Command::new(program.with_file_name("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = prometheus(&registry).expose("text/plain").body;
    promtool.stdin.take().unwrap().write_all(&text).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
}

#[test]
fn a_server_reads_classic_buckets_from_openmetrics() {
    check(&[], "application/openmetrics-text", "stockade_test_answer_seconds_bucket", 0.17);
}

#[test]
fn a_server_reads_native_histograms_from_protobuf() {
    let native = &["--enable-feature=native-histograms"];
    check(native, "application/vnd.google.protobuf", "stockade_test_answer_seconds", 0.045);
}

/// A server started with `flags` asks for `content_type`, and computes from `series`
/// quantiles at most `error` away from the true ones.
fn check(flags: &[&str], content_type: &str, series: &str, error: f64) {
    let Some(program) = PROMETHEUS.find_or_skip() else { return };
    let registry = Registry::default();
    let odd = "a \"quoted\" back\\slash\nand a line";
    registry.counter("stockade_test_asked_total", "Asked", &[("who", odd)]).add(42);
    registry.gauge("stockade_test_age_seconds", "Age", &[]).time(Duration::from_millis(1500));
    let answers = registry.histogram("stockade_test_answer_seconds", "Answers", &[]);
    registry.histogram("stockade_test_empty_seconds", "None", &[("who", odd)]);
    latencies(&answers);

    let (scraped, scrapes) = channel();
    let target = serve(prometheus(&registry), scraped);
    let server = Server::start(&program, &target, flags);
    // A server that asks for the third time has kept what it got the second.
    let served: Vec<String> = (0..3).map(|_| server.next(&scrapes)).collect();
    assert!(served.iter().all(|served| served.starts_with(content_type)), "{served:?}");

    assert_eq!(server.value("up"), 1.0);
    assert_eq!(server.value("stockade_test_asked_total"), 42.0);
    let labelled = server.query("stockade_test_asked_total")["data"]["result"][0]["metric"].clone();
    assert_eq!(labelled["who"], odd);
    assert_eq!(server.value("stockade_test_age_seconds"), 1.5);
    assert!(server.value("process_resident_memory_bytes") > 1e6);
    let reading = answers.read();
    for q in [0.5, 0.9, 0.95, 0.99, 0.999] {
        let expected = reading.quantile(q) as f64 / 1e9;
        let got = server.value(&format!("histogram_quantile({q}, {series})"));
        eprintln!("{series} q{q}: {:+.2} % of {expected}", (got / expected - 1.0) * 100.0);
        // Where values jump, any of a bucket may be answered, not just its middle.
        let error = if q >= 0.99 { error * 2.0 } else { error };
        assert!((got / expected - 1.0).abs() <= error, "q{q}: {got} is not {expected}");
    }
}

/// Serves the exposition and tells which content type each scrape was answered with.
fn serve(prometheus: Prometheus, scraped: Sender<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut accept = String::new();
            for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                match line.split_once(':') {
                    Some((name, value)) if name.eq_ignore_ascii_case("accept") => {
                        accept = value.trim().to_owned();
                    }
                    _ if line.is_empty() => break,
                    _ => {}
                }
            }
            let answer = prometheus.expose(&accept);
            let (kind, length) = (answer.content_type, answer.body.len());
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = (&stream).write_all(&[head.as_bytes(), &answer.body].concat());
            if scraped.send(kind.to_owned()).is_err() {
                return;
            }
        }
    });
    address
}

/// A Prometheus server of this test alone.
struct Server {
    process: Child,
    address: String,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start(program: &Path, target: &str, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("prometheus.yml");
        let jobs = format!(
            "scrape_configs: [{{job_name: stockade, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{{targets: ['{target}']}}]}}]"
        );
        std::fs::write(&config, jobs).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let process = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(flags)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { process, address, _directory: directory }
    }

    fn next(&self, scrapes: &Receiver<String>) -> String {
        scrapes.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| {
            let log = std::fs::read_to_string(self._directory.path().join("log"));
            panic!("the server does not scrape: {}", log.unwrap_or_default())
        })
    }

    fn query(&self, query: &str) -> serde_json::Value {
        let mut escaped = String::new();
        for byte in query.bytes() {
            let _ = write!(escaped, "%{byte:02x}");
        }
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET /api/v1/query?query={escaped} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    fn value(&self, query: &str) -> f64 {
        let answer = self.query(query);
        let value = answer["data"]["result"][0]["value"][1].as_str();
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{query}: {answer}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
