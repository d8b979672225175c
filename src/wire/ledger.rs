//! The ledger's answers.

use flow::question::ledger::{Entry, Follow, Page, Read};
use flow::{Answer, BoxStream, Origin, Permitted, Result, Step};

use super::Plane;

impl Origin<Read> for Plane {
    fn answer<'a>(&'a self, permitted: &'a Permitted<'a, Read>) -> Step<'a, Result<Answer<Page>>> {
        Step::later(async { Ok(Answer::done(self.ledger.read(permitted.question()).await?)) })
    }
}

impl Origin<Follow> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Follow>,
    ) -> Step<'a, Result<Answer<BoxStream<'static, Result<Entry>>>>> {
        Step::later(async { Ok(Answer::done(self.ledger.follow(permitted.question()).await?)) })
    }
}
