#![doc = include_str!("../README.md")]

mod across_tenants;
mod column;
mod contacts;
mod conversations;
mod dialing;
mod do_not_call;
mod events;
mod fault;
mod journal;
mod keys;
mod maintenance;
mod message_queue;
mod message_rows;
mod messages;
mod opt_outs;
mod options;
mod pending_events;
mod person;
mod provider_log;
mod runs;
mod schema;
mod sessions;
mod store;
mod subscriptions;
#[cfg(feature = "survey")]
mod survey;
mod threads;
mod transaction;
mod worker;
mod workflows;

pub use options::SqliteOptions;
pub use store::SqliteStore;
#[cfg(feature = "survey")]
pub use survey::SqliteSurvey;
pub use transaction::Transaction;
