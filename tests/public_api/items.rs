//! Public items as lines: a signature each, without documentation and bodies.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, Block, Fields, File, ImplItem, Item, ItemFn, ItemImpl, TraitItem, Visibility};

use crate::external::Imports;
use crate::module::is_test;

/// What a crate shows.
#[derive(Debug, Default)]
pub(crate) struct Items {
    /// A line for each item, in order.
    pub(crate) lines: BTreeSet<String>,
    /// The crates, but the standard library and ours, whose types the lines name.
    pub(crate) external: BTreeSet<String>,
    /// What belongs to a type, by its name: known to be shown once the type is.
    of_types: BTreeMap<String, Vec<(String, BTreeSet<String>)>>,
    types: BTreeSet<String>,
}

impl Items {
    /// Adds the public items of the module at `path`.
    pub(crate) fn add(&mut self, items: &[Item], path: &str) {
        let imports = Imports::of(items);
        for item in items {
            match item {
                Item::Impl(block) if !block.attrs.iter().any(is_test) => self.add_impl(block, path, &imports),
                _ => {
                    let Some(shown) = shown(item) else { continue };
                    if let Item::Struct(syn::ItemStruct { ident, .. }) | Item::Enum(syn::ItemEnum { ident, .. }) = item
                    {
                        self.types.insert(ident.to_string());
                    }
                    self.external.extend(imports.external(&shown));
                    self.lines.insert(line(path, &shown));
                }
            }
        }
    }

    /// Adds what belongs to types that are public.
    pub(crate) fn finish(mut self) -> Self {
        for (owner, lines) in std::mem::take(&mut self.of_types) {
            if self.types.contains(&owner) {
                for (line, external) in lines {
                    self.lines.insert(line);
                    self.external.extend(external);
                }
            }
        }
        self
    }

    fn add_impl(&mut self, block: &ItemImpl, path: &str, imports: &Imports) {
        let syn::Type::Path(target) = &*block.self_ty else { return };
        let Some(owner) = target.path.segments.last().map(|segment| segment.ident.to_string()) else { return };
        let place = if path.is_empty() { owner.clone() } else { format!("{path}::{owner}") };
        let shown: Vec<Item> = if block.trait_.is_some() {
            vec![Item::Impl(ItemImpl { attrs: Vec::new(), items: Vec::new(), ..block.clone() })]
        } else {
            block.items.iter().filter_map(shown_of_type).collect()
        };
        let lines = shown.iter().map(|item| (line(&place, item), imports.external(item)));
        self.of_types.entry(owner).or_default().extend(lines);
    }
}

/// A public item as it is listed.
fn shown(item: &Item) -> Option<Item> {
    let mut item = item.clone();
    let (vis, attrs) = match &mut item {
        Item::Fn(function) => {
            *function.block = no_block();
            (Some(&function.vis), &mut function.attrs)
        }
        Item::Struct(item) => {
            show_fields(&mut item.fields);
            (Some(&item.vis), &mut item.attrs)
        }
        Item::Enum(item) => {
            for variant in &mut item.variants {
                variant.attrs.clear();
                variant.fields.iter_mut().for_each(|field| field.attrs.clear());
            }
            (Some(&item.vis), &mut item.attrs)
        }
        Item::Trait(item) => {
            item.items.iter_mut().for_each(show_trait_item);
            (Some(&item.vis), &mut item.attrs)
        }
        Item::Type(item) => (Some(&item.vis), &mut item.attrs),
        Item::Const(item) => (Some(&item.vis), &mut item.attrs),
        Item::Static(item) => (Some(&item.vis), &mut item.attrs),
        Item::Use(item) => (Some(&item.vis), &mut item.attrs),
        Item::Mod(item) => {
            (item.content, item.semi) = (None, Some(syn::token::Semi::default()));
            (Some(&item.vis), &mut item.attrs)
        }
        // What a macro of ours makes is told by how it is called.
        Item::Macro(item) if item.ident.is_none() => (None, &mut item.attrs),
        _ => return None,
    };
    let is_shown = vis.is_none_or(|vis| matches!(vis, Visibility::Public(_))) && !attrs.iter().any(is_test);
    attrs.retain(|attribute| attribute.path().is_ident("derive") || attribute.path().is_ident("non_exhaustive"));
    is_shown.then_some(item)
}

fn shown_of_type(item: &ImplItem) -> Option<Item> {
    match item {
        ImplItem::Fn(function) if matches!(function.vis, Visibility::Public(_)) => Some(Item::Fn(ItemFn {
            attrs: Vec::new(),
            vis: function.vis.clone(),
            sig: function.sig.clone(),
            block: Box::new(no_block()),
        })),
        ImplItem::Const(constant) if matches!(constant.vis, Visibility::Public(_)) => {
            let (vis, name, of, value) = (&constant.vis, &constant.ident, &constant.ty, &constant.expr);
            Some(syn::parse_quote!(#vis const #name: #of = #value;))
        }
        _ => None,
    }
}

/// Private fields are left out; that there are some is told by a field of the type `..`.
fn show_fields(fields: &mut Fields) {
    let is_public = |field: &&syn::Field| matches!(field.vis, Visibility::Public(_));
    let bare = |field: &syn::Field| syn::Field { attrs: Vec::<Attribute>::new(), ..field.clone() };
    let hidden = fields.iter().any(|field| !is_public(&field));
    let rest: syn::Type = syn::parse_quote!(__);
    match fields {
        Fields::Named(named) => {
            let mut shown: Punctuated<_, _> = named.named.iter().filter(is_public).map(bare).collect();
            if hidden {
                shown.push(syn::Field { ident: Some(syn::parse_quote!(__)), ..bare(&syn::parse_quote!(__: #rest)) });
            }
            named.named = shown;
        }
        Fields::Unnamed(unnamed) => {
            unnamed.unnamed = unnamed
                .unnamed
                .iter()
                .map(|field| syn::Field {
                    ty: if is_public(&field) { field.ty.clone() } else { rest.clone() },
                    ..bare(field)
                })
                .collect();
        }
        Fields::Unit => {}
    }
}

fn show_trait_item(item: &mut TraitItem) {
    match item {
        TraitItem::Fn(function) => {
            function.attrs.clear();
            if let Some(default) = &mut function.default {
                *default = no_block();
            }
        }
        TraitItem::Type(item) => item.attrs.clear(),
        TraitItem::Const(item) => item.attrs.clear(),
        _ => {}
    }
}

fn no_block() -> Block {
    syn::parse_quote!({})
}

/// The item in one line, with its place.
fn line(place: &str, item: &Item) -> String {
    let file = File { shebang: None, attrs: Vec::new(), items: vec![item.clone()] };
    let text = match item {
        Item::Macro(invocation) => invocation.to_token_stream().to_string(),
        _ => prettyplease::unparse(&file),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.replace("__: __,", "..").replace("__", "..").replace(", }", " }").replace(",)", ")");
    let text = text.strip_suffix(" {}").unwrap_or(&text).trim_end_matches(';');
    if place.is_empty() { text.to_owned() } else { format!("{place}: {text}") }
}
