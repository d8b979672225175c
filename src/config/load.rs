//! Finding the configuration and putting it together.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::Error;

use super::codes::UNREADABLE;
use super::environment::{self, Environment};
use super::key::Key;
use super::known::Known;
use super::layers::{Layers, Values};
use super::origin::Origin;
use super::problem::Problems;
use super::{Config, Profile};

/// The file that is looked for when none is named.
const FILE: &str = "stockade.toml";

/// Where configuration may come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// The file somebody named.
    pub(crate) file: Option<PathBuf>,
    /// What flags set: the key, the flag, the value.
    pub(crate) flags: Vec<(&'static str, &'static str, String)>,
    /// The environment.
    pub(crate) environment: Environment,
}

/// The configuration, and where every value of it comes from.
#[derive(Clone)]
pub(crate) struct Loaded {
    /// What holds.
    pub(crate) config: Config,
    /// The file it was read from, if there was one.
    pub(crate) file: Option<PathBuf>,
    /// Every value with its origin.
    pub(crate) values: Values,
    sources: Sources,
}

impl Loaded {
    /// Loads the configuration, or says everything that is wrong with it.
    pub(crate) fn load(sources: Sources) -> Result<Self, Problems> {
        let known = Known::new();
        let file = sources.find()?.map(Arc::new);
        let text = file.as_deref().map(|path| read(path)).transpose()?;

        let over = |layers: &mut Layers<'_>| {
            if let (Some(file), Some(text)) = (&file, &text) {
                layers.file(file, text);
            }
            layers.environment(&sources.environment);
            for (key, flag, value) in &sources.flags {
                layers.written(&Key::new(key), value, Origin::Flag(flag));
            }
        };
        // Which profile holds is known only when everything above it was read once.
        let mut layers = Layers::new(&known);
        over(&mut layers);
        let profile = layers.values.get(&Key::new("profile"));
        let profile =
            profile.and_then(|(value, _)| Profile::named(value.as_str()?)).unwrap_or_default();

        let mut layers = Layers::new(&known);
        layers.profile(profile);
        over(&mut layers);
        let (config, values) = layers.build()?;
        let file = file.map(|file| PathBuf::clone(&file));
        Ok(Self { config, file, values, sources })
    }

    /// The same again, as file and environment are now.
    pub(crate) fn again(&self) -> Result<Self, Problems> {
        Self::load(self.sources.clone())
    }

    /// The environment it was loaded with.
    pub(crate) fn environment(&self) -> &Environment {
        &self.sources.environment
    }
}

impl fmt::Debug for Loaded {
    /// Of what was written only what the tree lets be seen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, file, .. } = self;
        f.debug_struct("Loaded").field("config", config).field("file", file).finish()
    }
}

impl Sources {
    /// The file: the one named, or one that lies where we are, or with the data.
    fn find(&self) -> Result<Option<PathBuf>, Error> {
        let named = self
            .file
            .clone()
            .or_else(|| self.environment.get(environment::CONFIG).map(PathBuf::from));
        if named.is_some() {
            return Ok(named);
        }
        let here = PathBuf::from(FILE);
        let with_data = self.data().join(FILE);
        Ok([here, with_data].into_iter().find(|path| path.exists()))
    }

    /// The data directory as far as it is known before any file was read.
    fn data(&self) -> PathBuf {
        let flag = self
            .flags
            .iter()
            .find(|(key, _, _)| *key == "data")
            .map(|(_, _, value)| value.as_str());
        let named = flag.or_else(|| self.environment.get("STOCKADE_DATA")).map(PathBuf::from);
        named.unwrap_or_else(|| Config::default().data)
    }
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| {
        let sentence = format!("cannot read the configuration file `{}`: {error}", path.display());
        UNREADABLE.error(sentence).because(error)
    })
}
