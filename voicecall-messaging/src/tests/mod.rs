//! Messages from the carrier's webhook to what the carrier is asked to send, in virtual time.

mod answering;
mod carrier;
mod crashes;
mod sending;
mod wishes;
mod world;
