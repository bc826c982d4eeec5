#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod analysis;
pub mod interview;
pub mod selection;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
