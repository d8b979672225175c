//! The store's answers.

use flow::question::object::{Delete, Get, Head, Put};
use flow::{Answer, Body, Intake, Origin, Permitted, Result, Step};
use store::Name;

use super::Plane;

impl<'q> Intake<Put<'q>> for Plane {
    fn take<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Put<'q>>,
        body: Body,
    ) -> Step<'a, Result<Answer<Head>>> {
        Step::later(async move {
            self.space.is_there()?;
            let Put { bucket, key, media_type } = *permitted.question();
            let name = Name::new(permitted.tenant(), bucket, key)?;
            let fact = permitted.fact(&self.clock, &self.random);
            let head = self.store.put(name, media_type, body, Some(fact)).await?;
            Ok(Answer::done(head).recorded())
        })
    }
}

impl<'q> Origin<Get<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Get<'q>>,
    ) -> Step<'a, Result<Answer<Option<(Head, Body)>>>> {
        Step::later(async move {
            let Get { bucket, key } = *permitted.question();
            let found = self.store.get(Name::new(permitted.tenant(), bucket, key)?).await?;
            Ok(if found.is_some() { Answer::done(found) } else { Answer::missing(found) })
        })
    }
}

impl<'q> Origin<Delete<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Delete<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        Step::later(async move {
            let Delete { bucket, key } = *permitted.question();
            let name = Name::new(permitted.tenant(), bucket, key)?;
            let fact = permitted.fact(&self.clock, &self.random);
            Ok(match self.store.delete(name, Some(fact)).await? {
                true => Answer::done(true).recorded(),
                false => Answer::missing(false),
            })
        })
    }
}
