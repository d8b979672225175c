//! What comes behind the policies of one document. It is found out once for each document of an
//! edition, so that those with nothing behind them pay nothing for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::Moment;
use foldhash::fast::RandomState;
use rego::{Program, Value};

use super::{Remote, Review, Verdict};
use crate::data;

/// So much is remembered of what experts said.
const MEMORY: u64 = 4 << 20;

/// About what an entry takes beside its texts.
const ENTRY: u64 = 160;

/// What comes behind the policies of an edition, and what experts said while it was in force.
pub(crate) struct Ways {
    reviews: Vec<(Vec<Value>, Arc<Review>)>,
    /// The longest path first.
    remotes: Vec<(Vec<Value>, Arc<str>)>,
    /// Documents whose reading is part of every case.
    experts: Vec<Vec<Value>>,
    /// Absent where no expert is ever asked.
    said: Option<Said>,
}

/// What experts said, and until when it is good.
type Said = memory::Cache<Box<[u8]>, (Verdict, Moment), RandomState>;

/// What comes behind the policies of one document.
#[derive(Debug)]
pub(crate) struct Behind {
    /// What becomes of what they leave open.
    pub(crate) reviewed: Option<Reviewed>,
    /// The remote that is asked in their place, by its prefix.
    pub(crate) remote: Option<Arc<str>>,
}

/// What becomes of what policies leave open.
#[derive(Debug)]
pub(crate) struct Reviewed {
    pub(crate) review: Arc<Review>,
    /// The path, the same however it is written.
    pub(crate) path: Arc<str>,
    /// The places of the input that make a case.
    pub(crate) shown: Vec<Vec<Value>>,
    pub(crate) safe_when: Option<Vec<Value>>,
}

impl std::fmt::Debug for Ways {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ways({} reviews, {} remotes)", self.reviews.len(), self.remotes.len())
    }
}

fn keys(path: &str) -> Vec<Value> {
    data::path(path).unwrap_or_default()
}

impl Ways {
    pub(crate) fn new(config: &crate::Config) -> Self {
        let reviews = &config.review;
        let reviews = reviews.iter().map(|(path, review)| (keys(path), Arc::new(review.clone())));
        let remotes: &BTreeMap<String, Remote> = &config.remote;
        let mut remotes: Vec<(Vec<Value>, Arc<str>)> =
            remotes.keys().map(|prefix| (keys(prefix), prefix.as_str().into())).collect();
        remotes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let experts = config.experts.scripted.values().map(|expert| keys(&expert.document));
        #[expect(clippy::borrowed_box, reason = "keys are what they are in the cache")]
        let weigh = |key: &Box<[u8]>, (verdict, _): &(Verdict, Moment)| {
            (key.len() + verdict.reason.len() + verdict.decision.len()) as u64 + ENTRY
        };
        let said = || {
            let builder = memory::Cache::builder().capacity(MEMORY).weigher(weigh);
            builder.hasher(RandomState::default()).build()
        };
        let is_any_asked = config.review.values().any(|review| review.experts);
        Self {
            reviews: reviews.collect(),
            remotes,
            experts: experts.collect(),
            said: is_any_asked.then(said),
        }
    }

    /// What comes behind the document at a path; nothing behind most.
    pub(crate) fn behind(&self, way: &[Value], program: &Program) -> Option<Box<Behind>> {
        let review = self.reviews.iter().find(|(path, _)| path == way);
        let remote = self.remotes.iter().find(|(prefix, _)| way.starts_with(prefix));
        let reviewed = review.map(|(_, review)| self.reviewed(way, review, program));
        let remote = remote.map(|(_, prefix)| prefix.clone());
        (reviewed.is_some() || remote.is_some()).then(|| Box::new(Behind { reviewed, remote }))
    }

    fn reviewed(&self, way: &[Value], review: &Arc<Review>, program: &Program) -> Reviewed {
        let safe_when = (!review.safe_when.is_empty()).then(|| keys(&review.safe_when));
        let experts = self.experts.iter().filter(|_| review.experts);
        let documents = [way].into_iter().chain(safe_when.as_deref());
        let documents = documents.chain(experts.map(Vec::as_slice));
        let read = documents.flat_map(|document| program.reads(document).input);
        let places = review.shows.iter().map(|place| place.split('.').map(Value::from).collect());
        let shown = read.chain(places).collect();
        let path: Vec<&str> = way.iter().filter_map(Value::as_text).collect();
        Reviewed { review: review.clone(), path: path.join("/").into(), shown, safe_when }
    }

    /// What an expert said about this while the edition was in force, and not too long ago.
    pub(super) fn said(&self, key: &str, now: Moment) -> Option<Verdict> {
        let (verdict, until) = self.said.as_ref()?.get(key.as_bytes())?;
        (now < until).then_some(verdict)
    }

    pub(super) fn say(&self, key: &str, verdict: Verdict, until: Moment) {
        if let Some(said) = &self.said {
            said.insert(key.as_bytes().into(), (verdict, until));
        }
    }
}
