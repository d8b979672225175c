//! What secrets in the database are sealed with.

use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Result};
use gate::{Seal, Sealed};
use pool::sql::{Dialect, Sql};

use super::space::Space;

/// How often it is looked whether something is sealed by a key that no longer seals.
const TENDED: Duration = Duration::from_secs(60);

/// The keys that seal, if they open everything that cannot be made anew. Nodes that share a
/// database and no key to seal with have none: each would have one that the others do not.
pub(super) async fn open(
    config: &gate::Config,
    sql: &Arc<dyn Sql>,
    space: &Space,
    clock: &Clock,
) -> Result<Option<Arc<Seal>>> {
    let lost = &*config.seal_keys_lost;
    let configured = Seal::read(&config.seal_keys)?;
    let own = configured.is_none() && sql.dialect() != Dialect::Postgres;
    let seal = match own {
        true => in_directory(space, |files, path| Seal::kept(files, path)).await?,
        false => configured,
    };
    Sealed::check(&**sql, clock, seal.as_ref(), lost).await?;
    let seal = match own && seal.is_none() {
        true => Some(in_directory(space, |files, path| Seal::made(files, path)).await?),
        false => seal,
    };
    Ok(seal.map(|seal| Arc::new(seal.without(lost))))
}

async fn in_directory<T: Send + 'static>(
    space: &Space,
    work: fn(&dyn pool::file::Files, &std::path::Path) -> Result<T>,
) -> Result<T> {
    let (files, path) = (space.directory().files(), space.directory().path().join("gate-seal"));
    let done = tokio::task::spawn_blocking(move || work(&*files, &path)).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Seals anew what another key than the first sealed, for as long as it is polled.
pub(super) async fn tend(sealed: Option<Sealed>, clock: Clock) {
    let Some(sealed) = sealed else { return };
    loop {
        clock.sleep(TENDED).await;
        if let Err(error) = sealed.tend().await {
            tracing::warn!(error = %error.story(), "secrets are sealed anew later");
        }
    }
}
