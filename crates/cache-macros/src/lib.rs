//! `#[cached]` and `#[derive(Key)]`, which are used as `cache::cached` and `cache::Key` and
//! described there.

mod cached;
mod key;
mod nearest;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, parse_macro_input};

use crate::cached::Options;

/// Remembers what an `async` function answers.
#[proc_macro_attribute]
pub fn cached(options: TokenStream, function: TokenStream) -> TokenStream {
    let options = parse_macro_input!(options as Options);
    let function = parse_macro_input!(function as ItemFn);
    cached::expand(options, function).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Lets values of a type be a part of keys.
#[proc_macro_derive(Key)]
pub fn key(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    key::expand(input).unwrap_or_else(syn::Error::into_compile_error).into()
}
