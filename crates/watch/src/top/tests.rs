//! The picture as a person sees it.

use super::*;
use crate::{Numbers, Process, Prometheus};
use flow::signal::Registry;
use flow::{Clock, Time};
use std::time::Duration;

/// A server after `seconds` of work: 1,000 requests a second, the slowest of them
/// 25 ms long.
fn text(registry: &Registry, seconds: u64) -> String {
    let count = |name, help, labels: &[(&'static str, &str)], total: u64| {
        let counter = registry.counter(name, help, labels);
        counter.add(total * seconds - counter.get());
    };
    for (door, outcome, rate) in [
        ("http", "done", 900),
        ("http", "refused", 100),
        ("resp", "done", 52_100),
        ("local", "done", 0),
    ] {
        let labels = [("door", door), ("outcome", outcome)];
        count("stockade_flow_requests_total", "Requests", &labels, rate);
    }
    for (tier, result, rate) in
        [("memory", "hit", 900), ("memory", "absent", 100), ("l2", "hit", 50)]
    {
        let labels = [("tier", tier), ("result", result)];
        count("stockade_cache_reads_total", "Reads", &labels, rate);
    }
    count("stockade_pool_health_failures_total", "Failed", &[("part", "redis")], 2);
    count("stockade_pool_acquired_total", "Lent", &[("pool", "sqlite")], 10);
    count("process_cpu_seconds_total", "CPU", &[], 420_000_000);
    registry.gauge("stockade_cache_memory_bytes", "Bytes", &[]).set(20 << 20);
    registry.gauge("process_resident_memory_bytes", "RAM", &[]).set(38 << 20);
    registry.gauge("process_open_fds", "Files", &[]).set(23);
    registry.gauge("process_threads", "Threads", &[]).set(9);
    registry.gauge("process_uptime_seconds", "Up", &[]).time(Duration::from_secs(7_260));
    for (pool, used, open, waiting) in [("postgres", 8, 8, 3), ("sqlite readers", 1, 4, 0)] {
        let labels = [("pool", pool)];
        registry.gauge("stockade_pool_used_connections", "Used", &labels).set(used);
        registry.gauge("stockade_pool_open_connections", "Open", &labels).set(open);
        registry.gauge("stockade_pool_waiting_callers", "Waiting", &labels).set(waiting);
    }
    for (part, well, breaker) in [("postgres", 1, 0), ("redis", 0, 2)] {
        let labels = [("part", part)];
        registry.gauge("stockade_pool_health_well", "Well", &labels).set(well);
        registry.gauge("stockade_pool_breaker_state", "State", &labels).set(breaker);
    }
    registry.histogram("stockade_pool_acquire_seconds", "Idle", &[("pool", "postgres")]);
    for (stage, nanos) in [("permit", 100), ("recognise", 1_000), ("whole", 25_000)] {
        let help = "Time in a stage";
        let histogram =
            registry.histogram("stockade_flow_stage_seconds", help, &[("stage", stage)]);
        (histogram.read().count..1_000 * seconds)
            .for_each(|number| histogram.record(number % 1_000 * nanos));
    }
    let families = crate::export::Family::all(registry, 1_000).0;
    crate::export::prometheus::text_of(&families)
}

/// Two seconds of work between two readings.
fn seen() -> (Seen, Seen) {
    let registry = Registry::default();
    let see = |seconds: u64| {
        let at = Moment(seconds * 1_000_000_000);
        Seen { at, scrape: Scrape::read(&text(&registry, seconds)).unwrap() }
    };
    (see(1), see(3))
}

/// Without the colours.
fn plain(frame: &str) -> String {
    let mut plain = String::new();
    let mut rest = frame;
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once(['m', 'K', 'J', 'H']).map_or("", |(_, after)| after);
    }
    plain + rest
}

#[test]
fn a_picture_of_two_readings() {
    let (previous, current) = seen();
    let picture = plain(&frame(&previous, &current, 100, 40));
    let expected = "\
stockade   up 2h 1m   cpu 42 %   memory 38 MiB   files 23   threads 9

TROUBLE pool health failures redis              2.0/s

REQUESTS            /s      done   refused
http              1.0k       900       100
resp               52k       52k         ·

LATENCY                                 /s       p50       p95       p99
flow stage permit                     1.0k     50 µs     95 µs     99 µs
flow stage recognise                  1.0k    500 µs    949 µs    990 µs
flow stage whole                      1.0k     13 ms     24 ms     25 ms
1 idle

CACHE                           1.0k reads/s, 95.0 % hits, 20 MiB
POOLS   postgres                ████████████████████ 8 of 8 in use, 3 waiting
        sqlite readers          █████░░░░░░░░░░░░░░░ 1 of 4 in use
PARTS   postgres                well      breaker closed
        redis                   not well  breaker open";
    assert_eq!(picture, expected);
}

#[test]
fn a_picture_fits_any_window() {
    let (previous, current) = seen();
    for (width, height) in [(0, 0), (1, 1), (40, 10), (80, 24), (200, 60)] {
        let picture = frame(&previous, &current, width, height);
        assert!(picture.lines().count() <= height, "{width}x{height}");
        for line in plain(&picture).lines() {
            assert!(line.chars().count() <= width, "{width}x{height}: {line}");
        }
    }
}

#[test]
fn before_two_readings_there_is_nothing_to_compare() {
    let mut top = Top::default();
    assert!(top.render(80, 24).contains("waiting for a first reading"));
    let registry = Registry::default();
    let process = Process::new(&registry, &Clock::manual(Time(0)));
    let prometheus = Prometheus::new(Numbers::new(&registry, process, 100));
    let read = || String::from_utf8(prometheus.expose("text/plain").body).unwrap();
    top.see(Moment(0), &read()).unwrap();
    assert!(top.render(80, 24).contains("waiting for a second reading"));
    top.see(Moment(1_000_000_000), &read()).unwrap();
    let picture = top.render(80, 24);
    assert!(plain(&picture).starts_with("stockade   up 0s   cpu "), "{picture}");
    assert!(top.see(Moment(2), "not metrics\n").is_err());
    assert_eq!(top.render(80, 24), picture, "a bad reading changes nothing");
}
