//! voicecall-twilio
