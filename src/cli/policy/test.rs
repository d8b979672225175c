//! `stockade policy test`: the tests of policies, and what they cover.

use std::path::PathBuf;

use clap::Args;
use rego::test::{Case, Cover, Coverage, Only, Outcome as Tested, Suite, Verdict, With};
use serde::Serialize;

use super::super::Outcome;
use super::super::failure::Failure;
use super::super::globals::Globals;
use super::super::output::Output;
use super::super::table::Table;
use super::asked::{How, STEPS_MAX};
use super::load::{self, Loaded};
use super::world::Outside;
use super::{EXPRESSION, UNTESTED};

/// Run the tests of policies: rules whose names begin with test_
///
/// A test passes if it is true. A rule `test_sum[name] if { … }` is a test with a case for each
/// name. Tests called todo_test_ are passed over. With -v those that pass are shown too.
/// Exits with 1 unless all pass.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy test policies
  stockade policy test policies -v --run 'authz.test_(allow|deny)'
  stockade policy test policies --coverage --threshold 90
  stockade policy test policies --json | jq '.results[] | select(.error)'")]
pub(in crate::cli) struct Test {
    /// Files or directories with policies, their tests, and data
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Only the tests in whose whole names this is found
    #[arg(long, short, value_name = "REGEX")]
    run: Option<String>,
    /// Tell which lines the tests reach
    #[arg(long, short)]
    coverage: bool,
    /// Exit with 1 if fewer lines of a hundred are reached
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    threshold: Option<u8>,
    #[command(flatten)]
    how: How,
}

/// How many tests ended how. Of a test with cases, the cases count.
#[derive(Debug, Default, Serialize)]
struct Counts {
    pass: usize,
    fail: usize,
    error: usize,
    skipped: usize,
}

/// What programs read.
#[derive(Debug, Serialize)]
struct Report<'r> {
    results: &'r [Tested],
    counts: &'r Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<&'r Coverage>,
}

/// As wide as OPA's.
const LINE: usize = 80;

impl Test {
    pub(super) fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let only = self.run.as_deref().map(Only::new).transpose();
        let only = only.map_err(|why| EXPRESSION.error(why))?;
        let Loaded { modules, data } = load::load_some(&self.paths, self.how.edition())?;
        let suite = Suite::of(modules).map_err(|problems| load::wrong(&problems))?;
        // Tests have a bound each, and all of them none.
        let outside = Outside::new(std::time::Duration::MAX);
        let clock = || outside.elapsed();
        let time_max = self.how.timeout.0;
        let with =
            With { data, world: &outside, clock: &clock, steps_max: STEPS_MAX, time_max, only };
        let (mut cover, mut results) = (Cover::default(), Vec::new());
        let mut told = Ok(());
        suite.run(&with, &mut cover, |tested| {
            if told.is_ok() && !output.json && (globals.verbose || tested.verdict != Verdict::Pass)
            {
                told = tell(&tested, globals.verbose, output);
            }
            results.push(tested);
        });
        told?;
        if results.is_empty() {
            let sentence = match &self.run {
                Some(run) => format!("`{run}` is in the name of no test"),
                None => "there is no rule whose name begins with `test_`".to_owned(),
            };
            return Err(UNTESTED.error(sentence).into());
        }
        let wanted = self.coverage || self.threshold.is_some();
        self.report(&results, wanted.then(|| suite.coverage(&cover)), globals, output)
    }

    fn report(
        &self,
        results: &[Tested],
        coverage: Option<Coverage>,
        globals: &Globals,
        output: &mut Output,
    ) -> Outcome {
        let counts = &Counts::of(results);
        let reached = coverage.as_ref().map_or(100.0, |coverage| coverage.coverage);
        let enough = self.threshold.is_none_or(|threshold| reached >= f64::from(threshold));
        let passed = counts.fail + counts.error == 0;
        if output.json {
            output.document(&Report { results, counts, coverage: coverage.as_ref() })?;
            return Ok(passed && enough);
        }
        counts.tell(globals.verbose || !passed, output)?;
        if let Some(coverage) = &coverage {
            covered(coverage, output)?;
        }
        if let Some(threshold) = self.threshold.filter(|_| !enough) {
            output
                .line(&format!("COVERAGE: {reached:.2}% of lines, and {threshold}% are wanted"))?;
        }
        Ok(passed && enough)
    }
}

