//! A page of events in the form a client prefers.

use std::fmt::Write;

use bytes::Bytes;
use flow::Result;
use flow::question::ledger;
use http::header::{CONTENT_TYPE, LINK, VARY};
use http::{HeaderValue, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::accept;
use crate::event::Event;
use crate::events;
use crate::reply::{Payload, Short};

/// A page of events.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Events<'a> {
    /// The events, oldest first unless asked otherwise.
    events: Vec<Event<'a>>,
    /// Where the next page is; null when there is none yet.
    next: Option<String>,
}

/// How events go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A page as one document.
    Json,
    /// One by one as they happen.
    Followed,
    /// A page with a document in each line.
    Lines,
    /// A page as a table.
    Csv,
}

const FORMS: [(Form, &str); 4] = [
    (Form::Json, "application/json"),
    (Form::Followed, events::MEDIA_TYPE),
    (Form::Lines, "application/x-ndjson"),
    (Form::Csv, "text/csv"),
];

impl Form {
    /// What an `accept` header asks for.
    pub(super) fn best(accept: &str) -> Self {
        let best = accept::best(accept, &FORMS.map(|(_, media_type)| media_type));
        let known = FORMS.into_iter().find(|(_, media_type)| Some(*media_type) == best);
        known.map_or(Self::Json, |(form, _)| form)
    }

    /// The page, and where the next one is.
    pub(super) fn page(
        self,
        events: &[ledger::Event],
        next: Option<String>,
    ) -> Result<Response<Payload>> {
        let link = next
            .as_deref()
            .and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok());
        let shown = events.iter().map(Event::of);
        let mut response: Response<Payload> = match self {
            Self::Json | Self::Followed => {
                Short::json(StatusCode::OK, &Events { events: shown.collect(), next }).into()
            }
            Self::Lines => text("application/x-ndjson", lines(shown)),
            Self::Csv => text("text/csv; charset=utf-8; header=present", table(shown)),
        };
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("accept"));
        if let Some(link) = link {
            headers.insert(LINK, link);
        }
        Ok(response)
    }
}

fn text(media_type: &'static str, text: String) -> Response<Payload> {
    let mut response = Response::new(Payload::Whole(Bytes::from(text)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn lines<'a>(events: impl Iterator<Item = Event<'a>>) -> String {
    let mut text = String::new();
    for event in events {
        text.push_str(&event.line());
        text.push('\n');
    }
    text
}

const HEADER: &str = "position,stream,version,type,schema,time,id,actor,component,path,\
                      correlation,causation,tenant,data,data_base64,erased\r\n";

/// As RFC 4180 has it, with the names in the first line.
fn table<'a>(events: impl Iterator<Item = Event<'a>>) -> String {
    let mut text = HEADER.to_owned();
    for event in events {
        let numbers = [event.version, u64::from(event.schema)].map(|number| number.to_string());
        let cells = [
            event.stream,
            &numbers[0],
            event.r#type,
            &numbers[1],
            &event.time,
            &event.id,
            event.actor,
            event.component,
            event.path,
            event.correlation,
            event.causation,
            event.tenant,
            event.data.as_ref().map_or("", |data| data.get()),
            event.data_base64.as_deref().unwrap_or_default(),
            if event.erased { "true" } else { "" },
        ];
        let _ = write!(text, "{}", event.position);
        for cell in cells {
            text.push(',');
            write_cell(&mut text, cell);
        }
        text.push_str("\r\n");
    }
    text
}

/// A cell. Who appends events is not who opens the table in a spreadsheet, so what would be
/// taken for a formula there gets a `'` in front.
fn write_cell(text: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let quoted = formula || cell.contains([',', '"', '\r', '\n']);
    if quoted {
        text.push('"');
    }
    if formula {
        text.push('\'');
    }
    match cell.contains('"') {
        true => text.push_str(&cell.replace('"', "\"\"")),
        false => text.push_str(cell),
    }
    if quoted {
        text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::event;
    use flow::question::ledger::Data;

    #[test]
    fn clients_get_the_form_they_prefer() {
        for (accept, form) in [
            ("", Form::Json),
            ("*/*", Form::Json),
            ("image/png", Form::Json),
            ("text/event-stream", Form::Followed),
            ("application/x-ndjson", Form::Lines),
            ("text/csv, application/json;q=0.5", Form::Csv),
        ] {
            assert_eq!(Form::best(accept), form, "{accept}");
        }
    }

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        for (cell, expected) in [
            ("", ""),
            ("plain text", "plain text"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("@cmd", "\"'@cmd\""),
            ("-5", "\"'-5\""),
            ("\t=1", "\"'\t=1\""),
            ("a=1", "a=1"),
        ] {
            let mut text = String::new();
            write_cell(&mut text, cell);
            assert_eq!(text, expected, "{cell:?}");
        }
    }

    #[test]
    fn a_table_has_as_many_cells_in_each_line() {
        let mut own = event(Data::Json(Bytes::from_static(b"{\"a\":1}")));
        own.stream = "=HYPERLINK(\"x\")".to_owned();
        let text = table([Event::of(&own)].into_iter());
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(lines[0].split(',').count(), 16);
        let expected = "7,\"'=HYPERLINK(\"\"x\"\")\",2,order.placed,1,\
                        1970-01-01T00:00:01.000000Z,00000000000000000000000005,human:ann,shop,\
                        shop/berlin,checkout-81,,main,\"{\"\"a\"\":1}\",,";
        assert_eq!(lines[1], expected);
    }
}
