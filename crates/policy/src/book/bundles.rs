//! Bundles put in force and taken out of it: everything below their roots at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flow::question::bundle::{Activated, BundleInfo};
use flow::question::policy::PolicyInfo;
use flow::{Error, Fact, Result};
use rego::Value;
use rego::syntax::Edition as Language;

use super::edition::{Bundles, Policy};
use super::{ATTEMPTS, Book, Edition, store};
use crate::bundle::{Bundle, Key, Roots, Trial};
use crate::codes::{BUNDLED, BUSY, POLICY_BROKEN};
use crate::data;

/// What the names of policies that came with bundles begin with.
const BUNDLED_ID: &str = "bundle/";

/// A policy is called by no longer a name.
const ID_MAX: usize = 1024;

/// A bundle that is in force.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) info: BundleInfo,
    pub(crate) roots: Roots,
    /// The policies of it that are written in Rego from before OPA 1.0.
    pub(crate) old: BTreeSet<String>,
}

/// What there will be, and what has to be written for it.
struct Next {
    edition: Edition,
    put: Vec<PolicyInfo>,
    gone: Vec<PolicyInfo>,
}

impl Book {
    /// Reads an archive as the bundle of a tenant, signed as it is configured for that one.
    pub fn unpack(&self, tenant: &str, name: &str, archive: &[u8]) -> Result<Bundle> {
        let source = self.config.bundles.get(name).filter(|source| source.tenant == tenant);
        let key = source.map(Key::of).transpose()?.flatten();
        Bundle::read(name, archive, key.as_ref(), &self.config.bundle_limits)
    }

    /// Puts a bundle in force, in the place of the one with its name: its policies and documents
    /// are all there is below its roots. The fact is committed with it. What is in force already
    /// stays as it is.
    pub async fn activate(
        &self,
        tenant: &Arc<str>,
        bundle: &Bundle,
        by: &str,
        dry_run: bool,
        fact: Option<Fact>,
    ) -> Result<Activated> {
        for _ in 0..ATTEMPTS {
            let alone = self.writing.lock().await;
            let edition = self.read(tenant).await?;
            if let Some(held) = edition.bundles().get(&bundle.name)
                && held.info.digest == bundle.digest
            {
                return Ok(told(bundle, held, edition.name(), false, 0));
            }
            let held = Arc::new(self.held(bundle, by));
            let versions = store::versions(&*self.sql, tenant).await?;
            let next = self.with_bundle(&edition, bundle, &held, &versions)?;
            // Nobody else waits for tests: whether it still fits is seen when it is committed.
            drop(alone);
            let tests = self.trial(&next.edition, &bundle.name).run().await?;
            if dry_run {
                return Ok(told(bundle, &held, edition.name(), false, tests));
            }
            let exchange = store::Exchange {
                put: next.put,
                gone: next.gone,
                data: (edition.data(), next.edition.data()),
                bundle: Some(&held),
                keeping: self.keeping(),
            };
            let from = edition.revision();
            let _alone = self.writing.lock().await;
            let change = store::exchange(tenant, from, &bundle.name, &exchange, fact.clone());
            if self.unless_meanwhile(change).await? {
                let revision = self.changed(tenant, next.edition).await?;
                return Ok(told(bundle, &held, &revision, true, tests));
            }
        }
        Err(BUSY.error("others change policies all the time"))
    }

