//! A path with the real gate, a policy that says yes and a ledger that is a list. Whatever
//! a test does, its secrets must not be found in what was logged meanwhile.

use flow::rights::NO_RIGHTS;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flow::fact::{Class, Fact, Tally};
use flow::feed::{Announcer, MemoryFeed};
use flow::identity::MAIN;
use flow::question::account::{
    CloseSession, CreateUser, Granted, OpenSession, Proof, RefreshSession,
};
use flow::question::admin::Login;
use flow::question::guard::{LiftBlock, StepUp};
use flow::request::{Password, Returned};
use flow::signal::Registry;
use flow::*;
use gate::behaviour::Footing;
use gate::jwt::Providers;
use gate::limit::{Blocks, Limits};
use gate::{Behaviour, Config, Ground, Keys, Logins, Seal, Tokens};
use parking_lot::Mutex;
use pool::Http;
use pool::file::Disk;
use pool::sql::sqlite::{Options, Sqlite};
use pool::sql::{Sql, Statement};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const WRONG: &str = "incorrect zebra cell";
pub(crate) const HERE: &str = "192.0.2.7";
pub(crate) const AGENT: &str = "browser/1";

pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) sql: Arc<dyn Sql>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) logins: Arc<Logins>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) behaviour: Arc<Behaviour>,
    revisions: Arc<Revisions>,
    pub(crate) facts: Arc<Mutex<Vec<Fact>>>,
    /// What nobody may find in a log.
    pub(crate) secrets: Mutex<Vec<String>>,
    path: Serve<gate::Gate, Yes, List>,
}

pub(crate) struct Yes;
pub(crate) struct List(Arc<Mutex<Vec<Fact>>>);

/// Where tokens of sessions are signed.
pub(crate) async fn world() -> World {
    on(empty().await, start(), &unnoticing()).await
}

/// What failures lead to beside locks has its own tests.
pub(crate) fn unnoticing() -> Config {
    let mut config = Config::default();
    config.behaviour.enabled = false;
    config
}

/// Where they are random, as on nodes that share a database and no key to seal with.
pub(crate) async fn opaque() -> World {
    build(empty().await, start(), &unnoticing(), false).await
}

/// A database that is gone with its test.
pub(crate) async fn empty() -> Arc<dyn Sql> {
    Arc::new(Sqlite::open(Options::memory()).await.unwrap())
}

pub(crate) fn start() -> Clock {
    Clock::manual(Time(1_700_000_000_000_000_000))
}

/// A node on this database.
pub(crate) async fn on(sql: Arc<dyn Sql>, clock: Clock, config: &Config) -> World {
    build(sql, clock, config, true).await
}

/// The same, trusting what `config.oidc` names.
pub(crate) async fn trusting(sql: Arc<dyn Sql>, clock: Clock, config: &Config) -> Result<World> {
    Providers::new(&config.oidc, &outside(), &clock)?;
    Ok(build(sql, clock, config, true).await)
}

/// A client whose own waits are not those under test.
fn outside() -> Http {
    let config = pool::http::Config {
        retry: pool::retry::Config { attempts: 1, ..pool::retry::Config::default() },
        timeout: flow::unit::Span::secs(5),
        ..pool::http::Config::default()
    };
    Http::new(config, Clock::system(), Random::system(), &Registry::default()).unwrap()
}

async fn build(sql: Arc<dyn Sql>, clock: Clock, config: &Config, signed: bool) -> World {
    listen_to_logs();
    let (random, revisions) = (Random::system(), Arc::new(Revisions::default()));
    let keys = Keys::open(sql.clone(), revisions.clone(), clock.clone(), random.clone());
    let keys = Arc::new(keys.await.unwrap().sealed_by(signed.then(seal)));
    let ground = Ground {
        sql: sql.clone(),
        revisions: revisions.clone(),
        clock: clock.clone(),
        random: random.clone(),
    };
    let of = (sql.clone(), revisions.clone(), clock.clone(), random.clone());
    let tokens = Tokens::open(&config.tokens, of.0, seal(), of.1, of.2, of.3).await.unwrap();
    let providers = Providers::new(&config.oidc, &outside(), &clock).unwrap();
    let tokens = Arc::new(tokens.trusting(providers));
    let logins = Logins::open(ground, config, Some(seal())).await.unwrap();
    let logins = Arc::new(if signed { logins.signed_by(tokens.clone()) } else { logins });
    let registry = Registry::default();
    let feed = Arc::new(MemoryFeed::new(clock.clone(), 64));
    let announcer = Arc::new(Announcer::new(feed, clock.clone()));
    let (blocks, at) = (config.limits.blocks.clone(), (clock.clone(), random.clone()));
    let blocks = Blocks::open(blocks, sql.clone(), announcer.clone(), at, &registry).await.unwrap();
    let limits = Limits::new(config.rates.clone(), config.limits.clone(), &registry);
    let (known, blocks) = (keys.clone(), Arc::new(blocks));
    let kept = blocks.clone();
    let gate = gate::Gate::new(known, limits, blocks, revisions.clone(), clock.clone(), 1000);
    let gate = gate.with_logins(logins.clone());
    let gate = if signed { gate.with_tokens(tokens.clone()) } else { gate };
    let footing = Footing {
        sql: sql.clone(),
        announcer,
        blocks: kept,
        http: None,
        clock: clock.clone(),
        random: random.clone(),
    };
    let behaviour =
        Behaviour::open(&config.behaviour, (&config.playbooks, &config.feeds), footing, &registry);
    let behaviour = behaviour.await.unwrap().with_logins(logins.clone(), None);
    let behaviour = Arc::new(behaviour);
    let gate = gate.with_behaviour(behaviour.clone());
    let facts = Arc::<Mutex<Vec<Fact>>>::default();
    let stages = Stages { gate, policy: Yes, ledger: List(facts.clone()) };
    let (path, _) = Serve::new(stages, revisions.clone(), clock.clone(), random, &registry);
    let secrets = Mutex::new(vec![PASSWORD.to_owned(), WRONG.to_owned()]);
    World { clock, sql, keys, logins, tokens, behaviour, revisions, facts, secrets, path }
}

