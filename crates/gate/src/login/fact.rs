//! Facts that are committed with what they tell.

use flow::{Clock, Fact, Identity, Outcome, Random, Request};

/// A fact that is committed with what it tells.
pub(crate) fn fact_of(
    clock: &Clock,
    random: &Random,
    request: &Request<'_>,
    identity: Option<&Identity>,
    (action, (kind, name)): (&'static str, (&str, &str)),
    outcome: Outcome,
) -> Fact {
    let at = clock.now();
    let name: String = name.chars().take(128).flat_map(char::escape_default).collect();
    Fact {
        id: random.id(at),
        at,
        request: request.id,
        tenant: identity.map_or_else(|| flow::identity::MAIN.into(), |known| known.tenant.clone()),
        actor: identity.map_or_else(|| "unknown".into(), |known| known.actor.clone()),
        door: request.door.name().into(),
        action: action.into(),
        resource: format!("{kind}/{name}"),
        outcome,
        reason: None,
        count: 1,
        detail: flow::Detail::default(),
    }
}
