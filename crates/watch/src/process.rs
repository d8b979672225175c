//! What this process uses: memory, processor, files, threads.
//!
//! Under the names every Prometheus client gives them (`process_…`), because
//! dashboards and rules know those. What the system does not tell is left out:
//! a zero would be a lie.

use std::fs;

use flow::signal::Registry;
use flow::{Clock, Moment, Time};

/// The process as numbers, read when somebody looks.
#[derive(Debug)]
pub struct Process {
    registry: Registry,
    clock: Clock,
    began: (Time, Moment),
}

impl Process {
    /// Meant to be called first thing: the process counts as started now.
    pub fn new(registry: &Registry, clock: &Clock) -> Self {
        let began = (clock.now(), clock.moment());
        Self { registry: registry.clone(), clock: clock.clone(), began }
    }

    /// When the process started.
    pub(crate) fn began(&self) -> Time {
        self.began.0
    }

    /// Reads everything anew.
    pub fn refresh(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kib = |key| in_status(&status, key).map(|kib| kib * 1024);
        self.set(
            "process_resident_memory_bytes",
            "Memory in RAM, the part shared with others included",
            kib("VmRSS:"),
        );
        self.set("process_virtual_memory_bytes", "Address space reserved", kib("VmSize:"));
        self.set("process_threads", "Threads of the operating system", {
            in_status(&status, "Threads:")
        });
        self.set("process_open_fds", "Open files and sockets", open_files());
        self.set("process_max_fds", "Files and sockets that may be open", files_max());
        self.set(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            Some(self.began.0.0),
        );
        let uptime = self.clock.moment().since(self.began.1);
        let help = "How long the process has been running";
        self.registry.gauge("process_uptime_seconds", help, &[]).time(uptime);
        self.count_processor_time();
    }

    fn set(&self, name: &'static str, help: &'static str, value: Option<u64>) {
        if let Some(value) = value.and_then(|value| i64::try_from(value).ok()) {
            self.registry.gauge(name, help, &[]).set(value);
        }
    }

    fn count_processor_time(&self) {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let nanos = used.tv_sec.cast_unsigned() * 1_000_000_000 + used.tv_nsec.cast_unsigned();
        let help = "Processor time used, of the user and of the system";
        let counter = self.registry.counter("process_cpu_seconds_total", help, &[]);
        counter.add(nanos.saturating_sub(counter.get()));
    }
}

/// A number in a file of lines like `VmRSS:     1234 kB`.
fn in_status(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Since Linux 6.2 the directory's size is the number of its entries.
fn open_files() -> Option<u64> {
    let size = fs::metadata("/proc/self/fd").ok()?.len();
    let counted = || Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64);
    if size > 0 { Some(size) } else { counted() }
}

fn files_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn lines_of_status_are_found_by_their_whole_key() {
        let status = "VmRSSx:\t1 kB\nVmRSS:\t    2048 kB\nThreads:\t7\n";
        assert_eq!(in_status(status, "VmRSS:"), Some(2048));
        assert_eq!(in_status(status, "Threads:"), Some(7));
        assert_eq!(in_status(status, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_used_is_seen() {
        let (registry, clock) = (Registry::default(), Clock::manual(Time(5_000_000_000)));
        let process = Process::new(&registry, &clock);
        let gauge = |name| registry.gauge(name, "", &[]).get();
        process.refresh();
        let (files, memory) = (gauge("process_open_fds"), gauge("process_resident_memory_bytes"));
        assert!(files > 2 && memory > 1 << 20, "{files} {memory}");
        assert_eq!(gauge("process_start_time_seconds"), 5_000_000_000);

        let held = vec![7u8; 64 << 20];
        let open: Vec<_> = (0..50).map(|_| fs::File::open("/proc/self/status").unwrap()).collect();
        std::thread::spawn(|| (0..5_000_000u64).map(std::hint::black_box).sum::<u64>())
            .join()
            .unwrap();
        clock.advance(Duration::from_secs(3));
        let counter = registry.counter("process_cpu_seconds_total", "", &[]);
        let before = counter.get();
        process.refresh();
        assert!(gauge("process_open_fds") >= files + open.len() as i64 - 10);
        assert!(gauge("process_resident_memory_bytes") > memory + (held.len() as i64) / 2);
        assert_eq!(gauge("process_uptime_seconds"), 3_000_000_000);
        assert!(counter.get() > before);
    }
}
