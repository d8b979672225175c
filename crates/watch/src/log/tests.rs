//! The log as its readers see it.

use super::*;
use flow::Time;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

/// A sink that can be read, and held shut.
#[derive(Clone, Default)]
struct Sink(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<(Vec<u8>, bool)>,
    opened: Condvar,
}

impl Sink {
    fn read(&self) -> String {
        String::from_utf8(self.0.state.lock().0.clone()).unwrap()
    }

    fn shut(&self, shut: bool) {
        self.0.state.lock().1 = shut;
        self.0.opened.notify_all();
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut state = self.0.state.lock();
        self.0.opened.wait_while(&mut state, |(_, shut)| *shut);
        state.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is written while `work` runs.
fn written(form: Form, level: &str, work: impl FnOnce(&Log)) -> String {
    let config = Config { level: level.into(), ..Config::default() };
    let clock = Clock::manual(Time(1_700_000_000_123_456_000));
    let sink = Sink::default();
    let boxed = Box::new(sink.clone());
    let (subscriber, log) =
        build(&config, &clock, &Registry::default(), None, form, boxed).unwrap();
    tracing::subscriber::with_default(subscriber, || work(&log));
    drop(log);
    sink.read()
}

#[test]
fn json_says_everything() {
    let text = written(Form::Json, "info,watch=debug", |_| {
        let outer = tracing::info_span!(
            "serve",
            request = "01J",
            door = "http",
            late = tracing::field::Empty
        );
        outer.record("late", 1.5);
        let _outer = outer.enter();
        let _inner = tracing::info_span!("permit", door = "inner").entered();
        tracing::debug!(failures = 5, well = false, error = %"a \"b\"\n\x1b[31m", "breaker opened");
    });
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!({
        "time": "2023-11-14T22:13:20.123456Z",
        "level": "debug",
        "target": "watch::log::tests",
        "message": "breaker opened",
        "request": "01J",
        "spans": ["serve", "permit"],
        "fields": {
            "failures": 5, "well": false, "error": "a \"b\"\n\u{1b}[31m", "door": "inner", "late": 1.5
        },
    });
    assert_eq!(json, expected);
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn people_get_columns() {
    let text = written(Form::Human { colours: false }, "trace", |_| {
        tracing::info!("listening");
        tracing::warn!(part = "redis", failures = 5u32, "breaker opened");
        tracing::error!(target: "pool::sql", error = "no space left", empty = "", "cannot\nwrite\x1b[2J");
        let _span = tracing::info_span!("serve", request = "01J").entered();
        tracing::trace!(took = ?Duration::from_micros(15), "request ended");
    });
    let expected = "\
22:13:20.123  INFO watch    listening
22:13:20.123  WARN watch    breaker opened                       part=redis failures=5
22:13:20.123 ERROR pool     cannot\\nwrite\\u{1b}[2J               error=\"no space left\" empty=\"\"
22:13:20.123 TRACE watch    request ended                        took=15µs request=01J
";
    assert_eq!(text, expected);
}

#[test]
fn levels_change_while_it_runs() {
    let text = written(Form::Human { colours: false }, "warn", |log| {
        tracing::info!("one");
        log.set_level("debug,pool=off").unwrap();
        tracing::info!("two");
        tracing::error!(target: "pool", "three");
        assert_eq!(log.set_level("loud").unwrap_err().code().name, "watch-log-level");
        assert_eq!(log.level(), "debug,pool=off");
        tracing::debug!("four");
        log.flush();
    });
    let said: Vec<_> = text.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(said, ["two", "four"]);
}

#[test]
fn a_reader_that_does_not_read_loses_lines_and_stops_nobody() {
    let sink = Sink::default();
    sink.shut(true);
    let registry = Registry::default();
    let config = Config { buffer: Size::kib(4), ..Config::default() };
    let (subscriber, log) =
        build(&config, &Clock::system(), &registry, None, Form::Json, Box::new(sink.clone()))
            .unwrap();
    tracing::subscriber::with_default(subscriber, || {
        (0..10_000).for_each(|number| tracing::info!(number, "a line"));
        sink.shut(false);
        log.flush();
        tracing::info!("after");
        log.flush();
    });
    drop(log);
    let counter = registry.counter("stockade_watch_log_lost_lines_total", "", &[]);
    let text = sink.read();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_notice = |line: &&serde_json::Value| line["target"] == "watch::log";
    let said: u64 =
        lines.iter().filter(is_notice).map(|line| line["fields"]["lines"].as_u64().unwrap()).sum();
    let kept = lines.iter().filter(|line| line["message"] == "a line").count() as u64;
    assert!(kept > 0 && kept < 300, "{kept}");
    assert_eq!((said, counter.get()), (10_000 - kept, 10_000 - kept));
    assert!(lines.iter().any(|line| line["message"] == "after"));
}

#[test]
fn formats_are_words() {
    let config: Config = serde_json::from_str(r#"{"format": "human", "buffer": "1MiB"}"#).unwrap();
    assert_eq!((config.format, config.level.as_str()), (Format::Human, "info"));
    assert!(serde_json::from_str::<Config>(r#"{"colour": true}"#).is_err());
}
