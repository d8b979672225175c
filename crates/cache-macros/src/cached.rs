//! `#[cached]`: the function as it is written, beside it, and one of its name that asks the
//! cache first.
//!
//! A load may outlive whoever asked for it, so the function is called with what it owns: of
//! arguments behind one `&` it gets copies, which are made only when nothing is known.

mod argument;
mod options;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, FnArg, GenericArgument, GenericParam, ItemFn, PathArguments,
    PathSegment, Receiver, ReceiverKind, Result, ReturnType, Signature, Type,
};

use self::argument::Argument;
pub(crate) use self::options::Options;

/// What the function answers.
struct Answer {
    /// What the function as it is written answers.
    loaded: TokenStream,
    /// Whether it may answer that there is nothing.
    optional: bool,
    /// Whether its failures are told as the cache tells them.
    told_as_failed: bool,
}

pub(crate) fn expand(options: Options, function: ItemFn) -> Result<TokenStream> {
    let ItemFn { attrs, vis, sig, block, .. } = function;
    if sig.asyncness.is_none() {
        return Err(Error::new(sig.fn_token.span, "a cached function is `async`: loading waits"));
    }
    let answer = answer(&sig.output)?;
    let receiver = sig.receiver().cloned();
    let arguments = arguments(&sig)?;
    options.skips_only(&arguments)?;

    let uncached = uncached(&sig, &answer, &arguments);
    let uncached_attrs = attrs.iter().filter(|attribute| also_beside(attribute));
    let beside = quote!(#(#uncached_attrs)* #uncached #block);
    let asking = asking(&options, &sig, &answer, &arguments, receiver.as_ref())?;
    let outer = outer(&sig, &arguments);
    Ok(quote! {
        #(#attrs)* #vis #outer { #asking }
        #beside
    })
}

/// What is true of the function is true of the one beside it.
fn also_beside(attribute: &Attribute) -> bool {
    ["cfg", "allow"].iter().any(|name| attribute.path().is_ident(name))
}

fn arguments(sig: &Signature) -> Result<Vec<Argument>> {
    let typed = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(Argument::read(typed)),
        FnArg::Receiver(_) => None,
    });
    typed.collect()
}

fn answer(output: &ReturnType) -> Result<Answer> {
    let refused = |at: &dyn ToSpan| {
        let words = "a cached function answers a `Result`, so that a failure is not kept";
        Err(Error::new(at.to_span(), words))
    };
    let ReturnType::Type(_, answered) = output else { return refused(output) };
    let Type::Path(path) = &**answered else { return refused(answered) };
    let Some(last) = path.path.segments.last() else { return refused(answered) };
    let mut parts = types(last).into_iter();
    let Some(value) = parts.next().filter(|_| last.ident.to_string().ends_with("Result")) else {
        return refused(answered);
    };
    let optional = named(value, "Option").is_some();
    let failed = parts.next().and_then(|error| named(error, "Failed"));
    let failed = failed.and_then(|segment| types(segment).into_iter().next());
    let loaded = match failed {
        Some(error) => quote!(::core::result::Result<#value, #error>),
        None => quote!(#answered),
    };
    Ok(Answer { loaded, optional, told_as_failed: failed.is_some() })
}

/// Something that stands somewhere in the source.
trait ToSpan {
    fn to_span(&self) -> proc_macro2::Span;
}

impl<T: Spanned> ToSpan for T {
    fn to_span(&self) -> proc_macro2::Span {
        self.span()
    }
}

/// The types in `<…>`.
fn types(segment: &PathSegment) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Vec::new() };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(of) => Some(of),
        _ => None,
    });
    types.collect()
}

/// The end of the path of a type, if it has this name.
pub(crate) fn named<'a>(of: &'a Type, name: &str) -> Option<&'a PathSegment> {
    let Type::Path(path) = of else { return None };
    path.path.segments.last().filter(|segment| segment.ident == name)
}

/// How the function beside is called.
fn beside(sig: &Signature) -> Ident {
    format_ident!("{}_uncached", sig.ident)
}

