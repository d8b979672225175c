//! Answers about Stockade itself.

use flow::feed::Notice;
use flow::question::admin::{
    CreateKey, CreatedKey, Exposition, KeyInfo, KeyShown, ListKeys, Login, Metrics, Part,
    RevokeKey, Status,
};
use flow::{Answer, Origin, Permitted, Result, Step};
use gate::NewKey;
use pool::health::Condition;
use serde_json::json;

use super::Plane;

impl Origin<Login> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Login>,
    ) -> Step<'a, Result<Answer<String>>> {
        Step::Now(Ok(Answer::done(permitted.identity().name.to_string())))
    }
}

impl<'q> Origin<CreateKey<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, CreateKey<'q>>,
    ) -> Step<'a, Result<Answer<CreatedKey>>> {
        Step::later(async move {
            self.space.is_there()?;
            let CreateKey { principal, kind, roles, rights, shown } = *permitted.question();
            let mut fact = permitted.fact(&self.clock, &self.random);
            let (hmac, certificate) = match shown {
                KeyShown::Itself => (false, None),
                KeyShown::Proof => (true, None),
                KeyShown::Certificate(name) => (false, Some(name)),
            };
            fact.detail = json!({
                "kind": kind,
                "roles": roles,
                "rights": rights,
                "hmac": hmac,
                "certificate": certificate,
            })
            .into();
            let (tenant, new) = (permitted.tenant(), NewKey { principal, kind, roles, rights });
            let key = match shown {
                KeyShown::Itself => self.keys.create(tenant, new, Some(fact)).await?,
                KeyShown::Proof => self.keys.create_proved(tenant, new, Some(fact)).await?,
                KeyShown::Certificate(name) => {
                    self.keys.certify(tenant, new, name, Some(fact)).await?
                }
            };
            Ok(Answer::done(key).recorded())
        })
    }
}

impl<'q> Origin<ListKeys<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ListKeys<'q>>,
    ) -> Step<'a, Result<Answer<Vec<KeyInfo>>>> {
        Step::later(async move {
            let ListKeys { after, limit } = *permitted.question();
            Ok(Answer::done(self.keys.list(permitted.tenant(), after, limit).await?))
        })
    }
}

impl<'q> Origin<RevokeKey<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, RevokeKey<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        Step::later(async move {
            let tenant = permitted.tenant();
            let fact = permitted.fact(&self.clock, &self.random);
            let revoked = self.keys.revoke(tenant, permitted.question().id, Some(fact)).await?;
            let Some(principal) = revoked else { return Ok(Answer::missing(false)) };
            self.announcer.announce(Notice::epoch(tenant, Some(&principal))).await?;
            Ok(Answer::done(true).recorded())
        })
    }
}

impl<'q> Origin<Metrics<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Metrics<'q>>,
    ) -> Step<'a, Result<Answer<Exposition>>> {
        let exposed = self.exposition.expose(permitted.question().accept);
        let (media_type, bytes) = (exposed.content_type, exposed.body.into());
        Step::Now(Ok(Answer::done(Exposition { media_type, bytes })))
    }
}

impl Origin<Status> for Plane {
    fn answer<'a>(&'a self, _: &'a Permitted<'a, Status>) -> Step<'a, Result<Answer<Vec<Part>>>> {
        let part = |report: pool::health::Report| Part {
            name: report.name,
            ok: report.condition != Condition::Ill,
            latency_us: report.latency.0.as_micros() as u64,
            advice: report
                .problem
                .map(|problem| format!("{}: {}", problem.detail, problem.advice))
                .unwrap_or_default(),
        };
        Step::later(async move {
            Ok(Answer::done(self.health.check().await.into_iter().map(part).collect()))
        })
    }
}
