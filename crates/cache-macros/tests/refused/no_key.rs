//! An argument that cannot be a key.

use cache_macros::cached;

#[path = "../../../cache/src/key.rs"]
pub mod key;

/// As much of the cache as is needed.
mod cache {
    pub use crate::key;

    #[derive(Default)]
    pub struct Terms;

    pub struct Tiered;

    impl Tiered {
        pub fn ask_value(&self, _key: String) -> Result<u64, Asked> {
            Err(Asked)
        }
    }

    pub struct Asked;

    impl Asked {
        pub async fn load_value<E, A: Future<Output = Result<u64, E>>>(
            self,
            _terms: Terms,
            load: impl FnOnce() -> A,
        ) -> Result<u64, E> {
            load().await
        }
    }
}

static AREAS: cache::Tiered = cache::Tiered;

#[cached(cache = AREAS, crate = crate::cache)]
async fn area(name: &str, radius: f64) -> Result<u64, String> {
    Ok(radius as u64 + name.len() as u64)
}

fn main() {}
