//! `stockade policy`: policies in Rego that are asked, tested and looked at as files, and packed
//! into bundles. No server is asked, but the one they are pushed to, compared with or tried on, and
//! the one that decided.

mod asked;
mod build;
mod check;
mod diff;
mod eval;
mod explain;
mod load;
mod loose;
mod push;
mod shadow;
mod test;
mod versions;
mod why;
mod world;

use clap::Subcommand;
use flow::{Code, Kind};

use super::Outcome;
use super::globals::Globals;
use super::output::Output;

static UNREAD: Code = Code::new(
    Kind::Invalid,
    "cli-policy-file",
    "A file of policy or data cannot be read",
    "name files or directories that are there: `.rego`, `.json`, `.yaml` or `.yml`",
);

static NONE: Code = Code::new(
    Kind::Missing,
    "cli-policy-none",
    "There is no policy",
    "name a `.rego` file, or a directory with one in it",
);

static CLASH: Code = Code::new(
    Kind::Invalid,
    "cli-policy-clash",
    "Two documents are at one place",
    "put one of them into another directory, or take out what both say",
);

static WRONG: Code = Code::new(
    Kind::Invalid,
    "cli-policy-wrong",
    "A policy is not written as it should be",
    "change it where the mark is; with `--v0-compatible`, Rego from before OPA 1.0 is read",
);

static QUERY: Code = Code::new(
    Kind::Invalid,
    "cli-policy-query",
    "The query cannot be asked",
    "write it as in a rule: `data.authz.allow`, or `x := data.authz.roles[_]`",
);

static FAILED: Code = Code::new(
    Kind::Invalid,
    "cli-policy-failed",
    "The policy came to no answer",
    "change the policy where it says, or allow more by `--timeout`",
);

static UNKNOWN: Code = Code::new(
    Kind::Invalid,
    "cli-policy-unknown",
    "That is no path of what is unknown, or of rules",
    "write paths with dots: `input.user`, `data.posts`; rules begin with `data`",
);

static LEFT: Code = Code::new(
    Kind::Invalid,
    "cli-policy-left",
    "What is left of a query is not written so",
    "leave out `--format`, or write `--format json`",
);

static UNTESTED: Code = Code::new(
    Kind::Missing,
    "cli-policy-untested",
    "There is no test to run",
    "name files with rules called `test_…`, or another expression after `--run`",
);

static EXPRESSION: Code = Code::new(
    Kind::Invalid,
    "cli-policy-run",
    "What `--run` says is no regular expression",
    "write one that is found in names such as `data.authz.test_allow`",
);

static NOT_BUILT: Code = Code::new(
    Kind::Invalid,
    "cli-policy-output",
    "The bundle cannot be written",
    "name a file in a directory that is there, with room for it",
);

static BUILT: Code = Code::new(
    Kind::Invalid,
    "cli-policy-built",
    "What is in a bundle is said when it is built",
    "name the directory, or say it to `stockade policy build`",
);

static LOOSE: Code = Code::new(
    Kind::Invalid,
    "cli-policy-loose",
    "That is no way to name policies",
    "name files, or directories with `.rego` files; `--id` and one file, or `--id` and versions",
);

static NOT_REPORTED: Code = Code::new(
    Kind::Internal,
    "cli-policy-report",
    "The server's report cannot be read",
    "is it a Stockade server of this release? `stockade check` tells",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[
    &UNREAD,
    &NONE,
    &CLASH,
    &WRONG,
    &QUERY,
    &FAILED,
    &UNKNOWN,
    &LEFT,
    &UNTESTED,
    &EXPRESSION,
    &NOT_BUILT,
    &BUILT,
    &LOOSE,
    &NOT_REPORTED,
];

/// What the ids of policies begin with that came with bundles, before the bundle's name.
const BUNDLED_ID: &str = "bundle/";

/// Ask, test and look at policies in Rego as files, and put them in force
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Policy {
    Eval(eval::Eval),
    Test(test::Test),
    Check(check::Check),
    Explain(explain::Explain),
    Build(build::Build),
    Push(push::Push),
    Diff(diff::Diff),
    Versions(versions::Versions),
    #[command(subcommand)]
    Shadow(shadow::Shadow),
    Why(why::Why),
}

impl Policy {
    pub(super) fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        match self {
            Self::Eval(eval) => eval.run(output),
            Self::Test(test) => test.run(globals, output),
            Self::Check(check) => check.run(output),
            Self::Explain(explain) => explain.run(output),
            Self::Build(build) => build.run(output),
            Self::Push(push) => super::runtime()?.block_on(push.run(globals, output)),
            Self::Diff(diff) => super::runtime()?.block_on(diff.run(globals, output)),
            Self::Versions(versions) => super::runtime()?.block_on(versions.run(globals, output)),
            Self::Shadow(shadow) => super::runtime()?.block_on(shadow.run(globals, output)),
            Self::Why(why) => super::runtime()?.block_on(why.run(globals, output)),
        }
    }
}
