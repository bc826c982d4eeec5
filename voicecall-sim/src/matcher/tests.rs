//! What the ears must hear, and what they must not.

use voicecall_core::audio::Resampler;
use voicecall_core::audio::g711::{alaw, mulaw};

use super::{ClipMatcher, HeardWord, Listener};
use crate::clips::{Clip, Library};

fn clips() -> &'static [Clip] {
    Library::bundled().all()
}

fn decode(audio: &[u8]) -> Vec<i16> {
    audio.iter().map(|&code| mulaw::decode(code)).collect()
}

fn hear(pcm: &[i16]) -> String {
    ClipMatcher::bundled().listen(pcm).text()
}

/// Every clip this many times over.
fn several(times: usize) -> impl Iterator<Item = &'static Clip> {
    clips().iter().cycle().take(times * clips().len())
}

/// Fails unless every clip is heard word for word after `line` did its work on it.
fn passes(clips: impl IntoIterator<Item = &'static Clip>, mut line: impl FnMut(&Clip, &[i16]) -> Vec<i16>) {
    for clip in clips {
        assert_eq!(hear(&line(clip, &decode(clip.audio()))), clip.text());
    }
}

/// Fails if any clip is still heard word for word after `line` did its work on it.
fn fails(clips: impl IntoIterator<Item = &'static Clip>, mut line: impl FnMut(&Clip, &[i16]) -> Vec<i16>) {
    for clip in clips {
        assert_ne!(hear(&line(clip, &decode(clip.audio()))), clip.text());
    }
}

fn resample(pcm: &[i16], from: u32, to: u32) -> Vec<i16> {
    let mut resampler = Resampler::new(from, to).unwrap();
    let mut out = Vec::new();
    resampler.process(pcm, &mut out);
    resampler.flush(&mut out);
    out
}

/// Plays audio faster, or slower, as a wrong clock does.
fn speed(pcm: &[i16], factor: f32) -> Vec<i16> {
    let length = (pcm.len() as f32 / factor) as usize - 1;
    let value = |i: usize| {
        let at = i as f32 * factor;
        let (a, b) = (f32::from(pcm[at as usize]), f32::from(pcm[at as usize + 1]));
        (a + (b - a) * at.fract()) as i16
    };
    (0..length).map(value).collect()
}

fn gain(pcm: &[i16], decibels: f32) -> Vec<i16> {
    let factor = 10_f32.powf(decibels / 20.0);
    pcm.iter().map(|&sample| (f32::from(sample) * factor).round() as i16).collect()
}

fn mix(a: &[i16], b: &[i16]) -> Vec<i16> {
    let sample = |pcm: &[i16], i| pcm.get(i).copied().unwrap_or(0);
    (0..a.len().max(b.len())).map(|i| sample(a, i).saturating_add(sample(b, i))).collect()
}

/// A small generator of numbers, the same in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    /// White noise at a distance below the audio.
    fn noise(&mut self, pcm: &[i16], decibels: f32) -> Vec<i16> {
        let power = pcm.iter().map(|&s| f32::from(s).powi(2)).sum::<f32>() / pcm.len() as f32;
        let deviation = power.sqrt() * 10_f32.powf(-decibels / 20.0);
        let normal = |rng: &mut Self| (0..12).map(|_| rng.below(1 << 20) as f32).sum::<f32>() / 1_048_576.0 - 6.0;
        pcm.iter().map(|_| (normal(self) * deviation) as i16).collect()
    }
}

#[test]
fn a_clip_is_heard_as_its_text_without_doubt() {
    for clip in clips() {
        let heard = ClipMatcher::bundled().listen(&decode(clip.audio()));
        assert_eq!(heard.text(), clip.text());
        assert!(heard.confidence() > Some(0.99), "{clip:?} {heard:?}");
        assert!(heard.words.iter().all(|word| word.speaker == clip.speaker()), "{heard:?}");
        let places: Vec<_> = heard.words.iter().map(|word| (word.start, word.end)).collect();
        assert_eq!(places, clip.words().iter().map(|word| (word.start, word.end)).collect::<Vec<_>>());
    }
}

