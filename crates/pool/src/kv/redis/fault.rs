//! What a Redis error means for those who asked.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};
use flow::Error;

use super::address::Address;
use crate::codes;

/// Tells "not there" from "does not let us in", "has no room" and "holds something
/// else". The server's own words stay behind as the cause.
pub(crate) fn fault(address: &Address, error: RedisError) -> Error {
    let at = |what: &str| format!("Redis at `{address}` {what}");
    let story = match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _)
        | (ErrorKind::Server(ServerErrorKind::NoPerm), _)
        | (_, Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => {
            codes::KV_DENIED.error(at("does not let us in"))
        }
        (_, Some("OOM")) => codes::KV_FULL.error(at("has no room")),
        (_, Some("WRONGTYPE")) => codes::KV_NOT_A_NUMBER.error(at("holds something else there")),
        (ErrorKind::Server(ServerErrorKind::ResponseError), _) if is_not_a_number(&error) => {
            codes::KV_NOT_A_NUMBER.error("the value under the key is not a counter")
        }
        (ErrorKind::RESP3NotSupported, _) => codes::KV_CONFIG
            .error(at("is too old"))
            .with_advice("use Redis 6.2 or newer, or Valkey"),
        (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => {
            codes::KV_UNEXPECTED.error(at("answered something else than asked"))
        }
        (ErrorKind::InvalidClientConfig | ErrorKind::EmptySentinelList, _) => {
            codes::KV_CONFIG.error(format!("cannot use Redis at `{address}`"))
        }
        (
            ErrorKind::Server(
                ServerErrorKind::ResponseError
                | ServerErrorKind::CrossSlot
                | ServerErrorKind::NoScript
                | ServerErrorKind::ExecAbort,
            )
            | ErrorKind::Client,
            _,
        ) => codes::KV_UNEXPECTED.error(at("refused the command")),
        _ => codes::KV_AWAY.error(at("does not answer")),
    };
    story.because(error)
}

fn is_not_a_number(error: &RedisError) -> bool {
    let detail = error.detail().unwrap_or_default();
    detail.contains("not an integer") || detail.contains("overflow")
}
