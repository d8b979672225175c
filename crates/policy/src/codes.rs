//! How policies fail.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[
    &REFUSED,
    &BROKEN,
    &UNANSWERED,
    &FORWARD_REFUSED,
    &FORWARD_UNCLEAR,
    &POLICY_BROKEN,
    &POLICY_FAILED,
    &INPUT,
    &FILTER_REFUSED,
    &FILTER_NONE,
    &FILTER_ANNOTATION,
    &PATH,
    &DATA_INVALID,
    &DATA_PATH,
    &DATA_HIDDEN,
    &UNKNOWN_REVISION,
    &HISTORY_GONE,
    &BUSY,
    &LONG,
    &BUNDLED,
    &BUNDLE_INVALID,
    &BUNDLE_TOO_LARGE,
    &BUNDLE_UNTRUSTED,
    &BUNDLE_UNTESTED,
    &BUNDLE_ROOTS,
    &BUNDLE_POLLED,
    &BUNDLE_SOURCE,
    &BUNDLE_AWAY,
    &TIERS,
    &CASE_DECISION,
    &DECIDED_MEANWHILE,
    &EXPERT_NONSENSE,
    &REMOTE_AWAY,
    &CANDIDATE_BEHIND,
    &OTHER_CANDIDATES,
    &NO_CANDIDATE,
    &SHADOW_SHARE,
    &crate::book::MEANWHILE,
];

/// The rules said no.
pub static REFUSED: Code = Code::new(
    Kind::Refused,
    "policy-refused",
    "The policy does not allow this",
    "ask an administrator for a role that allows it, or use another credential",
);

/// A policy does not let a request pass.
pub static FORWARD_REFUSED: Code = Code::new(
    Kind::Refused,
    "forward-refused",
    "The policy does not let this request pass",
    "ask whoever keeps the policies for a rule that allows it, or use another credential",
);

/// A policy was to say whether a request may pass, and said something else: that is a no.
pub static FORWARD_UNCLEAR: Code = Code::new(
    Kind::Refused,
    "forward-unclear",
    "The policy does not say whether this request may pass",
    "let the document `policy.forward` names be `true` or `false`, or an object with `allowed`",
);

/// The rules cannot be read.
pub static BROKEN: Code = Code::new(
    Kind::Invalid,
    "policy-broken",
    "The policy cannot be compiled",
    "mend the policy at the line it names; the rules in force stay in force",
);

/// The rules could not come to an answer, which is a no.
pub static UNANSWERED: Code = Code::new(
    Kind::Refused,
    "policy-unanswered",
    "The policy came to no answer",
    "look for the evaluation error in the log and mend the policy",
);

/// A policy somebody brings cannot be read, or does not go with the others.
pub static POLICY_BROKEN: Code = Code::new(
    Kind::Invalid,
    "policy-invalid",
    "The policy cannot be put in force",
    "mend it at the lines that are named; the policies in force stay in force",
);

/// Policies came to no end for an input.
pub static POLICY_FAILED: Code = Code::new(
    Kind::Invalid,
    "policy-failed",
    "The policy could not be evaluated for this input",
    "mend the policy at the line that is named; nothing was decided",
);

/// What is asked with is no input.
pub static INPUT: Code = Code::new(
    Kind::Invalid,
    "policy-input",
    "The input cannot be read",
    "send JSON of the shape the operation takes",
);

/// What is left of a rule cannot be said to a database.
pub static FILTER_REFUSED: Code = Code::new(
    Kind::Invalid,
    "policy-filter",
    "The rule cannot be written as a condition for this target",
    "change the lines that are named as they say, or ask `/v1/compile` for what is left as Rego",
);

/// There is no rule to make a condition of.
pub static FILTER_NONE: Code = Code::new(
    Kind::Missing,
    "policy-filter-rule",
    "There is no such rule",
    "ask for a rule by its package and name: `/v1/compile/filters/include`",
);

/// Annotations say something else than paths.
pub static FILTER_ANNOTATION: Code = Code::new(
    Kind::Invalid,
    "policy-filter-annotation",
    "An annotation of the rule cannot be read",
    "write `compile: {unknowns: [input.posts], mask_rule: masks}` below `# METADATA`",
);

/// What is asked for is no path.
pub static PATH: Code = Code::new(
    Kind::Invalid,
    "policy-path",
    "That is no path of a document",
    "name the parts of the path apart by `/`, with `%` and two digits for what is special in a URL",
);

/// A document is no JSON, or a patch no patch.
pub static DATA_INVALID: Code = Code::new(
    Kind::Invalid,
    "policy-document",
    "The document cannot be read",
    "send JSON, or a JSON patch of documents that are there",
);

/// There is no place for a document.
pub static DATA_PATH: Code = Code::new(
    Kind::Missing,
    "policy-document-path",
    "There is no place for a document",
    "put a document where it is missing on the way, or name another path",
);

/// Where a document would be, a policy has a rule.
pub static DATA_HIDDEN: Code = Code::new(
    Kind::Invalid,
    "policy-document-rule",
    "A policy answers where the document would be",
    "put the document at a path of its own, or take the policy away first",
);

/// A revision nobody has reached.
pub static UNKNOWN_REVISION: Code = Code::new(
    Kind::Invalid,
    "policy-revision",
    "That revision is not known",
    "name a revision that an answer of this server named",
);

