//! Answers about candidates: policies that are tried beside those in force.

use flow::question::shadow::{
    Candidate, ClearShadow, DropCandidate, PromoteShadow, Promoted, PutCandidate, Report,
    ReportShadow, ShowCandidate,
};
use flow::{Answer, Fact, Origin, Permitted, Result, Step};
use serde_json::json;

use super::Plane;

impl<'q> Origin<PutCandidate<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, PutCandidate<'q>>,
    ) -> Step<'a, Result<Answer<Option<u64>>>> {
        Step::later(async move {
            let (who, put) = (permitted.identity(), permitted.question());
            let detail = json!({ "gone": put.source.is_none() });
            let fact = permitted.fact(&self.clock, &self.random);
            let fact = Some(Fact { detail: detail.into(), ..fact });
            let book = self.decider.book();
            Ok(match book.try_out(&who.tenant, put, &who.actor, fact).await? {
                Some((changes, true)) => Answer::done(Some(changes)).recorded(),
                Some((changes, false)) => Answer::done(Some(changes)),
                None => Answer::missing(None),
            })
        })
    }
}

impl<'q> Origin<DropCandidate<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, DropCandidate<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        Step::later(async move {
            let fact = Some(permitted.fact(&self.clock, &self.random));
            let (tenant, id) = (permitted.tenant(), permitted.question().id);
            let count = self.decider.book().forget(tenant, Some(id), fact).await?;
            Ok(if count > 0 { Answer::done(true).recorded() } else { Answer::missing(false) })
        })
    }
}

impl Origin<ClearShadow> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ClearShadow>,
    ) -> Step<'a, Result<Answer<usize>>> {
        Step::later(async move {
            let fact = Some(permitted.fact(&self.clock, &self.random));
            let count = self.decider.book().forget(permitted.tenant(), None, fact).await?;
            let answer = Answer::done(count);
            Ok(if count > 0 { answer.recorded() } else { answer })
        })
    }
}

impl Origin<PromoteShadow> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, PromoteShadow>,
    ) -> Step<'a, Result<Answer<Promoted>>> {
        Step::later(async move {
            let fact = Some(permitted.fact(&self.clock, &self.random));
            let (who, changes) = (permitted.identity(), permitted.question().changes);
            let book = self.decider.book();
            let promoted = book.promote(&who.tenant, changes, &who.actor, fact).await?;
            Ok(Answer::done(promoted).recorded())
        })
    }
}

impl<'q> Origin<ShowCandidate<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ShowCandidate<'q>>,
    ) -> Step<'a, Result<Answer<Option<Candidate>>>> {
        Step::later(async move {
            let (tenant, id) = (permitted.tenant(), permitted.question().id);
            let (_, candidates) = self.decider.book().candidates(tenant).await?;
            let found = candidates.into_iter().find(|candidate| candidate.id == id);
            Ok(if found.is_some() { Answer::done(found) } else { Answer::missing(found) })
        })
    }
}

impl Origin<ReportShadow> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ReportShadow>,
    ) -> Step<'a, Result<Answer<Report>>> {
        Step::later(async move {
            let report = self.shadows.report(self.decider.book(), permitted.tenant());
            Ok(Answer::done(report.await?))
        })
    }
}
