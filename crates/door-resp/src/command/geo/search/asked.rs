//! What a search asks for, as it is said.

use values::Sorted;
use values::geo::{Place, Shape};

use super::Form;
use crate::command::geo::{find, place, unit};
use crate::command::{Arguments, Done, Wrong};

const NO_MEMBER: Wrong = Wrong::said("ERR could not decode requested zset member");

/// In which order members are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Any,
    Nearest,
    Farthest,
}

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) center: Option<Place>,
    pub(super) shape: Option<Shape>,
    /// How many meters a unit has.
    pub(super) meters: f64,
    pub(super) order: Order,
    pub(super) count: Option<usize>,
    /// Whether any members will do, not only the nearest.
    pub(super) any: bool,
    pub(super) distance: bool,
    pub(super) score: bool,
    pub(super) place: bool,
    /// Where to keep what is found.
    pub(super) target: Option<&'a [u8]>,
    /// Whether it is kept with its distance.
    pub(super) by_distance: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn read(
        arguments: Arguments<'a>,
        form: Form,
        sorted: Option<&Sorted>,
    ) -> Result<Self, Wrong> {
        let mut asked = Self {
            center: None,
            shape: None,
            meters: 1.0,
            order: Order::Any,
            count: None,
            any: false,
            distance: false,
            score: false,
            place: false,
            target: (form == Form::Keep).then(|| arguments.at(1)),
            by_distance: false,
        };
        let first = asked.read_places(arguments, form, sorted)?;
        asked.read_words(arguments, form, sorted, first)?;
        // The nearest are only known when all are in order.
        if asked.count.is_some() && asked.order == Order::Any && !asked.any {
            asked.order = Order::Nearest;
        }
        Ok(asked)
    }

    /// What stands at its place; where the words begin.
    fn read_places(
        &mut self,
        arguments: Arguments<'a>,
        form: Form,
        sorted: Option<&Sorted>,
    ) -> Result<usize, Wrong> {
        match (form, sorted) {
            (Form::Search, _) => return Ok(2),
            (Form::Keep, _) => return Ok(3),
            (Form::AroundMember { .. }, None) => return Ok(5),
            (Form::AroundMember { .. }, Some(sorted)) => {
                self.center = Some(find(sorted, arguments.at(2)).ok_or(NO_MEMBER)?);
            }
            (Form::Around { .. }, _) => self.center = Some(place(arguments, 2)?),
        }
        let at = if matches!(form, Form::Around { .. }) { 4 } else { 3 };
        let (shape, meters) = radius(arguments, at)?;
        (self.shape, self.meters) = (Some(shape), meters);
        Ok(at + 2)
    }

    fn read_words(
        &mut self,
        arguments: Arguments<'a>,
        form: Form,
        sorted: Option<&Sorted>,
        first: usize,
    ) -> Done {
        let (mut from_member, mut from_place) = (false, false);
        let (mut by_radius, mut by_box) = (false, false);
        let mut at = first;
        while at < arguments.len() {
            let is =
                |word: &str, behind: usize| arguments.is(at, word) && at + behind < arguments.len();
            let stores = form.may_store();
            let mut taken = 0;
            if is("withdist", 0) {
                self.distance = true;
            } else if is("withhash", 0) {
                self.score = true;
            } else if is("withcoord", 0) {
                self.place = true;
            } else if is("any", 0) {
                self.any = true;
            } else if is("asc", 0) {
                self.order = Order::Nearest;
            } else if is("desc", 0) {
                self.order = Order::Farthest;
            } else if is("count", 1) {
                let count = arguments.integer(at + 1)?;
                let count = usize::try_from(count).ok().filter(|count| *count > 0);
                self.count = Some(count.ok_or(Wrong::said("ERR COUNT must be > 0"))?);
                taken = 1;
            } else if stores && (is("store", 1) || is("storedist", 1)) {
                self.target = arguments.get(at + 1);
                self.by_distance = is("storedist", 1);
                taken = 1;
            } else if form == Form::Keep && is("storedist", 0) {
                self.by_distance = true;
            } else if form.is_said() && !from_place && is("frommember", 1) {
                if let Some(sorted) = sorted {
                    self.center = Some(find(sorted, arguments.at(at + 1)).ok_or(NO_MEMBER)?);
                }
                from_member = true;
                taken = 1;
            } else if form.is_said() && !from_member && is("fromlonlat", 2) {
                self.center = Some(place(arguments, at + 1)?);
                from_place = true;
                taken = 2;
            } else if form.is_said() && !by_box && is("byradius", 2) {
                let (shape, meters) = radius(arguments, at + 1)?;
                (self.shape, self.meters, by_radius) = (Some(shape), meters, true);
                taken = 2;
            } else if form.is_said() && !by_radius && is("bybox", 3) {
                let (shape, meters) = sides(arguments, at + 1)?;
                (self.shape, self.meters, by_box) = (Some(shape), meters, true);
                taken = 3;
            } else {
                return Err(Wrong::SYNTAX);
            }
            at += 1 + taken;
        }
        self.check(arguments, form, from_member || from_place)
    }

    fn check(&self, arguments: Arguments<'_>, form: Form, from: bool) -> Done {
        if self.target.is_some() && (self.distance || self.score || self.place) {
            let what = match form {
                Form::Keep => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            let text = "is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
            return Err(Wrong::from(format!("ERR {what} {text}")));
        }
        let name = || String::from_utf8_lossy(arguments.at(0));
        if form.is_said() && !from {
            let text = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for";
            return Err(Wrong::from(format!("{text} {}", name())));
        }
        if form.is_said() && self.shape.is_none() {
            let text = "ERR exactly one of BYRADIUS and BYBOX can be specified for";
            return Err(Wrong::from(format!("{text} {}", name())));
        }
        match self.any && self.count.is_none() {
            true => Err(Wrong::said("ERR the ANY argument requires COUNT argument")),
            false => Ok(()),
        }
    }
}

/// A length at `at`, and its unit behind it.
fn radius(arguments: Arguments<'_>, at: usize) -> Result<(Shape, f64), Wrong> {
    let radius = arguments.float(at).map_err(|_| Wrong::said("ERR need numeric radius"))?;
    if radius < 0.0 {
        return Err(Wrong::said("ERR radius cannot be negative"));
    }
    let meters = unit(arguments, at + 1)?;
    Ok((Shape::Circle { radius: radius * meters }, meters))
}

fn sides(arguments: Arguments<'_>, at: usize) -> Result<(Shape, f64), Wrong> {
    let width = arguments.float(at).map_err(|_| Wrong::said("ERR need numeric width"))?;
    let height = arguments.float(at + 1).map_err(|_| Wrong::said("ERR need numeric height"))?;
    if width < 0.0 || height < 0.0 {
        return Err(Wrong::said("ERR height or width cannot be negative"));
    }
    let meters = unit(arguments, at + 2)?;
    Ok((Shape::Box { width: width * meters, height: height * meters }, meters))
}
