//! Bundles of policies: pushed, polled, listed and taken out of force.

use std::sync::Arc;
use std::time::Duration;

use flow::fact::Class;
use flow::question::bundle::{
    Activated, BundleState, BundleStates, DeleteBundle, ListBundles, PutBundle,
};
use flow::request::{Inspection, Pace};
use flow::serve::Background;
use flow::{
    Action, Answer, Fact, Lane, Origin, Permitted, Question, Resource, Result, Step, System,
};
use policy::bundle::{Bundle, Fetched, Polled, Polls};
use policy::codes::BUNDLE_POLLED;
use pool::Http;
use serde_json::json;
use tokio::task::JoinSet;

use super::{Ground, Plane};

static POLLED: Action = Action {
    name: "bundle.activate",
    class: Class::Durable,
    pace: Pace::Load,
    inspection: Inspection::Off,
};

/// As long as this it is waited for what is in force, where only how it is going is asked.
const LOOKING: Duration = Duration::from_secs(1);

/// The bundles that are polled, and what they are fetched with if there are any.
pub(super) fn open(
    config: &::policy::Config,
    ground: &Ground,
) -> Result<(Arc<Polls>, Option<Http>)> {
    let polls = Polls::of(config)?;
    let limits = pool::http::Config {
        largest_answer: config.bundle_limits.size_max,
        ..pool::http::Config::default()
    };
    let Ground { clock, random, registry, .. } = ground.clone();
    let http = match polls.count() {
        0 => None,
        _ => Some(Http::new(limits, clock, random, &registry)?),
    };
    Ok((Arc::new(polls), http))
}

/// Looks for bundles where they come from, until dropped.
pub(super) async fn poll(plane: Arc<Plane>, http: Http, background: Arc<Background>) {
    let mut all = JoinSet::new();
    for place in 0..plane.polls.count() {
        let (plane, http, background) = (plane.clone(), http.clone(), background.clone());
        all.spawn(async move {
            let Some(one) = plane.polls.get(place) else { return };
            loop {
                if let Err(error) = plane.look_for(one, &http, &background).await {
                    one.failed(&error);
                    let (bundle, error) = (&one.name, error.story());
                    tracing::error!(bundle, error = %error, "a bundle of policies stays as it was");
                }
                plane.clock.sleep(one.pause(&plane.random)).await;
            }
        });
    }
    while all.join_next().await.is_some() {}
}

/// Puts a bundle in force that was fetched. Only the server itself asks this.
#[derive(Debug)]
struct ActivatePolled<'a> {
    tenant: &'a Arc<str>,
    bundle: &'a Bundle,
}

impl Question for ActivatePolled<'_> {
    type Answer = Activated;

    fn action(&self) -> &'static Action {
        &POLLED
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "bundle", namespace: "", name: self.bundle.name.as_bytes() }
    }
}

impl Plane {
    /// Whether bundles are fetched that were never seen in force.
    pub(crate) fn awaits_bundles(&self) -> bool {
        self.polls.awaited()
    }

    /// Fetches one, and puts it in force if it is another than is.
    async fn look_for(&self, one: &Polled, http: &Http, background: &Background) -> Result<()> {
        let tenant: Arc<str> = one.source.tenant.as_str().into();
        let edition = self.decider.book().edition(&tenant).await?;
        let in_force = edition.bundle(&one.name).map(|info| info.digest.as_str());
        if in_force.is_some() {
            one.in_force();
        }
        let (archive, tag) = match self.polls.fetch(one, http, in_force).await? {
            Fetched::Whole(archive, tag) => (archive, tag),
            Fetched::Unchanged => {
                one.unchanged();
                return Ok(());
            }
        };
        one.fetched(&self.clock);
        let bundle = self.unpacked(&tenant, &one.name, archive.to_vec()).await?;
        if in_force != Some(&*bundle.digest) {
            let request = background.serve_as(System::Bundles);
            let question = ActivatePolled { tenant: &tenant, bundle: &bundle };
            let mut lane = Lane::default();
            let done = self.path.once(&mut lane, &request, self, question).await?;
            for warning in &done.warnings {
                tracing::warn!(bundle = one.name, warning, "a bundle of policies says more");
            }
            let (revision, since) = (&done.bundle.revision, &done.revision);
            tracing::info!(bundle = one.name, %revision, %since, "a bundle of policies is in force");
        }
        one.activated(&bundle.digest, tag, &self.clock);
        Ok(())
    }

