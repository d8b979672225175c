//! The first key of a new data directory.

use flow::fact::Class;
use flow::question::admin::CreatedKey;
use flow::request::{Inspection, Pace};
use flow::rights::NO_RIGHTS;
use flow::{
    Action, Answer, Kind, Lane, Origin, Permitted, Principal, Question, Resource, Result, Step,
};
use gate::NewKey;

use super::Plane;

static FIRST_KEY: Action = Action {
    name: "key.create",
    class: Class::Durable,
    pace: Pace::Load,
    inspection: Inspection::Off,
};

/// Makes the first administrator's key. Only the server itself asks this, and
/// only while there is no key at all.
#[derive(Debug)]
pub(crate) struct FirstKey<'a> {
    /// The key the operator chose, if they did.
    pub(crate) chosen: Option<&'a str>,
}

const ADMIN: &str = "admin";

impl Question for FirstKey<'_> {
    type Answer = CreatedKey;

    fn action(&self) -> &'static Action {
        &FIRST_KEY
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "key", namespace: "", name: ADMIN.as_bytes() }
    }
}

impl<'q> Origin<FirstKey<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, FirstKey<'q>>,
    ) -> Step<'a, Result<Answer<CreatedKey>>> {
        Step::later(async move {
            let roles = [ADMIN.to_owned()];
            let new = NewKey {
                principal: ADMIN,
                kind: Principal::Human,
                roles: &roles,
                rights: &NO_RIGHTS,
            };
            let fact = Some(permitted.fact(&self.clock, &self.random));
            let key = match permitted.question().chosen {
                Some(secret) => self.keys.adopt(permitted.tenant(), new, secret, fact).await?,
                None => self.keys.create(permitted.tenant(), new, fact).await?,
            };
            Ok(Answer::done(key).recorded())
        })
    }
}

impl Plane {
    /// Makes the first key, if there is none; `None` when there is one already.
    pub(crate) async fn first_key(
        &self,
        background: &flow::serve::Background,
        chosen: Option<&str>,
    ) -> Result<Option<CreatedKey>> {
        if self.keys.any().await? {
            return Ok(None);
        }
        let request = background.serve_as(flow::System::Server);
        let question = FirstKey { chosen };
        match self.path.once(&mut Lane::default(), &request, self, question).await {
            // Another node on the same database was faster.
            Err(error) if error.kind() == Kind::Conflict && self.keys.any().await? => Ok(None),
            made => made.map(Some),
        }
    }
}
