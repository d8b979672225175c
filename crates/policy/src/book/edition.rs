//! A tenant's policies and documents, as of one moment.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use flow::question::policy::{PolicyInfo, PolicyShown};
use flow::{Epoch, Result};
use foldhash::HashMap;
use parking_lot::RwLock;
use rego::syntax::{self, Edition as Language, Module};
use rego::value::json;
use rego::{Options, Program, Reads, Value};

use super::Shadow;
use super::bundles::Held;
use crate::bundle::Roots;
use crate::memory::Memory;
use crate::pipeline::{Behind, Ways};
use crate::record::Outline;
use crate::secret::Masks;
use crate::{data, told};

/// As many paths are prepared to be asked for; those beyond are prepared each time.
const ENTRIES_MAX: usize = 10_000;

/// What was changed how often: policies, and documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Revision {
    pub(crate) policies: u64,
    pub(crate) documents: u64,
}

impl Revision {
    /// Reads a revision as an answer names it.
    pub fn parse(text: &str) -> Option<Self> {
        let (policies, documents) = text.split_once('.')?;
        Some(Self { policies: policies.parse().ok()?, documents: documents.parse().ok()? })
    }

    /// Whether this is as fresh as another.
    pub fn covers(self, other: Self) -> bool {
        self.policies >= other.policies && self.documents >= other.documents
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.policies, self.documents)
    }
}

/// Everything a decision of a tenant rests on.
#[derive(Debug)]
pub struct Edition {
    revision: Revision,
    name: Arc<str>,
    policies: BTreeMap<String, Policy>,
    bundles: Bundles,
    program: Arc<Program>,
    data: Value,
    entries: RwLock<HashMap<Box<str>, Arc<Entry>>>,
    /// What was decided by this edition.
    pub(crate) memory: Memory,
    /// What comes behind its policies.
    pub(crate) ways: Ways,
    /// What is never recorded.
    masks: Masks,
    /// Under which standing it was last known to be the newest.
    standing: ArcSwapOption<Epoch>,
    /// Whether it has a shadow.
    is_shadowed: AtomicBool,
    shadow: ArcSwapOption<Shadow>,
    /// How often candidates had been changed when it was last looked for one.
    shadow_changes: AtomicU64,
}

/// The bundles in force, by name.
pub(super) type Bundles = BTreeMap<String, Arc<Held>>;

#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) info: Arc<PolicyInfo>,
    pub(super) module: Arc<Module>,
}

/// A document that is asked for, and what it depends on.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Different from that of every other path of this edition.
    pub(crate) number: u32,
    pub(crate) path: Vec<Value>,
    /// The places in the input that are read.
    pub(crate) reads: Vec<Vec<Value>>,
    /// Whether it answers the same to the same tomorrow, so that it is worth remembering.
    pub(crate) steady: bool,
    /// What comes behind the policies; nothing for most.
    pub(crate) behind: Option<Box<Behind>>,
    /// What of the input is recorded.
    pub(crate) outline: Outline,
}

impl Edition {
    /// What was read from a database. Modules that an edition before had are not parsed again.
    pub(crate) fn read(
        revision: Revision,
        (modules, bundles): (Vec<PolicyInfo>, Bundles),
        data: Value,
        before: Option<&Self>,
        config: &crate::Config,
    ) -> Result<Self> {
        let mut policies = BTreeMap::new();
        for info in modules {
            let known = before.and_then(|before| before.policies.get(&info.id));
            let language = match bundles.values().any(|held| held.old.contains(&info.id)) {
                true => Language::V0,
                false => Language::V1,
            };
            let policy = match known.filter(|policy| policy.is(&info.source, language)) {
                Some(policy) => Policy { info: Arc::new(info), module: policy.module.clone() },
                None => Policy::parse(info, language)?,
            };
            policies.insert(policy.info.id.clone(), policy);
        }
        Self::compile(revision, policies, bundles, data, config)
    }

