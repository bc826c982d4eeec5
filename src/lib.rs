//! voicecall