impl Counts {
    fn of(results: &[Tested]) -> Self {
        let mut counts = Self::default();
        for tested in results {
            let passed = tested.cases.iter().filter(|case| case.pass).count();
            match tested.verdict {
                Verdict::Skipped => counts.skipped += 1,
                Verdict::Error => counts.error += 1,
                Verdict::Pass => counts.pass += tested.cases.len().max(1),
                Verdict::Fail => {
                    counts.pass += passed;
                    counts.fail += (tested.cases.len() - passed).max(1);
                }
            }
        }
        counts
    }

    fn tell(&self, rule: bool, output: &mut Output) -> Result<(), Failure> {
        if rule {
            output.line(&"-".repeat(LINE))?;
        }
        let all = self.pass + self.fail + self.error + self.skipped;
        let told = [
            ("PASS", self.pass),
            ("FAIL", self.fail),
            ("SKIPPED", self.skipped),
            ("ERROR", self.error),
        ];
        told.iter()
            .filter(|(_, count)| *count > 0)
            .try_for_each(|(name, count)| output.line(&format!("{name}: {count}/{all}")))
    }
}

/// One test: where it is, how it ended, and what there is to say about that.
fn tell(tested: &Tested, verbose: bool, output: &mut Output) -> Result<(), Failure> {
    let Tested { location, package, name, took, .. } = tested;
    output.line(&format!("{}:{}:", location.file, location.row))?;
    output.line(&match tested.verdict {
        Verdict::Pass => format!("{package}.{name}: {} ({took:?})", output.ink.green("PASS")),
        Verdict::Fail => format!("{package}.{name}: {} ({took:?})", output.ink.red("FAIL")),
        Verdict::Error => format!("{package}.{name}: {} ({took:?})", output.ink.red("ERROR")),
        Verdict::Skipped => format!("{package}.{name}: SKIPPED"),
    })?;
    for Case { name, pass, stopped } in &tested.cases {
        if *pass && !verbose {
            continue;
        }
        let word = if *pass { output.ink.green("PASS") } else { output.ink.red("FAIL") };
        output.line(&format!("  {}: {word}", name.join("/")))?;
        stopped.iter().try_for_each(|stopped| output.line(&format!("    {stopped}")))?;
    }
    tested.stopped.iter().try_for_each(|stopped| output.line(&format!("  {stopped}")))?;
    tested.error.iter().try_for_each(|error| output.line(&format!("  {error}")))?;
    tested.output.iter().try_for_each(|line| output.line(&format!("  | {line}")))
}

/// How much of each file was reached, and where it was not.
fn covered(coverage: &Coverage, output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&["FILE", "LINES", "COVERED", "NOT COVERED"]);
    let part = |percent: f64| format!("{percent:.2}%");
    for (name, file) in &coverage.files {
        let rows = file.not_covered.iter().map(|rows| match rows.start == rows.end {
            true => rows.start.row.to_string(),
            false => format!("{}-{}", rows.start.row, rows.end.row),
        });
        let rows: Vec<String> = rows.collect();
        let lines = file.covered_lines + file.not_covered_lines;
        table.row([name.clone(), lines.to_string(), part(file.coverage), rows.join(", ")]);
    }
    let lines = coverage.covered_lines + coverage.not_covered_lines;
    table.row(["all".into(), lines.to_string(), part(coverage.coverage), String::new()]);
    output.table(&table)
}