    /// Takes a bundle out of force, and everything below its roots; false when there was none.
    pub async fn deactivate(
        &self,
        tenant: &Arc<str>,
        name: &str,
        by: &str,
        fact: Option<Fact>,
    ) -> Result<bool> {
        let _alone = self.writing.lock().await;
        for _ in 0..ATTEMPTS {
            let edition = self.read(tenant).await?;
            let Some(held) = edition.bundles().get(name) else { return Ok(false) };
            let versions = store::versions(&*self.sql, tenant).await?;
            let mut policies = edition.parsed().clone();
            let gone = self.taken(&mut policies, name, &[&held.roots], (by, &versions));
            let bundles = without(edition.bundles(), name);
            let data = cleared(edition.data(), &[&held.roots]);
            let next = Edition::compile(
                edition.policies_changed(),
                policies,
                bundles,
                data,
                &self.config,
            )?;
            let exchange = store::Exchange {
                put: Vec::new(),
                gone,
                data: (edition.data(), next.data()),
                bundle: None,
                keeping: self.keeping(),
            };
            let change = store::exchange(tenant, edition.revision(), name, &exchange, fact.clone());
            if self.unless_meanwhile(change).await? {
                return self.changed(tenant, next).await.map(|_| true);
            }
        }
        Err(BUSY.error("others change policies all the time"))
    }

    fn held(&self, bundle: &Bundle, by: &str) -> Held {
        let old = bundle.modules.iter().filter(|text| text.language == Language::V0);
        Held {
            info: BundleInfo {
                name: bundle.name.clone(),
                revision: bundle.revision.clone(),
                digest: bundle.digest.clone(),
                roots: bundle.roots.names(),
                at: self.clock.now(),
                by: by.to_owned(),
            },
            roots: bundle.roots.clone(),
            old: old.map(|text| text.id.clone()).collect(),
        }
    }

    fn with_bundle(
        &self,
        edition: &Edition,
        bundle: &Bundle,
        held: &Arc<Held>,
        versions: &BTreeMap<String, u64>,
    ) -> Result<Next> {
        for (name, other) in edition.bundles().iter().filter(|(name, _)| **name != bundle.name) {
            bundle.roots.check_apart(name, &other.roots)?;
        }
        let before = edition.bundles().get(&bundle.name);
        let roots: Vec<&Roots> =
            before.map(|before| &before.roots).into_iter().chain([&bundle.roots]).collect();
        let mut policies = edition.parsed().clone();
        let by = held.info.by.as_str();
        let mut gone = self.taken(&mut policies, &bundle.name, &roots, (by, versions));
        let mut put = Vec::new();
        for text in &bundle.modules {
            let there = edition.parsed().get(&text.id);
            let policy = match there.filter(|there| there.is(&text.source, text.language)) {
                Some(there) => there.clone(),
                None => {
                    let info = PolicyInfo {
                        id: text.id.clone(),
                        source: text.source.as_str().into(),
                        version: versions.get(&text.id).copied().unwrap_or_default() + 1,
                        at: held.info.at,
                        by: by.to_owned(),
                    };
                    let policy = Policy::parse(info, text.language)?;
                    put.push(policy.info.as_ref().clone());
                    policy
                }
            };
            bundle.roots.check_package(&policy.module)?;
            policies.insert(text.id.clone(), policy);
        }
        gone.retain(|info| !policies.contains_key(&info.id));
        let mut data = cleared(edition.data(), &roots);
        for path in bundle.roots.paths() {
            if let Some(value) = data::at(&bundle.data, &path) {
                data = data::put(&data, &path, value.clone())?;
            }
        }
        let mut bundles = without(edition.bundles(), &bundle.name);
        bundles.insert(bundle.name.clone(), held.clone());
        let revision = edition.policies_changed();
        let next = Edition::compile(revision, policies, bundles, data, &self.config)?;
        next.check_rules(edition)?;
        Ok(Next { edition: next, put, gone })
    }

    /// Takes policies away that a bundle brought, or that lie below the roots.
    fn taken(
        &self,
        policies: &mut BTreeMap<String, Policy>,
        name: &str,
        roots: &[&Roots],
        (by, versions): (&str, &BTreeMap<String, u64>),
    ) -> Vec<PolicyInfo> {
        let own = format!("{BUNDLED_ID}{name}/");
        let goes = |policy: &Policy| {
            let package: Vec<&str> = policy.module.package.iter().map(|name| &**name).collect();
            policy.info.id.starts_with(&own) || roots.iter().any(|roots| roots.contain(&package))
        };
        let going = policies.values().filter(|policy| goes(policy));
        let gone = going.map(|policy| PolicyInfo {
            version: versions.get(&policy.info.id).copied().unwrap_or_default() + 1,
            at: self.clock.now(),
            by: by.to_owned(),
            ..policy.info.as_ref().clone()
        });
        let gone: Vec<PolicyInfo> = gone.collect();
        for info in &gone {
            policies.remove(&info.id);
        }
        gone
    }