/// What held then is not kept.
pub static HISTORY_GONE: Code = Code::new(
    Kind::Missing,
    "policy-history",
    "What held at that revision is not kept anymore",
    "raise `policy.history` and `policy.history_max` for what comes; what is gone is gone",
);

/// Others change policies all the time.
pub static BUSY: Code = Code::new(
    Kind::Busy,
    "policy-busy",
    "Policies are changed by others at the moment",
    "ask again in a moment",
);

/// Too many evaluations take long.
pub static LONG: Code = Code::new(
    Kind::Busy,
    "policy-long",
    "Too many policies take long at the moment",
    "ask again in a moment, and look with `stockade policy explain` what takes so long",
);

/// What a bundle brought is changed with it.
pub static BUNDLED: Code = Code::new(
    Kind::Conflict,
    "policy-bundled",
    "It belongs to a bundle",
    "change it in the bundle, or put it outside of the bundle's roots",
);

/// An archive is no bundle.
pub static BUNDLE_INVALID: Code = Code::new(
    Kind::Invalid,
    "policy-bundle-invalid",
    "The bundle cannot be used",
    "mend the file that is named; what was in force stays in force",
);

/// It is larger than it may be.
pub static BUNDLE_TOO_LARGE: Code = Code::new(
    Kind::Invalid,
    "policy-bundle-too-large",
    "The bundle is too large",
    "take out what no policy reads, or raise `policy.bundle_limits`",
);

/// Nobody we trust says that it is theirs.
pub static BUNDLE_UNTRUSTED: Code = Code::new(
    Kind::Refused,
    "policy-bundle-untrusted",
    "The bundle is not signed as it has to be",
    "sign it with the key that `policy.bundles` names; what was in force stays in force",
);

/// Its own tests fail.
pub static BUNDLE_UNTESTED: Code = Code::new(
    Kind::Invalid,
    "policy-bundle-tests",
    "The tests in the bundle fail",
    "run `stockade policy test` on its files; what was in force stays in force",
);

/// Two bundles say they own one place.
pub static BUNDLE_ROOTS: Code = Code::new(
    Kind::Conflict,
    "policy-bundle-roots",
    "Two bundles claim one place",
    "give them `roots` that lie apart, or take the other bundle out of force",
);

/// What is polled comes from where it is polled.
pub static BUNDLE_POLLED: Code = Code::new(
    Kind::Conflict,
    "policy-bundle-polled",
    "The bundle is polled",
    "change it where it comes from, or take `url` out of `policy.bundles`",
);

/// It cannot be looked for there.
pub static BUNDLE_SOURCE: Code = Code::new(
    Kind::Invalid,
    "policy-bundle-source",
    "A bundle cannot be looked for as it is configured",
    "write `https://…` or `file:///PATH`; plain `http://` needs `key` and no `token`",
);

/// It is not where it is looked for.
pub static BUNDLE_AWAY: Code = Code::new(
    Kind::Busy,
    "policy-bundle-away",
    "The bundle could not be fetched",
    "look at the server it comes from; what was in force stays in force",
);

/// What comes behind policies is configured so that it leads nowhere.
pub static TIERS: Code = Code::new(
    Kind::Invalid,
    "policy-tiers",
    "What comes behind policies cannot be as it is configured",
    "mend the setting that is named",
);

/// That is no decision about a case.
pub static CASE_DECISION: Code = Code::new(
    Kind::Invalid,
    "policy-case-decision",
    "The case cannot be decided so",
    "decide one of the words in `policy.review.<path>.decisions`, until a time to come or for good",
);

/// Somebody else withdrew a case first.
pub static DECIDED_MEANWHILE: Code =
    Code::new(Kind::Conflict, "policy-case-meanwhile", "The case is gone", "list the cases again");

/// An expert says what is no verdict.
pub static EXPERT_NONSENSE: Code = Code::new(
    Kind::Invalid,
    "policy-expert-nonsense",
    "An expert said what is no verdict",
    "let it say a decision, or an object with `decision`, `reason` and `confidence`",
);

/// The server whose policies decide cannot be asked.
pub static REMOTE_AWAY: Code = Code::new(
    Kind::Busy,
    "policy-remote-away",
    "The server that decides this cannot be asked",
    "ask again in a moment, or set `policy.remote.<path>.fallback` to `embedded` or `cached`",
);

/// A policy was changed since a candidate was put beside it.
pub static CANDIDATE_BEHIND: Code = Code::new(
    Kind::Conflict,
    "policy-candidate-behind",
    "A policy was changed since its candidate was put beside it",
    "put the candidate again, as a change of what is in force now, and look at the report",
);

/// Candidates are others than somebody looked at.
pub static OTHER_CANDIDATES: Code = Code::new(
    Kind::Conflict,
    "policy-candidates-other",
    "The candidates are others than those that are meant",
    "look at the report again, and promote what it names",
);

/// There is nothing to put in force.
pub static NO_CANDIDATE: Code = Code::new(
    Kind::Missing,
    "policy-candidate-none",
    "There is no candidate",
    "put one with PUT /v1/shadow/policies/ID, or `stockade policy shadow put`",
);

/// A part is no part.
pub static SHADOW_SHARE: Code = Code::new(
    Kind::Invalid,
    "policy-shadow-share",
    "That is no share of decisions",
    "set `policy.shadow_share` to a number from 0.0 to 1.0",
);
