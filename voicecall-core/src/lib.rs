//! voicecall-core

pub mod audio;
