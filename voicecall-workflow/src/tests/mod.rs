//! Workflows in virtual time.

mod crashes;
mod limits;
mod mortal;
mod running;
mod webhooks;
mod world;
