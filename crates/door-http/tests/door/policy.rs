//! A policy small enough to see through: whoever is called alice may.

use std::sync::Arc;

use bytes::Bytes;
use flow::question::bundle::{
    Activated, BundleInfo, BundlePoll, BundleState, BundleStates, DeleteBundle, ListBundles,
    PutBundle,
};
use flow::question::filter::{Filter, Filtered, Target};
use flow::question::policy::{
    ChangeData, Changed, Compile, DataChange, Decide, Decided, DeletePolicy, Freshness,
    ListPolicies, ListVersions, PolicyInfo, PolicyShown, Posed, PutPolicy, Query, Seen, ShowPolicy,
    Tier, VersionInfo,
};
use flow::question::replay::{Again, Held, Replay, Replayed, Replays, Was};
use flow::{Answer, Code, Error, Kind, Origin, Permitted, Result, Step, Time};
use serde_json::{Value, json};

use crate::plane::{Parts, World};

static INPUT: Code = Code::new(Kind::Invalid, "policy-input", "No input", "send JSON");
static FAILED: Code = Code::new(Kind::Invalid, "policy-failed", "It failed", "mend it");
static INVALID: Code = Code::new(Kind::Invalid, "policy-invalid", "No policy", "mend it");
static NO_PLACE: Code = Code::new(Kind::Missing, "policy-document-path", "No place", "make it");

macro_rules! answers {
    ($question:ty, $answer:ty, $work:expr) => {
        impl<'q> Origin<$question> for Parts {
            fn answer<'a>(
                &'a self,
                permitted: &'a Permitted<'a, $question>,
            ) -> Step<'a, Result<Answer<$answer>>> {
                let work: fn(&World, &$question) -> Result<$answer> = $work;
                Step::Now(work(&self.0, permitted.question()).map(Answer::done))
            }
        }
    };
}

fn with_place(error: Error, code: &str) -> Error {
    let location = json!({ "file": "a.rego", "row": 3, "col": 5 });
    let one = json!({ "code": code, "message": "what is wrong", "location": location });
    error.with_record(json!({ "errors": [one] }))
}

fn failed() -> Error {
    with_place(FAILED.error("a.rego:3: what is wrong"), "eval_conflict_error")
}

/// What is asked about, one by one, as text.
fn inputs(asked: &Decide<'_>) -> Result<(Vec<Option<String>>, bool)> {
    let parsed = || -> Result<Value> {
        serde_json::from_slice(asked.text).map_err(|_| INPUT.error("the body is no JSON"))
    };
    Ok(match asked.posed {
        Posed::Nothing => (vec![None], false),
        Posed::Whole => (vec![Some(parsed()?.to_string())], false),
        Posed::Within => match parsed()? {
            Value::Object(body) => (vec![body.get("input").map(Value::to_string)], false),
            _ => return Err(INPUT.error("the body is no object")),
        },
        Posed::Each => {
            let mut body = parsed()?;
            let each = body.as_object_mut().and_then(|body| body.remove("evaluations"));
            match each.as_ref().and_then(Value::as_array).filter(|each| !each.is_empty()) {
                Some(each) => (each.iter().map(|one| Some(format!("{one}{body}"))).collect(), true),
                None => (vec![Some(body.to_string())], false),
            }
        }
    })
}

fn document(asked: &Decide<'_>, input: Option<&str>) -> Result<Option<String>> {
    let text = input.unwrap_or_default();
    if text.contains("fails") {
        return Err(failed());
    }
    let freshness = match asked.freshness {
        Freshness::Any => "any",
        Freshness::AtLeast(revision) => revision,
        Freshness::Full => "full",
    };
    Ok(Some(match asked.path {
        "absent" | "system/main" if !text.contains("alice") => return Ok(None),
        "asked" => json!({ "strict": asked.strict, "freshness": freshness }).to_string(),
        "echo" => match input {
            Some(input) => input.to_owned(),
            None => return Ok(None),
        },
        "authzen/allow" if text.contains("why") => {
            r#"{"decision":false,"context":{"reason":"why"}}"#.into()
        }
        "authzen/subjects" if text.contains("spaceship") => return Ok(None),
        "authzen/subjects" if text.contains("bob") => r#"["bob was not looked for"]"#.into(),
        "authzen/subjects" => r#"[{"type":"user","id":"alice"},{"type":"user","id":"bob"}]"#.into(),
        "authzen/resources" => r#"[{"type":"record","id":"1"}]"#.into(),
        "authzen/actions" if text.contains("wrong") => "7".into(),
        "authzen/actions" => r#"[{"name":"read"},{"name":"write"}]"#.into(),
        path if path.contains('%') => json!(path).to_string(),
        _ => text.contains("alice").to_string(),
    }))
}

