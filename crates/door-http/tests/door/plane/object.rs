//! Objects, and one of them without an end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll};

use bytes::Bytes;
use flow::question::object::{self, Head, Put};
use flow::*;
use futures_util::{Stream, stream};

use super::{Parts, World, answers};

answers!(object::Get<'q>, Option<(Head, Body)>, |world, question| {
    if question.key == "endless" {
        let size = 1 << 40;
        let (digest, media_type) = ("e".repeat(64), "application/x-endless".to_owned());
        let head = Head { size, digest, media_type, at: Time(0) };
        return Ok(Some((head, Body::new(Box::pin(Endless(world.endless.clone())), u64::MAX))));
    }
    let found = world.objects.lock().get(&format!("{}/{}", question.bucket, question.key)).cloned();
    Ok(found.map(|(head, bytes)| {
        let pieces: Vec<_> =
            bytes.chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        (head, Body::new(Box::pin(stream::iter(pieces)), u64::MAX))
    }))
});
answers!(object::Delete<'q>, bool, |world, question| {
    let key = format!("{}/{}", question.bucket, question.key);
    Ok(world.objects.lock().remove(&key).is_some())
});

/// An object that never ends, and counts how much of it was wanted.
struct Endless(Arc<AtomicUsize>);

impl Stream for Endless {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.0.fetch_add(1, SeqCst);
        Poll::Ready(Some(Ok(Bytes::from_static(&[7; 16 << 10]))))
    }
}

/// Counts an upload that was not finished.
struct Upload<'a>(&'a World, bool);

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.given_up.fetch_add(1, SeqCst);
            self.0.uploads.notify_one();
        }
    }
}

impl<'q> Intake<Put<'q>> for Parts {
    fn take<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Put<'q>>,
        mut body: Body,
    ) -> Step<'a, Result<Answer<Head>>> {
        Step::later(async move {
            let world = &*self.0;
            world.calls.fetch_add(1, SeqCst);
            let mut upload = Upload(world, false);
            let Put { bucket, key, media_type } = *permitted.question();
            if key == "unread" {
                std::future::pending::<()>().await;
            }
            let mut bytes = Vec::new();
            while let Some(piece) = body.next().await {
                let piece = piece?;
                if world.taken.fetch_add(piece.len(), SeqCst) == 0 {
                    world.uploads.notify_one();
                }
                if key != "discarded" {
                    bytes.extend_from_slice(&piece);
                }
            }
            upload.1 = true;
            let (size, digest) = (body.passed(), format!("{:064x}", bytes.len()));
            let (media_type, at) = (media_type.to_owned(), world.clock.now());
            let head = Head { size, digest, media_type, at };
            let place = format!("{bucket}/{key}");
            world.objects.lock().insert(place, (head.clone(), bytes.into()));
            Ok(Answer::done(head))
        })
    }
}
