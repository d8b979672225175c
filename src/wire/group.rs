//! Consumer groups of the log.

use std::sync::Arc;

use flow::question::group::{
    Delivery, Fate, Group, List, ListParked, Options, Parked, ParkedPage, Put, Remove, Settle,
    Show, Take, Unpark, Way, is_of_ledger,
};
use flow::signal::Registry;
use flow::unit::Span;
use flow::{Answer, Origin, Permitted, Result, Step};
use ledger::codes::{GROUP_EXISTS, INVALID};
use ledger::group::{self, Groups, Receipt, Which};
use ledger::query::Filter;
use pool::sql::Sql;
use tokio::sync::OnceCell;

use super::Plane;

/// The groups, opened when they are first asked for: from then on a log in a database is
/// asked every second how far it is.
pub(super) struct Opening {
    pub(super) sql: Arc<dyn Sql>,
    pub(super) registry: Registry,
    pub(super) opened: OnceCell<Groups>,
}

impl Plane {
    async fn groups(&self) -> Result<&Groups> {
        let Opening { sql, registry, opened } = &self.groups;
        let open = || {
            let (log, clock) = (self.ledger.log().clone(), self.clock.clone());
            Groups::open(sql.clone(), log, clock, self.random.clone(), registry)
        };
        opened.get_or_try_init(open).await
    }
}

/// A take waits no longer: who may take was decided when it began.
const WAIT_MAX: Span = Span::secs(30);

impl Origin<List> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, List>,
    ) -> Step<'a, Result<Answer<Vec<Group>>>> {
        Step::later(async {
            let states = self.groups().await?.list(permitted.tenant()).await?;
            Ok(Answer::done(states.into_iter().map(shown).collect()))
        })
    }
}

impl<'q> Origin<Put<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Put<'q>>,
    ) -> Step<'a, Result<Answer<Group>>> {
        Step::later(async {
            let Put { group, filter, .. } = permitted.question();
            self.space.is_there()?;
            if filter.users().is_none() && !is_of_ledger(group) {
                let sentence = format!("`{group}` is for no stream of users, and has no such name");
                let advice = format!(
                    "name a stream, or call it `${group}`: who uses such a group \
                                      needs the right to follow the ledger"
                );
                return Err(INVALID.error(sentence).with_advice(advice));
            }
            put(self.groups().await?, permitted.tenant(), permitted.question()).await?;
            Ok(Answer::done(shown(self.groups().await?.state(permitted.tenant(), group).await?)))
        })
    }
}

/// Makes a group; one for the same events gets the options.
async fn put(groups: &Groups, tenant: &str, question: &Put<'_>) -> Result<()> {
    let Put { group, from, .. } = *question;
    let filter = Filter::asked(&question.filter, tenant)?;
    let options = taken(question.options);
    match groups.create(tenant, group, filter.clone(), from, options).await {
        Err(error) if error.code() == &GROUP_EXISTS => {
            match groups.state(tenant, group).await?.filter == filter {
                true => groups.change(tenant, group, options).await,
                false => Err(error),
            }
        }
        made => made,
    }
}

impl<'q> Origin<Show<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Show<'q>>,
    ) -> Step<'a, Result<Answer<Group>>> {
        Step::later(async {
            let state =
                self.groups().await?.state(permitted.tenant(), permitted.question().group).await?;
            Ok(Answer::done(shown(state)))
        })
    }
}

impl<'q> Origin<Remove<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Remove<'q>>,
    ) -> Step<'a, Result<Answer<()>>> {
        Step::later(async {
            self.groups().await?.remove(permitted.tenant(), permitted.question().group).await?;
            Ok(Answer::done(()))
        })
    }
}

impl<'q> Origin<Take<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Take<'q>>,
    ) -> Step<'a, Result<Answer<Vec<Delivery>>>> {
        Step::later(async {
            let Take { group, most, wait } = *permitted.question();
            if wait > WAIT_MAX {
                let sentence = format!("a wait of {wait} is more than the {WAIT_MAX} allowed");
                return Err(INVALID.error(sentence).with_advice("take again when it is over"));
            }
            let taken = self.groups().await?.take(permitted.tenant(), group, most, wait.0).await?;
            let delivery = |group::Delivery { event, attempt, receipt }| Delivery {
                event: event.into(),
                attempt,
                receipt: receipt.to_string(),
            };
            Ok(Answer::done(taken.into_iter().map(delivery).collect()))
        })
    }
}

impl<'q> Origin<Settle<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Settle<'q>>,
    ) -> Step<'a, Result<Answer<()>>> {
        Step::later(async {
            let (tenant, Settle { group, receipts, fate }) =
                (permitted.tenant(), permitted.question());
            let receipts: Vec<Receipt> =
                receipts.iter().map(|receipt| receipt.parse()).collect::<Result<_>>()?;
            match *fate {
                Fate::Done => self.groups().await?.ack(tenant, group, &receipts).await?,
                Fate::Retry(reason) => {
                    self.groups().await?.retry(tenant, group, &receipts, reason).await?
                }
                Fate::Park(reason) => {
                    self.groups().await?.park(tenant, group, &receipts, reason).await?
                }
                Fate::Release => self.groups().await?.release(tenant, group, &receipts).await?,
            }
            Ok(Answer::done(()))
        })
    }
}

impl<'q> Origin<ListParked<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, ListParked<'q>>,
    ) -> Step<'a, Result<Answer<ParkedPage>>> {
        Step::later(async {
            let ListParked { group, from, limit } = *permitted.question();
            let (parked, next) =
                self.groups().await?.parked(permitted.tenant(), group, from, limit).await?;
            let one = |group::Parked { event, attempts, reason, since }| Parked {
                event: event.into(),
                attempts,
                reason,
                since,
            };
            Ok(Answer::done(ParkedPage { parked: parked.into_iter().map(one).collect(), next }))
        })
    }
}

impl<'q> Origin<Unpark<'q>> for Plane {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Unpark<'q>>,
    ) -> Step<'a, Result<Answer<u64>>> {
        Step::later(async {
            let (tenant, Unpark { group, way, positions }) =
                (permitted.tenant(), permitted.question());
            let which = positions.as_deref().map_or(Which::All, Which::At);
            Ok(Answer::done(match way {
                Way::Replay => self.groups().await?.replay(tenant, group, which).await?,
                Way::Drop => self.groups().await?.drop_parked(tenant, group, which).await?,
            }))
        })
    }
}

/// Options as the ledger takes them.
fn taken(options: Options) -> group::Options {
    let own = group::Options::default();
    group::Options {
        lease: options.lease.unwrap_or(own.lease),
        tries: options.tries.unwrap_or(own.tries),
        rest: options.rest.unwrap_or(own.rest),
        rest_max: options.rest_max.unwrap_or(own.rest_max),
        open_max: options.open_max.unwrap_or(own.open_max),
        parked_max: options.parked_max.unwrap_or(own.parked_max),
    }
}

fn shown(state: group::State) -> Group {
    let options = state.options;
    Group {
        name: state.name,
        filter: state.filter.into(),
        options: Options {
            lease: Some(options.lease),
            tries: Some(options.tries),
            rest: Some(options.rest),
            rest_max: Some(options.rest_max),
            open_max: Some(options.open_max),
            parked_max: Some(options.parked_max),
        },
        created: state.created,
        position: state.position,
        lag: state.lag,
        in_flight: state.in_flight,
        waiting: state.waiting,
        parked: state.parked,
    }
}
