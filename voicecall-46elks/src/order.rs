//! The order to place a call, as 46elks's form.

use voicecall_core::carrier::PlaceCall;
use voicecall_core::{Error, Result};

use crate::address::{About, SecretAddresses};
use crate::failure::unsupported;

/// The fields of the form. The time limit and the second address for instructions are left to whoever ordered the call:
/// 46elks has neither.
///
/// # Errors
/// `Unsupported` naming what 46elks does not have; `Invalid` naming a value out of range.
pub(crate) fn order(request: &PlaceCall, addresses: &SecretAddresses) -> Result<Vec<(&'static str, String)>> {
    let missing = [
        ("machine_detection", request.machine_detection.is_some()),
        ("digits", request.digits.is_some()),
        ("record", request.record.is_some()),
        ("reason", request.reason.is_some()),
    ];
    if let Some((field, _)) = missing.into_iter().find(|(_, is_set)| *is_set) {
        return Err(unsupported("place call", field));
    }
    let seconds = request.ring_timeout.as_secs();
    if !(1..=600).contains(&seconds) {
        return Err(Error::invalid("ring_timeout", "1 to 600 seconds"));
    }
    Ok(vec![
        ("from", request.from.reveal().to_owned()),
        ("to", request.to.reveal().to_owned()),
        ("voice_start", addresses.seal(&request.answer_url, About::Answer).into()),
        ("whenhangup", addresses.seal(&request.status_url, About::Ended).into()),
        ("timeout", seconds.to_string()),
    ])
}
