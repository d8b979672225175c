//! What a small plane knows of candidates for policies.

use bytes::Bytes;
use flow::question::shadow::{
    Candidate, ClearShadow, Compared, Difference, DropCandidate, PromoteShadow, Promoted,
    PutCandidate, Report, ReportShadow, ShowCandidate,
};
use flow::{Answer, Code, Id, Kind, Origin, Permitted, Result, Step, Time};

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
