//! Telling sound from silence on a line.

use std::ops::Range;

use voicecall_core::audio::g711::mulaw;

/// How loud a sample of somebody who speaks is at least, of 32767: 41 dB below full scale.
const AUDIBLE: u16 = 300;

/// Whether somebody can be heard in mu-law audio.
pub(crate) fn is_audible(audio: &[u8]) -> bool {
    audio.iter().any(is_loud)
}

/// From the first sample that can be heard to the last.
pub(crate) fn audible_range(audio: &[u8]) -> Option<Range<usize>> {
    let first = audio.iter().position(is_loud)?;
    let last = audio.iter().rposition(is_loud)?;
    Some(first..last + 1)
}

fn is_loud(code: &u8) -> bool {
    mulaw::decode(*code).unsigned_abs() > AUDIBLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_heard_is_told_to_the_sample() {
        let mut audio = [mulaw::SILENCE; 160];
        assert_eq!((is_audible(&audio), audible_range(&audio)), (false, None));
        audio[3] = mulaw::encode(200);
        assert_eq!((is_audible(&audio), audible_range(&audio)), (false, None));
        audio[40] = mulaw::encode(-8000);
        audio[100] = mulaw::encode(400);
        assert_eq!((is_audible(&audio), audible_range(&audio)), (true, Some(40..101)));
    }
}
