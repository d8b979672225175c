//! A password, asked for where nobody looks over the shoulder of a command line.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use flow::{Code, Kind, Result};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::input;

static NO_PASSWORD: Code = Code::new(
    Kind::Invalid,
    "cli-no-password",
    "There is no password",
    "type it when asked, or bring it with `--password-file FILE`; `-` is standard input",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] = &[&NO_PASSWORD];

/// What is typed is hardly longer.
const LINE: usize = 4096;

/// The password in the file, or what is typed.
pub(super) fn password(file: Option<&Path>) -> Result<Zeroizing<String>> {
    let text = match file {
        Some(file) => {
            let bytes = Zeroizing::new(input::whole_of(file)?);
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| NO_PASSWORD.error("the password is not text"))?;
            Zeroizing::new(text.to_owned())
        }
        None if io::stdin().is_terminal() => typed()?,
        None => return Err(NO_PASSWORD.error("there is nobody to ask for the password")),
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.is_empty() {
        true => Err(NO_PASSWORD.error("the password is empty")),
        false => Ok(Zeroizing::new(text.to_owned())),
    }
}

fn typed() -> Result<Zeroizing<String>> {
    let broken = |error: io::Error| NO_PASSWORD.error("the terminal cannot be used").because(error);
    eprint!("Password: ");
    io::stderr().flush().map_err(broken)?;
    let quiet = Quiet::begin().map_err(broken)?;
    // Room for all of it at once: a growing string would leave copies behind.
    let mut line = Zeroizing::new(String::with_capacity(LINE));
    let read = io::stdin().lock().read_line(&mut line);
    drop(quiet);
    eprintln!();
    read.map_err(broken)?;
    Ok(line)
}

/// A terminal that does not show what is typed, until dropped.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
