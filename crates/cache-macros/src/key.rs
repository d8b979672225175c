//! `#[derive(Key)]`: the parts of a struct or an enum, one after the other.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Result, parse_quote};

pub(crate) fn expand(input: DeriveInput) -> Result<TokenStream> {
    let DeriveInput { ident, mut generics, data, .. } = input;
    for parameter in &mut generics.params {
        if let GenericParam::Type(parameter) = parameter {
            parameter.bounds.push(parse_quote!(::cache::Key));
        }
    }
    let body = match data {
        Data::Struct(of) => structure(&ident, &of.fields),
        Data::Enum(of) => {
            let arms = of.variants.iter().map(|variant| arm(&variant.ident, &variant.fields));
            let arms: Vec<_> = arms.collect();
            match arms.is_empty() {
                true => quote!(match *self {}),
                false => quote!(match self { #(#arms)* }),
            }
        }
        Data::Union(_) => {
            return Err(Error::new(ident.span(), "a union cannot be part of a key"));
        }
    };
    let (of, types, bounds) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #of ::cache::Key for #ident #types #bounds {
            fn write(&self, text: &mut ::cache::key::Text) {
                #body
            }
        }
    })
}

fn structure(ident: &Ident, fields: &Fields) -> TokenStream {
    let (pattern, names) = taken_apart(fields);
    let write = match fields {
        Fields::Unit => {
            let word = word(ident);
            quote!(text.word(#word))
        }
        Fields::Unnamed(_) => match names.as_slice() {
            [only] => quote!(::cache::Key::write(#only, text)),
            parts => quote!(text.tuple(&[#(#parts),*])),
        },
        Fields::Named(_) => {
            let words = names.iter().map(word);
            quote!(text.record(&[#((#words, #names)),*]))
        }
    };
    quote!(let Self #pattern = self; #write)
}

fn arm(ident: &Ident, fields: &Fields) -> TokenStream {
    let (pattern, names) = taken_apart(fields);
    let word_of_part = |name: &Ident| match fields {
        Fields::Named(_) => word(name),
        _ => String::new(),
    };
    let (words, name) = (names.iter().map(word_of_part), word(ident));
    quote!(Self::#ident #pattern => text.variant(#name, &[#((#words, #names)),*]),)
}

/// A pattern for the fields, and what they are called by it.
fn taken_apart(fields: &Fields) -> (TokenStream, Vec<Ident>) {
    match fields {
        Fields::Unit => (TokenStream::new(), Vec::new()),
        Fields::Named(fields) => {
            let names: Vec<_> = fields.named.iter().filter_map(|of| of.ident.clone()).collect();
            (quote!({ #(#names),* }), names)
        }
        Fields::Unnamed(fields) => {
            let count = fields.unnamed.len();
            let names: Vec<_> = (0..count).map(|number| format_ident!("part{number}")).collect();
            (quote!((#(#names),*)), names)
        }
    }
}

/// A name as it is read, without what makes it a name where it would be a word of Rust.
fn word(ident: &Ident) -> String {
    let word = ident.to_string();
    word.strip_prefix("r#").map_or(word.clone(), str::to_owned)
}
