//! Crates of others that public items name.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Item, UseTree};

/// Where names come from that are not somebody else's; `i64` and the like are paths as well, and `thiserror` derives
/// traits of the standard library only.
const OURS: &[&str] = &["std", "core", "alloc", "crate", "self", "super", "Self", "i64", "u8", "u64", "thiserror"];

/// What a module imports: each name with the crate it comes from.
#[derive(Debug, Default)]
pub(crate) struct Imports(BTreeMap<String, String>);

impl Imports {
    pub(crate) fn of(items: &[Item]) -> Self {
        let mut imports = Self::default();
        for item in items {
            if let Item::Use(item) = item {
                imports.add(&item.tree, None, "self");
            }
        }
        // Its own modules are reached by their names, whatever they export by the same.
        for item in items {
            if let Item::Mod(module) = item {
                imports.enter(&module.ident.to_string(), Some("self"));
            }
        }
        imports
    }

    fn add(&mut self, tree: &UseTree, root: Option<&str>, parent: &str) {
        match tree {
            UseTree::Path(path) => {
                let name = path.ident.to_string();
                self.add(&path.tree, Some(root.unwrap_or(&name)), &name);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add(tree, root, parent)),
            UseTree::Name(name) if name.ident == "self" => self.enter(parent, root),
            UseTree::Name(name) => self.enter(&name.ident.to_string(), root),
            UseTree::Rename(name) => self.enter(&name.rename.to_string(), root),
            UseTree::Glob(_) => {}
        }
    }

    fn enter(&mut self, name: &str, root: Option<&str>) {
        self.0.insert(name.to_owned(), root.unwrap_or(name).to_owned());
    }

    /// The crates of others that an item names.
    pub(crate) fn external(&self, item: &Item) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.scan(item.to_token_stream(), &mut found);
        let is_own_module = |name: &String| self.0.get(name).is_some_and(|root| root == "self");
        found.retain(|name| !OURS.contains(&name.as_str()) && !name.starts_with("voicecall") && !is_own_module(name));
        found
    }

    fn scan(&self, tokens: TokenStream, found: &mut BTreeSet<String>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colons = |at: usize| {
            let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
            colon(at) && colon(at + 1)
        };
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.scan(group.stream(), found),
                TokenTree::Ident(name) if at < 2 || !is_colons(at - 2) => {
                    let name = name.to_string();
                    let is_type = name.starts_with(char::is_uppercase);
                    match self.0.get(&name) {
                        Some(root) if is_type || is_colons(at + 1) => drop(found.insert(root.clone())),
                        // A path from the root, but for that of a type of this module.
                        None if is_colons(at + 1) && !is_type => drop(found.insert(name)),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }
}
