//! Commands that need the data, not a server.
//!
//! Where no server runs on the data directory, they bring one of their own that lasts
//! as long as the command and has no door but the socket there. So the way is the
//! same, decisions and facts included, and nobody else can have the directory
//! meanwhile.

use std::os::unix::fs::MetadataExt;

use super::Outcome;
use super::client::{Client, NO_SERVER, NOT_OURS, Whereabouts};
use super::failure::Failure;
use super::globals::{Choice, Globals};
use crate::config::Config;
use crate::serve::{self, Alone};

/// Does `work` with the server this command line means, or with a stand-in where there
/// is data and no server.
pub(super) async fn with_server(
    globals: &Globals,
    work: impl AsyncFnOnce(&mut Client) -> Outcome,
) -> Outcome {
    let server = Whereabouts::find(globals)?;
    let failure = match Client::connect_to(&server).await {
        Ok(mut client) => return work(&mut client).await,
        Err(failure) => failure,
    };
    let config = globals.load(&Choice::default(), Vec::new())?.config;
    if !failure.is(&NO_SERVER) || !has_data(&config) {
        return Err(failure);
    }
    is_ours(&config)?;
    let ground = serve::ground(config.watch.series_max);
    let alone = Alone::open(&config, &ground).await?;
    let outcome = match Client::connect_to(&server).await {
        Ok(mut client) => work(&mut client).await,
        Err(failure) => Err(failure),
    };
    alone.close().await;
    outcome
}

/// Whether a server has been here with this configuration. With another one, a new
/// database would be made beside the one that is meant.
fn has_data(config: &Config) -> bool {
    let has = |name: &str| config.data.join(name).exists();
    has("FORMAT") && (config.sql.url.is_some() || has("stockade.db"))
}

/// What is written as somebody else, the server could not read afterwards.
pub(super) fn is_ours(config: &Config) -> Result<(), Failure> {
    let data = config.data.display();
    let owner = std::fs::metadata(&config.data).map(|metadata| metadata.uid());
    match owner {
        Ok(owner) if owner == rustix::process::geteuid().as_raw() => Ok(()),
        _ => Err(NOT_OURS.error(format!("the data directory `{data}` belongs to somebody else")))?,
    }
}