    /// Reads an archive where nobody waits for it who has other things to do.
    async fn unpacked(&self, tenant: &str, name: &str, archive: Vec<u8>) -> Result<Bundle> {
        let (book, tenant) = (self.decider.book().clone(), tenant.to_owned());
        let name = name.to_owned();
        let read = move || book.unpack(&tenant, &name, &archive);
        match tokio::task::spawn_blocking(read).await {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Refuses to change by hand what is fetched again.
    fn is_pushed(&self, tenant: &str, name: &str) -> Result<()> {
        match self.polls.of_tenant(tenant).any(|(polled, _)| polled == name) {
            false => Ok(()),
            true => {
                Err(BUNDLE_POLLED.error(format!("the bundle `{name}` is fetched from its `url`")))
            }
        }
    }

    async fn bundles(&self, tenant: &Arc<str>) -> Result<Vec<BundleState>> {
        let edition = self.decider.book().edition(tenant).await?;
        let mut all: Vec<BundleState> = edition
            .bundle_infos()
            .map(|info| BundleState {
                name: info.name.clone(),
                active: Some(info.clone()),
                polled: None,
            })
            .collect();
        for (name, poll) in self.polls.of_tenant(tenant) {
            match all.iter_mut().find(|state| state.name == name) {
                Some(state) => state.polled = Some(poll),
                None => {
                    let (name, polled) = (name.to_owned(), Some(poll));
                    all.push(BundleState { name, active: None, polled });
                }
            }
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }
}

/// What is recorded of a bundle that is put in force.
fn told(bundle: &Bundle, fact: Fact) -> Fact {
    let detail = json!({ "revision": bundle.revision, "digest": bundle.digest });
    Fact { detail: detail.into(), ..fact }
}

/// It is recorded where it was committed, if anything was.
fn answered(done: Activated) -> Answer<Activated> {
    let detail = json!({
        "revision": done.bundle.revision,
        "digest": done.bundle.digest,
        "changed": done.changed,
    });
    let changed = done.changed;
    let answer = Answer::done(done).detail(detail);
    if changed { answer.recorded() } else { answer }
}

impl<'q> Origin<ActivatePolled<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ActivatePolled<'q>>,
    ) -> Step<'a, Result<Answer<Activated>>> {
        Step::later(async move {
            let ActivatePolled { tenant, bundle } = permitted.question();
            let fact = permitted.fact(&self.clock, &self.random);
            let fact = Fact { tenant: (*tenant).clone(), ..told(bundle, fact) };
            let by = &permitted.identity().actor;
            let book = self.decider.book();
            Ok(answered(book.activate(tenant, bundle, by, false, Some(fact)).await?))
        })
    }
}

impl<'q> Origin<PutBundle<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, PutBundle<'q>>,
    ) -> Step<'a, Result<Answer<Activated>>> {
        Step::later(async move {
            let PutBundle { name, archive, dry_run } = *permitted.question();
            let who = permitted.identity();
            self.is_pushed(&who.tenant, name)?;
            let bundle = self.unpacked(&who.tenant, name, archive.to_vec()).await?;
            let fact = Some(told(&bundle, permitted.fact(&self.clock, &self.random)));
            let book = self.decider.book();
            let done = book.activate(&who.tenant, &bundle, &who.actor, dry_run, fact).await?;
            Ok(answered(done))
        })
    }
}

impl<'q> Origin<DeleteBundle<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, DeleteBundle<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        Step::later(async move {
            let name = permitted.question().name;
            let who = permitted.identity();
            self.is_pushed(&who.tenant, name)?;
            let fact = Some(permitted.fact(&self.clock, &self.random));
            let book = self.decider.book();
            let was = book.deactivate(&who.tenant, name, &who.actor, fact).await?;
            Ok(if was { Answer::done(true).recorded() } else { Answer::missing(false) })
        })
    }
}

impl<'q> Origin<ListBundles<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ListBundles<'q>>,
    ) -> Step<'a, Result<Answer<Vec<BundleState>>>> {
        Step::later(async move {
            let ListBundles { after, limit } = *permitted.question();
            let all = self.bundles(permitted.tenant()).await?;
            let behind = all.into_iter().filter(|state| *state.name > *after);
            Ok(Answer::done(behind.take(limit as usize).collect()))
        })
    }
}

impl Origin<BundleStates> for Plane {
    /// Whoever asks how Stockade is wants to hear it while the database is away, too.
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, BundleStates>,
    ) -> Step<'a, Result<Answer<Vec<BundleState>>>> {
        Step::later(async move {
            let tenant = permitted.tenant();
            let known = self.clock.within(LOOKING, self.bundles(tenant)).await;
            let polled = || {
                let all = self.polls.of_tenant(tenant).map(|(name, poll)| {
                    let (name, polled) = (name.to_owned(), Some(poll));
                    BundleState { name, active: None, polled }
                });
                all.collect()
            };
            Ok(Answer::done(known.and_then(Result::ok).unwrap_or_else(polled)))
        })
    }
}
