//! Doing what a playbook says, and putting it on record.

use std::time::Duration;

use flow::feed::Notice;
use flow::{Credential, Door, Fact, Id, Outcome, Request, Result, Time};
use pool::sql::Transaction;
use serde_json::json;

use super::Behaviour;
use super::config::Take;
use super::measure::Measure;
use super::playbook::Deed;
use super::sign::Sign;
use crate::credential::jwt::Ended;
use crate::limit::Subject;

/// How often it is looked whether databases of addresses are new.
const LOOKED_AT: Duration = Duration::from_secs(60);

/// The request that led to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    id: Id,
    at: flow::Moment,
    door: Door,
}

impl Origin {
    pub(super) fn of(request: &Request<'_>) -> Self {
        Self { id: request.id, at: request.at, door: request.door }
    }

    fn request(self) -> Request<'static> {
        let Self { id, at, door } = self;
        Request { id, at, door, credential: Credential::None, peer: None, agent: "" }
    }
}

impl Behaviour {
    /// Does what is waiting, and tends measures, for as long as it is polled.
    pub async fn run(&self) {
        let mut work = self.work.lock().await;
        let works = async {
            while let Some((deed, origin)) = work.recv().await {
                self.carry_out(deed, origin).await;
            }
        };
        tokio::join!(works, self.measures.tend(), self.watch_files(), self.feeds.tend());
    }

    /// Does what is waiting, reads feeds that are due and hears of other nodes' measures, once.
    pub async fn catch_up(&self) -> Result<()> {
        let mut work = self.work.lock().await;
        while let Ok((deed, origin)) = work.try_recv() {
            self.carry_out(deed, origin).await;
        }
        self.feeds.read_due().await;
        self.measures.read().await
    }

    /// Reads databases again when their files are new ones.
    async fn watch_files(&self) {
        while self.geo.is_on() {
            self.clock.sleep(LOOKED_AT).await;
            self.read_files().await;
        }
    }

