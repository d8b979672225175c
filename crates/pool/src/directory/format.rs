//! How the directory is laid out, and how an older layout is brought forward.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use flow::{Error, Result};

use super::{FOREIGN, NEWER, OLDER};
use crate::file::{Files, Open, Sort, codes};

/// The layout this release writes.
const CURRENT: u32 = 1;

/// One move from a layout to the next. `changes` names everything below the
/// directory that it changes, makes or removes; those are copied first, and put
/// back as they were if the move does not come to its end.
pub(super) struct Step {
    to: u32,
    changes: &'static [&'static str],
    run: fn(&dyn Files, &Path) -> Result<()>,
}

/// The moves this release knows: the one to [`CURRENT`], once there is a format
/// before it.
const STEPS: &[Step] = &[];

/// Names that may be there before the format is: of a first start that crashed, or
/// of the file system itself.
const NOTHING: [&str; 3] = ["lock", "FORMAT.new", "lost+found"];

/// Whether this release can open the directory. Changes nothing.
pub(super) fn check(files: &dyn Files, directory: &Path) -> Result<()> {
    judge(files, directory, CURRENT, STEPS).map(drop)
}

/// Makes the directory one of this release's.
pub(super) fn open(files: &dyn Files, directory: &Path) -> Result<()> {
    open_as(files, directory, CURRENT, STEPS)
}

/// What there is to do.
enum Plan<'a> {
    Begin,
    Nothing,
    Move(&'a Step),
}

fn judge<'a>(
    files: &dyn Files,
    directory: &Path,
    current: u32,
    steps: &'a [Step],
) -> Result<Plan<'a>> {
    let Some(found) = found(files, directory)? else {
        return Ok(Plan::Begin);
    };
    let says = |verb: &str| {
        let shown = directory.display();
        format!("`{shown}` has format {found}, and this release {verb} {current}")
    };
    match found.cmp(&current) {
        Ordering::Equal => Ok(Plan::Nothing),
        Ordering::Greater => Err(NEWER.error(says("reads up to"))),
        Ordering::Less => {
            let step = steps.iter().find(|step| step.to == found + 1 && step.to == current);
            step.map(Plan::Move).ok_or_else(|| OLDER.error(says("writes")))
        }
    }
}

fn open_as(files: &dyn Files, directory: &Path, current: u32, steps: &[Step]) -> Result<()> {
    match judge(files, directory, current, steps)? {
        Plan::Begin => write(files, directory, current),
        Plan::Nothing => finish(files, directory, current),
        Plan::Move(step) => {
            step.apply(files, directory)?;
            write(files, directory, current)?;
            finish(files, directory, current)
        }
    }
}

/// The copy that a move in progress can begin from again.
fn pending(directory: &Path, to: u32) -> PathBuf {
    directory.join(format!("before-format-{to}.pending"))
}

/// Gives the copy its final name once the move is done, so that no later move can
/// take it for its own. Several moves to one format are told apart: somebody went
/// back by hand in between.
fn finish(files: &dyn Files, directory: &Path, format: u32) -> Result<()> {
    let pending = pending(directory, format);
    if !files.exists(&pending)? {
        return Ok(());
    }
    let mut name = directory.join(format!("before-format-{format}"));
    let mut again = 2;
    while files.exists(&name)? {
        name = directory.join(format!("before-format-{format}-{again}"));
        again += 1;
    }
    files.rename(&pending, &name)?;
    files.sync_dir(directory)
}

/// The format of a directory; `None` when it is empty.
fn found(files: &dyn Files, directory: &Path) -> Result<Option<u32>> {
    match files.read(&directory.join("FORMAT")) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let number =
                text.strip_prefix("stockade ").and_then(|rest| rest.trim_end().parse().ok());
            let known = number.filter(|number| *number > 0);
            known.map(Some).ok_or_else(|| foreign(directory, "FORMAT"))
        }
        Err(error) if error.code() == &codes::MISSING => {
            let entries = files.list(directory)?;
            let other = entries.iter().find(|entry| NOTHING.iter().all(|name| entry.name != *name));
            match other {
                None => Ok(None),
                Some(entry) => Err(foreign(directory, &entry.name.to_string_lossy())),
            }
        }
        Err(error) => Err(error),
    }
}