answers!(Decide<'q>, Decided, |_, asked| {
    let (inputs, several) = inputs(asked)?;
    let document = |input: &Option<String>| Ok(document(asked, input.as_deref())?.map(Bytes::from));
    let results: Result<Vec<_>> = inputs.iter().map(document).collect();
    let (revision, tier, seen) = (Arc::from("r7"), Tier::Engine, Seen::default());
    Ok(Decided { results: results?, several, revision, tier, seen })
});
answers!(Query<'q>, Bytes, |_, asked| {
    let input = asked.input.map(|input| String::from_utf8_lossy(input).into_owned());
    match asked.query {
        "bad" => Err(with_place(INVALID.error("bad"), "rego_parse_error")),
        "fails" => Err(failed()),
        "never" => Ok(Bytes::from_static(b"[]")),
        _ => Ok(format!(r#"[{{"x":{}}}]"#, input.unwrap_or("1".into())).into()),
    }
});

// It says what it was asked.
answers!(Filter<'q>, Filtered, |_, asked| {
    let text =
        |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let revision = Arc::from("r7");
    let one = |target: &Target| {
        let said = json!([
            asked.path,
            text(asked.input),
            asked.unknowns,
            asked.apart,
            asked.mask_rule,
            text(asked.names),
            target.family(),
        ]);
        Bytes::from(said.to_string())
    };
    match asked.path {
        "never" => Ok(Filtered { conditions: None, masks: None, revision }),
        "fails" => Err(failed()),
        path => Ok(Filtered {
            conditions: Some(asked.targets.iter().map(one).collect()),
            masks: (path == "masked").then(|| Bytes::from_static(br#"{"t":{"c":{}}}"#)),
            revision,
        }),
    }
});

// It says what it was asked.
answers!(Compile<'q>, Bytes, |_, asked| {
    let input = asked.input.map(|input| String::from_utf8_lossy(input).into_owned());
    match asked.query {
        "bad" => Err(with_place(INVALID.error("bad"), "rego_parse_error")),
        "fails" => Err(failed()),
        "never" => Ok(Bytes::from_static(b"{}")),
        _ => {
            let asked = json!([
                asked.query,
                input,
                asked.unknowns,
                asked.apart,
                asked.unsteady,
                asked.strict
            ]);
            Ok(json!({ "queries": [[asked]] }).to_string().into())
        }
    }
});

// It was yes, and is no by what holds now.
answers!(Replay<'q>, Replays, |world, asked| {
    let policies = world.policies.lock();
    let policies = policies.iter().map(|(id, source)| shown(id, source).info).collect();
    let now = asked.by == Held::Now;
    let again = Again {
        revision: "1.0".into(),
        same: Some(!now),
        unknown: None,
        asked: true,
        result: Some(if now { "false".into() } else { "true".into() }),
        policies,
        explanation: Some((Bytes::from_static(b"{\"asked\":[]}"), "nothing\n".into())),
    };
    let replayed = |(place, event): (usize, &flow::question::ledger::Event)| Replayed {
        place,
        document: "x".into(),
        by: event.actor.clone(),
        door: event.component.clone(),
        at: event.time.to_string(),
        tier: "engine".into(),
        revision: "1.0".into(),
        input: Some(Bytes::from_static(b"{\"n\":1.50}")),
        decided: Was::Text("true".into()),
        again: again.clone(),
    };
    let decisions = asked.facts.iter().enumerate().map(replayed);
    let decisions = decisions.filter(|one| asked.place.is_none_or(|place| place == one.place));
    Ok(Replays { count: asked.facts.len(), decisions: decisions.collect() })
});

