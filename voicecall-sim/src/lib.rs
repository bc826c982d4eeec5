//! voicecall-sim

pub mod fault;
pub mod phone;
pub mod twilio;