    /// Reads databases again that have changed; a broken one is said, and the old one stays.
    pub async fn read_files(&self) {
        let geo = self.geo.clone();
        let read = tokio::task::spawn_blocking(move || geo.refresh()).await;
        match read {
            Ok(Ok(true)) => tracing::info!("databases of addresses were read again"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => {
                tracing::error!(error = %error.story(), "the old database of addresses stays");
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    pub(super) async fn carry_out(&self, deed: Deed, origin: Origin) {
        let done = match deed {
            Deed::Record(sign) => self.record(&sign, origin).await,
            Deed::Take { playbook, take, otherwise, length, dry_run, sign } => {
                let order = Order { playbook, take, length, sign };
                self.act(order, (otherwise, dry_run), origin).await
            }
        };
        if let Err(error) = done {
            tracing::error!(error = %error.story(), "a sign could not be answered");
        }
    }

    async fn record(&self, sign: &Sign, origin: Origin) -> Result<()> {
        tracing::info!(
            kind = sign.kind.name(),
            subject = sign.subject.name(),
            why = sign.why,
            "a sign"
        );
        let mut fact = self.fact("guard.sign", sign, origin);
        fact.resource = format!("sign/{}/{}", sign.kind.name(), sign.subject.name());
        fact.detail = json!({ "why": sign.why, "numbers": sign.numbers }).into();
        self.sql.commit(Transaction::new().fact(fact)).await.map(drop)
    }

    async fn act(&self, order: Order, how: (Take, bool), origin: Origin) -> Result<()> {
        let (otherwise, dry_run) = how;
        let mut order = order;
        order.take = order.take.against(&order.sign.subject, otherwise);
        if order.take == Take::StepUp && !self.has_factor(&order.sign.subject).await? {
            // Asking for what they do not have would keep them out without saying so.
            order.take = if otherwise == Take::StepUp { Take::Block } else { otherwise };
        }
        if dry_run {
            return self.rehearse(&order, origin).await;
        }
        let name = order.sign.subject.name();
        let (playbook, take) = (&order.playbook, order.take.name());
        tracing::warn!(playbook, take, subject = name, why = order.sign.why, "a playbook acts");
        match (order.take, &order.sign.subject) {
            (Take::Alert, _) => {
                let fact = self.fact("measure.alert", &order.sign, origin);
                let fact = Fact { detail: about(&order).into(), ..fact };
                self.sql.commit(Transaction::new().fact(fact)).await.map(drop)
            }
            (Take::Block, subject) => {
                let (subject, length) = (subject.clone(), Some(order.length));
                let kind = order.sign.kind.name();
                self.blocks.begin_for(subject, kind, length, &origin.request()).await;
                Ok(())
            }
            (_, Subject::Principal(tenant, actor)) => {
                let now = self.clock.now();
                let measure = Measure {
                    id: self.random.id(now).to_string(),
                    tenant: tenant.clone(),
                    actor: actor.clone(),
                    take: order.take,
                    playbook: order.playbook.clone(),
                    why: order.sign.why.clone(),
                    begun: now,
                    until: now.after(order.length),
                };
                self.take(measure, &order, origin).await
            }
            _ => Ok(()),
        }
    }

    async fn take(&self, measure: Measure, order: &Order, origin: Origin) -> Result<()> {
        let mut detail = about(order);
        if let Some(detail) = detail.as_object_mut() {
            detail.insert("measure".into(), json!(measure.id));
            detail.insert("until".into(), json!(measure.until));
        }
        let fact = self.fact("measure.begin", &order.sign, origin);
        let fact = Fact { detail: detail.into(), ..fact };
        let (tenant, actor) = (measure.tenant.clone(), measure.actor.clone());
        if self.measures.take(measure, fact).await? && order.take == Take::Revoke {
            self.revoke(&tenant, &actor).await?;
        }
        Ok(())
    }

    /// Ends what the principal has shown a password for; keys are revoked by people.
    async fn revoke(&self, tenant: &str, actor: &str) -> Result<()> {
        let name = name_of(actor);
        if let Some(logins) = &self.logins {
            logins.end_all(tenant, name, None).await?;
        }
        if let Some(tokens) = &self.tokens {
            tokens.end(tenant, Some(name), Ended::Principal(name), None).await?;
        }
        self.announcer.announce(Notice::epoch(tenant, Some(name))).await
    }

    async fn rehearse(&self, order: &Order, origin: Origin) -> Result<()> {
        let (playbook, take) = (&order.playbook, order.take.name());
        tracing::info!(playbook, take, why = order.sign.why, "a playbook would act");
        let fact = self.fact("measure.rehearse", &order.sign, origin);
        let fact = Fact { detail: about(order).into(), ..fact };
        self.sql.commit(Transaction::new().fact(fact)).await.map(drop)
    }

    async fn has_factor(&self, subject: &Subject) -> Result<bool> {
        match (subject, &self.logins) {
            (Subject::Principal(tenant, actor), Some(logins)) => {
                logins.has_factor(tenant, name_of(actor)).await
            }
            _ => Ok(false),
        }
    }

    fn fact(&self, action: &'static str, sign: &Sign, origin: Origin) -> Fact {
        let at: Time = self.clock.now();
        Fact {
            id: self.random.id(at),
            at,
            request: origin.id,
            tenant: sign.subject.tenant().into(),
            actor: "system:gate".into(),
            door: origin.door.name().into(),
            action: action.into(),
            resource: format!("measure/{}", sign.subject.name()),
            outcome: Outcome::Done,
            reason: Some(sign.kind.name().into()),
            count: 1,
            detail: flow::Detail::default(),
        }
    }
}

/// What a playbook says about one.
struct Order {
    playbook: String,
    take: Take,
    length: Duration,
    sign: Sign,
}

/// What a fact says of it.
fn about(order: &Order) -> serde_json::Value {
    json!({ "playbook": order.playbook, "take": order.take.name(), "why": order.sign.why })
}

fn name_of(actor: &str) -> &str {
    actor.split_once(':').map_or(actor, |(_, name)| name)
}