    fn trial(&self, next: &Edition, name: &str) -> Trial {
        Trial {
            modules: next.parsed().values().map(|policy| policy.module.clone()).collect(),
            data: next.data().clone(),
            of: format!("{BUNDLED_ID}{name}/"),
            config: self.config.clone(),
            clock: self.clock.clone(),
        }
    }
}

impl Edition {
    /// The bundles in force, by name.
    pub fn bundle_infos(&self) -> impl Iterator<Item = &BundleInfo> {
        self.bundles().values().map(|held| &held.info)
    }

    /// What is in force of one.
    pub fn bundle(&self, name: &str) -> Option<&BundleInfo> {
        self.bundles().get(name).map(|held| &held.info)
    }

    /// Refuses a policy that somebody put below the roots of a bundle.
    pub(super) fn check_put(&self, id: &str) -> Result<()> {
        let Some(policy) = self.parsed().get(id) else { return Ok(()) };
        let package: Vec<&str> = policy.module.package.iter().map(|name| &**name).collect();
        match self.owner(|roots| roots.contain(&package)) {
            None => Ok(()),
            Some(name) => Err(owned("the package", &package.join("."), name)),
        }
    }

    /// Refuses to take away by hand what a bundle brought.
    pub(super) fn check_delete(&self, id: &str) -> Result<()> {
        let name = id.strip_prefix(BUNDLED_ID).and_then(|rest| rest.split('/').next());
        match name.filter(|name| self.bundles().contains_key(*name)) {
            None => Ok(()),
            Some(name) => Err(owned("the policy", id, name)),
        }
    }

    /// Refuses a change of documents that concerns a bundle.
    pub(super) fn check_change(&self, path: &[Value]) -> Result<()> {
        let place: Vec<&str> = path.iter().map(|key| key.as_text().unwrap_or_default()).collect();
        match self.owner(|roots| roots.touch(&place)) {
            None => Ok(()),
            Some(name) => Err(owned("the document", &place.join("/"), name)),
        }
    }
}

/// Refuses to put by hand what only a bundle could bring.
pub(super) fn check_id(id: &str) -> Result<()> {
    let is_seen = !id.trim().is_empty() && !id.chars().any(char::is_control);
    if !is_seen || id.len() > ID_MAX {
        let cut: String = id.chars().take(64).collect();
        let story = format!("a policy cannot be called `{}`", cut.escape_debug());
        let advice = "call it by at most 1 KiB of text that can be seen, as a path of its file";
        return Err(POLICY_BROKEN.error(story).with_advice(advice));
    }
    match id.strip_prefix(BUNDLED_ID) {
        None => Ok(()),
        Some(rest) => Err(owned("the policy", id, rest.split('/').next().unwrap_or_default())),
    }
}

fn owned(what: &str, place: &str, name: &str) -> Error {
    BUNDLED.error(format!("{what} `{place}` belongs to the bundle `{name}`"))
}

fn without(bundles: &Bundles, name: &str) -> Bundles {
    let mut bundles = bundles.clone();
    bundles.remove(name);
    bundles
}

/// The documents with nothing below the roots.
fn cleared(data: &Value, roots: &[&Roots]) -> Value {
    let paths = roots.iter().flat_map(|roots| roots.paths());
    paths.fold(data.clone(), |data, path| data::remove(&data, &path))
}

fn told(
    bundle: &Bundle,
    held: &Held,
    revision: &Arc<str>,
    changed: bool,
    tests: usize,
) -> Activated {
    Activated {
        bundle: held.info.clone(),
        revision: revision.clone(),
        changed,
        policies: bundle.policies(),
        tests,
        warnings: bundle.warnings.clone(),
    }
}
