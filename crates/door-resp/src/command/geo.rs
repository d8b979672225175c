//! Places on the earth, kept as the scores of sorted sets.

pub(super) mod search;

use values::geo::Place;
use values::number::Long;
use values::{Sorted, Space, SpaceExt};

use super::sorted::add::{Terms, give_all};
use super::sorted::sorted;
use super::{Arguments, Command, Done, ONE, Wrong};
use crate::reply::Replies;

pub(super) static COMMANDS: &[Command] = &[
    Command::writes("geoadd", -5, ONE, add).of("geo").since("3.2.0").does("Keeps where things are"),
    Command::reads("geopos", -2, ONE, positions)
        .of("geo")
        .since("3.2.0")
        .does("Shows where things are"),
    Command::reads("geodist", -4, ONE, distance)
        .of("geo")
        .since("3.2.0")
        .does("Shows how far one thing is from another"),
    Command::reads("geohash", -2, ONE, names)
        .of("geo")
        .since("3.2.0")
        .does("Names the cells in which things are"),
];

/// The place at `at`, its longitude first.
fn place(arguments: Arguments<'_>, at: usize) -> Result<Place, Wrong> {
    let place = Place { longitude: arguments.float(at)?, latitude: arguments.float(at + 1)? };
    let Place { longitude, latitude } = place;
    match place.is_near_enough() {
        true => Ok(place),
        false => Err(Wrong::from(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        ))),
    }
}

/// How many meters the unit at `at` has.
fn unit(arguments: Arguments<'_>, at: usize) -> Result<f64, Wrong> {
    match () {
        () if arguments.is(at, "m") => Ok(1.0),
        () if arguments.is(at, "km") => Ok(1000.0),
        () if arguments.is(at, "ft") => Ok(0.3048),
        () if arguments.is(at, "mi") => Ok(1609.34),
        () => Err(Wrong::said("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

fn put_distance(replies: &mut Replies, distance: f64) {
    let parts = (distance * 10_000.0).round_ties_even() as i64;
    replies.bulk(format!("{}.{:04}", parts / 10_000, parts % 10_000).as_bytes());
}

fn put_place(replies: &mut Replies, place: Place) {
    replies.array(2);
    replies.written_double(&Long::from(place.longitude).to_string());
    replies.written_double(&Long::from(place.latitude).to_string());
}

fn add(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let (mut terms, mut at) = (Terms::default(), 2);
    loop {
        let term = match () {
            () if arguments.is(at, "nx") => &mut terms.new,
            () if arguments.is(at, "xx") => &mut terms.old,
            () if arguments.is(at, "ch") => &mut terms.changes,
            () => break,
        };
        *term = true;
        at += 1;
    }
    let words = arguments.len() - at;
    if !words.is_multiple_of(3) || words == 0 || (terms.new && terms.old) {
        return Err(Wrong::SYNTAX);
    }
    let things: Vec<(&[u8], f64)> = (at..arguments.len())
        .step_by(3)
        .map(|at| Ok((arguments.at(at + 2), place(arguments, at)?.score())))
        .collect::<Result<_, Wrong>>()?;
    let given = space.change(arguments.at(1), |slot| give_all(slot, things.into_iter(), terms));
    let (added, changed, _) = given?;
    replies.integer(if terms.changes { added + changed } else { added });
    Ok(())
}

/// Shows something of every member asked for.
fn each(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    put: fn(&mut Replies, Option<Place>),
) -> Done {
    space.read(arguments.at(1), |seen| {
        let sorted = sorted(seen)?;
        let members = arguments.from(2);
        replies.array(members.len());
        for member in members {
            put(replies, sorted.and_then(|sorted| find(sorted, member)));
        }
        Ok(())
    })
}

fn find(sorted: &Sorted, member: &[u8]) -> Option<Place> {
    sorted.score(member).map(Place::of_score)
}

fn positions(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    each(space, arguments, replies, |replies, place| match place {
        Some(place) => put_place(replies, place),
        None => replies.null_array(),
    })
}

fn names(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    each(space, arguments, replies, |replies, place| match place {
        Some(place) => replies.bulk(place.name().as_bytes()),
        None => replies.null(),
    })
}

fn distance(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let meters = match arguments.len() {
        4 => 1.0,
        5 => unit(arguments, 4)?,
        _ => return Err(Wrong::SYNTAX),
    };
    space.read(arguments.at(1), |seen| {
        let found = sorted(seen)?.and_then(|sorted| {
            Some((find(sorted, arguments.at(2))?, find(sorted, arguments.at(3))?))
        });
        match found {
            Some((one, other)) => put_distance(replies, one.meters_to(other) / meters),
            None => replies.null(),
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;
