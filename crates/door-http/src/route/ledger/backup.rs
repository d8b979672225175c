//! Backups of the log.

use flow::question::ledger::{Backup, Made};
use flow::{Plane, Result};
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::reply::{Payload, Short};
use crate::route::{Gives, Handler, Length, Operation, Shape, Takes, schema};

pub(super) fn operation<P: Plane>() -> Operation<P> {
    Operation {
        path: "/v1/ledger/backup",
        name: "ledgerBackup",
        summary: "Copy the ledger into a folder of the server's machine, or what is new into a \
                  backup that is there; it is stopped when the connection ends",
        takes: Takes::Json(schema::<Wanted>, r#"{"directory":"/backup/ledger"}"#),
        gives: &[Gives {
            status: 200,
            what: "What the backup holds",
            shape: Shape::Json(schema::<Shown>),
        }],
        // A log is as large as it is.
        length: Length::Streamed,
        ..Operation::writes(Handler::Later(|call| Box::pin(backup(call))))
    }
}

/// Where a backup is to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Backup")]
struct Wanted {
    /// The folder, from `/` on and outside the data directory: empty, one that is made, or one
    /// with an earlier backup.
    directory: String,
}

/// A backup that was made.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BackupMade")]
struct Shown {
    /// How many events it holds.
    events: u64,
    /// How many it held before.
    before: u64,
    /// Bytes of events that were copied.
    bytes: u64,
    /// The root of the tree over its events, in base 16.
    root: String,
    /// When that was signed.
    time: String,
}

async fn backup<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let (wanted, _): (Wanted, _) = call.json().await?;
    let made = call.once(Backup { directory: &wanted.directory }).await?;
    let Made { size: events, root, time, before, bytes } = made;
    let shown = Shown { events, before, bytes, root, time: time.to_string() };
    Ok(Short::json(StatusCode::OK, &shown).into())
}
