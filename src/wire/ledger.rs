//! The ledger's answers.

use std::time::Duration;

use flow::question::ledger::{
    Append, Appended, Checkpoint, Event, Follow, Head, Page, Prove, Read,
};
use flow::{Answer, BoxStream, Error, Origin, Permitted, Result, Step};
use ledger::codes::INVALID;

use super::Plane;

/// Whoever reads the end of the ledger waits at most so long for what is on its way there.
const CATCHING_UP: Duration = Duration::from_secs(1);

impl<'q> Origin<Append<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Append<'q>>,
    ) -> Step<'a, Result<Answer<Appended>>> {
        Step::later(async move {
            self.space.is_there()?;
            let (tenant, actor) = (permitted.tenant(), &permitted.identity().actor);
            let mut question = permitted.question().clone();
            // With a key, the same events may come with another request.
            for event in &mut question.events {
                if event.correlation.is_empty() && question.key.is_empty() {
                    event.correlation = permitted.request().id.to_string();
                }
            }
            let appended = self.ledger.append_events(tenant, actor, &question).await?;
            // The events are what is to be remembered of it.
            Ok(Answer::done(appended).recorded())
        })
    }
}

impl Origin<Read> for Plane {
    fn answer<'a>(&'a self, permitted: &'a Permitted<'a, Read>) -> Step<'a, Result<Answer<Page>>> {
        Step::later(async {
            let (tenant, question) = (permitted.tenant(), permitted.question());
            let page = self.ledger.read(tenant, question).await?;
            if page.next.is_some() && !question.backward {
                return Ok(Answer::done(page));
            }
            // It reaches the end, where what was just done has to be.
            self.clock.within(CATCHING_UP, self.caught_up()).await;
            Ok(Answer::done(self.ledger.read(tenant, question).await?))
        })
    }
}

impl Plane {
    /// Waits until the ledger has what was answered before now.
    async fn caught_up(&self) {
        let handed = async {
            if let Err(error) = self.outbox.caught_up().await {
                tracing::debug!(error = %error.story(), "nobody knows what waits in the outbox");
            }
        };
        tokio::join!(self.ledger.caught_up(), handed);
    }
}

impl Origin<Follow> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Follow>,
    ) -> Step<'a, Result<Answer<BoxStream<'static, Result<Event>>>>> {
        let followed = self.ledger.follow(permitted.tenant(), permitted.question());
        Step::Now(followed.map(Answer::done))
    }
}

impl Origin<Head> for Plane {
    fn answer<'a>(&'a self, _: &'a Permitted<'a, Head>) -> Step<'a, Result<Answer<Checkpoint>>> {
        Step::later(async {
            let log = self.ledger.log();
            let (checkpoint, note) = log.checkpoint(self.clock.now()).await?;
            let (size, time) = (checkpoint.size, checkpoint.time);
            let (root, key) = (checkpoint.root.to_string(), log.verifier().to_string());
            Ok(Answer::done(Checkpoint { size, root, time, note, key }))
        })
    }
}

impl Origin<Prove> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Prove>,
    ) -> Step<'a, Result<Answer<String>>> {
        Step::later(async {
            let Prove { positions, since } = permitted.question();
            let log = self.ledger.log();
            if let Some(note) = since {
                log.verifier().open(note).map_err(|error| not_ours(&error))?;
            }
            let bundle = log.prove(positions, since.as_deref(), self.clock.now()).await?;
            // What is proved is shown, so it has to be the tenant's own.
            let verified = bundle.verify(log.verifier())?;
            let foreign = verified.events.iter().find(|own| own.tenant() != &**permitted.tenant());
            if let Some(position) = foreign.map(|event| event.position) {
                return Err(INVALID.error(format!("there is no event at position {position}")));
            }
            Ok(Answer::done(bundle.to_json()))
        })
    }
}

fn not_ours(error: &Error) -> Error {
    let sentence = format!("the earlier checkpoint is none of this log: {}", error.detail());
    INVALID.error(sentence).with_advice("send the whole note, as it was given")
}
