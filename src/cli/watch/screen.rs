//! The terminal while it is ours, and its way back.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Another page, without a cursor.
const OURS: &str = "\x1b[?1049h\x1b[?25l";
/// The cursor again, and the page that was there before.
const THEIRS: &str = "\x1b[?25h\x1b[?1049l";

/// The terminal while it is ours; given back as it was when dropped, and before a
/// panic is reported, so that the report is seen.
pub(super) struct Screen(Arc<Taken>);

struct Taken {
    keys: OwnedFd,
    page: File,
    before: Termios,
    is_back: AtomicBool,
}

impl Screen {
    /// Takes the terminal whose keys and whose page these are.
    pub(super) fn take(keys: impl AsFd, page: impl AsFd) -> io::Result<Self> {
        let keys = keys.as_fd().try_clone_to_owned()?;
        let page = page.as_fd().try_clone_to_owned()?.into();
        let before = tcgetattr(&keys)?;
        let mut raw = before.clone();
        raw.make_raw();
        let screen = Self(Arc::new(Taken { keys, page, before, is_back: AtomicBool::new(false) }));
        let (taken, report) = (screen.0.clone(), panic::take_hook());
        panic::set_hook(Box::new(move |panic| {
            taken.give_back();
            report(panic);
        }));
        tcsetattr(&screen.0.keys, OptionalActions::Now, &raw)?;
        screen.show(OURS);
        Ok(screen)
    }

    /// A terminal that is gone shows nothing.
    pub(super) fn show(&self, text: &str) {
        self.0.write(text);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

impl Taken {
    fn write(&self, text: &str) {
        let _ = (&self.page).write_all(text.as_bytes());
    }

    /// Once: told twice, a terminal puts its cursor where it was before the picture,
    /// and what was said since is written over.
    fn give_back(&self) {
        if !self.is_back.swap(true, SeqCst) {
            self.write(THEIRS);
            let _ = tcsetattr(&self.keys, OptionalActions::Now, &self.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    use rustix::termios::LocalModes;

    use super::*;

    /// A terminal: the end a person has, and the end a program has.
    fn terminal() -> (File, OwnedFd) {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let program = ioctl_tiocgptpeer(&person, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        (person.into(), program)
    }

    fn echoes(program: &OwnedFd) -> bool {
        tcgetattr(program).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    #[test]
    fn a_terminal_is_given_back_once_and_before_a_panic_is_reported() {
        let (mut person, program) = terminal();
        assert!(echoes(&program));
        panic::set_hook(Box::new({
            let program = program.try_clone().unwrap();
            move |_| {
                let report = if echoes(&program) { "report" } else { "unseen" };
                rustix::io::write(&program, report.as_bytes()).unwrap();
            }
        }));
        let work = panic::AssertUnwindSafe(|| {
            let screen = Screen::take(&program, &program).unwrap();
            assert!(!echoes(&program));
            screen.show("picture");
            panic!("on purpose");
        });
        assert!(panic::catch_unwind(work).is_err());
        drop(panic::take_hook());
        assert!(echoes(&program));
        drop(program);
        let mut seen = Vec::new();
        // It ends with an error: nobody holds the other end any more.
        let _ = person.read_to_end(&mut seen);
        assert_eq!(String::from_utf8(seen).unwrap(), format!("{OURS}picture{THEIRS}report"));
    }
}
