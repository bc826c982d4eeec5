//! voicecall-store-sqlite
