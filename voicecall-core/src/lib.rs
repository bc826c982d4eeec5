//! voicecall-core
