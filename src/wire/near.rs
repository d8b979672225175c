//! The Redis that the Redis door is in front of.

use std::io;
use std::sync::Arc;

use door_resp::{Dial, Mode, Wire};
use flow::{BoxFuture, Result};
use pool::codes::KV_CONFIG;
use pool::kv::redis::raw::Raw;

/// Connections to it.
struct Behind(Raw);

impl Dial for Behind {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Wire>>> {
        Box::pin(async move { Ok(Box::new(self.0.dial().await?) as Box<dyn Wire>) })
    }

    fn database(&self) -> u32 {
        self.0.database()
    }
}

/// The Redis that is to be relayed, if one is.
pub(crate) fn behind(config: &door_resp::Config) -> Result<Option<Arc<dyn Dial>>> {
    if config.mode == Mode::Own {
        return Ok(None);
    }
    let near = &config.near;
    let password = near.password.as_ref().map(|text| text.parse());
    let password = password.transpose().map_err(|wrong: &str| KV_CONFIG.error(wrong))?;
    let raw = Raw::new(&near.url, (near.username.clone(), password), near.ca.as_ref())?;
    Ok(Some(Arc::new(Behind(raw))))
}
