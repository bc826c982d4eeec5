//! voicecall-openai
