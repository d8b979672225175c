//! The two text formats, 0.0.4 and OpenMetrics 1.0.

use std::fmt::Write;

use flow::signal::{Metric, Number, Reading};

use super::{Format, bounds};
use crate::export::{Family, Kind, Unit};

/// Every family, in the format of the two that was asked for.
pub(super) fn write(families: &[Family], format: Format) -> String {
    let mut text = Text { out: String::with_capacity(64 << 10), format, labels: String::new() };
    for family in families {
        text.family(family);
    }
    if format == Format::OpenMetrics {
        text.out.push_str("# EOF\n");
    }
    text.out
}

struct Text {
    out: String,
    format: Format,
    /// `a="1",b="2"` of the series being written.
    labels: String,
}

impl Text {
    fn family(&mut self, family: &Family) {
        let name = self.family_name(family);
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.out.extend(["# HELP ", name, " "]);
        escape(&mut self.out, family.help, self.format == Format::OpenMetrics);
        self.out.extend(["\n# TYPE ", name, " ", kind, "\n"]);
        match family.unit {
            _ if self.format != Format::OpenMetrics => {}
            Unit::Seconds => self.out.extend(["# UNIT ", name, " seconds\n"]),
            Unit::Bytes => self.out.extend(["# UNIT ", name, " bytes\n"]),
            Unit::Things => {}
        }
        for metric in &family.series {
            self.labels.clear();
            for (label, value) in metric.labels.iter() {
                let comma = if self.labels.is_empty() { "" } else { "," };
                self.labels.extend([comma, label, "=\""]);
                escape(&mut self.labels, value, true);
                self.labels.push('"');
            }
            self.metric(name, family, metric);
        }
    }

    /// In OpenMetrics a counter's family is named without the `_total` its
    /// sample ends in.
    fn family_name(&self, family: &Family) -> &'static str {
        match (self.format, family.kind) {
            (Format::OpenMetrics, Kind::Counter) => {
                family.name.strip_suffix("_total").unwrap_or(family.name)
            }
            _ => family.name,
        }
    }

    fn metric(&mut self, name: &str, family: &Family, metric: &Metric) {
        match &metric.number {
            Number::Counter(counter) => {
                let open = self.format == Format::OpenMetrics;
                let suffix = if open { "_total" } else { "" };
                self.sample(name, suffix, "", family.unit.scale(counter.get() as f64));
            }
            Number::Gauge(gauge) => {
                self.sample(name, "", "", family.unit.scale(gauge.get() as f64));
            }
            Number::Histogram(histogram) => self.histogram(name, family.unit, &histogram.read()),
        }
    }

    fn histogram(&mut self, name: &str, unit: Unit, reading: &Reading) {
        for (bound, sum) in bounds::cumulative(reading, unit) {
            let le = if self.format == Format::OpenMetrics { &bound.open } else { &bound.text };
            self.sample(name, "_bucket", le, sum as f64);
        }
        self.sample(name, "_bucket", "+Inf", reading.count as f64);
        self.sample(name, "_sum", "", unit.scale(reading.sum as f64));
        self.sample(name, "_count", "", reading.count as f64);
    }

    fn sample(&mut self, name: &str, suffix: &str, le: &str, value: f64) {
        self.out.extend([name, suffix]);
        match (self.labels.as_str(), le) {
            ("", "") => {}
            (labels, "") => self.out.extend(["{", labels, "}"]),
            ("", le) => self.out.extend(["{le=\"", le, "\"}"]),
            (labels, le) => self.out.extend(["{", labels, ",le=\"", le, "\"}"]),
        }
        self.out.push(' ');
        number(&mut self.out, value);
        self.out.push('\n');
    }
}

/// As Go prints it, because `le` is a label and labels are compared as text: a
/// server that turns to the protobuf format must find the same series again.
pub(super) fn number(out: &mut String, value: f64) {
    // Most numbers are whole, and whole numbers are written five times as fast.
    let whole = value as i64;
    if whole as f64 == value && whole.abs() < 1 << 53 {
        let _ = write!(out, "{whole}");
        return;
    }
    let size = value.abs();
    if size == 0.0 || (1e-4..1e21).contains(&size) {
        let _ = write!(out, "{value}");
        return;
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "{digits}e{sign}{:02}", exponent.unsigned_abs());
}

fn escape(out: &mut String, text: &str, quotes: bool) {
    if !text.contains(['\\', '\n', '"']) {
        return out.push_str(text);
    }
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::signal::Registry;
    use std::time::Duration;

    fn registry() -> Registry {
        let registry = Registry::default();
        let odd = "a \"quoted\" back\\slash\nand a line";
        registry.counter("stockade_a_total", odd, &[("name", odd), ("b", "c")]).add(3);
        registry.gauge("stockade_b_bytes", "B", &[]).set(-5);
        registry.counter("stockade_c_seconds_total", "C", &[]).time(Duration::from_millis(1500));
        registry
    }

    fn written(registry: &Registry, format: Format) -> String {
        write(&Family::all(registry, 100).0, format)
    }

    #[test]
    fn the_text_of_old() {
        let expected = r##"# HELP stockade_a_total a "quoted" back\\slash\nand a line
# TYPE stockade_a_total counter
stockade_a_total{name="a \"quoted\" back\\slash\nand a line",b="c"} 3
# HELP stockade_b_bytes B
# TYPE stockade_b_bytes gauge
stockade_b_bytes -5
# HELP stockade_c_seconds_total C
# TYPE stockade_c_seconds_total counter
stockade_c_seconds_total 1.5
"##;
        assert_eq!(written(&registry(), Format::Text), expected);
    }

    #[test]
    fn openmetrics() {
        let expected = r##"# HELP stockade_a a \"quoted\" back\\slash\nand a line
# TYPE stockade_a counter
stockade_a_total{name="a \"quoted\" back\\slash\nand a line",b="c"} 3
# HELP stockade_b_bytes B
# TYPE stockade_b_bytes gauge
# UNIT stockade_b_bytes bytes
stockade_b_bytes -5
# HELP stockade_c_seconds C
# TYPE stockade_c_seconds counter
# UNIT stockade_c_seconds seconds
stockade_c_seconds_total 1.5
# EOF
"##;
        assert_eq!(written(&registry(), Format::OpenMetrics), expected);
    }

    #[test]
    fn bounds_are_written_as_go_writes_them() {
        let registry = Registry::default();
        let histogram = registry.histogram("stockade_a_seconds", "A", &[("stage", "permit")]);
        histogram.time(Duration::from_micros(30));
        let text = written(&registry, Format::Text);
        let open = written(&registry, Format::OpenMetrics);
        for line in [
            "stockade_a_seconds_bucket{stage=\"permit\",le=\"1e-06\"} 0",
            "stockade_a_seconds_bucket{stage=\"permit\",le=\"1.25e-05\"} 0",
            "stockade_a_seconds_bucket{stage=\"permit\",le=\"4e-05\"} 1",
            "stockade_a_seconds_bucket{stage=\"permit\",le=\"0.075\"} 1",
            "stockade_a_seconds_bucket{stage=\"permit\",le=\"+Inf\"} 1",
            "stockade_a_seconds_sum{stage=\"permit\"} 3e-05",
            "stockade_a_seconds_count{stage=\"permit\"} 1",
        ] {
            assert!(text.lines().any(|written| written == line), "{line}");
            assert!(open.lines().any(|written| written == line), "{line}");
        }
        assert!(text.contains("le=\"60\"") && open.contains("le=\"60.0\""));
    }
}