fn foreign(directory: &Path, name: &str) -> Error {
    let directory = directory.display();
    FOREIGN.error(format!("`{directory}` is no data directory: `{name}` in it is not Stockade's"))
}

fn write(files: &dyn Files, directory: &Path, format: u32) -> Result<()> {
    files.write_atomically(&directory.join("FORMAT"), format!("stockade {format}\n").as_bytes())
}

impl Step {
    fn apply(&self, files: &dyn Files, directory: &Path) -> Result<()> {
        let to = self.to;
        let backup = pending(directory, to);
        if files.exists(&backup)? {
            // An earlier attempt crashed half way: begin where it began.
            self.copy_all(files, &backup, directory)?;
        } else {
            let draft = directory.join(format!("before-format-{to}.new"));
            files.create_dir_all(&draft)?;
            self.copy_all(files, directory, &draft)?;
            files.rename(&draft, &backup)?;
            files.sync_dir(directory)?;
        }
        tracing::info!(to, directory = %directory.display(), "bringing the data directory forward");
        (self.run)(files, directory)
    }

    /// Makes everything this step changes be in `to` what it is in `from`.
    fn copy_all(&self, files: &dyn Files, from: &Path, to: &Path) -> Result<()> {
        for name in self.changes {
            remove(files, &to.join(name))?;
            copy(files, &from.join(name), &to.join(name))?;
        }
        files.sync_dir(to)
    }
}

fn remove(files: &dyn Files, path: &Path) -> Result<()> {
    match files.metadata(path)?.map(|metadata| metadata.sort) {
        None => Ok(()),
        Some(Sort::File) => files.remove(path),
        Some(Sort::Directory) => {
            for entry in files.list(path)? {
                remove(files, &path.join(entry.name))?;
            }
            files.remove_dir(path)
        }
    }
}

/// Copies a file or directory, lasting but for the name itself.
fn copy(files: &dyn Files, from: &Path, to: &Path) -> Result<()> {
    match files.metadata(from)?.map(|metadata| metadata.sort) {
        None => Ok(()),
        Some(Sort::File) => {
            let (source, target) = (files.open(from, Open::Read)?, files.open(to, Open::New)?);
            let mut chunk = vec![0; 1 << 20];
            let mut at = 0;
            loop {
                let read = source.read_at(&mut chunk, at)?;
                let bytes = chunk.get(..read).unwrap_or_default();
                if bytes.is_empty() {
                    return target.sync_all();
                }
                target.write_at(bytes, at)?;
                at += read as u64;
            }
        }
        Some(Sort::Directory) => {
            files.create_dir(to)?;
            for entry in files.list(from)? {
                copy(files, &from.join(&entry.name), &to.join(&entry.name))?;
            }
            files.sync_dir(to)
        }
    }
}

#[cfg(test)]
mod tests {
    use flow::{Code, Random};

    use super::*;
    use crate::file::lossy::{Failure, Fault, Lossy, Op, Survival};

    /// Doubles a number in place, moves a file and makes one: nothing of it could
    /// be done twice.
    const DOUBLE: Step = Step {
        to: 2,
        changes: &["number", "old", "new", "deep"],
        run: |files, directory| {
            let number = files.read(&directory.join("number"))?;
            let text = String::from_utf8_lossy(&number).into_owned();
            let doubled = text.parse::<u32>().unwrap() * 2;
            let file = files.open(&directory.join("number"), Open::Write)?;
            file.write_at(doubled.to_string().as_bytes(), 0)?;
            file.sync()?;
            files.rename(&directory.join("old"), &directory.join("new"))?;
            files.rename(&directory.join("deep/a"), &directory.join("deep/b"))?;
            files.sync_dir(&directory.join("deep"))?;
            files.sync_dir(directory)
        },
    };