#[test]
fn coding_twice_is_harmless() {
    passes(clips(), |_, pcm| pcm.iter().map(|&sample| mulaw::decode(mulaw::encode(sample - 9))).collect());
}

#[test]
fn resampling_to_24_khz_and_back_is_harmless() {
    passes(clips(), |_, pcm| resample(&resample(pcm, 8_000, 24_000), 24_000, 8_000));
}

#[test]
fn a_delay_of_a_part_of_a_sample_is_harmless() {
    passes(clips().iter().step_by(3), |_, pcm| resample(&resample(pcm, 8_000, 48_000)[3..], 48_000, 8_000));
}

#[test]
fn gain_is_harmless() {
    passes(clips(), |_, pcm| gain(pcm, -12.0));
    passes(&clips()[..20], |_, pcm| gain(pcm, 5.9));
}

#[test]
fn the_place_in_a_frame_does_not_matter() {
    let mut rng = Seeded(3);
    passes(clips(), |_, pcm| {
        let mut line = vec![0; rng.below(8_000)];
        line.extend(pcm);
        line
    });
}

#[test]
fn an_echo_of_another_clip_at_20_db_is_harmless() {
    let mut rng = Seeded(5);
    passes(several(2), |clip, pcm| {
        let other = loop {
            let other = &clips()[rng.below(clips().len())];
            if other.text() != clip.text() {
                break other;
            }
        };
        let mut echo = vec![0; rng.below(1_000)];
        echo.extend(gain(&decode(other.audio()), -20.0));
        mix(pcm, &echo)
    });
}

#[test]
fn noise_at_15_db_is_harmless() {
    let mut rng = Seeded(7);
    passes(clips(), |_, pcm| mix(pcm, &rng.noise(pcm, 15.0)));
}

#[test]
fn noise_first_makes_words_doubtful_and_then_hides_them() {
    let mut rng = Seeded(19);
    let mut sure_and_doubtful = |decibels| {
        let heard = clips().iter().step_by(6).flat_map(|clip| {
            let pcm = decode(clip.audio());
            ClipMatcher::bundled().listen(&mix(&pcm, &rng.noise(&pcm, decibels))).words
        });
        let (sure, doubtful): (Vec<_>, Vec<_>) = heard.partition(|word| word.confidence >= HeardWord::SURE);
        (sure.len(), doubtful.len())
    };
    assert_eq!(sure_and_doubtful(20.0).1, 0);
    assert!(sure_and_doubtful(7.0).1 > 5);
    assert_eq!(sure_and_doubtful(-6.0), (0, 0));
}

#[test]
fn clips_in_a_row_are_all_heard() {
    let text = "Tack för det. Vad gjorde att du kände så? Tack. Kan du berätta lite mer? Tack och hej då.";
    let speech = Library::bundled().voice("agent", text).unwrap();
    let heard = ClipMatcher::bundled().listen(&decode(&speech.audio));
    assert_eq!(heard.text(), text);
    assert_eq!(heard.words.last().unwrap().end, speech.words.last().unwrap().end);
}

#[test]
fn silence_and_noise_are_nothing() {
    let mut rng = Seeded(11);
    assert_eq!(hear(&[]), "");
    assert_eq!(hear(&[0; 24_000]), "");
    assert_eq!(hear(&rng.noise(&[8_000; 40_000], 20.0)), "");
}

#[test]
fn speech_that_is_no_clip_is_nothing() {
    let known = clips().iter().filter(|clip| clip.speaker().starts_with("distractor"));
    let pcm: Vec<_> = known.flat_map(|clip| decode(clip.audio()).into_iter().rev()).collect();
    assert_eq!(hear(&pcm), "");
}

#[test]
fn a_law_read_as_mu_law_is_not_understood() {
    fails(clips(), |_, pcm| pcm.iter().map(|&sample| mulaw::decode(alaw::encode(sample))).collect());
}

#[test]
fn mu_law_read_as_a_law_is_not_understood() {
    fails(clips().iter().step_by(3), |_, pcm| pcm.iter().map(|&sample| alaw::decode(mulaw::encode(sample))).collect());
}

