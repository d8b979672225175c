//! A query, and what it is asked of.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use flow::unit::Span;
use rego::syntax::{self, Edition, Expr, Module};
use rego::{Ask, Options, Problem, Program, Question};

use super::super::failure::Failure;
use super::load::{self, Loaded};
use super::world::Outside;
use super::{FAILED, QUERY};

/// What is asked, of what, and about what.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// What is asked, in Rego: data.authz.allow
    pub(super) query: String,
    #[command(flatten)]
    of: Of,
    /// What it is asked about, as JSON or YAML; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// A function that fails ends it, and is not only undefined
    #[arg(long)]
    strict_builtin_errors: bool,
    #[command(flatten)]
    how: How,
}

/// Files of policies and data.
#[derive(Debug, Args)]
struct Of {
    /// Files or directories with policies (.rego) and data (.json, .yaml)
    #[arg(id = "files", short = 'd', long = "data", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// What is `--data` elsewhere is something else here
    #[arg(id = "data", long = "data-directory", hide = true)]
    directory: Option<PathBuf>,
}

/// How policies are read, and for how long they are asked.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct How {
    /// Read Rego as OPA did before 1.0
    #[arg(long)]
    v0_compatible: bool,
    /// How long it may take; for tests, each
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub(super) timeout: Span,
}

/// As many steps are done as there is time for.
pub(super) const STEPS_MAX: u64 = u64::MAX;

impl How {
    pub(super) fn edition(self) -> Edition {
        if self.v0_compatible { Edition::V0 } else { Edition::V1 }
    }
}

/// Everything that is needed to ask.
pub(super) struct Ready {
    pub(super) program: Program,
    pub(super) question: Question,
    pub(super) body: Vec<Expr>,
    pub(super) source: Arc<syntax::Source>,
    input: Option<rego::Value>,
    data: rego::Value,
    outside: Outside,
    strict: bool,
}

/// How a query is made a question.
type Pose = fn(&Program, &Arc<Module>, &[Expr]) -> Result<Question, Vec<Problem>>;

impl Asked {
    /// Reads all files. The query may be changed before it is asked.
    pub(super) fn ready(
        &self,
        options: Options,
        change: impl FnOnce(&[Expr]) -> Vec<Expr>,
    ) -> Result<Ready, Failure> {
        self.posed(options, change, Program::question)
    }

    /// The same for a query of which only matters whether it holds.
    pub(super) fn condition(&self, options: Options) -> Result<Ready, Failure> {
        self.posed(options, <[_]>::to_vec, Program::condition)
    }

    fn posed(
        &self,
        options: Options,
        change: impl FnOnce(&[Expr]) -> Vec<Expr>,
        pose: Pose,
    ) -> Result<Ready, Failure> {
        let edition = self.how.edition();
        let (body, context) = syntax::asked("query", &self.query, edition).map_err(|errors| {
            let sentences = errors.iter().map(|error| QUERY.error(error.to_string()));
            sentences.collect::<Failure>()
        })?;
        let Loaded { modules, data } = load::load(&self.of.files, edition)?;
        let program = load::compile(modules, options)?;
        let source = context.source.clone();
        let question = pose(&program, &Arc::new(context), &change(&body));
        let question = question.map_err(|problems| {
            let sentences = problems.iter().map(|problem| QUERY.error(load::quoted(problem)));
            sentences.collect::<Failure>()
        })?;
        let input = self.input.as_deref().map(load::input).transpose()?;
        let (outside, strict) = (Outside::new(self.how.timeout.0), self.strict_builtin_errors);
        Ok(Ready { program, question, body, source, input, data, outside, strict })
    }
}

impl Ready {
    pub(super) fn ask(&self) -> Ask<'_> {
        Ask {
            input: self.input.clone(),
            data: self.data.clone(),
            world: &self.outside,
            strict: self.strict,
            steps_max: STEPS_MAX,
        }
    }
}

/// That there is no answer.
pub(super) fn failed(error: &rego::Error) -> Failure {
    FAILED.error(error.to_string()).into()
}