    fn at() -> &'static Path {
        Path::new("/data")
    }

    fn old(seed: u64) -> Lossy {
        let disk = Lossy::new(seed);
        disk.create_dir_all(at()).unwrap();
        open_as(&disk, at(), 1, &[]).unwrap();
        disk.create_dir_all(&at().join("deep")).unwrap();
        for (name, bytes) in [("number", "21"), ("old", "moved"), ("deep/a", "below")] {
            disk.write_atomically(&at().join(name), bytes.as_bytes()).unwrap();
        }
        disk
    }

    fn read(disk: &Lossy, name: &str) -> String {
        String::from_utf8(disk.read(&at().join(name)).unwrap()).unwrap()
    }

    fn check_format(text: &str, expected: Result<(), &Code>) {
        let disk = Lossy::new(1);
        disk.create_dir_all(at()).unwrap();
        disk.write_atomically(&at().join("FORMAT"), text.as_bytes()).unwrap();
        let before = disk.operations(Op::Change);
        let opened = open_as(&disk, at(), 3, &[]).map_err(|error| error.code());
        assert_eq!(opened, expected, "{text:?}");
        assert_eq!(disk.operations(Op::Change), before, "nothing was touched");
    }

    #[test]
    fn a_release_reads_its_own_format_and_refuses_others() {
        check_format("stockade 3\n", Ok(()));
        check_format("stockade 3", Ok(()));
        check_format("stockade 4\n", Err(&NEWER));
        check_format("stockade 1\n", Err(&OLDER));
        for other in ["", "stockade", "stockade 0", "stockade -1", "stockade 3.1", "3", "other 3"] {
            check_format(other, Err(&FOREIGN));
        }
    }

    #[test]
    fn an_empty_directory_becomes_ours_and_a_full_one_is_left_alone() {
        let disk = Lossy::new(1);
        for name in ["/data", "/data/lost+found", "/home"] {
            disk.create_dir_all(Path::new(name)).unwrap();
        }
        disk.write_atomically(Path::new("/data/lock"), b"7").unwrap();
        disk.write_atomically(Path::new("/home/letter"), b"dear").unwrap();
        open(&disk, at()).unwrap();
        assert_eq!(read(&disk, "FORMAT"), format!("stockade {CURRENT}\n"));
        let error = open(&disk, Path::new("/home")).unwrap_err();
        assert_eq!(error.code(), &FOREIGN);
        assert!(error.to_string().contains("letter"), "{error}");
        assert!(!disk.exists(Path::new("/home/FORMAT")).unwrap());
    }

    #[test]
    fn the_first_start_may_crash_anywhere() {
        for n in 1.. {
            let disk = Lossy::new(n);
            disk.create_dir_all(at()).unwrap();
            disk.plan(Fault::nth(Op::Change, n, Failure::PowerOff));
            let done = open(&disk, at()).is_ok();
            let after = disk.crash(&Survival::Some(Random::seeded(n)));
            open(&after, at()).unwrap();
            if done {
                break;
            }
        }
    }

    #[test]
    fn the_format_before_is_brought_forward_wherever_that_crashes() {
        let mut crashes = 0;
        for n in 1.. {
            let disk = old(n);
            disk.plan(Fault::nth(Op::Change, n, Failure::PowerOff));
            let done = open_as(&disk, at(), 2, &[DOUBLE]).is_ok();
            let seeds = (0..6).map(|seed| Survival::Some(Random::seeded(n * 6 + seed)));
            for fate in [Survival::Nothing, Survival::Everything].into_iter().chain(seeds) {
                let after = disk.left_by_a_crash(&fate);
                open_as(&after, at(), 2, &[DOUBLE]).unwrap();
                let found = ["FORMAT", "number", "new", "deep/b"].map(|name| read(&after, name));
                assert_eq!(found, ["stockade 2\n", "42", "moved", "below"], "{n} {fate:?}");
                assert_eq!(read(&after, "before-format-2/number"), "21");
                assert!(!after.exists(&at().join("old")).unwrap());
                assert!(!after.exists(&pending(at(), 2)).unwrap());
                crashes += 1;
            }
            if done {
                break;
            }
        }
        assert!(crashes > 150, "{crashes}");
    }

    #[test]
    fn who_went_back_by_hand_is_brought_forward_from_there() {
        let disk = old(1);
        open_as(&disk, at(), 2, &[DOUBLE]).unwrap();
        for (name, bytes) in [("FORMAT", "stockade 1\n"), ("number", "30"), ("deep/a", "later")] {
            disk.write_atomically(&at().join(name), bytes.as_bytes()).unwrap();
        }
        disk.rename(&at().join("new"), &at().join("old")).unwrap();
        open_as(&disk, at(), 2, &[DOUBLE]).unwrap();
        assert_eq!((read(&disk, "number"), read(&disk, "deep/b")), ("60".into(), "later".into()));
        assert_eq!(read(&disk, "before-format-2/number"), "21");
        assert_eq!(read(&disk, "before-format-2-2/number"), "30");
    }
}
