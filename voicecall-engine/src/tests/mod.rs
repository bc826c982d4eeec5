//! The engine with a scripted carrier, a store in memory and virtual time.

mod accounts;
mod call_back;
mod calls;
mod contacts;
mod elsewhere;
mod erasing;
mod faults;
mod flaky_store;
mod incoming;
mod phone;
mod placing;
mod prices;
mod queueing;
mod recovering;
mod registry;
mod reports;
mod resuming;
mod running;
mod shared_address;
mod sharing;
mod transfers;
mod trouble;
mod voicemail;
mod warm_transfers;
mod world;
mod written;
