//! voicecall-sim

pub mod clips;
pub mod ears;
