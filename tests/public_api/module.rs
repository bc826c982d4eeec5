//! Files of a crate, from its root down, with the modules they declare.

use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, File, Item, ItemMod};

use crate::items::Items;

/// The items of the crate with this root.
pub(crate) fn read_crate(root: &Path) -> Items {
    let mut items = Items::default();
    read(root, root.parent().unwrap(), "", &mut items);
    items.finish()
}

/// The items of one file, and of the modules written within it.
pub(crate) fn read_file(file: &File, path: &str, items: &mut Items) {
    items.add(&file.items, path);
    for module in modules(&file.items) {
        if let Some((_, content)) = &module.content {
            let file = File { shebang: None, attrs: Vec::new(), items: content.clone() };
            read_file(&file, &join(path, module), items);
        }
    }
}

fn read(source: &Path, folder: &Path, path: &str, items: &mut Items) {
    let text = fs::read_to_string(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    read_file(&file, path, items);
    for module in modules(&file.items).filter(|module| module.content.is_none()) {
        let name = module.ident.to_string();
        let beside = folder.join(format!("{name}.rs"));
        let within = folder.join(&name).join("mod.rs");
        let next: PathBuf = if beside.exists() { beside } else { within };
        read(&next, &folder.join(&name), &join(path, module), items);
    }
}

/// The modules declared among these items, but for those of tests.
fn modules(items: &[Item]) -> impl Iterator<Item = &ItemMod> {
    items.iter().filter_map(|item| match item {
        Item::Mod(module) if !module.attrs.iter().any(is_test) => Some(module),
        _ => None,
    })
}

pub(crate) fn is_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
}

fn join(path: &str, module: &ItemMod) -> String {
    if path.is_empty() { module.ident.to_string() } else { format!("{path}::{}", module.ident) }
}