    pub(super) fn compile(
        revision: Revision,
        policies: BTreeMap<String, Policy>,
        bundles: Bundles,
        data: Value,
        config: &crate::Config,
    ) -> Result<Self> {
        let program = compiled(&policies, Options { open: true, ..Options::default() })?;
        for problem in program.awaited() {
            tracing::warn!(%problem, "a policy calls a function that is not there yet");
        }
        Ok(Self::of(revision, (policies, bundles), program, data, config))
    }

    /// What held at a revision, which can say why it comes to what it does. Modules that an
    /// edition has are not parsed again.
    pub(super) fn past(
        revision: Revision,
        modules: Vec<(PolicyInfo, Language)>,
        data: Value,
        known: Option<&Self>,
        config: &crate::Config,
    ) -> Result<Self> {
        let mut policies = BTreeMap::new();
        for (info, language) in modules {
            let known = known.and_then(|known| known.policies.get(&info.id));
            let policy = match known.filter(|policy| policy.is(&info.source, language)) {
                Some(policy) => Policy { info: Arc::new(info), module: policy.module.clone() },
                None => Policy::parse(info, language)?,
            };
            policies.insert(policy.info.id.clone(), policy);
        }
        let options = Options { open: true, marks: true };
        let program = compiled(&policies, options)?;
        Ok(Self::of(revision, (policies, Bundles::new()), program, data, config))
    }

    fn of(
        revision: Revision,
        (policies, bundles): (BTreeMap<String, Policy>, Bundles),
        program: Arc<Program>,
        data: Value,
        config: &crate::Config,
    ) -> Self {
        let name = revision.to_string().into();
        let (entries, memory, ways) = (RwLock::default(), Memory::new(config), Ways::new(config));
        let (masks, standing) = (Masks::new(&config.masks), ArcSwapOption::empty());
        Self {
            revision,
            name,
            policies,
            bundles,
            program,
            data,
            entries,
            memory,
            ways,
            masks,
            standing,
            is_shadowed: AtomicBool::default(),
            shadow: ArcSwapOption::empty(),
            shadow_changes: AtomicU64::default(),
        }
    }

    pub(crate) fn with_policy(&self, info: PolicyInfo, config: &crate::Config) -> Result<Self> {
        let mut policies = self.policies.clone();
        policies.insert(info.id.clone(), Policy::parse(info, Language::V1)?);
        let bundles = self.bundles.clone();
        Self::compile(self.policies_changed(), policies, bundles, self.data.clone(), config)
    }

    pub(crate) fn without_policy(&self, id: &str, config: &crate::Config) -> Result<Self> {
        let mut policies = self.policies.clone();
        policies.remove(id);
        let bundles = self.bundles.clone();
        Self::compile(self.policies_changed(), policies, bundles, self.data.clone(), config)
    }

    pub(crate) fn with_data(&self, data: Value, config: &crate::Config) -> Self {
        let revision = Revision { documents: self.revision.documents + 1, ..self.revision };
        let (policies, program) = (self.policies.clone(), self.program.clone());
        Self::of(revision, (policies, self.bundles.clone()), program, data, config)
    }

    pub(super) fn policies_changed(&self) -> Revision {
        Revision { policies: self.revision.policies + 1, ..self.revision }
    }

    /// Notes that it is the newest, until its tenant's standing changes.
    pub(crate) fn hold(&self, epoch: Epoch) {
        self.standing.store(Some(Arc::new(epoch)));
    }

    /// Under which standing it was last known to be the newest.
    pub(crate) fn standing(&self) -> Option<Arc<Epoch>> {
        self.standing.load_full()
    }

    /// Whether it is the newest as far as anybody here was told.
    pub(crate) fn holds(&self) -> bool {
        self.standing.load().as_ref().is_some_and(|epoch| epoch.holds())
    }

    /// What there would be with candidates in place, if there are any. Where there are none this
    /// is one look at a flag.
    pub(crate) fn shadow(&self) -> Option<Arc<Shadow>> {
        match self.is_shadowed.load(Ordering::Relaxed) {
            false => None,
            true => self.shadow.load_full(),
        }
    }

    /// What nobody is shown.
    pub(crate) fn masks(&self) -> &Masks {
        &self.masks
    }

