//! The interview as a whole: every transition by hand, and its promises against random callers.

mod by_hand;
mod driver;
mod limits;
mod promises;
mod transitions;
mod wishes;
