//! voicecall-sim

pub mod clips;
