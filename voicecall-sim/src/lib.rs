//! voicecall-sim

pub mod fault;
