//! How much memory is in use, of how much there is: of this control group, of those it
//! is in, or of the machine, whichever is nearest its limit.

use std::fs;
use std::path::Path;

/// Bytes in use, and bytes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InUse {
    /// Without what the system would give back when asked.
    pub used: u64,
    /// What there is in all.
    pub limit: u64,
}

impl InUse {
    /// Asks the system; `None` where it does not tell.
    pub fn now() -> Option<Self> {
        Self::read(Path::new("/proc"), Path::new("/sys/fs/cgroup"))
    }

    fn read(proc: &Path, groups: &Path) -> Option<Self> {
        let own = fs::read_to_string(proc.join("self/cgroup")).unwrap_or_default();
        let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        let groups = Path::new(own).ancestors().filter_map(|group| of_group(&groups.join(group)));
        let machine = fs::read_to_string(proc.join("meminfo")).ok();
        let machine = machine.and_then(|meminfo| of_machine(&meminfo));
        groups.chain(machine).max_by(|one, other| one.part().total_cmp(&other.part()))
    }

    /// What part is in use.
    fn part(self) -> f64 {
        self.used as f64 / self.limit.max(1) as f64
    }
}

/// A group without a limit says `max`, and the topmost says nothing.
fn of_group(folder: &Path) -> Option<InUse> {
    let read = |name| fs::read_to_string(folder.join(name)).ok();
    let limit = read("memory.max")?.trim().parse().ok()?;
    let current: u64 = read("memory.current")?.trim().parse().ok()?;
    let given_back = number(&read("memory.stat")?, "inactive_file ")?;
    Some(InUse { used: current.saturating_sub(given_back), limit })
}

fn of_machine(meminfo: &str) -> Option<InUse> {
    let [limit, available] =
        ["MemTotal:", "MemAvailable:"].map(|key| number(meminfo, key).map(|kib| kib * 1024));
    let (limit, available) = (limit?, available?);
    Some(InUse { used: limit.saturating_sub(available), limit })
}

/// The number on the line that begins with this.
fn number(lines: &str, key: &str) -> Option<u64> {
    let line = lines.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn whoever_is_nearest_its_limit_counts() {
        let place = tempfile::tempdir().unwrap();
        let (proc, groups) = (place.path().join("proc"), place.path().join("groups"));
        let read = || InUse::read(&proc, &groups);
        assert_eq!(read(), None, "a system that tells nothing");

        write(&proc.join("meminfo"), "MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: 40 kB\n");
        let machine = InUse { used: 60 << 10, limit: 100 << 10 };
        assert_eq!(read(), Some(machine));

        // This group has no limit; the one it is in has.
        write(&proc.join("self/cgroup"), "0::/outer/inner\n");
        for (group, max, current) in
            [("outer/inner", "max\n", "900\n"), ("outer", "1000\n", "950\n")]
        {
            write(&groups.join(group).join("memory.max"), max);
            write(&groups.join(group).join("memory.current"), current);
            let stat = "anon 1\ninactive_file 50\nfile 3\n";
            write(&groups.join(group).join("memory.stat"), stat);
        }
        assert_eq!(read(), Some(InUse { used: 900, limit: 1000 }));
        write(&groups.join("outer/memory.max"), "100000\n");
        assert_eq!(read(), Some(machine));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_tells() {
        let InUse { used, limit } = InUse::now().unwrap();
        assert!(0 < used && used < limit, "{used} of {limit}");
    }
}
