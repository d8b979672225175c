//! Bundles: policies and documents that come together, as Open Policy Agent packs them.
//!
//! A bundle is an archive from outside. Everything about it is bounded and checked before any of
//! it counts: how large it is and unpacks to, what its files are called, who signed it, and that
//! it says nothing outside of the roots it claims. What is wrong is said with the name of the
//! file it is wrong in.

mod archive;
mod canonical;
mod config;
mod manifest;
mod pack;
mod poll;
mod roots;
mod signature;
mod trial;

use aws_lc_rs::digest::{Context, SHA256};
use flow::Result;
use rego::Value;
use rego::syntax::Edition as Language;
use rego::value::{json, yaml};

use crate::codes::BUNDLE_INVALID;
use archive::Files;
pub use config::{Algorithm, Limits, Source};
use manifest::Manifest;
pub use pack::{Signing, pack};
pub use poll::{Fetched, Polled, Polls};
pub(crate) use roots::Roots;
pub use signature::Key;
pub(crate) use trial::Trial;

/// What a bundle says about itself.
const MANIFEST: &str = ".manifest";
/// Who says that a bundle is theirs.
const SIGNATURES: &str = ".signatures.json";
/// No name of a bundle is longer.
const NAME_MAX: usize = 128;

/// A bundle that was read, and may be put in force.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// By what it is called here.
    pub name: String,
    /// Which revision it says it is; may be empty.
    pub revision: String,
    /// SHA-256 of all that is in it, in base 16: the same for two archives of the same files.
    pub digest: String,
    /// What is passed over, and why.
    pub warnings: Vec<String>,
    pub(crate) roots: Roots,
    pub(crate) modules: Vec<Text>,
    pub(crate) data: Value,
}

/// The text of a policy in a bundle.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// By what it is called among all policies: `bundle/authz/rules/allow.rego`.
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) language: Language,
}

impl Bundle {
    /// Reads an archive. With a key it has to be signed with it.
    pub fn read(name: &str, archive: &[u8], key: Option<&Key>, limits: &Limits) -> Result<Self> {
        check_name(name)?;
        let files = archive::unpacked(archive, limits)?;
        let mut warnings = Vec::new();
        match (key, files.get(SIGNATURES)) {
            (Some(key), _) => key.verify(&files)?,
            (None, Some(_)) => warnings.push(format!(
                "it is signed, and nobody looked by whom: `policy.bundles.{name}.key` is not set"
            )),
            (None, None) => {}
        }
        if files.contains_key("patch.json") {
            let story = "`patch.json` makes it a delta bundle, which is not taken";
            return Err(BUNDLE_INVALID.error(story).with_advice("send the whole bundle"));
        }
        let manifest = match files.get(MANIFEST) {
            Some(text) => Manifest::read(text)?,
            None => Manifest::default(),
        };
        let roots = Roots::of(manifest.roots.as_deref())?;
        let mut bundle = Self {
            name: name.to_owned(),
            revision: manifest.revision.clone().unwrap_or_default(),
            digest: digest(&files),
            warnings,
            roots,
            modules: Vec::new(),
            data: Value::object([]),
        };
        for (path, bytes) in &files {
            bundle.take(path, bytes, &manifest)?;
        }
        let is_empty = bundle.modules.is_empty() && !files.contains_key(MANIFEST);
        if is_empty && bundle.data == Value::object([]) {
            let story = "there is neither policy nor data nor a manifest in it";
            return Err(BUNDLE_INVALID.error(story));
        }
        bundle.roots.check_data(&bundle.data)?;
        Ok(bundle)
    }

    /// How many policies are in it.
    pub fn policies(&self) -> usize {
        self.modules.len()
    }

    /// The policies in it, parsed, with their packages below its roots.
    pub fn parsed(&self) -> Result<Vec<std::sync::Arc<rego::syntax::Module>>> {
        let parsed = self.modules.iter().map(|text| {
            let module = rego::syntax::module(&text.id, &text.source, text.language);
            let module = module.map_err(|errors| crate::told::unread(&errors))?;
            self.roots.check_package(&module)?;
            Ok(std::sync::Arc::new(module))
        });
        parsed.collect()
    }

