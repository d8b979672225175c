//! Answers about those who log in.
//!
//! Whoever's standing changes here, other nodes are told of before the answer goes out.

use flow::feed::Notice;
use flow::question::account::{
    BeginTotp, ChangeUser, CloseSession, ConfirmTotp, CreateUser, DeleteUser, DropTotp, EndSession,
    EndSessions, Enrolment, Granted, ListSessions, ListUsers, OpenSession, RefreshSession,
    SessionInfo, UserInfo,
};
use flow::{Answer, Fact, Origin, Permitted, Question, Result, Step};
use serde_json::json;

use super::Plane;

impl Plane {
    async fn tell(&self, tenant: &str, principal: &str) -> Result<()> {
        self.announcer.announce(Notice::epoch(tenant, Some(principal))).await
    }

    fn fact<Q: Question>(&self, permitted: &Permitted<'_, Q>) -> Option<Fact> {
        Some(permitted.fact(&self.clock, &self.random))
    }

    fn fact_with<Q: Question>(
        &self,
        permitted: &Permitted<'_, Q>,
        detail: serde_json::Value,
    ) -> Option<Fact> {
        Some(Fact { detail: detail.into(), ..permitted.fact(&self.clock, &self.random) })
    }
}

/// Whose it is: the caller's own where nobody is named.
fn owner<'a, Q: Question>(permitted: &Permitted<'a, Q>, of: &'a str) -> &'a str {
    if of.is_empty() { &permitted.identity().name } else { of }
}

/// It was done and recorded, or there was nothing to do it to.
fn found(was: bool) -> Answer<bool> {
    if was { Answer::done(true).recorded() } else { Answer::missing(false) }
}

macro_rules! answers {
    ($question:ty => $answer:ty, |$plane:ident, $permitted:ident| $work:expr) => {
        impl<'q> Origin<$question> for Plane {
            fn answer<'a>(
                &'a self,
                $permitted: &'a Permitted<'a, $question>,
            ) -> Step<'a, Result<Answer<$answer>>> {
                let $plane = self;
                Step::later(async move { $work })
            }
        }
    };
}

answers!(CreateUser<'q> => (), |plane, permitted| {
    plane.space.is_there()?;
    let (tenant, user) = (permitted.tenant(), permitted.question());
    let fact = plane.fact_with(permitted, json!({
        "kind": user.kind,
        "roles": user.roles,
        "rights": user.rights,
    }));
    plane.logins.create(tenant, user, fact).await?;
    Ok(Answer::done(()).recorded())
});

answers!(ListUsers<'q> => Vec<UserInfo>, |plane, permitted| {
    let ListUsers { after, limit } = *permitted.question();
    Ok(Answer::done(plane.logins.users(permitted.tenant(), after, limit).await?))
});

answers!(ChangeUser<'q> => bool, |plane, permitted| {
    let (tenant, user) = (permitted.tenant(), permitted.question());
    let detail = json!({
        "roles": user.roles,
        "rights": user.rights,
        "disabled": user.disabled,
        "password": user.password.is_some(),
    });
    let was = plane.logins.change(tenant, user, plane.fact_with(permitted, detail)).await?;
    if was {
        plane.tell(tenant, user.name).await?;
    }
    Ok(found(was))
});

answers!(DeleteUser<'q> => bool, |plane, permitted| {
    let (tenant, name) = (permitted.tenant(), permitted.question().name);
    let was = plane.logins.delete(tenant, name, plane.fact(permitted)).await?;
    if was {
        plane.tell(tenant, name).await?;
    }
    Ok(found(was))
});

answers!(OpenSession<'q> => Granted, |plane, permitted| {
    plane.space.is_there()?;
    let (identity, request) = (permitted.identity(), permitted.request());
    let fact = plane.fact(permitted);
    let (granted, ended) = plane.logins.open_session(identity, request, fact).await?;
    // A provider's word may have changed what they may do.
    if ended > 0 || identity.credential.starts_with("vouched:") {
        plane.tell(&identity.tenant, &identity.name).await?;
    }
    Ok(Answer::done(granted).recorded())
});

answers!(RefreshSession => Granted, |plane, permitted| {
    let (identity, request) = (permitted.identity(), permitted.request());
    let traded = plane.logins.refresh(identity, request, plane.fact(permitted)).await;
    // One that came again has ended the session, which others have to hear of too.
    if traded.as_ref().err().is_none_or(|error| error.code() == &gate::codes::REFRESH_REUSED) {
        plane.tell(&identity.tenant, &identity.name).await?;
    }
    Ok(Answer::done(traded?).recorded())
});

answers!(CloseSession => (), |plane, permitted| {
    let identity = permitted.identity();
    plane.logins.close(identity, plane.fact(permitted)).await?;
    plane.tell(&identity.tenant, &identity.name).await?;
    Ok(Answer::done(()).recorded())
});

answers!(ListSessions<'q> => Vec<SessionInfo>, |plane, permitted| {
    let ListSessions { of, after, limit } = *permitted.question();
    let of = owner(permitted, of);
    Ok(Answer::done(plane.logins.sessions(permitted.tenant(), of, after, limit).await?))
});

answers!(EndSession<'q> => bool, |plane, permitted| {
    let EndSession { of, id } = *permitted.question();
    let (tenant, of) = (permitted.tenant(), owner(permitted, of));
    let was = plane.logins.end(tenant, of, id, plane.fact(permitted)).await?;
    if was {
        plane.tell(tenant, of).await?;
    }
    Ok(found(was))
});

answers!(EndSessions<'q> => u64, |plane, permitted| {
    let (tenant, of) = (permitted.tenant(), owner(permitted, permitted.question().of));
    let ended = plane.logins.end_all(tenant, of, plane.fact(permitted)).await?;
    plane.tell(tenant, of).await?;
    Ok(Answer::done(ended).recorded())
});

answers!(BeginTotp => Enrolment, |plane, permitted| {
    let begun = plane.logins.begin_totp(permitted.identity(), plane.fact(permitted)).await?;
    Ok(Answer::done(begun).recorded())
});

answers!(ConfirmTotp<'q> => Vec<String>, |plane, permitted| {
    let (identity, code) = (permitted.identity(), permitted.question().code);
    let codes = plane.logins.confirm_totp(identity, code, plane.fact(permitted)).await?;
    Ok(Answer::done(codes).recorded())
});

answers!(DropTotp<'q> => bool, |plane, permitted| {
    let (tenant, of) = (permitted.tenant(), owner(permitted, permitted.question().of));
    Ok(found(plane.logins.drop_totp(tenant, of, plane.fact(permitted)).await?))
});
