//! What the gate keeps out, and what people are to decide.

use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use flow::question::escalation::{
    DecideEscalation, EscalationInfo, ListEscalations, Ruling, ShowEscalation, Stand,
    WithdrawEscalation,
};
use flow::question::guard::{
    BlockInfo, FeedInfo, Forward, Forwarded, Inspect, Inspected, LiftBlock, ListBlocks, ListFeeds,
    ListMeasures, MeasureInfo, Sanitize, Sanitized, StepUp, UndoMeasure,
};
use flow::*;

use super::{FAST, Parts, World, answers};

answers!(ListBlocks<'q>, Vec<BlockInfo>, |world, question| {
    let blocks = world.blocks.lock();
    let behind = blocks.iter().filter(|block| *block.id > *question.after).cloned();
    Ok(behind.take(question.limit as usize).collect())
});
answers!(LiftBlock<'q>, bool, |world, question| {
    let mut blocks = world.blocks.lock();
    let before = blocks.len();
    blocks.retain(|block| block.id != question.id);
    Ok(blocks.len() < before)
});
answers!(ListEscalations<'q>, Vec<EscalationInfo>, |world, question| {
    let cases = world.escalations.lock();
    let stands = |case: &&EscalationInfo| match question.stand {
        None => true,
        Some(Stand::Open) => case.decided.is_none(),
        Some(Stand::Decided) => case.decided.is_some(),
    };
    let behind = cases.iter().filter(|case| *case.id > *question.after).filter(stands);
    Ok(behind.take(question.limit as usize).cloned().collect())
});
answers!(ShowEscalation<'q>, Option<EscalationInfo>, |world, question| {
    Ok(world.escalations.lock().iter().find(|case| case.id == question.id).cloned())
});
answers!(DecideEscalation<'q>, Option<EscalationInfo>, |world, question| {
    let mut cases = world.escalations.lock();
    let Some(case) = cases.iter_mut().find(|case| case.id == question.id) else { return Ok(None) };
    let (decision, reason) = (question.decision.to_owned(), question.reason.to_owned());
    let (by, at, until) = ("human:ann".to_owned(), Time(2), question.until);
    case.decided = Some(Ruling { decision, reason, by, at, until });
    Ok(Some(case.clone()))
});
answers!(WithdrawEscalation<'q>, bool, |world, question| {
    let mut cases = world.escalations.lock();
    let before = cases.len();
    cases.retain(|case| case.id != question.id);
    Ok(cases.len() < before)
});
answers!(ListMeasures<'q>, Vec<MeasureInfo>, |world, question| {
    let measures = world.measures.lock();
    let behind = measures.iter().filter(|measure| *measure.id > *question.after).cloned();
    Ok(behind.take(question.limit as usize).collect())
});
answers!(UndoMeasure<'q>, bool, |world, question| {
    let mut measures = world.measures.lock();
    let before = measures.len();
    measures.retain(|measure| measure.id != question.id);
    Ok(measures.len() < before)
});
answers!(ListFeeds<'q>, Vec<FeedInfo>, |_world, question| {
    let feed = |name: &str| FeedInfo {
        name: name.into(),
        entries: 3,
        passed_over: 1,
        fetched: Some(Time(1)),
        error: String::new(),
    };
    let behind = ["drop", "own"].into_iter().filter(|name| **name > *question.after).map(feed);
    Ok(behind.take(question.limit as usize).collect())
});
answers!(Inspect<'q>, Inspected, |_world, question| {
    let verdict = if question.text.contains('<') { "threat" } else { "clean" };
    Ok(Inspected { verdict, score: 0.0, kinds: Vec::new(), evidence: Vec::new() })
});

impl<'q> Origin<Forward<'q>> for Parts {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Forward<'q>>,
    ) -> Step<'a, Result<Answer<Forwarded>>> {
        self.0.calls.fetch_add(1, SeqCst);
        let forward = permitted.question();
        if forward.query().contains('<') {
            return Step::Now(Err(FAST.error("that is too much")));
        }
        let identity = permitted.identity().clone();
        let seen = format!("{forward:?} {} {}", forward.target, forward.whole);
        self.0.forwarded.lock().push((seen, forward.body.len()));
        Step::Now(Ok(Answer::done(Forwarded {
            identity,
            kinds: Vec::new(),
            score: 0.0,
            headers: Vec::new(),
        })))
    }
}

answers!(Sanitize<'q>, Sanitized, |_world, question| {
    let text = question.text.replace('<', "");
    let changed = text != question.text;
    Ok(Sanitized { text, changed, kinds: Vec::new() })
});
answers!(StepUp<'q>, (), |_world, question| {
    match question.code {
        "123456" => Ok(()),
        _ => Err(flow::stage::OVERLOADED.error("that is not the code")),
    }
});

/// Somebody who is kept out.
pub(crate) fn escalation(id: &str) -> EscalationInfo {
    EscalationInfo {
        id: id.to_owned(),
        path: "agents/verdict".into(),
        shown: Bytes::from_static(br#"{"tool":"rm"}"#),
        asked: 3,
        first: Time(1),
        last: Time(2),
        decided: None,
    }
}

pub(crate) fn measure(id: &str) -> MeasureInfo {
    MeasureInfo {
        id: id.into(),
        subject: "human:ann".into(),
        take: "throttle",
        playbook: "scanning".into(),
        why: "30 things were not for them".into(),
        begun: Time(1),
        until: Time(2),
    }
}

pub(crate) fn block(id: &str) -> BlockInfo {
    BlockInfo {
        id: id.to_owned(),
        kind: "address",
        subject: "192.0.2.1".to_owned(),
        cause: "gate-too-fast".to_owned(),
        level: 1,
        begun: Time(1_800_000_000_000_000_000),
        until: Time(1_800_000_300_000_000_000),
    }
}
