//! An event as this door writes it: JSON, whatever its data was written in.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flow::question::ledger::{self, Data};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

mod message_pack;

/// Something that happened.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Event<'a> {
    /// Its place in the ledger; the first is 1.
    pub(crate) position: u64,
    /// The stream it is in; what Stockade did itself is in `$facts`.
    pub(crate) stream: &'a str,
    /// Its place in its stream; the first is 1.
    pub(crate) version: u64,
    /// What kind of thing happened: `order.placed`.
    pub(crate) r#type: &'a str,
    /// The version of its type; left away when that is 1.
    #[serde(skip_serializing_if = "is_one")]
    #[schemars(default = "one")]
    pub(crate) schema: u32,
    /// When it was appended.
    pub(crate) time: String,
    /// Its own name.
    pub(crate) id: String,
    /// Who did it, as `kind:name`.
    pub(crate) actor: &'a str,
    /// What part of a system it happened in.
    pub(crate) component: &'a str,
    /// What it is about: `cache/sessions/k1`.
    pub(crate) path: &'a str,
    /// What it belongs to: the request, as in `x-request-id`, where nothing else was said.
    pub(crate) correlation: &'a str,
    /// What it followed from; left away when nobody said.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(default)]
    pub(crate) causation: &'a str,
    /// Whose it is.
    pub(crate) tenant: &'a str,
    /// What it says: JSON, as it was appended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub(crate) data: Option<Cow<'a, RawValue>>,
    /// What it says, where that is no JSON: the bytes in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_base64: Option<String>,
    /// That what it said was erased.
    #[serde(skip_serializing_if = "is_false")]
    #[schemars(default)]
    pub(crate) erased: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_one(schema: &u32) -> bool {
    *schema == 1
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(erased: &bool) -> bool {
    !*erased
}

impl<'a> Event<'a> {
    pub(crate) fn of(event: &'a ledger::Event) -> Self {
        let (data, data_base64) = match &event.data {
            Data::Json(bytes) => {
                either(serde_json::from_slice(bytes).ok().map(Cow::Borrowed), bytes)
            }
            Data::MessagePack(bytes) => either(message_pack::to_json(bytes).map(Cow::Owned), bytes),
            Data::Bytes(bytes) => either(None, bytes),
            Data::Erased => (None, None),
        };
        Self {
            position: event.position,
            stream: &event.stream,
            version: event.version,
            r#type: &event.kind,
            schema: event.schema,
            time: event.time.to_string(),
            id: event.id.to_string(),
            actor: &event.actor,
            component: &event.component,
            path: &event.path,
            correlation: &event.correlation,
            causation: &event.causation,
            tenant: &event.tenant,
            data,
            data_base64,
            erased: event.data == Data::Erased,
        }
    }

    /// As JSON in one line. Within JSON a line break only ever stands where a space may.
    pub(crate) fn line(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        if text.contains(BREAKS) { text.replace(BREAKS, " ") } else { text }
    }
}

const BREAKS: [char; 2] = ['\n', '\r'];

/// What is said, as JSON or else as bytes.
fn either<'a>(
    json: Option<Cow<'a, RawValue>>,
    bytes: &Bytes,
) -> (Option<Cow<'a, RawValue>>, Option<String>) {
    let base64 = json.is_none().then(|| STANDARD.encode(bytes));
    (json, base64)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flow::{Id, Time};
    use serde_json::{Value, json};

    pub(crate) fn event(data: Data) -> ledger::Event {
        ledger::Event {
            position: 7,
            stream: "orders-7".to_owned(),
            version: 2,
            kind: "order.placed".to_owned(),
            schema: 1,
            time: Time(1_000_000_000),
            id: Id(5),
            tenant: "main".to_owned(),
            actor: "human:ann".to_owned(),
            component: "shop".to_owned(),
            path: "shop/berlin".to_owned(),
            correlation: "checkout-81".to_owned(),
            causation: String::new(),
            data,
        }
    }

    fn said(data: Data) -> Value {
        let mut value: Value = serde_json::from_str(&Event::of(&event(data)).line()).unwrap();
        let keys = ["data", "data_base64", "erased"];
        let own = value.as_object_mut().unwrap();
        Value::Object(keys.into_iter().filter_map(|key| own.remove_entry(key)).collect())
    }

    #[test]
    fn what_can_be_left_away_is() {
        let mut event = event(Data::Erased);
        let keys = |event: &ledger::Event| {
            let value = serde_json::to_value(Event::of(event)).unwrap();
            value.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        let few = keys(&event);
        assert!(
            !few.iter().any(|key| ["schema", "causation", "data"].contains(&&**key)),
            "{few:?}"
        );
        (event.schema, event.causation) = (2, "an event".to_owned());
        assert_eq!(keys(&event).len(), few.len() + 2);
    }

    #[test]
    fn json_passes_through_as_it_was_written() {
        let text = "{\"b\": 1.50,  \"a\": 12345678901234567890123, \"b\": [\n] }";
        let own = event(Data::Json(Bytes::from_static(text.as_bytes())));
        let whole = serde_json::to_string(&Event::of(&own)).unwrap();
        assert!(whole.contains(text), "{whole}");
        let line = Event::of(&own).line();
        assert!(line.contains(&text.replace('\n', " ")) && !line.contains('\n'), "{line}");
    }

    #[test]
    fn what_is_no_json_is_shown_as_bytes() {
        for wrong in ["", "{", "nul", "1 2", "\"\u{1}\""] {
            let expected = json!({ "data_base64": STANDARD.encode(wrong) });
            assert_eq!(said(Data::Json(Bytes::from(wrong))), expected, "{wrong}");
        }
        assert_eq!(said(Data::Bytes(Bytes::from_static(b"{}"))), json!({ "data_base64": "e30=" }));
        let cut = Bytes::from_static(&[0x92, 1]);
        assert_eq!(said(Data::MessagePack(cut)), json!({ "data_base64": "kgE=" }));
        assert_eq!(said(Data::Erased), json!({ "erased": true }));
    }

    #[test]
    fn message_pack_becomes_json() {
        let value = json!({ "total": 12, "lines": [null, true, -1.5, "ä"] });
        let packed = Bytes::from(rmp_serde::to_vec_named(&value).unwrap());
        assert_eq!(said(Data::MessagePack(packed)), json!({ "data": value }));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_shown(bytes: Vec<u8>) {
            for data in [Data::Json, Data::MessagePack, Data::Bytes] {
                let shown = said(data(Bytes::from(bytes.clone())));
                assert_eq!(shown.as_object().unwrap().len(), 1, "{shown}");
            }
        }
    }
}
