#![doc = include_str!("../README.md")]

mod across_tenants;
mod column;
mod connection;
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
mod migrations;
mod opt_outs;
mod options;
mod pending_events;
mod person;
mod pool;
mod provider_log;
mod roles;
mod runs;
mod sessions;
mod store;
mod subscriptions;
#[cfg(feature = "survey")]
mod survey;
mod threads;
mod tls;
mod transaction;
mod workflows;

pub use migrations::{Migration, Migrations, Module, Step};
pub use options::PostgresOptions;
pub use roles::roles_sql;
pub use store::PostgresStore;
#[cfg(feature = "survey")]
pub use survey::PostgresSurvey;
pub use tokio_postgres;
pub use transaction::Transaction;
