//! Events as the questions of the path have them.

use flow::question::ledger as question;

use crate::event::{Codec, Event, Record};
use crate::query::{Filter, Glob};

/// An event as it is answered.
pub(crate) fn shown(record: Record) -> question::Event {
    let data = match (record.codec, record.payload.clone()) {
        (_, None) => question::Data::Erased,
        (Codec::Json, Some(bytes)) => question::Data::Json(bytes),
        (Codec::MessagePack, Some(bytes)) => question::Data::MessagePack(bytes),
        (Codec::Bytes, Some(bytes)) => question::Data::Bytes(bytes),
    };
    question::Event {
        position: record.position,
        stream: record.stream().to_owned(),
        version: record.version,
        kind: record.kind().to_owned(),
        schema: record.schema,
        time: record.time,
        id: record.id,
        tenant: record.tenant().to_owned(),
        actor: record.actor().to_owned(),
        component: record.component().to_owned(),
        path: record.path().to_owned(),
        correlation: record.correlation().to_owned(),
        causation: record.causation().to_owned(),
        data,
    }
}

/// An event as it is to be appended, by this actor.
pub(crate) fn taken(new: question::New, actor: &str) -> Event {
    let (codec, payload) = match new.data {
        question::Data::Json(bytes) => (Codec::Json, bytes),
        question::Data::MessagePack(bytes) => (Codec::MessagePack, bytes),
        question::Data::Bytes(bytes) => (Codec::Bytes, bytes),
        question::Data::Erased => (Codec::Bytes, bytes::Bytes::new()),
    };
    Event {
        id: None,
        kind: new.kind,
        schema: new.schema,
        codec,
        payload,
        actor: actor.to_owned(),
        component: new.component,
        path: new.path,
        correlation: new.correlation,
        causation: new.causation,
    }
}

/// A filter on the events of a tenant.
pub(crate) fn filter(filter: &question::Filter, tenant: &str) -> flow::Result<Filter> {
    Ok(Filter {
        tenant: Some(tenant.to_owned()),
        stream: filter.stream.clone(),
        kinds: filter.kinds.clone(),
        actor: filter.actor.clone(),
        component: filter.component.clone(),
        correlation: filter.correlation.clone(),
        causation: filter.causation.clone(),
        path: filter.path.as_deref().map(Glob::parse).transpose()?,
        since: filter.since,
        before: filter.before,
    })
}

impl From<Record> for question::Event {
    fn from(record: Record) -> Self {
        shown(record)
    }
}

impl Filter {
    /// What a question asks for, of the events of a tenant.
    ///
    /// # Errors
    /// When its path is no pattern.
    pub fn asked(question: &question::Filter, tenant: &str) -> flow::Result<Self> {
        filter(question, tenant)
    }
}

impl From<Filter> for question::Filter {
    fn from(filter: Filter) -> Self {
        Self {
            stream: filter.stream,
            kinds: filter.kinds,
            actor: filter.actor,
            component: filter.component,
            correlation: filter.correlation,
            causation: filter.causation,
            path: filter.path.map(|path| path.as_str().to_owned()),
            since: filter.since,
            before: filter.before,
        }
    }
}
