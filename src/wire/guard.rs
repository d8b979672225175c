//! Answers about whom the gate keeps out.

use flow::question::guard::{BlockInfo, LiftBlock, ListBlocks};
use flow::{Answer, Origin, Permitted, Result, Step};

use super::Plane;

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
            Ok(match self.blocks.lift(permitted.tenant(), id, Some(fact)).await? {
                true => Answer::done(true).recorded(),
                false => Answer::missing(false),
            })
        })
    }
}
