//! What goes over the wire, as types: lenient in what is read, exact in what is written.

pub(crate) mod failure;
pub(crate) mod speech;
pub(crate) mod voices;
