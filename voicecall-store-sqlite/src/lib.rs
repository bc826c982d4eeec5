#![doc = include_str!("../README.md")]

mod column;
mod dialing;
mod directory;
mod events;
mod fault;
mod journal;
mod options;
mod provider_log;
mod questions;
mod report;
mod responses;
mod retention;
mod schema;
mod sessions;
mod store;
mod worker;

pub use options::SqliteOptions;
pub use store::SqliteStore;