    /// How often candidates had been changed when it was last looked for them.
    pub(super) fn shadow_changes(&self) -> u64 {
        self.shadow_changes.load(Ordering::Acquire)
    }

    /// Has this shadow from now on.
    pub(super) fn cast(&self, changes: u64, shadow: Option<Arc<Shadow>>) {
        let is_shadowed = shadow.is_some();
        self.shadow.store(shadow);
        self.is_shadowed.store(is_shadowed, Ordering::Relaxed);
        self.shadow_changes.store(changes, Ordering::Release);
    }

    /// Which edition this is.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The same, as answers name it.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The policies, compiled together.
    pub fn program(&self) -> &Program {
        &self.program
    }

    pub(super) fn program_shared(&self) -> &Arc<Program> {
        &self.program
    }

    /// The documents.
    pub fn data(&self) -> &Value {
        &self.data
    }

    /// The policies as they were given, by id.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<PolicyInfo>> {
        self.policies.values().map(|policy| &policy.info)
    }

    /// One policy.
    pub fn policy(&self, id: &str) -> Option<&Arc<PolicyInfo>> {
        self.policies.get(id).map(|policy| &policy.info)
    }

    /// The policies behind an id, and what they are parsed to.
    pub fn shown(&self, after: &str) -> impl Iterator<Item = PolicyShown> {
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        self.policies.range::<str, _>(behind).map(|(_, policy)| policy.shown())
    }

    /// One policy, and what it is parsed to.
    pub fn show(&self, id: &str) -> Option<PolicyShown> {
        self.policies.get(id).map(Policy::shown)
    }

    /// The bundles that are in force, by name.
    pub(super) fn bundles(&self) -> &Bundles {
        &self.bundles
    }

    /// The policies, as they are parsed.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &Module> + Clone {
        self.policies.values().map(|policy| &*policy.module)
    }

    pub(super) fn parsed(&self) -> &BTreeMap<String, Policy> {
        &self.policies
    }

    /// The bundle that owns what would be changed at a place, by what is asked of its roots.
    pub(super) fn owner(&self, owns: impl Fn(&Roots) -> bool) -> Option<&str> {
        let owner = self.bundles.iter().find(|(_, held)| owns(&held.roots));
        owner.map(|(name, _)| name.as_str())
    }

    /// What a path asks for.
    pub(crate) fn entry(&self, path: &str) -> Result<Arc<Entry>> {
        if let Some(entry) = self.entries.read().get(path) {
            return Ok(entry.clone());
        }
        let way = data::located(&self.data, data::path(path)?);
        let Reads { input, unsteady, .. } = self.program.reads(&way);
        let behind = self.ways.behind(&way, &self.program);
        let outline = Outline::new(&input, &self.masks);
        let mut entries = self.entries.write();
        let number = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let fits = entries.len() < ENTRIES_MAX;
        let (reads, steady) = (input, unsteady.is_empty() && fits);
        let entry = Arc::new(Entry { number, path: way, reads, steady, behind, outline });
        Ok(match fits {
            true => entries.entry(path.into()).or_insert(entry).clone(),
            false => entry,
        })
    }
}

fn compiled(policies: &BTreeMap<String, Policy>, options: Options) -> Result<Arc<Program>> {
    let modules = policies.values().map(|policy| policy.module.clone()).collect();
    let program = Program::compile(modules, options);
    program.map(Arc::new).map_err(|problems| told::uncompiled(&problems))
}

impl Policy {
    pub(super) fn parse(info: PolicyInfo, language: Language) -> Result<Self> {
        let module = syntax::module(&info.id, &info.source, language);
        let module = module.map_err(|errors| told::unread(&errors))?;
        Ok(Self { info: Arc::new(info), module: Arc::new(module) })
    }

    /// As others are shown it: a tree is written when somebody looks, which is seldom.
    fn shown(&self) -> PolicyShown {
        let tree = json::write(&syntax::json::module(&self.module));
        PolicyShown { info: self.info.as_ref().clone(), tree: Some(tree.into()) }
    }

    /// Whether it is this text, read in this way.
    pub(super) fn is(&self, source: &str, language: Language) -> bool {
        *self.info.source == *source && self.module.edition == language
    }
}
