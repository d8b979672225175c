//! Why a command did not do what was asked.

use std::process::ExitCode;

use flow::{Code, Error};
use serde::Serialize;

use super::globals::Globals;
use super::ink::Ink;
use crate::config::Problems;

/// Everything that was in the way.
#[derive(Debug)]
pub(crate) struct Failure(Vec<Complaint>);

/// One thing that was in the way.
#[derive(Debug, Serialize)]
pub(crate) struct Complaint {
    /// Which promise broke, for programs.
    pub(crate) code: String,
    /// What is wrong.
    pub(crate) detail: String,
    /// What to do about it.
    pub(crate) advice: String,
    /// The causes behind it, for those who asked for more.
    #[serde(skip)]
    pub(crate) story: String,
}

impl Failure {
    /// What is wrong, one by one.
    pub(crate) fn complaints(&self) -> &[Complaint] {
        &self.0
    }

    /// Whether this alone was in the way.
    pub(crate) fn is(&self, code: &Code) -> bool {
        matches!(self.0.as_slice(), [complaint] if complaint.code == code.name)
    }

    /// Tells whoever typed the command, and the program that ran it.
    pub(crate) fn report(&self, globals: &Globals) -> ExitCode {
        let ink = Ink::for_errors();
        if globals.json {
            let document = serde_json::json!({ "errors": self.0 });
            eprintln!("{document}");
            return ExitCode::FAILURE;
        }
        for complaint in &self.0 {
            complaint.print(ink, globals.verbose);
        }
        ExitCode::FAILURE
    }
}

impl Complaint {
    fn print(&self, ink: Ink, verbose: bool) {
        eprintln!("{} {}", ink.red("error:"), self.detail);
        if !self.advice.is_empty() {
            eprintln!("  {} {}", ink.dim("try:"), self.advice);
        }
        if verbose {
            eprintln!("  {} {}", ink.dim("why:"), self.story);
        }
    }
}

impl FromIterator<Error> for Failure {
    fn from_iter<T: IntoIterator<Item = Error>>(errors: T) -> Self {
        Self(errors.into_iter().map(|error| Complaint::from(&error)).collect())
    }
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Self {
        Self(vec![complaint])
    }
}

impl From<&Error> for Complaint {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().name.to_owned(),
            detail: error.detail().to_owned(),
            advice: error.advice().to_owned(),
            story: error.story(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(vec![Complaint::from(&error)])
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self(problems.0.iter().map(Complaint::from).collect())
    }
}
