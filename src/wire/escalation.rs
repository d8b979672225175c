//! Answers about cases nobody has a rule for.

use flow::question::escalation::{
    DecideEscalation, EscalationInfo, ListEscalations, ShowEscalation, WithdrawEscalation,
};
use flow::{Answer, Origin, Permitted, Result, Step};

use super::Plane;

impl<'q> Origin<ListEscalations<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ListEscalations<'q>>,
    ) -> Step<'a, Result<Answer<Vec<EscalationInfo>>>> {
        Step::later(async move {
            let (tenant, asked) = (permitted.tenant(), permitted.question());
            Ok(Answer::done(self.escalations.list(tenant, asked).await?))
        })
    }
}

impl<'q> Origin<ShowEscalation<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ShowEscalation<'q>>,
    ) -> Step<'a, Result<Answer<Option<EscalationInfo>>>> {
        Step::later(async move {
            let (tenant, id) = (permitted.tenant(), permitted.question().id);
            let found = self.escalations.show(tenant, id).await?;
            Ok(if found.is_some() { Answer::done(found) } else { Answer::missing(found) })
        })
    }
}

impl<'q> Origin<DecideEscalation<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, DecideEscalation<'q>>,
    ) -> Step<'a, Result<Answer<Option<EscalationInfo>>>> {
        Step::later(async move {
            let fact = permitted.fact(&self.clock, &self.random);
            let (who, asked) = (permitted.identity(), permitted.question());
            let decided = self.escalations.decide(&who.tenant, asked, &who.actor, fact).await?;
            Ok(match decided.is_some() {
                true => Answer::done(decided).recorded(),
                false => Answer::missing(decided),
            })
        })
    }
}

impl<'q> Origin<WithdrawEscalation<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, WithdrawEscalation<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        Step::later(async move {
            let fact = permitted.fact(&self.clock, &self.random);
            let (tenant, id) = (permitted.tenant(), permitted.question().id);
            let was = self.escalations.withdraw(tenant, id, fact).await?;
            Ok(if was { Answer::done(true).recorded() } else { Answer::missing(false) })
        })
    }
}
