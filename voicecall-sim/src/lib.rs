#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod caller;
pub mod carrier;
pub mod clips;
mod clock;
pub mod deepgram;
mod delivery;
pub mod demo;
pub mod elevenlabs;
pub mod elks46;
pub mod fault;
mod http_server;
pub mod labels;
mod loopback;
pub mod matcher;
mod media_socket;
pub mod media_streams;
pub mod openai;
pub mod phone;
mod relay;
mod rest_server;
pub mod scenario;
pub mod simulation;
pub mod twilio;
mod wav;
