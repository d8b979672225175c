//! Candidates for policies at our door: what a small plane knows of them, and how they are asked
//! for.

use bytes::Bytes;
use door_http::Config;
use flow::question::shadow::{
    Candidate, ClearShadow, Compared, Difference, DropCandidate, PromoteShadow, Promoted,
    PutCandidate, Report, ReportShadow, ShowCandidate,
};
use flow::{Answer, Code, Id, Kind, Origin, Permitted, Result, Step, Time};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{ask, get, open};
use crate::plane::{Parts, World};

static OTHERS: Code = Code::new(Kind::Conflict, "policy-candidates-other", "Others", "look again");

macro_rules! answers {
    ($([$($life:lifetime)?] $question:ty, $answer:ty, $work:expr;)*) => {
        $(impl<$($life)?> Origin<$question> for Parts {
            fn answer<'a>(
                &'a self,
                permitted: &'a Permitted<'a, $question>,
            ) -> Step<'a, Result<Answer<$answer>>> {
                let work: fn(&World, &$question) -> Result<$answer> = $work;
                Step::Now(work(&self.0, permitted.question()).map(Answer::done))
            }
        })*
    };
}

fn candidate(id: &str, source: Option<&str>) -> Candidate {
    let (id, source, by) = (id.to_owned(), source.map(Into::into), "ann".to_owned());
    Candidate { id, source, base: 1, at: Time(1), by }
}

fn candidates(world: &World) -> Vec<Candidate> {
    let candidates = world.candidates.lock();
    candidates.iter().map(|(id, source)| candidate(id, source.as_deref())).collect()
}

answers! {
    ['q] PutCandidate<'q>, Option<u64>, |world, asked| {
        if asked.source.is_none() && !world.policies.lock().contains_key(asked.id) {
            return Ok(None);
        }
        let source = asked.source.map(str::to_owned);
        if !asked.dry_run {
            world.candidates.lock().insert(asked.id.to_owned(), source);
        }
        Ok(Some(1))
    };
    ['q] DropCandidate<'q>, bool, |world, asked| {
        Ok(world.candidates.lock().remove(asked.id).is_some())
    };
    [] ClearShadow, usize, |world, _| {
        Ok(std::mem::take(&mut *world.candidates.lock()).len())
    };
    [] PromoteShadow, Promoted, |world, asked| match asked.changes {
        None | Some(1) => {
            let put = std::mem::take(&mut *world.candidates.lock()).into_keys().collect();
            Ok(Promoted { revision: "r8".into(), put, gone: Vec::new() })
        }
        Some(_) => Err(OTHERS.error("they are others")),
    };
    ['q] ShowCandidate<'q>, Option<Candidate>, |world, asked| {
        Ok(candidates(world).into_iter().find(|candidate| candidate.id == asked.id))
    };
    [] ReportShadow, Report, |world, _| {
        let differs = |said: Option<&'static str>, would_say: Option<&'static str>| Difference {
            path: "a/b".into(),
            input: Bytes::from_static(b"{\"n\":1}"),
            said: said.map(Bytes::from),
            would_say: would_say.map(Bytes::from),
            failure: None,
            revision: "1.0".into(),
            decision: Some(Id(1)),
            at: Time(1),
            times: 2,
        };
        let total = Compared { same: 1, different: 2, failed: 3, incomparable: 4, dropped: 5 };
        Ok(Report {
            node: "here".into(),
            changes: 1,
            candidates: candidates(world),
            since: Some(Time(1)),
            share: 1.0,
            broken: None,
            waiting: 0,
            total,
            documents: vec![("a/b".into(), total)],
            differences: vec![differs(Some("null"), None), differs(None, Some("true"))],
        })
    };
}

#[tokio::test]
async fn candidates_are_put_shown_reported_promoted_and_forgotten() {
    let open = open(Config::default());
    open.world.policies.lock().insert("a/b".to_owned(), "package a".to_owned());
    let send = async |method: Method, path: &str, expected: StatusCode| {
        let path = format!("/v1/shadow{path}");
        let answer = ask(open.address, method, &path, &[], "package a").await;
        assert_eq!(answer.status, expected, "{path}");
        answer
    };
    let (put, delete, ok) = (Method::PUT, Method::DELETE, StatusCode::OK);
    send(put.clone(), "/policies/a/b?dry_run=true", ok).await;
    assert_eq!(get(open.address, "/v1/shadow").await.json()["candidates"], json!([]));
    assert_eq!(send(put.clone(), "/policies/a/b", ok).await.json(), json!({ "changes": 1 }));
    let shown = get(open.address, "/v1/shadow/candidates/a/b").await.json();
    let expected = json!({
        "id": "a/b", "gone": false, "base": 1, "since": "1970-01-01T00:00:00.000000Z",
        "by": "ann", "source": "package a",
    });
    assert_eq!(shown, expected);
    send(delete.clone(), "/policies/a/b", ok).await;
    let report = get(open.address, "/v1/shadow").await.json();
    assert_eq!((&report["node"], &report["candidates"][0]["gone"]), (&json!("here"), &json!(true)));
    let counts = json!({
        "path": "a/b", "compared": 10, "same": 1, "different": 2, "failed": 3,
        "incomparable": 4, "dropped": 5,
    });
    assert_eq!(report["documents"], json!([counts]));
    // That nothing is said is another answer than null.
    let (first, second) = (&report["differences"][0], &report["differences"][1]);
    assert_eq!((first.get("said"), first.get("would_say")), (Some(&Value::Null), None));
    assert_eq!((second.get("said"), &second["would_say"]), (None, &json!(true)));

    let missing = StatusCode::NOT_FOUND;
    let answer = send(delete.clone(), "/policies/none", missing).await;
    assert_eq!(&*answer.problem(), "door-http-no-policy");
    let answer = send(delete.clone(), "/candidates/none", missing).await;
    assert_eq!(&*answer.problem(), "door-http-no-candidate");
    send(delete.clone(), "/candidates/a/b", StatusCode::NO_CONTENT).await;
    send(put, "/policies/a/b", ok).await;
    send(Method::POST, "/promote?changes=2", StatusCode::CONFLICT).await;
    send(Method::POST, "/promote?changes=x", StatusCode::BAD_REQUEST).await;
    let done = send(Method::POST, "/promote?changes=1", ok).await.json();
    assert_eq!(done, json!({ "since": "r8", "put": ["a/b"], "gone": [] }));
    send(delete, "", StatusCode::NO_CONTENT).await;
}
