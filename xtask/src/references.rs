//! References that are generated from the code and kept in the repository, where
//! people read them; a check fails when the two differ.

use std::fs;
use std::io;

use crate::Outcome;
use crate::cargo::{cargo, root};

/// A file, and the arguments with which `stockade` prints it.
struct Reference {
    file: &'static str,
    args: &'static [&'static str],
}

/// Every generated reference. A new one is one line here.
static REFERENCES: &[Reference] = &[
    Reference { file: "docs/reference/cli.md", args: &["reference", "cli"] },
    Reference { file: "docs/reference/config.md", args: &["reference", "config"] },
    Reference { file: "docs/reference/errors.md", args: &["reference", "errors"] },
    Reference { file: "docs/reference/metrics.md", args: &["reference", "metrics"] },
];

/// Every reference that is not what the code says, as a sentence.
pub(crate) fn stale() -> io::Result<Vec<String>> {
    let mut stale = Vec::new();
    for reference in REFERENCES {
        let kept = fs::read_to_string(root().join(reference.file)).unwrap_or_default();
        if kept != reference.generate()? {
            let file = reference.file;
            stale.push(format!(
                "`{file}` is not what the code says; cargo xtask references writes it"
            ));
        }
    }
    Ok(stale)
}

/// Writes them all.
pub(crate) fn write() -> Outcome {
    for reference in REFERENCES {
        let file = root().join(reference.file);
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&file, reference.generate()?)?;
        println!("{}", reference.file);
    }
    Ok(true)
}

impl Reference {
    fn generate(&self) -> io::Result<String> {
        let mut command = cargo(&["run", "--quiet", "--bin", "stockade", "--"]);
        let output = command.args(self.args).output()?;
        match output.status.success() {
            true => String::from_utf8(output.stdout).map_err(io::Error::other),
            false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
        }
    }
}
