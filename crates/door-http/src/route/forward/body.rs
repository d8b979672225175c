//! As much of a body as is looked into.

use bytes::Bytes;
use flow::{Plane, Result};
use futures_util::StreamExt;

use crate::call::{Call, Gathered};
use crate::codes;

/// What comes of a body, up to what is looked into, and whether that is all of it. The rest is
/// read and let go: a proxy that is still sending does not hear an answer.
pub(super) async fn read<P: Plane>(call: &mut Call<'_, P>) -> Result<(Bytes, bool)> {
    let max = call.door.plane.inspected_max();
    let busy = || codes::BUSY.error("too many bodies are held at the moment");
    let mut place = call.door.buffered.take(0).ok_or_else(busy)?;
    let mut arriving = call.arriving();
    let (mut gathered, mut whole) = (Gathered::default(), true);
    while let Some(piece) = arriving.next().await {
        let mut piece = piece?;
        let room = max.saturating_sub(gathered.len());
        whole &= piece.len() <= room;
        piece.truncate(room);
        if !place.grow(piece.len()) {
            return Err(busy());
        }
        gathered.push(piece);
    }
    call.buffered = Some(place);
    Ok((gathered.whole(), whole))
}
