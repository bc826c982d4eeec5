#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod call;
mod child;
mod connection;
mod content;
mod effect;
mod failure;
mod http;
mod link;
mod list;
mod name;
mod server;
mod together;
mod watched;

pub use builder::{Command, Http, McpServerBuilder};
pub use server::McpServer;
pub use together::tools_of;
