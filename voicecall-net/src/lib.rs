#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
#[cfg(feature = "http")]
pub mod http;
#[cfg(any(feature = "http", feature = "websocket"))]
mod retry_after;
mod tls;
#[cfg(feature = "websocket")]
pub mod websocket;

pub use address::{BaseAddress, is_loopback};
#[cfg(any(feature = "http", feature = "websocket"))]
pub use retry_after::{LONGEST_WAIT, retry_after};
pub use tls::{Protocol, client_config};