/// What all nodes of a test seal with.
fn seal() -> Arc<Seal> {
    static SEAL: OnceLock<Arc<Seal>> = OnceLock::new();
    let made = || {
        let place = tempfile::tempdir().unwrap();
        Arc::new(Seal::made(&Disk, &place.path().join("seal")).unwrap())
    };
    SEAL.get_or_init(made).clone()
}

impl World {
    pub(crate) async fn user(&self, name: &str, roles: &[&str]) {
        self.user_of(name, Principal::Human, roles, Proof::Password(PASSWORD)).await;
    }

    pub(crate) async fn user_of(
        &self,
        name: &str,
        kind: Principal,
        roles: &[&str],
        proof: Proof<'_>,
    ) {
        let roles: Vec<_> = roles.iter().map(|role| (*role).to_owned()).collect();
        let user = CreateUser { name, kind, roles: &roles, rights: &NO_RIGHTS, proof };
        self.logins.create(MAIN, &user, None).await.unwrap();
    }

    pub(crate) async fn log_in(&self, name: &str, secret: &str) -> Result<Granted> {
        self.log_in_from(name, secret, None, HERE).await
    }

    pub(crate) async fn log_in_from(
        &self,
        name: &str,
        secret: &str,
        code: Option<&str>,
        peer: &str,
    ) -> Result<Granted> {
        let password = Password { tenant: MAIN, name, secret, code };
        let request = self.request(Credential::Password(password), peer, AGENT);
        let question = OpenSession { name };
        let granted = self.path.once(&mut Lane::default(), &request, self, question).await;
        self.keep_secret(granted)
    }

    /// What the door asks when a browser has come back.
    pub(crate) async fn come_back(&self, returned: Returned<'_>) -> Result<Granted> {
        let request = self.request(Credential::Returned(returned), HERE, AGENT);
        let question = OpenSession { name: returned.provider };
        let granted = self.path.once(&mut Lane::default(), &request, self, question).await;
        self.keep_secret(granted)
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<Granted> {
        let request = self.request(Credential::Refresh(token), HERE, AGENT);
        let granted = self.path.once(&mut Lane::default(), &request, self, RefreshSession).await;
        self.keep_secret(granted)
    }

    fn keep_secret(&self, granted: Result<Granted>) -> Result<Granted> {
        if let Ok(Granted { token, refresh, .. }) = &granted {
            self.secrets.lock().extend([token.clone(), refresh.clone()]);
        }
        granted
    }

    /// Asks something on a connection of its own.
    pub(crate) async fn ask<Q: Question>(&self, token: &str, question: Q) -> Result<Q::Answer>
    where
        Self: Origin<Q>,
    {
        let request = self.request(Credential::Bearer(token), HERE, AGENT);
        self.path.once(&mut Lane::default(), &request, self, question).await
    }

    /// Who this token's owner is, asked on a connection of its own.
    pub(crate) async fn who(&self, token: &str) -> Result<String> {
        self.who_from(&mut Lane::default(), token, HERE, AGENT).await
    }

    pub(crate) async fn who_from(
        &self,
        lane: &mut Lane,
        token: &str,
        peer: &str,
        agent: &str,
    ) -> Result<String> {
        let request = self.request(Credential::Bearer(token), peer, agent);
        self.path.once(lane, &request, self, Login).await
    }

    pub(crate) async fn identity(&self, token: &str) -> Result<Arc<Identity>> {
        let mut lane = Lane::default();
        self.who_from(&mut lane, token, HERE, AGENT).await?;
        Ok(lane.identity().unwrap().clone())
    }

    pub(crate) fn request<'a>(
        &self,
        credential: Credential<'a>,
        peer: &str,
        agent: &'a str,
    ) -> Request<'a> {
        let peer: IpAddr = peer.parse().unwrap();
        let (id, at) = (Random::system().id(self.clock.now()), self.clock.moment());
        Request { id, at, door: Door::Http, credential, peer: Some(peer), agent }
    }

    /// What another node says over the feed when somebody's standing changed.
    pub(crate) fn hear_of(&self, name: &str) {
        self.revisions.bump(MAIN, Some(name));
    }

    pub(crate) fn pass(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    /// What was recorded, by the path and with the changes themselves.
    pub(crate) async fn record(&self) -> Vec<String> {
        let rows = self.sql.query(Statement::new("SELECT fact FROM outbox ORDER BY place")).await;
        let text = |row: &pool::sql::Row| row.at::<String>(0).unwrap();
        let mut facts: Vec<Fact> = rows
            .unwrap()
            .iter()
            .map(text)
            .map(|text| serde_json::from_str(&text).unwrap())
            .collect();
        facts.extend(self.facts.lock().iter().cloned());
        let line = |fact: &Fact| {
            let reason = fact.reason.as_deref().unwrap_or("-");
            let (action, outcome) = (&fact.action, fact.outcome.name());
            format!("{action} {outcome} {} {} {reason}", fact.actor, fact.resource)
        };
        for fact in &facts {
            self.look_through(&serde_json::to_string(fact).unwrap());
        }
        facts.iter().map(line).collect()
    }

    fn look_through(&self, text: &str) {
        for secret in self.secrets.lock().iter() {
            assert!(!text.contains(secret.as_str()), "a secret is in {text}");
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for line in logs().lock().iter() {
            self.look_through(line);
        }
    }
}

/// What the code of an error is called.
pub(crate) fn code<T>(result: Result<T>) -> &'static str {
    result.err().map_or("done", |error| error.code().name)
}

