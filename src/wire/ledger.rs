//! The ledger's answers.

use flow::question::ledger::{
    Append, Appended, Checkpoint, Event, Follow, Head, Page, Prove, Read,
};
use flow::{Answer, BoxStream, Error, Origin, Permitted, Result, Step};
use ledger::codes::INVALID;

use super::Plane;

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
            let page = self.ledger.read(permitted.tenant(), permitted.question()).await?;
            Ok(Answer::done(page))
        })
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