fn shown(id: &str, source: &str) -> PolicyShown {
    let (version, at, by) = (1, Time(1), "ann".to_owned());
    let info = PolicyInfo { id: id.to_owned(), source: source.into(), version, at, by };
    PolicyShown { info, tree: Some(r#"{"rules":[]}"#.into()) }
}

answers!(ListPolicies<'q>, Vec<PolicyShown>, |world, asked| {
    let policies = world.policies.lock();
    let behind = policies.iter().filter(|(id, _)| id.as_str() > asked.after);
    Ok(behind.take(asked.limit as usize).map(|(id, source)| shown(id, source)).collect())
});
answers!(ListVersions<'q>, Vec<VersionInfo>, |world, asked| {
    if !world.policies.lock().contains_key(asked.id) {
        return Ok(Vec::new());
    }
    let version = |version| VersionInfo { version, at: Time(1), by: "ann".into(), live: true };
    let before = (1..4).rev().filter(|version| asked.before.is_none_or(|it| *version < it));
    Ok(before.take(asked.limit as usize).map(version).collect())
});
answers!(ShowPolicy<'q>, Option<PolicyShown>, |world, asked| {
    if asked.version.is_some_and(|version| version > 3) {
        return Ok(None);
    }
    Ok(world.policies.lock().get(asked.id).map(|source| shown(asked.id, source)))
});
answers!(PutPolicy<'q>, Arc<str>, |world, asked| {
    if asked.source.contains("wrong") {
        return Err(with_place(INVALID.error("what is wrong"), "rego_parse_error"));
    }
    if !asked.dry_run {
        world.policies.lock().insert(asked.id.to_owned(), asked.source.to_owned());
    }
    Ok(Arc::from("r8"))
});
answers!(DeletePolicy<'q>, bool, |world, asked| {
    Ok(world.policies.lock().remove(asked.id).is_some())
});
answers!(ChangeData<'q>, Changed, |world, asked| {
    let mut documents = world.documents.lock();
    let text = match asked.change {
        DataChange::Put(text) | DataChange::PutNew(text) | DataChange::Patch(text) => text,
        DataChange::Delete => b"",
    };
    let text = String::from_utf8_lossy(text).into_owned();
    let is_there = documents.contains_key(asked.path);
    match asked.change {
        _ if asked.path.starts_with("scalar/") => {
            return Err(NO_PLACE.error("`scalar` is no object"));
        }
        DataChange::Put(_) | DataChange::PutNew(_) | DataChange::Patch(_)
            if serde_json::from_str::<Value>(&text).is_err() =>
        {
            return Err(INPUT.error("the document is no JSON"));
        }
        DataChange::PutNew(_) if is_there => return Ok(Changed::Kept),
        DataChange::Patch(_) | DataChange::Delete if !is_there => return Ok(Changed::Missing),
        DataChange::Delete => drop(documents.remove(asked.path)),
        _ => drop(documents.insert(asked.path.to_owned(), text)),
    }
    Ok(Changed::Made(Arc::from("r8")))
});

fn bundle(name: &str) -> BundleInfo {
    BundleInfo {
        name: name.to_owned(),
        revision: "7".to_owned(),
        digest: "d1".to_owned(),
        roots: vec!["a".to_owned()],
        at: Time(1),
        by: "ann".to_owned(),
    }
}

/// Those that were put, and one that is polled and never came.
fn bundles(world: &World) -> Vec<BundleState> {
    let put = world.bundles.lock();
    let put = put.iter().map(|name| {
        let (name, active) = (name.clone(), Some(bundle(name)));
        BundleState { name, active, polled: None }
    });
    let failure = Some(("policy-bundle-away", "its server answered 500".to_owned()));
    let polled = Some(BundlePoll { downloaded: Some(Time(1)), activated: None, failure });
    let polled = BundleState { name: "polled".to_owned(), active: None, polled };
    let mut all: Vec<_> = put.chain([polled]).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

answers!(PutBundle<'q>, Activated, |world, asked| {
    if asked.archive == b"wrong" {
        return Err(INVALID.error("`a.rego` is in it twice"));
    }
    let changed = !asked.dry_run && world.bundles.lock().insert(asked.name.to_owned());
    let (revision, warnings) = (Arc::from("r8"), vec!["`policy.wasm` is passed over".to_owned()]);
    let bundle = bundle(asked.name);
    Ok(Activated { bundle, revision, changed, policies: 2, tests: 1, warnings })
});
answers!(DeleteBundle<'q>, bool, |world, asked| { Ok(world.bundles.lock().remove(asked.name)) });
answers!(ListBundles<'q>, Vec<BundleState>, |world, asked| {
    let behind = bundles(world).into_iter().filter(|state| *state.name > *asked.after);
    Ok(behind.take(asked.limit as usize).collect())
});

impl Origin<BundleStates> for Parts {
    fn answer<'a>(
        &'a self,
        _: &'a Permitted<'a, BundleStates>,
    ) -> Step<'a, Result<Answer<Vec<BundleState>>>> {
        Step::Now(Ok(Answer::done(bundles(&self.0))))
    }
}
