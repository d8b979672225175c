//! Answers about whom the gate keeps out, and what else it does about them.

use flow::question::guard::{
    BlockInfo, FeedInfo, Forward, Forwarded, Inspect, Inspected, LiftBlock, ListBlocks, ListFeeds,
    ListMeasures, MeasureInfo, Sanitize, Sanitized, StepUp, UndoMeasure,
};
use flow::{Answer, Origin, Permitted, Result, Step};

use super::Plane;

/// It was done and recorded, or there was nothing to do it to.
fn found(was: bool) -> Answer<bool> {
    if was { Answer::done(true).recorded() } else { Answer::missing(false) }
}

impl<'q> Origin<ListBlocks<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ListBlocks<'q>>,
    ) -> Step<'a, Result<Answer<Vec<BlockInfo>>>> {
        Step::later(async move {
            let ListBlocks { after, limit } = *permitted.question();
            Ok(Answer::done(self.blocks.list(permitted.tenant(), after, limit).await?))
        })
    }
}

impl<'q> Origin<LiftBlock<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, LiftBlock<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        Step::later(async move {
            let fact = permitted.fact(&self.clock, &self.random);
            let id = permitted.question().id;
            Ok(found(self.blocks.lift(permitted.tenant(), id, Some(fact)).await?))
        })
    }
}

impl<'q> Origin<ListMeasures<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ListMeasures<'q>>,
    ) -> Step<'a, Result<Answer<Vec<MeasureInfo>>>> {
        Step::later(async move {
            let ListMeasures { after, limit } = *permitted.question();
            Ok(Answer::done(self.behaviour.measures(permitted.tenant(), after, limit).await?))
        })
    }
}

impl<'q> Origin<UndoMeasure<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, UndoMeasure<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        Step::later(async move {
            let fact = permitted.fact(&self.clock, &self.random);
            let id = permitted.question().id;
            Ok(found(self.behaviour.undo(permitted.tenant(), id, Some(fact)).await?))
        })
    }
}

impl<'q> Origin<ListFeeds<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ListFeeds<'q>>,
    ) -> Step<'a, Result<Answer<Vec<FeedInfo>>>> {
        let ListFeeds { after, limit } = *permitted.question();
        Step::Now(Ok(Answer::done(self.behaviour.feeds(after, limit))))
    }
}

impl<'q> Origin<Inspect<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Inspect<'q>>,
    ) -> Step<'a, Result<Answer<Inspected>>> {
        let Inspect { text, channel } = *permitted.question();
        Step::Now(Ok(Answer::done(gate::inspect::Inspector::default().inspect(text, channel))))
    }
}

impl<'q> Origin<Sanitize<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Sanitize<'q>>,
    ) -> Step<'a, Result<Answer<Sanitized>>> {
        let Sanitize { text, channel } = *permitted.question();
        let inspector = gate::inspect::Inspector::default();
        Step::Now(Ok(Answer::done(gate::sanitize(&inspector, text, channel))))
    }
}

impl<'q> Origin<StepUp<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, StepUp<'q>>,
    ) -> Step<'a, Result<Answer<()>>> {
        Step::later(async move {
            let fact = permitted.fact(&self.clock, &self.random);
            let who = (permitted.request(), &**permitted.identity());
            self.behaviour.step_up(who, permitted.question().code, Some(fact)).await?;
            Ok(Answer::done(()).recorded())
        })
    }
}

/// A body of so many bytes takes long enough to read that others would wait for it.
const LONG: usize = 32 << 10;

impl<'q> Origin<Forward<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Forward<'q>>,
    ) -> Step<'a, Result<Answer<Forwarded>>> {
        let forward = permitted.question();
        let look = || {
            gate::forward::check(forward)?;
            self.checkpoint.pass(forward)
        };
        let seen = match forward.body.len() {
            LONG.. => tokio::task::block_in_place(look),
            _ => look(),
        };
        let passed = |gate::inspect::Seen { kinds, score, record }, headers| {
            let identity = permitted.identity().clone();
            Answer::done(Forwarded { identity, kinds, score, headers }).detail(record)
        };
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => return Step::Now(Err(error)),
        };
        let decision = Some(permitted.request().id);
        match self.decider.forward(permitted.identity(), forward, decision) {
            None => Step::Now(Ok(passed(seen, Vec::new()))),
            Some(Step::Now(headers)) => Step::Now(headers.map(|headers| passed(seen, headers))),
            Some(Step::Later(headers)) => {
                Step::later(async move { headers.await.map(|headers| passed(seen, headers)) })
            }
        }
    }
}
