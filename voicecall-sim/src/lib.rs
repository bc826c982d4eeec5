//! voicecall-sim

pub mod fault;
pub mod phone;
