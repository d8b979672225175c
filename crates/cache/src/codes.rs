//! How the cache fails.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[
    &TOO_LARGE,
    &TOO_MANY_TAGS,
    &RULES,
    &UNSEALED,
    &SEAL_KEY,
    &SHAPED,
    &UNSETTLED,
    &OWED,
    &LOAD_FAILED,
    &VIEW,
    &VIEW_INDEX,
    &VIEW_ROWS,
    &VIEW_BUSY,
    &NO_VIEW,
    &TABLE,
    &NO_DEPENDENCE,
    &WARM_SOURCE,
    &WARM_QUERY,
    &LOCK_TERMS,
];

/// One value would crowd out too many others.
pub static TOO_LARGE: Code = Code::new(
    Kind::Invalid,
    "cache-value-too-large",
    "The value is too large to cache",
    "store it as an object, or raise `cache.capacity`: one value may take a tenth of it",
);

/// What a namespace is told contradicts itself.
pub static RULES: Code = Code::new(
    Kind::Invalid,
    "cache-rules-invalid",
    "The rules of a namespace cannot hold",
    "change the setting the message names, under `cache.namespaces`",
);

/// A value has more tags than can be looked after.
pub static TOO_MANY_TAGS: Code = Code::new(
    Kind::Invalid,
    "cache-too-many-tags",
    "The value has too many tags",
    "give it fewer: tag it by what is purged, and let one tag stand for many",
);

/// Values are to be sealed, and there is nothing to seal them with.
pub static UNSEALED: Code = Code::new(
    Kind::Invalid,
    "cache-no-seal-keys",
    "There is no key to seal values with",
    "name one in `cache.seal_keys`, such as `env:STOCKADE_SEAL_KEY`, or leave `sealed` away",
);

/// A value with parts, where only bytes can be answered.
pub static SHAPED: Code = Code::new(
    Kind::Invalid,
    "cache-value-has-parts",
    "A list, set, hash, sorted set or stream cannot be read this way",
    "read it by the Redis door, with a command of its kind",
);

/// A tier behind memory could not be brought to a decision in time.
pub static UNSETTLED: Code = Code::new(
    Kind::Busy,
    "cache-tier-unsettled",
    "A tier of the cache did not settle in time",
    "try again; if it goes on, look at the server the tier is on",
);

/// A purge is done here, and not yet everywhere.
pub static OWED: Code = Code::new(
    Kind::Busy,
    "cache-purge-owed",
    "A tier of the cache could not be purged yet",
    "nothing has to be repeated: it is done here, nothing is read from the tier meanwhile, and it is \
     purged there as soon as it can be reached",
);

/// The origin of a namespace did not bring a value.
pub static LOAD_FAILED: Code = Code::new(
    Kind::Busy,
    "cache-load-failed",
    "The origin did not bring a value",
    "look at the origin of the namespace; with `stale` set, an old value is answered meanwhile",
);

/// There is nothing to warm a namespace from.
pub static WARM_SOURCE: Code = Code::new(
    Kind::Invalid,
    "cache-warm-source",
    "A namespace cannot be warmed from there",
    "say one of `keys`, `file`, `log` and `query`; keys without values need an `origin`",
);

/// A query that warms a namespace brought something else than keys.
pub static WARM_QUERY: Code = Code::new(
    Kind::Invalid,
    "cache-warm-query",
    "The query that warms a namespace brings no keys",
    "select the key, and after it, if wanted, the value and for how many seconds it lives",
);

/// A lock cannot be had on these terms.
pub static LOCK_TERMS: Code = Code::new(
    Kind::Invalid,
    "cache-lock-terms",
    "No lock can be had on these terms",
    "let it live for 100ms to 1day, and wait for at most 30s at a time",
);

/// What values are to be sealed with cannot be used.
pub static SEAL_KEY: Code = Code::new(
    Kind::Invalid,
    "cache-seal-key",
    "A key to seal values with cannot be used",
    "a key is at least 32 letters nobody can guess: make one by `openssl rand -hex 32`, and name \
     where it is in `cache.seal_keys` of every node",
);

/// Where the rows of a namespace should be, they cannot be read or refreshed.
pub static VIEW: Code = Code::new(
    Kind::Invalid,
    "cache-view-invalid",
    "The query or view of a namespace cannot be used",
    "change `query` or `view` of the namespace, or what they name in the database of `sql.url`",
);

/// A view could be refreshed only while nobody reads it.
pub static VIEW_INDEX: Code = Code::new(
    Kind::Invalid,
    "cache-view-index",
    "A materialized view has no unique index",
    "make one on the column that holds the keys, or set `make_index = true` in `view`",
);

/// A key has one value.
pub static VIEW_ROWS: Code = Code::new(
    Kind::Invalid,
    "cache-view-rows",
    "A query gives several rows for one key",
    "compare the key with a column that is unique, or put the rows together: `json_agg`",
);

/// One node at a time refreshes a view.
pub static VIEW_BUSY: Code = Code::new(
    Kind::Busy,
    "cache-view-busy",
    "A view is being refreshed",
    "ask again when it is done",
);

/// There is nothing to refresh.
pub static NO_VIEW: Code = Code::new(
    Kind::Invalid,
    "cache-no-view",
    "The namespace has no view",
    "name one in `view` of the namespace; values of other namespaces are purged",
);

/// A namespace depends on a table that says nothing.
pub static TABLE: Code = Code::new(
    Kind::Invalid,
    "cache-table-invalid",
    "A table does not tell of its changes",
    "change `depends_on` of the namespace, or the table it names in the database of `sql.url`",
);

/// Something was told to a namespace that is nothing to it.
pub static NO_DEPENDENCE: Code = Code::new(
    Kind::Invalid,
    "cache-no-dependence",
    "The namespace does not depend on this event",
    "name the event in `depends_on` or `warm` of the namespace",
);