/// The head of the function as it was written, under another name.
fn uncached(sig: &Signature, answer: &Answer, arguments: &[Argument]) -> TokenStream {
    let (name, loaded) = (beside(sig), &answer.loaded);
    let (generics, bounds) = (&sig.generics, &sig.generics.where_clause);
    let receiver = sig.receiver();
    let written = arguments.iter().map(|argument| &argument.written);
    let inputs = receiver.map(|receiver| quote!(#receiver)).into_iter();
    let inputs = inputs.chain(written.map(|written| quote!(#written)));
    quote!(async fn #name #generics (#(#inputs),*) -> #loaded #bounds)
}

/// The head of the function that asks the cache: what it is handed it does not change.
fn outer(sig: &Signature, arguments: &[Argument]) -> TokenStream {
    let Signature { ident, generics, output, .. } = sig;
    let bounds = &generics.where_clause;
    let receiver = sig.receiver().map(|receiver| quote!(#receiver)).into_iter();
    let typed = arguments.iter().map(|Argument { name, of, .. }| quote!(#name: #of));
    let inputs = receiver.chain(typed);
    quote!(async fn #ident #generics (#(#inputs),*) #output #bounds)
}

/// What the function does now.
fn asking(
    options: &Options,
    sig: &Signature,
    answer: &Answer,
    arguments: &[Argument],
    receiver: Option<&Receiver>,
) -> Result<TokenStream> {
    let (krate, cache) = (&options.krate, &options.cache);
    let key = key(options, sig, arguments);
    let terms = terms(options);
    let (ask, load) = match answer.optional {
        true => (quote!(ask_option), quote!(load_option)),
        false => (quote!(ask_value), quote!(load_value)),
    };
    let (this, owned_self) = match receiver {
        Some(receiver) => (quote!(__this.), owned_self(receiver)?),
        None => (TokenStream::new(), TokenStream::new()),
    };
    let owned = arguments.iter().map(Argument::owned);
    let lent = arguments.iter().map(Argument::lent);
    let (name, exact) = (beside(sig), turbofish(sig));
    let told = match answer.told_as_failed {
        true => TokenStream::new(),
        false => quote!(.map_err(::core::convert::Into::into)),
    };
    Ok(quote! {
        let __asked = match (#cache).#ask(#krate::key::of(#key)) {
            ::core::result::Result::Ok(__known) => return ::core::result::Result::Ok(__known),
            ::core::result::Result::Err(__asked) => __asked,
        };
        let __terms = #terms;
        #owned_self
        #(#owned)*
        let __load = move || async move { #this #name #exact (#(#lent),*).await };
        __asked.#load(__terms, __load).await #told
    })
}

/// What is asked for: what the options say, or the function's name and its arguments.
fn key(options: &Options, sig: &Signature, arguments: &[Argument]) -> TokenStream {
    let krate = &options.krate;
    // Each is looked at alone, so that one which cannot be a part is pointed at; and only
    // looked at, for the function is still to have it.
    let part = |part: &dyn ToTokens| quote_spanned!(part.span()=> #krate::key::part(&(#part)));
    match &options.key {
        Some(Expr::Tuple(tuple)) => {
            let parts = tuple.elems.iter().map(|element| part(element));
            quote!(&(#(#parts,)*))
        }
        Some(other) => part(other),
        None => {
            let name = sig.ident.to_string();
            let counted = arguments.iter().filter(|argument| !options.skips(&argument.name));
            let parts = counted.map(|argument| part(&argument.name));
            quote!(&(#name, #(#parts,)*))
        }
    }
}

fn terms(options: &Options) -> TokenStream {
    let Options { krate, ttl, tags, priority, .. } = options;
    let ttl = ttl.map(|ttl| {
        let (secs, nanos) = (ttl.as_secs(), ttl.subsec_nanos());
        quote!(ttl: ::core::option::Option::Some(::core::time::Duration::new(#secs, #nanos)),)
    });
    let priority = priority
        .as_ref()
        .map(|priority| quote!(priority: ::core::option::Option::Some(#priority),));
    let tags = (!tags.is_empty()).then(|| {
        quote! {
            tags: ::std::vec![
                #(::core::convert::Into::<::std::boxed::Box<str>>::into(#tags)),*
            ],
        }
    });
    quote!(#krate::Terms { #ttl #priority #tags ..::core::default::Default::default() })
}

fn owned_self(receiver: &Receiver) -> Result<TokenStream> {
    let (lent, changed) = match &receiver.kind {
        ReceiverKind::Reference(_, _, changed) => (true, changed.is_some()),
        ReceiverKind::Typed(_, of) => match &**of {
            Type::Reference(of) => (true, of.mutability.is_some()),
            _ => (false, false),
        },
        _ => (false, false),
    };
    match (lent, changed) {
        (_, true) => {
            let words = "a cached method cannot change what it is called on: take `&self`";
            Err(Error::new(receiver.span(), words))
        }
        (true, _) => Ok(quote!(let __this = ::core::clone::Clone::clone(self);)),
        (false, _) => Ok(quote!(let __this = self;)),
    }
}

/// The parameters of the function, said again: one may be in its answer alone.
fn turbofish(sig: &Signature) -> TokenStream {
    let names: Vec<_> = sig
        .generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Type(of) => Some(&of.ident),
            GenericParam::Const(of) => Some(&of.ident),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    match names.is_empty() {
        true => TokenStream::new(),
        false => quote!(::<#(#names),*>),
    }
}
