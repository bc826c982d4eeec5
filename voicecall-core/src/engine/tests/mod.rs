//! The engine with a scripted carrier, a store in memory and virtual time.

mod calls;
mod faults;
mod placing;
mod reports;
mod sweeping;
mod world;