impl Origin<OpenSession<'_>> for World {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, OpenSession<'_>>,
    ) -> Step<'a, Result<Answer<Granted>>> {
        Step::later(async move {
            let fact = Some(permitted.fact(&self.clock, &Random::system()));
            let (identity, request) = (permitted.identity(), permitted.request());
            let (granted, _) = self.logins.open_session(identity, request, fact).await?;
            Ok(Answer::done(granted).recorded())
        })
    }
}

impl Origin<LiftBlock<'_>> for World {
    fn answer<'a>(&'a self, _: &'a Permitted<'a, LiftBlock<'_>>) -> Step<'a, Result<Answer<bool>>> {
        Step::Now(Ok(Answer::missing(false)))
    }
}

impl Origin<CloseSession> for World {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, CloseSession>,
    ) -> Step<'a, Result<Answer<()>>> {
        Step::later(async move {
            self.logins.close(permitted.identity(), None).await?;
            Ok(Answer::done(()))
        })
    }
}

impl Origin<StepUp<'_>> for World {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, StepUp<'_>>,
    ) -> Step<'a, Result<Answer<()>>> {
        Step::later(async move {
            let fact = permitted.fact(&self.clock, &Random::system());
            let who = (permitted.request(), &**permitted.identity());
            self.behaviour.step_up(who, permitted.question().code, Some(fact)).await?;
            Ok(Answer::done(()).recorded())
        })
    }
}

impl Origin<RefreshSession> for World {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, RefreshSession>,
    ) -> Step<'a, Result<Answer<Granted>>> {
        Step::later(async move {
            let fact = Some(permitted.fact(&self.clock, &Random::system()));
            let request = permitted.request();
            let granted = self.logins.refresh(permitted.identity(), request, fact).await?;
            Ok(Answer::done(granted).recorded())
        })
    }
}

impl Origin<Login> for World {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Login>,
    ) -> Step<'a, Result<Answer<String>>> {
        let identity = permitted.identity();
        Step::Now(Ok(Answer::done(format!("{} {}", identity.actor, identity.roles.join("+")))))
    }
}

impl Policy for Yes {
    fn permit<'a>(
        &'a self,
        _: &'a Request<'a>,
        _: &'a Identity,
        _: Ask<'a>,
    ) -> Step<'a, Result<Grant>> {
        let lifetime = Duration::from_secs(60);
        Step::Now(Ok(Grant { scope: Scope::Namespace, lifetime, reason: "yes".into() }))
    }
}

impl Ledger for List {
    fn append(&self, _: Class, fact: Fact) -> Step<'_, Result<()>> {
        self.0.lock().push(fact);
        Step::Now(Ok(()))
    }

    fn tally(&self, about: Fact) -> Arc<Tally> {
        Arc::new(Tally::new(about))
    }
}

/// Everything anybody logged in this process, down to the finest.
fn logs() -> &'static Mutex<Vec<String>> {
    static LOGS: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    LOGS.get_or_init(Mutex::default)
}

pub(crate) fn logged() -> usize {
    logs().lock().len()
}

struct Ear;

fn listen_to_logs() {
    let subscriber = tracing_subscriber::registry().with(Ear);
    let _ = tracing::subscriber::set_global_default(subscriber);
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

impl<S: tracing::Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        logs().lock().push(line.0);
    }

    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        _: &tracing::span::Id,
        _: Context<'_, S>,
    ) {
        let mut line = Line(String::new());
        attributes.record(&mut line);
        logs().lock().push(line.0);
    }
}