#[test]
fn a_rate_that_is_two_percent_off_is_not_understood() {
    fails(clips(), |_, pcm| speed(pcm, 1.02));
    fails(clips(), |_, pcm| speed(pcm, 0.98));
}

#[test]
fn a_wrong_rate_is_not_understood() {
    let some = || clips().iter().step_by(4);
    fails(some(), |_, pcm| speed(pcm, 11_025.0 / 8_000.0));
    fails(some(), |_, pcm| speed(pcm, 8_000.0 / 11_025.0));
    fails(some(), |_, pcm| resample(pcm, 8_000, 24_000));
    fails(some(), |_, pcm| speed(pcm, 3.0));
}

#[test]
fn a_dropped_frame_in_ten_loses_words() {
    let kept = |(i, _): &(usize, &[i16])| i % 10 != 7;
    fails(clips(), |_, pcm| pcm.chunks(160).enumerate().filter(kept).flat_map(|(_, frame)| frame.to_vec()).collect());
}

#[test]
fn a_silenced_frame_in_ten_loses_words() {
    let silence = |i: usize| i / 160 % 10 == 2;
    fails(clips(), |_, pcm| pcm.iter().enumerate().map(|(i, &s)| if silence(i) { 0 } else { s }).collect());
}

#[test]
fn without_the_first_200_ms_the_first_word_is_lost() {
    for clip in clips() {
        let words = clip.words();
        let from = words[0].start + 1_600;
        let heard = hear(&decode(clip.audio())[from..]);
        let first_whole = words.iter().position(|word| word.start >= from).unwrap_or(words.len());
        // A later word may have lost so little that it is still one.
        let first_cut = first_whole.saturating_sub(1).max(1);
        let text = |from: usize| words[from..].iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        assert!([text(first_whole), text(first_cut)].contains(&heard), "{heard} of {clip:?}");
    }
}

#[test]
fn cut_audio_gives_the_words_before_the_cut() {
    let mut rng = Seeded(13);
    for clip in clips() {
        // What is left is at least as long as the shortest phrase that is looked for.
        let Some(first) = clip.words().iter().position(|word| word.start >= 4_800) else { continue };
        let cut = first + rng.below(clip.words().len() - first);
        let word = &clip.words()[cut];
        let heard = hear(&decode(clip.audio())[..word.start.midpoint(word.end)]);
        let expected: Vec<_> = clip.words()[..cut].iter().map(|word| word.text.as_str()).collect();

        assert_eq!(heard, expected.join(" "));
    }
}

#[test]
fn a_listener_tells_each_utterance_at_the_pause_after_it() {
    let mut rng = Seeded(17);
    let texts = ["Hej, det här är Vera, en AI-assistent som ringer från Kaffebutiken.", "Vill du vara med?"];
    for noise in [false, true] {
        let mut line = vec![0; 4_321];
        for text in texts {
            line.extend(decode(&Library::bundled().voice("agent", text).unwrap().audio));
            line.extend([0; 6_000]);
        }
        if noise {
            line = mix(&line, &rng.noise(&line, 15.0));
        }
        let coded: Vec<_> = line.iter().map(|&sample| mulaw::encode(sample)).collect();
        let mut listener = Listener::new(ClipMatcher::bundled().clone());
        let told: Vec<_> = coded.chunks(160).filter_map(|frame| listener.hear(frame)).collect();
        assert_eq!(told.iter().map(|utterance| utterance.heard.text()).collect::<Vec<_>>(), texts);
        let first = told[0].heard.words[0].start;
        assert_eq!(first, 4_321 + Library::bundled().by_text("agent", texts[0]).unwrap().words()[0].start);
        assert!(told[0].end - told[0].heard.words.last().unwrap().end < 4_000);
        assert_eq!(listener.finish(), None);
    }
}

#[test]
fn a_listener_ends_the_utterance_when_the_line_closes() {
    let mut listener = Listener::new(ClipMatcher::bundled().clone());
    let speech = Library::bundled().voice("caller", "Ja tack.").unwrap();
    assert!(speech.audio.chunks(160).all(|frame| listener.hear(frame).is_none()));
    assert_eq!(listener.finish().unwrap().heard.text(), "Ja tack.");
}
