//! What 46elks sends, as far as it is read. Unknown fields are skipped; fields that may be missing are options.

mod account;
mod call;
mod form;
mod message;
mod number;
mod recording;
mod text;

pub(crate) use account::Account;
pub(crate) use call::{Call, CallPage};
pub(crate) use form::Form;
pub(crate) use message::{AudioMessage, Message};
pub(crate) use number::{Number, NumberPage};
pub(crate) use recording::{Recording, RecordingPage};
pub(crate) use text::{Text, TextPage};
