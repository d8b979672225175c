//! What shells and `man` want to know of the command line.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;
use flow::{Code, Kind};

use super::Outcome;
use super::output::Output;

static NOT_WRITTEN: Code = Code::new(
    Kind::Invalid,
    "cli-pages",
    "The manual pages cannot be written",
    "name a directory that can be written to",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[&NOT_WRITTEN];

/// Print what makes a shell complete commands
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade completions bash > /etc/bash_completion.d/stockade
  stockade completions fish > ~/.config/fish/completions/stockade.fish")]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

/// Write manual pages
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade man | man -l -
  stockade man /usr/local/share/man/man1")]
pub(super) struct Man {
    /// Where to write a page for each command [default: the first, to standard output]
    dir: Option<PathBuf>,
}

impl Completions {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "stockade", &mut script);
        output.bytes(&script)?;
        Ok(true)
    }
}

impl Man {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        let failed = |error: std::io::Error| {
            NOT_WRITTEN.error(format!("cannot write the manual pages: {error}")).because(error)
        };
        match self.dir {
            Some(dir) => {
                std::fs::create_dir_all(&dir).map_err(failed)?;
                clap_mangen::generate_to(super::command(), &dir).map_err(failed)?;
            }
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(super::command()).render(&mut page).map_err(failed)?;
                output.bytes(&page)?;
            }
        }
        Ok(true)
    }
}
