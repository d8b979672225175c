//! Every way files can fail, by its stable name.

use std::io;
use std::path::Path;

use flow::{Code, Error, Kind};
use rustix::io::Errno;

/// All of them; the error reference is generated from this table.
pub static CODES: &[&Code] =
    &[&FULL, &FAILED, &MISSING, &EXISTS, &DENIED, &EXHAUSTED, &MISUSED, &OTHER];

/// No space, or no quota.
pub static FULL: Code = Code::new(
    Kind::Busy,
    "pool-disk-full",
    "the disk is full",
    "free some space or raise the quota; reading goes on, and writing resumes by itself",
);

/// The device or the file system says that it is broken.
pub static FAILED: Code = Code::new(
    Kind::Corrupt,
    "pool-disk-failed",
    "the disk failed",
    "look into the kernel's log; check the device and its file system, then restart",
);

/// No such file or directory.
pub static MISSING: Code =
    Code::new(Kind::Missing, "pool-file-missing", "there is no such file", "check the path");

/// There is one already.
pub static EXISTS: Code = Code::new(
    Kind::Conflict,
    "pool-file-exists",
    "there is a file of that name already",
    "move it away or choose another name",
);

/// The operating system does not let us.
pub static DENIED: Code = Code::new(
    Kind::Internal,
    "pool-file-denied",
    "the operating system denies access to a file",
    "give the server's user read and write access, and mount the file system writable",
);

/// Too many open files.
pub static EXHAUSTED: Code = Code::new(
    Kind::Busy,
    "pool-files-exhausted",
    "too many files are open",
    "raise the limit of open files (`ulimit -n`, `LimitNOFILE=`)",
);

/// A file is used in a way it was not opened for.
pub static MISUSED: Code = Code::new(
    Kind::Internal,
    "pool-file-misused",
    "a file was used in a way it was not opened for",
    "report it, with the log around it",
);

/// Anything else.
pub static OTHER: Code = Code::new(
    Kind::Internal,
    "pool-file-error",
    "a file operation failed",
    "the log has the operating system's own words",
);

/// Which of them an error of the operating system is.
pub fn code_of(error: &io::Error) -> &'static Code {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC | Errno::DQUOT) => &FULL,
        // What ext4 and XFS answer once they have found themselves damaged.
        #[cfg(target_os = "linux")]
        Some(Errno::UCLEAN) => &FAILED,
        Some(Errno::IO | Errno::NXIO) => &FAILED,
        Some(Errno::NOENT) => &MISSING,
        Some(Errno::EXIST) => &EXISTS,
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => &DENIED,
        Some(Errno::MFILE | Errno::NFILE) => &EXHAUSTED,
        _ => &OTHER,
    }
}

/// The error of an operation, such as "write", on `path`.
pub(crate) fn error(operation: &str, path: &Path, source: impl Into<io::Error>) -> Error {
    let source = source.into();
    code_of(&source).error(format!("cannot {operation} `{}`", path.display())).because(source)
}

/// The error of using a file in a way it was not opened for.
pub(crate) fn misused(operation: &str, path: &Path) -> Error {
    MISUSED
        .error(format!("cannot {operation} `{}`: it was opened for something else", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(errno: Errno, code: &Code, kind: Kind) {
        let error = error("write", Path::new("/data/a"), errno);
        assert_eq!((error.code(), error.kind()), (code, kind), "{errno}");
        assert_eq!(error.to_string(), "cannot write `/data/a`");
        assert!(error.story().contains("os error"), "{}", error.story());
    }

    #[test]
    fn each_failure_says_what_to_do_about_it() {
        check(Errno::NOSPC, &FULL, Kind::Busy);
        check(Errno::DQUOT, &FULL, Kind::Busy);
        check(Errno::IO, &FAILED, Kind::Corrupt);
        check(Errno::NOENT, &MISSING, Kind::Missing);
        check(Errno::EXIST, &EXISTS, Kind::Conflict);
        check(Errno::ROFS, &DENIED, Kind::Internal);
        check(Errno::MFILE, &EXHAUSTED, Kind::Busy);
        check(Errno::NAMETOOLONG, &OTHER, Kind::Internal);
    }
}
