//! What stands in the parentheses of `#[cached(…)]`.

use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Lit, LitStr, Path, Result, Token, parenthesized, parse_quote};

use super::argument::Argument;
use crate::nearest::nearest;

const KNOWN: [&str; 7] = ["cache", "key", "ttl", "tags", "priority", "skip", "crate"];

pub(crate) struct Options {
    pub(super) cache: Expr,
    pub(super) key: Option<Expr>,
    pub(super) ttl: Option<Duration>,
    pub(super) tags: Vec<Expr>,
    pub(super) priority: Option<Expr>,
    skip: Vec<Ident>,
    /// What the cache is called where this is used.
    pub(super) krate: Path,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut cache, mut key, mut ttl, mut tags) = (None, None, None, None);
        let (mut priority, mut skip, mut krate) = (None, None, None);
        while !input.is_empty() {
            let name = input.call(Ident::parse_any)?;
            match name.to_string().as_str() {
                "skip" => once(&mut skip, &name, names(input)?)?,
                "cache" => once(&mut cache, &name, expression(input)?)?,
                "key" => once(&mut key, &name, expression(input)?)?,
                "ttl" => once(&mut ttl, &name, duration(input)?)?,
                "tags" => once(&mut tags, &name, list(input)?)?,
                "priority" => once(&mut priority, &name, expression(input)?)?,
                "crate" => once(&mut krate, &name, said(input)?)?,
                other => return Err(unknown(other, name.span())),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let missing = || Error::new(Span::call_site(), "say which cache: `cache = self.users`");
        Ok(Self {
            cache: cache.ok_or_else(missing)?,
            key,
            ttl,
            tags: tags.unwrap_or_default(),
            priority,
            skip: skip.unwrap_or_default(),
            krate: krate.unwrap_or_else(|| parse_quote!(::cache)),
        })
    }
}

impl Options {
    pub(super) fn skips(&self, name: &Ident) -> bool {
        self.skip.contains(name)
    }

    /// Refuses to skip what is not there, or what has no say in the key.
    pub(super) fn skips_only(&self, arguments: &[Argument]) -> Result<()> {
        let Some(first) = self.skip.first() else { return Ok(()) };
        if self.key.is_some() {
            let words = "`key` says what the key is made of: leave `skip` away";
            return Err(Error::new(first.span(), words));
        }
        let known: Vec<_> = arguments.iter().map(|argument| argument.name.to_string()).collect();
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        match self.skip.iter().find(|name| !known.contains(&name.to_string().as_str())) {
            None => Ok(()),
            Some(name) => {
                let meant = meant(&name.to_string(), &known);
                Err(Error::new(name.span(), format!("there is no argument `{name}`{meant}")))
            }
        }
    }
}

fn unknown(name: &str, at: Span) -> Error {
    let known = KNOWN.map(|name| format!("`{name}`")).join(", ");
    let meant = match nearest(name, &KNOWN) {
        Some(_) => meant(name, &KNOWN),
        None => format!("; there are {known}"),
    };
    Error::new(at, format!("there is no option `{name}`{meant}"))
}

fn meant(name: &str, known: &[&str]) -> String {
    nearest(name, known).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default()
}

fn once<T>(place: &mut Option<T>, name: &Ident, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(name.span(), format!("`{name}` is said twice"))),
    }
}

fn said<T: Parse>(input: ParseStream<'_>) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// An expression, which may stand in quotes.
fn expression(input: ParseStream<'_>) -> Result<Expr> {
    match said(input)? {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.parse(),
        other => Ok(other),
    }
}

fn duration(input: ParseStream<'_>) -> Result<Duration> {
    let text: LitStr = said(input)?;
    humantime::parse_duration(&text.value()).map_err(|_| {
        let value = text.value();
        let words = format!("`{value}` is not a duration; write `250ms`, `30s` or `1h 30m`");
        Error::new(text.span(), words)
    })
}

fn list(input: ParseStream<'_>) -> Result<Vec<Expr>> {
    match said(input)? {
        Expr::Array(array) => Ok(array.elems.into_iter().collect()),
        other => Err(Error::new_spanned(other, "write tags as a list: `tags = [\"users\"]`")),
    }
}

fn names(input: ParseStream<'_>) -> Result<Vec<Ident>> {
    let inner;
    parenthesized!(inner in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated(&inner)?;
    Ok(names.into_iter().collect())
}
