//! `stockade policy build`: a directory of policies and data as a bundle.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use flow::Result;
use flow::unit::Size;
use policy::bundle::{Algorithm, Bundle, Key, Limits, Signing, pack};
use pool::secret::Secret;
use serde_json::json;

use super::super::Outcome;
use super::super::failure::Failure;
use super::super::input::whole_of;
use super::super::output::Output;
use super::{NOT_BUILT, UNREAD};

/// Directories within directories are read so deep.
const DEPTH_MAX: usize = 64;
/// What is built here is bounded by the server it is for.
const LIMITS: Limits =
    Limits { size_max: Size::mib(256), unpacked_max: Size::mib(1024), files_max: 100_000 };

/// Make a bundle of a directory, and sign it
///
/// Taken are policies (`.rego`), documents called `data.json`, `data.yaml` or `data.yml`, each
/// at the place its directory is, and `.manifest`. The same files make the same bundle.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade policy build policies --revision 42
  stockade policy build policies -o authz.tar.gz --root authz --root users
  stockade policy build policies --key file:signing.pem --algorithm ES256")]
pub(in crate::cli) struct Build {
    /// The directory
    directory: PathBuf,
    /// The file, replaced when all of the bundle is there
    #[arg(short, long, value_name = "FILE", default_value = "bundle.tar.gz")]
    output: PathBuf,
    #[command(flatten)]
    packing: Packing,
}

/// What is said of files that are packed.
#[derive(Debug, Args)]
pub(super) struct Packing {
    /// What this state of the files is called
    #[arg(long, value_name = "TEXT")]
    revision: Option<String>,
    /// A place in the data that is the bundle's alone; may be given again
    #[arg(long = "root", value_name = "PATH")]
    roots: Vec<String>,
    /// Where the key to sign with is, in PEM or as JSON: env:NAME, file:PATH
    #[arg(long, value_name = "REFERENCE")]
    key: Option<Secret>,
    /// How it is signed
    #[arg(long, value_name = "NAME", default_value = "RS256")]
    algorithm: Algorithm,
    /// What the key is called
    #[arg(long, value_name = "NAME", requires = "key")]
    keyid: Option<String>,
    /// What the signature is good for
    #[arg(long, value_name = "TEXT", requires = "key")]
    scope: Option<String>,
}

impl Packing {
    /// The bundle that the files in a directory make.
    pub(super) fn pack(&self, directory: &Path) -> Result<Vec<u8>> {
        let Self { revision, roots, key, algorithm, keyid, scope } = self;
        let read = |key| Key::read(key, *algorithm, keyid.clone(), scope.clone());
        let signing = Signing {
            revision: revision.clone(),
            roots: roots.clone(),
            key: key.as_ref().map(read).transpose()?,
        };
        pack(gathered(directory)?, &signing)
    }

    /// Whether anything is said of them.
    pub(super) fn is_blank(&self) -> bool {
        self.revision.is_none() && self.roots.is_empty() && self.key.is_none()
    }
}

impl Build {
    pub(super) fn run(self, output: &mut Output) -> Outcome {
        let archive = self.packing.pack(&self.directory)?;
        // Whoever takes it reads it so.
        let bundle = Bundle::read("bundle", &archive, None, &LIMITS)?;
        bundle.check()?;
        write(&self.output, &archive)?;
        let (size, name) = (archive.len(), self.output.display());
        let document = json!({
            "file": name.to_string(),
            "size": size,
            "revision": bundle.revision,
            "digest": bundle.digest,
            "policies": bundle.policies(),
            "signed": self.packing.key.is_some(),
        });
        let policies = counted(bundle.policies(), "policy", "policies");
        output.done(&format!("{policies} and {size} bytes are in `{name}`"), &document)
    }
}

/// So many of something.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Writes beside the file first: what is there stays until all of the new is.
fn write(path: &Path, bytes: &[u8]) -> std::result::Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&part);
        let story = format!("cannot write `{}`: {error}", path.display());
        NOT_BUILT.error(story).because(error).into()
    })
}

/// The files of a directory that belong into a bundle, by their names in it.
fn gathered(directory: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    gather(directory, &mut Vec::new(), &mut files)?;
    Ok(files)
}

fn gather(
    directory: &Path,
    place: &mut Vec<String>,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<()> {
    let unread = |error: std::io::Error| {
        UNREAD.error(format!("`{}` cannot be read: {error}", directory.display())).because(error)
    };
    if place.len() > DEPTH_MAX {
        let name = directory.display();
        return Err(UNREAD.error(format!("`{name}` is deeper than {DEPTH_MAX} directories")));
    }
    for entry in fs::read_dir(directory).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let Some(name) = path.file_name().and_then(OsStr::to_str).map(str::to_owned) else {
            return Err(UNREAD.error(format!("`{}` has a name that is no UTF-8", path.display())));
        };
        let is_manifest = place.is_empty() && name == ".manifest";
        if name.starts_with('.') && !is_manifest {
            continue;
        }
        place.push(name.clone());
        let is_directory = fs::metadata(&path).map_err(unread)?.is_dir();
        let is_data = matches!(&*name, "data.json" | "data.yaml" | "data.yml");
        if is_directory {
            gather(&path, place, files)?;
        } else if is_manifest || is_data || name.ends_with(".rego") {
            files.insert(place.join("/"), whole_of(&path)?);
        }
        place.pop();
    }
    Ok(())
}
