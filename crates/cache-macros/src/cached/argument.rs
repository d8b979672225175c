//! An argument of a cached function, and how a load that outlives its caller has it.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Error, GenericArgument, Pat, PatType, PathArguments, Result, Type, TypeReference};

use super::named;

pub(crate) struct Argument {
    pub(super) name: Ident,
    pub(super) of: Type,
    pub(super) written: PatType,
    held: Held,
}

/// How the argument is handed in.
enum Held {
    Owned,
    /// `&T`.
    Lent,
    /// `Option<&T>`.
    PerhapsLent,
}

impl Argument {
    pub(super) fn read(written: &PatType) -> Result<Self> {
        let Pat::Ident(pattern) = &*written.pat else {
            return Err(Error::new(written.pat.span(), "give the argument a name"));
        };
        let held = held(&written.ty)?;
        let (name, of) = (pattern.ident.clone(), (*written.ty).clone());
        Ok(Self { name, of, written: written.clone(), held })
    }

    /// Makes it the load's own.
    pub(super) fn owned(&self) -> TokenStream {
        let name = &self.name;
        match self.held {
            Held::Owned => TokenStream::new(),
            Held::Lent => quote!(let #name = ::std::borrow::ToOwned::to_owned(#name);),
            Held::PerhapsLent => quote!(let #name = #name.map(::std::borrow::ToOwned::to_owned);),
        }
    }

    /// Hands it to the function.
    pub(super) fn lent(&self) -> TokenStream {
        let name = &self.name;
        match self.held {
            Held::Owned => quote!(#name),
            Held::Lent => quote!(::std::borrow::Borrow::borrow(&#name)),
            Held::PerhapsLent => quote!(#name.as_ref().map(::std::borrow::Borrow::borrow)),
        }
    }
}

fn held(of: &Type) -> Result<Held> {
    if let Type::Reference(reference) = of {
        return behind(reference);
    }
    if let Some(segment) = named(of, "Option")
        && let PathArguments::AngleBracketed(arguments) = &segment.arguments
        && let Some(GenericArgument::Type(Type::Reference(reference))) = arguments.args.first()
    {
        return behind(reference).map(|held| match held {
            Held::Lent => Held::PerhapsLent,
            other => other,
        });
    }
    match borrows(of) {
        true => Err(Error::new(of.span(), OUTLIVES)),
        false => Ok(Held::Owned),
    }
}

const OUTLIVES: &str = "a load may outlive its caller: take it owned, or as `&T` or `Option<&T>`";

fn behind(reference: &TypeReference) -> Result<Held> {
    if reference.mutability.is_some() {
        let words = "a cached function cannot change its arguments: take `&T`";
        return Err(Error::new(reference.span(), words));
    }
    if reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static") {
        return Ok(Held::Owned);
    }
    match borrows(&reference.elem) {
        true => Err(Error::new(reference.span(), OUTLIVES)),
        false => Ok(Held::Lent),
    }
}

/// Whether there is a reference within.
fn borrows(of: &Type) -> bool {
    // A function may take references without being one.
    !matches!(of, Type::ImplTrait(_) | Type::FnPtr(_)) && is_lent(of.to_token_stream())
}

fn is_lent(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let lent = match token {
            TokenTree::Group(group) => is_lent(group.stream()),
            TokenTree::Punct(mark) if mark.as_char() == '&' => {
                !matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == '\'')
            }
            TokenTree::Punct(mark) if mark.as_char() == '\'' => {
                !matches!(tokens.peek(), Some(TokenTree::Ident(name)) if name == "static")
            }
            _ => false,
        };
        if lent {
            return true;
        }
    }
    false
}
