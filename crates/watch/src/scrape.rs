//! Reading `/metrics` back: what `watch top` sees, and what the tests hold the
//! exposition against.
//!
//! The reader is strict where other readers forgive: a name told twice, a family
//! in two places, a bucket that shrinks are all refused, so that nothing we write
//! is only almost right. Timestamps are read over; exemplars are not known yet.

mod check;
mod line;

use flow::{Error, Result};

use crate::codes;
use line::Line;

/// One exposition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scrape {
    /// The families in the order they came.
    pub families: Vec<Family>,
}

/// The samples of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The name of the family; a sample's may have a suffix.
    pub name: String,
    /// What it counts, in one line.
    pub help: String,
    /// How it counts.
    pub kind: Kind,
    /// The samples in the order they came.
    pub samples: Vec<Sample>,
}

/// How a family counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts per bucket.
    Histogram,
    /// Quantiles somebody else computed; we never write one.
    Summary,
    /// Nobody said.
    Untyped,
}

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The whole name, suffix included.
    pub name: String,
    /// The labels in the order they came.
    pub labels: Vec<(String, String)>,
    /// The number.
    pub value: f64,
}

impl Sample {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Scrape {
    /// Reads the text format 0.0.4 or OpenMetrics.
    pub fn read(text: &str) -> Result<Self> {
        let mut reader = Reader::default();
        let mut rest = text;
        let mut number = 0;
        while !rest.is_empty() {
            number += 1;
            let Some((line, after)) = rest.split_once('\n') else {
                return Err(malformed(number, "the last line does not end"));
            };
            reader.line(line).map_err(|what| malformed(number, &what))?;
            rest = after;
        }
        check::families(&reader.families).map_err(|what| malformed(number, &what))?;
        Ok(Self { families: reader.families })
    }

    /// The family of this name.
    pub fn family(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.name == name)
    }

    /// The samples of exactly this name.
    pub fn samples<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Sample> {
        let all = self.families.iter().flat_map(|family| &family.samples);
        all.filter(move |sample| sample.name == name)
    }
}

fn malformed(line: usize, what: &str) -> Error {
    codes::EXPOSITION.error(format!("line {line}: {what}"))
}

