//! What every command understands.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use crate::config::{Environment, Loaded, Sources};

/// What every command understands.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Globals {
    /// The data directory [default: ./stockade-data]
    #[arg(long, global = true, value_name = "DIR", display_order = 900)]
    pub(crate) data: Option<PathBuf>,
    /// Ask the server at this URL, with the key in STOCKADE_KEY
    #[arg(long, global = true, value_name = "URL", display_order = 901)]
    pub(crate) server: Option<String>,
    /// Print one JSON document, or one a line if there is no end
    #[arg(long, global = true, display_order = 902)]
    pub(crate) json: bool,
    /// Say less
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 903)]
    pub(crate) quiet: bool,
    /// Say more: causes of errors, debug lines in the log
    #[arg(short, long, global = true, display_order = 904)]
    pub(crate) verbose: bool,
}

/// Which configuration is meant.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Choice {
    /// The configuration file [default: stockade.toml here, or in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Which defaults hold [default: development]
    #[arg(long, value_name = "PROFILE", value_parser = ["development", "testing", "production"])]
    pub(crate) profile: Option<String>,
}

/// What a flag sets: the key, the flag, the value.
pub(crate) type Set = (&'static str, &'static str, String);

impl Globals {
    /// The configuration as this command line, the environment and the file have it.
    pub(crate) fn load(&self, choice: &Choice, more: Vec<Set>) -> Result<Loaded, Failure> {
        let mut flags = more;
        if let Some(data) = &self.data {
            flags.push(("data", "--data", data.display().to_string()));
        }
        if let Some(profile) = &choice.profile {
            flags.push(("profile", "--profile", profile.clone()));
        }
        let environment = Environment::of_process();
        Ok(Loaded::load(Sources { file: choice.config.clone(), flags, environment })?)
    }
}
