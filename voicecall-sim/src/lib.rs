//! voicecall-sim
