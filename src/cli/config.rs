//! `stockade config`: what is configured, and why.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Outcome;
use super::globals::{Choice, Globals};
use super::output::Output;
use super::table::Table;
use crate::config::{Loaded, reference};

/// What is configured, whether it is right, and what can be
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Config {
    Show(Show),
    Check(Check),
    Reference(Reference),
}

/// Show every setting with its value and where that comes from
///
/// Flags win over the environment, the environment over the file, the file over the
/// profile. Passwords are not shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade config show
  stockade config show cache              one section
  STOCKADE_CACHE__CAPACITY=1GiB stockade config show cache.capacity
  stockade config show --profile production --json")]
pub(super) struct Show {
    /// A setting or a section: cache.capacity, http.limits
    key: Option<String>,
    #[command(flatten)]
    choice: Choice,
}

/// Say everything that is wrong with the configuration
///
/// In production, what a server would refuse to start with is wrong too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade config check
  stockade config check --config /etc/stockade.toml --profile production")]
pub(super) struct Check {
    #[command(flatten)]
    choice: Choice,
}

/// Print every setting there is, as Markdown
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade config reference | less")]
pub(super) struct Reference {}

impl Config {
    pub(super) fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        match self {
            Self::Show(show) => show.run(globals, output),
            Self::Check(check) => check.run(globals, output),
            Self::Reference(_) => {
                output.bytes(reference::markdown().as_bytes())?;
                Ok(true)
            }
        }
    }
}

impl Show {
    fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let loaded = globals.load(&self.choice, Vec::new())?;
        let shown = loaded.show(self.key.as_deref())?;
        if output.json {
            let values = shown
                .into_iter()
                .map(|line| (line.key, json!({ "value": line.json, "origin": line.origin })));
            output.document(&values.collect::<serde_json::Map<_, _>>())?;
            return Ok(true);
        }
        let mut table = Table::new(&["SETTING", "VALUE", "FROM"]);
        for line in shown {
            table.row([line.key, line.value, line.origin]);
        }
        output.table(&table)?;
        Ok(true)
    }
}

impl Check {
    fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let checked = globals.load(&self.choice, Vec::new()).and_then(|loaded| {
            loaded.vet()?;
            Ok(loaded)
        });
        if output.json {
            let problems = checked.as_ref().err().map_or(&[][..], |failure| failure.complaints());
            output.document(&json!({ "ok": checked.is_ok(), "problems": problems }))?;
            return Ok(checked.is_ok());
        }
        output.note(&in_words(&checked?))?;
        Ok(true)
    }
}

fn in_words(loaded: &Loaded) -> String {
    let file = match &loaded.file {
        Some(file) => format!("`{}`", file.display()),
        None => "no file".into(),
    };
    format!("the configuration is right: {file}, profile {}", loaded.config.profile)
}