#[derive(Default)]
struct Reader {
    families: Vec<Family>,
    /// What has been said about the last family.
    said: Vec<&'static str>,
    ended: bool,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if self.ended {
            return Err("something follows `# EOF`".into());
        }
        match line::read(line)? {
            Line::Nothing => Ok(()),
            Line::End => {
                self.ended = true;
                Ok(())
            }
            Line::Help(name, help) => {
                self.describe(name, "HELP")?.help = help;
                Ok(())
            }
            Line::Unit(name, unit) => {
                self.describe(name, "UNIT")?;
                match name.ends_with(&format!("_{unit}")) {
                    true => Ok(()),
                    false => Err(format!("`{name}` does not end in its unit `{unit}`")),
                }
            }
            Line::Type(name, kind) => {
                self.describe(name, "TYPE")?.kind = kind;
                Ok(())
            }
            Line::Sample(sample) => self.sample(sample),
        }
    }

    fn describe(&mut self, name: &str, what: &'static str) -> Result<&mut Family, String> {
        let current = self.families.last().is_some_and(|family| family.name == name);
        if !current {
            self.begin(name)?;
        }
        if self.said.contains(&what) {
            return Err(format!("a second {what} of `{name}`"));
        }
        self.said.push(what);
        match self.families.last_mut() {
            Some(family) if family.samples.is_empty() => Ok(family),
            _ => Err(format!("{what} of `{name}` comes after its samples")),
        }
    }

    fn sample(&mut self, sample: Sample) -> Result<(), String> {
        let belongs = |family: &Family| check::belongs(family, &sample);
        if !self.families.last().is_some_and(belongs) {
            self.begin(&sample.name)?;
        }
        if let Some(family) = self.families.last_mut() {
            family.samples.push(sample);
        }
        Ok(())
    }

    fn begin(&mut self, name: &str) -> Result<(), String> {
        if self.families.iter().any(|family| family.name == name) {
            return Err(format!("`{name}` was there before"));
        }
        self.said.clear();
        let (name, help) = (name.to_owned(), String::new());
        self.families.push(Family { name, help, kind: Kind::Untyped, samples: Vec::new() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{Numbers, prometheus::Prometheus};
    use crate::process::Process;
    use flow::Clock;
    use flow::signal::Registry;

    fn check(text: &str, expected: Result<usize, &str>) {
        match (Scrape::read(text), expected) {
            (Ok(scrape), Ok(families)) => assert_eq!(scrape.families.len(), families, "{text}"),
            (Err(error), Err(part)) => assert!(error.detail().contains(part), "{error} for {text}"),
            (got, _) => panic!("{text} gave {got:?}"),
        }
    }

    #[test]
    fn what_is_well_formed_is_read() {
        check("", Ok(0));
        check("a 1\n", Ok(1));
        check("# a comment\n\na{} 1 1700000000000\nb{c=\"d\",} +Inf\n", Ok(2));
        check("# HELP a\n# TYPE a gauge\na{b=\"c\"} 1\na{b=\"d\"} NaN\n# EOF\n", Ok(1));
        check("# TYPE a counter\na_total 1\n# TYPE b counter\nb 1e-06\n", Ok(2));
        let histogram = "# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\n";
        check(&format!("{histogram}h_sum 3\nh_count 2\n"), Ok(1));
    }

    #[test]
    fn what_is_not_is_refused_with_its_line() {
        check("a 1", Err("line 1: the last line does not end"));
        check("a 1\na 2\n", Err("`a` is there twice"));
        check("a 1\nb 1\na 2\n", Err("line 3: `a` was there before"));
        check("# TYPE a gauge\n# TYPE a gauge\n", Err("line 2: a second TYPE of `a`"));
        check("# TYPE a rocket\n", Err("`rocket` is not a type"));
        check("a 1\n# HELP a late\n", Err("HELP of `a` comes after its samples"));
        check("# EOF\na 1\n", Err("line 2: something follows"));
        check("# UNIT a_seconds bytes\n", Err("does not end in its unit"));
        check("1a 1\n", Err("`1a` is not a name"));
        check("a{b} 1\n", Err("line 1"));
        check("a{b=\"c} 1\n", Err("the value of `b` does not end"));
        check("a{b=\"\\t\"} 1\n", Err("`\\t` is not an escape"));
        check("a{b=\"c\",b=\"c\"} 1\n", Err("a second `b`"));
        check("a{b=\"c\"d=\"e\"} 1\n", Err("expected `,` or `}`"));
        check("a one\n", Err("`one` is not a number"));
        check("a infinity\n", Err("`infinity` is not a number"));
        check("a 1 soon\n", Err("`soon` is not a timestamp"));
        check("a 1 2 3\n", Err("`3` is too much"));
    }

    #[test]
    fn histograms_must_add_up() {
        let check_buckets = |lines: &str, part| {
            check(&format!("# TYPE h histogram\n{lines}"), Err(part));
        };
        check_buckets("h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n", "no bucket for +Inf");
        check_buckets("h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n", "count is not that of");
        check_buckets("h_bucket{le=\"+Inf\"} 1\nh_count 1\n", "no sum");
        let shrinks = "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n";
        check_buckets(shrinks, "buckets shrink");
        let back = "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n";
        check_buckets(back, "bounds do not grow");
        check_buckets("h_bucket{le=\"much\"} 1\n", "not a bound");
    }

    proptest::proptest! {
        #[test]
        fn what_is_exposed_is_read_back(
            help in "\\PC*|[\\\\\n\"]*",
            values: Vec<String>,
            durations in proptest::collection::vec(0u64..1 << 50, 0..20),
        ) {
            let registry = Registry::default();
            let help: &'static str = help.leak();
            for value in &values {
                registry.gauge("stockade_a", help, &[("b", value), ("c", "d")]).set(-1);
            }
            let histogram = registry.histogram("stockade_h_seconds", help, &[("b", "c")]);
            durations.iter().for_each(|nanos| histogram.record(*nanos));
            registry.counter("stockade_c_total", help, &[]).add(5);
            for accept in ["text/plain", "application/openmetrics-text"] {
                let process = Process::new(&registry, &Clock::system());
                let numbers = Numbers::new(&registry, process, 10_000);
                let exposition = Prometheus::new(numbers).expose(accept);
                let text = String::from_utf8(exposition.body).unwrap();
                let scrape = Scrape::read(&text).unwrap();
                let read = scrape.samples("stockade_a").filter_map(|sample| sample.label("b"));
                let mut expected = values.clone();
                expected.sort();
                expected.dedup();
                proptest::prop_assert_eq!(read.collect::<Vec<_>>(), expected);
                let count = scrape.samples("stockade_h_seconds_count").next().unwrap();
                proptest::prop_assert_eq!(count.value, durations.len() as f64);
                proptest::prop_assert_eq!(scrape.samples("stockade_c_total").count(), 1);
                proptest::prop_assert_eq!(&scrape.family("stockade_h_seconds").unwrap().help, help);
            }
        }

        #[test]
        fn reading_anything_ends(text in "(\\PC|\n|# TYPE a|a\\{b=\")*") {
            let _ = Scrape::read(&text);
        }
    }
}
