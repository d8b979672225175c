//! The rules Stockade guards itself with: compiled once and asked often.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use flow::{Ask, Grant, Identity, Policy, Request, Result, Scope, Step};
use rego::syntax::{self, Edition};
use rego::{Options, Program, Reads, Value};

use crate::codes::{BROKEN, REFUSED, UNANSWERED};
use crate::world::Still;

/// The rules Stockade guards itself with.
pub const STOCKADE_SELF: &str = include_str!("stockade_self.rego");

/// A permit is asked for again after this long, whatever happens.
const LIFETIME: Duration = Duration::from_secs(60);

/// Rules about an identity and a name come to an answer in a few hundred steps.
const STEPS_MAX: u64 = 1_000_000;

/// What rules may read of their input and still answer alike for everything in
/// a namespace.
const COARSE: [&[&str]; 4] =
    [&["identity"], &["action"], &["resource", "kind"], &["resource", "namespace"]];

/// The rules in force. Changing them is one atomic swap: a decision is made
/// entirely by the old rules or entirely by the new.
pub struct Policies {
    current: ArcSwap<Rules>,
    entry: Vec<Value>,
}

struct Rules {
    program: Program,
    scope: Scope,
}

impl std::fmt::Debug for Policies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Policies({:?})", self.entry)
    }
}

impl Policies {
    /// Compiles rules; `entry` is the rule that answers, `data.package.allow`.
    pub fn new(name: &str, source: &str, entry: &str) -> Result<Self> {
        let entry: Vec<Value> = entry.split('.').skip(1).map(Value::from).collect();
        let rules = Rules::compile(name, source, &entry)?;
        Ok(Self { current: ArcSwap::from_pointee(rules), entry })
    }

    /// Stockade's own rules.
    pub fn stockade_self() -> Result<Self> {
        Self::new("stockade/self.rego", STOCKADE_SELF, "data.stockade.self.allow")
    }

    /// Puts other rules in force. Broken ones change nothing. The caller advances
    /// the policy revision afterwards, so that no permit outlives its rules.
    pub fn replace(&self, name: &str, source: &str) -> Result<()> {
        self.current.store(Rules::compile(name, source, &self.entry)?.into());
        Ok(())
    }

    /// Whether the rules say yes to this input.
    pub fn decide(&self, input: Value) -> Result<bool> {
        self.current.load().allows(&self.entry, input)
    }

    /// For what else an answer of the rules holds.
    pub fn scope(&self) -> Scope {
        self.current.load().scope
    }
}

impl Rules {
    fn compile(name: &str, source: &str, entry: &[Value]) -> Result<Self> {
        let broken = |why: Option<String>| {
            let story = format!("`{name}` cannot be compiled");
            BROKEN.error(story).because(why.unwrap_or_default())
        };
        let module = syntax::module(name, source, Edition::V1)
            .map_err(|errors| broken(errors.first().map(ToString::to_string)))?;
        let program = Program::compile(vec![Arc::new(module)], Options::default())
            .map_err(|problems| broken(problems.first().map(ToString::to_string)))?;
        let scope = scope_of(&program.reads(entry));
        Ok(Self { program, scope })
    }

    fn allows(&self, entry: &[Value], input: Value) -> Result<bool> {
        let ask = rego::Ask {
            input: Some(input),
            data: Value::object([]),
            world: &Still,
            strict: true,
            steps_max: STEPS_MAX,
        };
        let value = self.program.document(entry, &ask).map_err(|error| {
            let unanswered = UNANSWERED.error("the policy could not be evaluated");
            unanswered.because(error.to_string())
        })?;
        Ok(value == Some(true.into()))
    }
}

/// For what else an answer of rules that read this holds.
fn scope_of(reads: &Reads) -> Scope {
    let coarse = |path: &Vec<Value>| {
        COARSE.iter().any(|known| {
            known.len() <= path.len()
                && known.iter().zip(path).all(|(name, key)| key.as_text() == Some(name))
        })
    };
    match reads.unsteady.is_empty() && reads.input.iter().all(coarse) {
        true => Scope::Namespace,
        false => Scope::Exact,
    }
}

