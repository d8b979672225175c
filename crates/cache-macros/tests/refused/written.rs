//! Wrong as written.

use cache_macros::cached;

#[cached(cache = USERS)]
fn not_async(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(cache = USERS, tll = "5m")]
async fn unknown_option(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(cache = USERS, colour = "red")]
async fn an_option_like_no_other(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(ttl = "5m")]
async fn no_cache(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(cache = USERS, ttl = "5 bananas")]
async fn no_duration(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(cache = USERS, skip(databse))]
async fn unknown_argument(database: u64, id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(cache = USERS, skip(id), key = id)]
async fn skipped_and_said(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(cache = USERS)]
async fn cannot_fail(id: u64) -> u64 {
    id
}

#[cached(cache = USERS)]
async fn borrows_within(ids: Vec<&str>) -> Result<u64, String> {
    Ok(ids.len() as u64)
}

#[cached(cache = USERS)]
async fn changes(id: &mut u64) -> Result<u64, String> {
    Ok(*id)
}

struct Users;

impl Users {
    #[cached(cache = self.cache)]
    async fn changes_itself(&mut self, id: u64) -> Result<u64, String> {
        Ok(id)
    }
}

fn main() {}
