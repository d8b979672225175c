//! Text with colours, cut to a width, and numbers a person reads at a glance.

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Dim,
    Bold,
    Good,
    Odd,
    Bad,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\x1b[2m",
            Self::Bold => "\x1b[1m",
            Self::Good => "\x1b[32m",
            Self::Odd => "\x1b[33m",
            Self::Bad => "\x1b[1;31m",
        }
    }
}

/// A line in pieces.
#[derive(Debug, Default)]
pub(super) struct Line(Vec<(Ink, String)>);

impl Line {
    /// A heading: the first column is for names, the others are for numbers.
    pub(super) fn heading(first: &str, width: usize, columns: &[&str]) -> Self {
        let mut line = Self::default();
        line.left(Ink::Bold, first, width);
        columns.iter().for_each(|column| line.right(Ink::Dim, column, COLUMN));
        line
    }

    pub(super) fn put(&mut self, ink: Ink, text: impl Into<String>) {
        self.0.push((ink, text.into()));
    }

    /// Text at the left of a column, cut to leave a gap.
    pub(super) fn left(&mut self, ink: Ink, text: &str, width: usize) {
        let cut: String = text.chars().take(width.saturating_sub(1)).collect();
        self.put(ink, format!("{cut:width$}"));
    }

    pub(super) fn right(&mut self, ink: Ink, text: &str, width: usize) {
        self.put(ink, format!("{text:>width$}"));
    }

    /// With its colours, at most `width` columns.
    pub(super) fn paint(&self, width: usize) -> String {
        let mut room = width;
        let mut painted = String::new();
        for (ink, text) in &self.0 {
            // What a label says comes from the server: it must not paint.
            let text: String =
                text.chars().filter(|letter| !letter.is_control()).take(room).collect();
            room -= text.chars().count();
            match ink.code() {
                "" => painted.push_str(&text),
                _ if text.trim().is_empty() => painted.push_str(&text),
                code => painted.extend([code, &text, "\x1b[0m"]),
            }
        }
        painted.truncate(painted.trim_end().len());
        painted
    }
}

/// Names of durations and pools.
pub(super) const FIRST: usize = 32;
/// Doors have short names, and there may be many outcomes beside them.
pub(super) const DOOR: usize = 12;
pub(super) const COLUMN: usize = 10;

/// The digits that matter: `1.2 µs`, `45 ms`. Below a microsecond, where the first
/// bucket ends, nothing is told apart.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => "> 1 m".into(),
        s if s < 1e-6 => "< 1 µs".into(),
        s if s < 0.999_5e-3 => format!("{} µs", digits(s * 1e6)),
        s if s < 0.999_5 => format!("{} ms", digits(s * 1e3)),
        s => format!("{} s", digits(s)),
    }
}

/// `0.3`, `12`, `4.5k`, `1.2M`; nothing at all is a dot.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        r if r <= 0.0 => "·".into(),
        r if r < 0.05 => "<0.1".into(),
        r if r < 999.5 => digits(r),
        r if r < 999_500.0 => format!("{}k", digits(r / 1e3)),
        r => format!("{}M", digits(r / 1e6)),
    }
}

pub(super) fn bytes(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut bytes = bytes.max(0.0);
    let mut unit = 0;
    while bytes >= 1023.5 && unit + 1 < units.len() {
        bytes /= 1024.0;
        unit += 1;
    }
    format!(
        "{} {}",
        if unit == 0 { format!("{bytes:.0}") } else { digits(bytes) },
        units.get(unit).unwrap_or(&"B")
    )
}

/// As long as a person would say it: `3d 4h`, `12m 5s`.
pub(super) fn uptime(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

fn digits(number: f64) -> String {
    if number < 9.95 { format!("{number:.1}") } else { format!("{number:.0}") }
}

/// `███░░░░░`: a part of a whole.
pub(super) fn bar(part: f64, whole: f64, width: usize) -> String {
    let share = if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 };
    let full = (share * width as f64).round() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(width - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_columns() {
        for (seconds, expected) in [
            (0.0, "< 1 µs"),
            (412e-9, "< 1 µs"),
            (1.25e-6, "1.2 µs"),
            (999.6e-6, "1.0 ms"),
            (0.045, "45 ms"),
            (12.3, "12 s"),
            (f64::INFINITY, "> 1 m"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
        for (per_second, expected) in [
            (0.0, "·"),
            (0.01, "<0.1"),
            (3.12, "3.1"),
            (999.7, "1.0k"),
            (45_678.0, "46k"),
            (2.5e6, "2.5M"),
        ] {
            assert_eq!(rate(per_second), expected);
        }
        for (size, expected) in
            [(0.0, "0 B"), (1023.0, "1023 B"), (39.4 * 1048576.0, "39 MiB"), (2e15, "1819 TiB")]
        {
            assert_eq!(bytes(size), expected);
        }
        for (seconds, expected) in
            [(59.9, "59s"), (61.0, "1m 1s"), (7_260.0, "2h 1m"), (266_400.0, "3d 2h")]
        {
            assert_eq!(uptime(seconds), expected);
        }
    }

    #[test]
    fn lines_are_cut_and_cannot_be_painted_from_outside() {
        let mut line = Line::default();
        line.put(Ink::Bad, "a\x1b[2Jb");
        line.put(Ink::Plain, "cdefgh");
        assert_eq!(line.paint(8), "\x1b[1;31ma[2Jb\x1b[0mcde");
        assert_eq!(bar(3.0, 8.0, 8), "███░░░░░");
        assert_eq!(bar(1.0, 0.0, 4), "░░░░");
    }
}