impl Policy for Policies {
    fn permit<'a>(
        &'a self,
        request: &'a Request<'a>,
        identity: &'a Identity,
        ask: Ask<'a>,
    ) -> Step<'a, Result<Grant>> {
        let rules = self.current.load();
        // A name that no rule reads is not worth its conversion.
        let exact = rules.scope == Scope::Exact;
        let name = exact.then(|| String::from_utf8_lossy(ask.resource.name));
        let texts =
            |texts: &[String]| texts.iter().map(|text| Value::from(text.as_str())).collect();
        let rights = &identity.rights;
        let who = Value::object([
            ("tenant".into(), Value::text(identity.tenant.clone())),
            ("name".into(), Value::text(identity.name.clone())),
            ("kind".into(), identity.kind.name().into()),
            ("roles".into(), texts(&identity.roles)),
            ("permissions".into(), texts(&rights.permissions)),
            ("groups".into(), texts(&rights.groups)),
            ("clearance".into(), rights.clearance.name().into()),
        ]);
        let resource = Value::object([
            ("kind".into(), ask.resource.kind.into()),
            ("namespace".into(), ask.resource.namespace.into()),
            ("name".into(), name.map_or(Value::Null, |name| name.as_ref().into())),
        ]);
        let input = Value::object([
            ("identity".into(), who),
            ("door".into(), request.door.name().into()),
            ("action".into(), ask.action.name.into()),
            ("resource".into(), resource),
        ]);
        Step::Now(rules.allows(&self.entry, input).and_then(|allowed| match allowed {
            true => {
                Ok(Grant { scope: rules.scope, lifetime: LIFETIME, reason: "stockade.self".into() })
            }
            false => {
                let (name, action) = (&identity.name, ask.action.name);
                Err(REFUSED.error(format!("`{name}` may not `{action}` on `{}`", ask.resource)))
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use flow::Kind;
    use serde_json::json;

    use super::*;

    fn check(roles: &[&str], action: &str, expected: bool) {
        let policies = Policies::stockade_self().unwrap();
        let kind = action.split('.').next().unwrap_or_default();
        let input = json!({
            "identity": { "name": "ann", "kind": "human", "roles": roles },
            "action": action,
            "resource": { "kind": kind, "namespace": "n" },
        });
        assert_eq!(policies.decide(input.into()).unwrap(), expected, "{roles:?} {action}");
    }

    #[test]
    fn everybody_looks_after_their_own_sessions_and_nobody_elses() {
        let policies = Policies::stockade_self().unwrap();
        for (action, kind, namespace, expected) in [
            ("session.open", "session", "", true),
            ("session.close", "session", "", true),
            ("session.list", "session", "", true),
            ("session.end", "session", "", true),
            ("session.list", "session", "bob", false),
            ("session.list", "session", "*", false),
            ("session.end", "session", "bob", false),
            ("totp.begin", "totp", "", true),
            ("totp.drop", "totp", "", false),
            ("totp.drop", "totp", "bob", false),
            ("user.create", "user", "", false),
            ("user.change", "user", "", false),
        ] {
            let input = json!({
                "identity": { "name": "ann", "kind": "human", "roles": ["reader"] },
                "action": action,
                "resource": { "kind": kind, "namespace": namespace },
            });
            assert_eq!(policies.decide(input.into()).unwrap(), expected, "{action} {namespace}");
        }
    }

    #[test]
    fn roles_allow_what_they_say_and_nothing_else() {
        for action in ["cache.get", "cache.purge", "object.put", "key.create", "ledger.read"] {
            check(&["admin"], action, true);
            check(&["system"], action, true);
            check(&[], action, false);
            check(&["nobody"], action, false);
        }
        check(&["reader"], "cache.get", true);
        check(&["reader"], "object.get", true);
        check(&["reader"], "cache.get_many", true);
        check(&["reader"], "cache.set_many", false);
        check(&["reader"], "cache.follow", false);
        check(&["writer"], "cache.lock", true);
        for (role, looks, changes) in [
            ("reader", true, false),
            ("writer", true, true),
            ("operator", true, true),
            ("auditor", false, false),
        ] {
            for action in ["cache.stats", "cache.advice", "cache.warmed"] {
                check(&[role], action, looks);
            }
            for action in ["cache.refresh", "cache.event", "cache.warm"] {
                check(&[role], action, changes);
            }
            // A query reads all of the database, the keys of others too.
            check(&[role], "warm.query", false);
        }
        check(&["admin"], "warm.query", true);
        check(&["operator"], "cache.purge", false);
        check(&["reader"], "cache.set", false);
        check(&["reader"], "ledger.read", false);
        check(&["writer"], "cache.set", true);
        check(&["writer"], "cache.get", true);
        check(&["writer"], "key.create", false);
        check(&["auditor"], "ledger.follow", true);
        check(&["auditor"], "ledger.prove", true);
        check(&["auditor"], "ledger.backup", false);
        check(&["admin"], "ledger.backup", true);
        for (role, streams, ledger) in
            [("auditor", true, true), ("writer", true, false), ("reader", false, false)]
        {
            check(&[role], "group.take", streams);
            check(&[role], "ledger.group.take", ledger);
        }
        check(&["auditor"], "stream.read", true);
        check(&["auditor"], "stream.append", false);
        check(&["auditor"], "cache.get", false);
        check(&["reader"], "stream.follow", true);
        check(&["reader"], "stream.append", false);
        check(&["writer"], "stream.append", true);
        for (role, uses, rewraps, rotates, deletes) in [
            ("admin", true, true, true, true),
            ("operator", false, true, true, false),
            ("writer", true, true, false, false),
            ("reader", false, false, false, false),
        ] {
            check(&[role], "crypto.decrypt", uses);
            check(&[role], "crypto.rewrap", rewraps);
            check(&[role], "crypto_key.rotate", rotates);
            check(&[role], "crypto_key.delete", deletes);
            check(&[role], "crypto_key.show", true);
        }
        check(&["writer"], "ledger.read", false);
        check(&["operator"], "metrics.read", true);
        check(&["operator", "reader"], "cache.get", true);
        check(&["reader"], "cache.getter", false);
    }

    #[test]
    fn permissions_allow_one_by_one_and_where_they_say() {
        let policies = Policies::stockade_self().unwrap();
        for (permission, action, namespace, expected) in [
            ("cache:get", "cache.get", "prices", true),
            ("cache:get", "cache.get", "", true),
            ("cache:get", "cache.set", "prices", false),
            ("cache:get", "cache.get_many", "prices", false),
            ("cache:*", "cache.set", "prices", true),
            ("cache:get:prices", "cache.get", "prices", true),
            ("cache:get:prices", "cache.get", "prices2", false),
            ("cache:get:prices", "cache.get", "", false),
            ("cache:*:team-*", "cache.set", "team-a", true),
            ("cache:*:team-*", "cache.set", "other", false),
            ("ledger:group.take", "ledger.group.take", "", true),
            ("stream:append:a:b", "stream.append", "a:b", true),
            ("admin:*", "cache.get", "prices", false),
            ("*:*", "key.create", "", true),
            ("*:*:prices", "key.create", "", false),
            ("cache", "cache.get", "", false),
        ] {
            let input = json!({
                "identity": { "name": "bot", "kind": "agent", "roles": [], "permissions": [permission] },
                "action": action,
                "resource": { "kind": "cache", "namespace": namespace },
            });
            let may = policies.decide(input.into()).unwrap();
            assert_eq!(may, expected, "{permission} {action} {namespace}");
        }
    }

    #[test]
    fn the_path_is_answered_as_the_rules_say() {
        use flow::question::admin::ListKeys;
        use flow::{Credential, Door, Id, Moment, Principal, Question, Revisions};
        let policies = Policies::stockade_self().unwrap();
        let permit = |role: &str| {
            let (tenant, name): (std::sync::Arc<str>, _) = ("main".into(), "ann".into());
            let epoch = Revisions::default().observe(&tenant, &name);
            let (roles, credential) = ([role.to_owned()].into(), "key:1".into());
            let identity = Identity::new(Principal::Human, tenant, name, roles, credential, epoch);
            let request = Request {
                id: Id(1),
                at: Moment(0),
                door: Door::Http,
                credential: Credential::None,
                peer: None,
                agent: "",
            };
            let question = ListKeys { after: "", limit: 1 };
            match policies.permit(&request, &identity, question.ask()) {
                Step::Now(answer) => answer.map(|grant| grant.scope).map_err(|no| no.code().name),
                Step::Later(_) => panic!("rules are answered at once"),
            }
        };
        assert_eq!(permit("admin"), Ok(Scope::Namespace));
        assert_eq!(permit("reader"), Err("policy-refused"));
    }

    #[test]
    fn bundles_are_put_by_administrators_and_in_development_from_here() {
        for (role, put, list) in [
            ("admin", true, true),
            ("neighbour", true, true),
            ("operator", false, true),
            ("writer", false, true),
            ("reader", false, true),
            ("auditor", false, false),
        ] {
            check(&[role], "bundle.activate", put);
            check(&[role], "bundle.delete", put);
            check(&[role], "bundle.list", list);
        }
    }

    #[test]
    fn our_own_rules_read_nothing_finer_than_a_namespace() {
        assert_eq!(Policies::stockade_self().unwrap().scope(), Scope::Namespace);
    }

    #[test]
    fn rules_that_read_nothing_of_a_name_hold_for_its_namespace() {
        for (rule, expected) in [
            (r#"input.action == "cache.get""#, Scope::Namespace),
            (r#""admin" in input.identity.roles"#, Scope::Namespace),
            (r#"input.resource.namespace == "input.resource.name""#, Scope::Namespace),
            (r#"input.resource.kind == "cache"  # input.resource.name"#, Scope::Namespace),
            (r#"input["resource"].kind == "cache""#, Scope::Namespace),
            ("true", Scope::Namespace),
            (r#"input.resource.name == "k""#, Scope::Exact),
            (r#"input["resource"].name == "k""#, Scope::Exact),
            (r#"input.resource["name"] == "k""#, Scope::Exact),
            ("x := input", Scope::Exact),
            ("x := input.resource; x.name == 1", Scope::Exact),
            ("some k; input[k] == 1", Scope::Exact),
            ("startswith(input.resource.name, input.identity.name)", Scope::Exact),
            ("input.peer == 1", Scope::Exact),
            ("time.now_ns() > 5", Scope::Exact),
            (r#"rand.intn("x", 5) == 1"#, Scope::Exact),
        ] {
            let source = format!("package p\nallow if {{ {rule}\n}}\n");
            let policies = Policies::new("p", &source, "data.p.allow").unwrap();
            assert_eq!(policies.scope(), expected, "{rule}");
        }
    }

    #[test]
    fn broken_rules_are_refused_and_the_old_ones_stay() {
        let policies = Policies::stockade_self().unwrap();
        let error =
            policies.replace("new.rego", "package stockade.self\nallow if {").err().unwrap();
        assert_eq!(error.kind(), Kind::Invalid);
        check(&["admin"], "cache.get", true);
    }

    #[test]
    fn rules_that_cannot_answer_refuse() {
        let source = "package p\ndefault allow := false\nallow := 1 / 0 == 1\n";
        let policies = Policies::new("p", source, "data.p.allow").unwrap();
        assert!(!policies.decide(json!({}).into()).unwrap_or(false));
        let two = "package p\nallow := true\nallow := false\n";
        if let Ok(policies) = Policies::new("p", two, "data.p.allow") {
            assert!(!policies.decide(json!({}).into()).unwrap_or(false));
        }
    }
}
