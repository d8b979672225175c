//! Keys that encrypt and sign, and stay here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use flow::feed::Announcer;
use flow::question::crypto::{
    ConfigureCryptoKey, CreateCryptoKey, DataKey, Decrypt, DeleteCryptoKey, Encrypt, Hash, Hmac,
    KeyState, ListCryptoKeys, Made, MakeDataKey, Rewrap, RotateCryptoKey, ShowCryptoKey, ShownKey,
    Sign, Verify,
};
use flow::{Answer, Clock, Origin, Permitted, Result, Revisions, Step};
use gate::Seal;
use gate::crypto::Strongbox;
use pool::sql::Sql;
use serde_json::json;

use super::{Ground, Plane};

/// How often it is looked whether keys are due to be rotated.
const TENDED: Duration = Duration::from_secs(60);

/// Opens the keys. Nodes that share a database without sharing a key to seal with have
/// none: each would have keys that the others cannot open.
pub(super) async fn open(
    sql: &Arc<dyn Sql>,
    revisions: &Arc<Revisions>,
    announcer: &Arc<Announcer>,
    seal: &Option<Arc<Seal>>,
    ground: &Ground,
) -> Result<Option<Arc<Strongbox>>> {
    let Some(seal) = seal.clone() else { return Ok(None) };
    let (revisions, announcer) = (revisions.clone(), announcer.clone());
    let time = (ground.clock.clone(), ground.random.clone());
    let opened = Strongbox::open((sql.clone(), seal), revisions, announcer, time);
    Ok(Some(Arc::new(opened.await?)))
}

/// Rotates keys whose time has come, for as long as it is polled.
pub(super) async fn tend(strongbox: Option<Arc<Strongbox>>, clock: Clock) {
    let Some(strongbox) = strongbox else { return };
    loop {
        clock.sleep(TENDED).await;
        if let Err(error) = strongbox.tend().await {
            tracing::warn!(error = %error.story(), "keys are looked after later");
        }
    }
}

impl Plane {
    fn strongbox(&self) -> Result<&Strongbox> {
        self.strongbox.as_deref().ok_or_else(|| {
            gate::codes::SEAL_KEY.error("keys for encryption need keys that all nodes share")
        })
    }
}

/// The answers to a batch, and in the record how many did not work and which versions
/// did; never the data.
fn batch<T>(made: Vec<Result<T>>, version: impl Fn(&T) -> Option<u32>) -> Answer<Vec<Result<T>>> {
    let versions: BTreeSet<_> = made.iter().flatten().filter_map(version).collect();
    let (items, failed) = (made.len(), made.iter().filter(|made| made.is_err()).count());
    let detail = json!({ "versions": versions, "items": items, "failed": failed });
    match failed == items && items > 0 {
        true => Answer::failed(made).detail(detail),
        false => Answer::done(made).detail(detail),
    }
}

fn made(made: Vec<Result<Made>>) -> Answer<Vec<Result<Made>>> {
    batch(made, |made| Some(made.version))
}

fn plain(made: Result<Made>) -> Result<Vec<u8>> {
    made.map(|made| made.bytes)
}

macro_rules! answers {
    ($($question:ident, $answer:ty, |$plane:ident, $permitted:ident| $work:expr;)*) => {$(
        impl<'q> Origin<$question<'q>> for Plane {
            fn answer<'a>(
                &'a self,
                $permitted: &'a Permitted<'a, $question<'q>>,
            ) -> Step<'a, Result<Answer<$answer>>> {
                let $plane = self;
                Step::later(async move { $work })
            }
        }
    )*};
}

answers! {
    Encrypt, Vec<Result<Made>>, |plane, permitted| {
        plane.strongbox()?.encrypt(permitted.tenant(), permitted.question()).await.map(made)
    };
    Decrypt, Vec<Result<Vec<u8>>>, |plane, permitted| {
        let Decrypt { key, form, items } = *permitted.question();
        let opened = plane.strongbox()?.decrypt(permitted.tenant(), (key, form), items).await?;
        Ok(made(opened).map(|opened| opened.into_iter().map(plain).collect()))
    };
    Rewrap, Vec<Result<Made>>, |plane, permitted| {
        let Rewrap { key, items } = *permitted.question();
        plane.strongbox()?.rewrap(permitted.tenant(), key, items).await.map(made)
    };
    Sign, Vec<Result<Made>>, |plane, permitted| {
        plane.strongbox()?.sign(permitted.tenant(), permitted.question()).await.map(made)
    };
    Hmac, Vec<Result<Made>>, |plane, permitted| {
        plane.strongbox()?.hmac(permitted.tenant(), permitted.question()).await.map(made)
    };
    Verify, Vec<Result<bool>>, |plane, permitted| {
        let verified = plane.strongbox()?.verify(permitted.tenant(), permitted.question()).await?;
        Ok(batch(verified, |_| None))
    };
    Hash, Vec<u8>, |_plane, permitted| {
        let Hash { digest, input } = *permitted.question();
        let detail = json!({ "algorithm": digest.name() });
        Ok(Answer::done(gate::crypto::hash(digest, input)).detail(detail))
    };
    MakeDataKey, DataKey, |plane, permitted| {
        let made = plane.strongbox()?.data_key(permitted.tenant(), permitted.question()).await?;
        let detail = json!({ "versions": [made.sealed.version] });
        Ok(Answer::done(made).detail(detail))
    };
    CreateCryptoKey, (), |plane, permitted| {
        plane.space.is_there()?;
        let fact = Some(permitted.fact(&plane.clock, &plane.random));
        plane.strongbox()?.create(permitted.tenant(), permitted.question(), fact).await?;
        Ok(Answer::done(()).recorded())
    };
    ListCryptoKeys, Vec<KeyState>, |plane, permitted| {
        let ListCryptoKeys { after, limit } = *permitted.question();
        let listed = plane.strongbox()?.list(permitted.tenant(), after, limit);
        listed.await.map(Answer::done)
    };
    ShowCryptoKey, ShownKey, |plane, permitted| {
        let shown = plane.strongbox()?.show(permitted.tenant(), permitted.question().name);
        shown.await.map(Answer::done)
    };
    RotateCryptoKey, u32, |plane, permitted| {
        plane.space.is_there()?;
        let fact = Some(permitted.fact(&plane.clock, &plane.random));
        let name = permitted.question().name;
        let version = plane.strongbox()?.rotate(permitted.tenant(), name, fact).await?;
        Ok(Answer::done(version).recorded())
    };
    ConfigureCryptoKey, (), |plane, permitted| {
        let fact = Some(permitted.fact(&plane.clock, &plane.random));
        let ConfigureCryptoKey { name, change } = permitted.question();
        plane.strongbox()?.configure(permitted.tenant(), name, change, fact).await?;
        Ok(Answer::done(()).recorded())
    };
    DeleteCryptoKey, (), |plane, permitted| {
        let fact = Some(permitted.fact(&plane.clock, &plane.random));
        let name = permitted.question().name;
        plane.strongbox()?.delete(permitted.tenant(), name, fact).await?;
        Ok(Answer::done(()).recorded())
    };
}