    /// Compiles the policies in it, with whatever they call elsewhere still to come.
    pub fn check(&self) -> Result<()> {
        let options = rego::Options { open: true, ..rego::Options::default() };
        let compiled = rego::Program::compile(self.parsed()?, options);
        compiled.map(drop).map_err(|problems| crate::told::uncompiled(&problems))
    }

    fn take(&mut self, path: &str, bytes: &[u8], manifest: &Manifest) -> Result<()> {
        let (place, file) = path.rsplit_once('/').unwrap_or(("", path));
        match file {
            "data.json" => self.document(path, place, document(path, bytes, false)?),
            "data.yaml" | "data.yml" => self.document(path, place, document(path, bytes, true)?),
            "policy.wasm" | "plan.json" => {
                self.warnings.push(format!("`{path}` is passed over: the policies count"));
                Ok(())
            }
            file if file.ends_with(".rego") => {
                let source = text(path, bytes)?.to_owned();
                let language = manifest.language(path)?;
                let id = format!("bundle/{}/{path}", self.name);
                self.modules.push(Text { id, source, language });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Puts a document where the directory it was in says.
    fn document(&mut self, path: &str, place: &str, value: Value) -> Result<()> {
        let around = |inner, key: &str| Value::object([(key.into(), inner)]);
        let value = place.rsplit('/').filter(|key| !key.is_empty()).fold(value, around);
        if !matches!(value, Value::Object(_)) {
            let kind = value.type_name();
            let story = format!("`{path}` has to be an object, and is of type {kind}");
            return Err(BUNDLE_INVALID.error(story));
        }
        let data = std::mem::replace(&mut self.data, Value::Null);
        let clash = |place: String| {
            let story = format!("`{path}` says what is at `{place}`, and another file does too");
            BUNDLE_INVALID.error(story)
        };
        self.data = merged(data, &value, &mut Vec::new()).map_err(clash)?;
        Ok(())
    }
}

/// Whether a bundle may be called so.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fine = (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(plain);
    match fine && !name.starts_with('.') {
        true => Ok(()),
        false => {
            let error = BUNDLE_INVALID.error(format!("`{name}` is no name for a bundle"));
            Err(error.with_advice("use letters, digits, `-`, `_` and `.`, at most 128 of them"))
        }
    }
}

fn text<'b>(path: &str, bytes: &'b [u8]) -> Result<&'b str> {
    let not_text = |_| BUNDLE_INVALID.error(format!("`{path}` is not UTF-8"));
    std::str::from_utf8(bytes).map_err(not_text)
}

fn document(path: &str, bytes: &[u8], is_yaml: bool) -> Result<Value> {
    let read = match is_yaml {
        true => yaml::read(text(path, bytes)?),
        false => json::read(bytes).map_err(|error| error.to_string()),
    };
    read.map_err(|why| BUNDLE_INVALID.error(format!("`{path}` cannot be read: {why}")))
}

/// Two documents as one, or the place at which both say something.
fn merged<'v>(
    one: Value,
    two: &'v Value,
    place: &mut Vec<&'v str>,
) -> std::result::Result<Value, String> {
    let (Value::Object(ones), Value::Object(twos)) = (&one, two) else {
        return Err(place.join("/"));
    };
    let mut pairs: Vec<(Value, Value)> =
        ones.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in twos.iter() {
        place.push(key.as_text().unwrap_or_default());
        let value = match ones.get(key) {
            Some(there) => merged(there.clone(), value, place)?,
            None => value.clone(),
        };
        pairs.push((key.clone(), value));
        place.pop();
    }
    Ok(Value::object(pairs))
}

/// One digest of all files but the signatures, each with the lengths of its name and itself.
fn digest(files: &Files) -> String {
    let mut context = Context::new(&SHA256);
    for (name, bytes) in files.iter().filter(|(name, _)| *name != SIGNATURES) {
        for part in [name.as_bytes(), bytes] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
    }
    hex(context.finish().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
