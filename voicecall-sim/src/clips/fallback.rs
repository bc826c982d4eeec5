//! What is said where there is no clip.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use voicecall_core::audio::{Resampler, SAMPLE_RATE, g711::mulaw};

use super::{Library, NoClip, Speech};
use crate::wav::Wav;

/// Who says the sentences that the speaker has no clip of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fallback {
    /// Nobody: the text is refused. For tests, which must not pass on audio that nobody could have understood.
    #[default]
    Refuse,
    /// The speaker's voice [without words](Library::stand_in), which is plainly heard not to be speech.
    StandIn,
    /// The synthesiser espeak-ng, and the voice without words should it fail.
    Espeak(Espeak),
}

impl Fallback {
    /// espeak-ng in `language`, a code such as `sv`, if it is installed; else the voice without words.
    #[must_use]
    pub fn installed(language: &str) -> Self {
        Espeak::find(language).map_or(Self::StandIn, Self::Espeak)
    }

    /// What this is, in words for a log.
    #[must_use]
    pub const fn describe(&self) -> &'static str {
        match self {
            Self::Refuse => "refused",
            Self::StandIn => "heard as a voice without words (espeak-ng, if installed, would say them)",
            Self::Espeak(_) => "said by espeak-ng",
        }
    }

    pub(super) fn say(&self, library: &Library, speaker: &str, sentence: &str) -> Result<Speech, NoClip> {
        match self {
            Self::Refuse => Err(NoClip { speaker: speaker.to_owned(), text: sentence.to_owned() }),
            Self::StandIn => Ok(library.stand_in(speaker, sentence)),
            Self::Espeak(espeak) => Ok(espeak.speak(library, speaker, sentence).unwrap_or_else(|error| {
                tracing::warn!(%error, "espeak-ng failed, so a sentence is a voice without words");
                library.stand_in(speaker, sentence)
            })),
        }
    }
}

/// The program espeak-ng, asked for one sentence at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Espeak {
    program: PathBuf,
    language: String,
}

impl Espeak {
    /// The program on the path, if it is there and knows `language`.
    #[must_use]
    pub fn find(language: &str) -> Option<Self> {
        let espeak = Self { program: PathBuf::from("espeak-ng"), language: language.to_owned() };
        espeak.samples("a").ok().map(|_| espeak)
    }

    /// A sentence whose words are placed by their length: espeak-ng tells no times on its command line.
    fn speak(&self, library: &Library, speaker: &str, sentence: &str) -> io::Result<Speech> {
        let samples = self.samples(sentence)?;
        let mut speech = library.stand_in(speaker, sentence);
        let guessed = speech.audio.len().max(1);
        let place = |at: usize| at * samples.len() / guessed;
        for word in &mut speech.words {
            (word.start, word.end) = (place(word.start), place(word.end));
        }
        speech.audio = samples.iter().map(|&sample| mulaw::encode(sample)).collect();
        Ok(speech)
    }

    /// The sentence at 8 kHz.
    fn samples(&self, sentence: &str) -> io::Result<Vec<i16>> {
        let mut child = Command::new(&self.program)
            .args(["-v", &self.language, "--stdin", "--stdout"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        // Closed behind the sentence; a program that does not read it says nothing.
        if let Some(mut input) = child.stdin.take() {
            input.write_all(sentence.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!("espeak-ng ended with {}", output.status)));
        }
        let wav = Wav::read(&output.stdout).map_err(io::Error::other)?;
        let mut resampler = Resampler::new(wav.rate, SAMPLE_RATE).map_err(io::Error::other)?;
        let mut samples = Vec::new();
        resampler.process(&wav.samples, &mut samples);
        resampler.flush(&mut samples);
        if samples.is_empty() {
            return Err(io::Error::other("espeak-ng said nothing"));
        }
        Ok(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: &str = "Tack. Vad tycker du om vår nya meny?";

    #[test]
    fn a_sentence_without_a_clip_is_a_voice_without_words_between_the_clips() {
        let library = Library::bundled();
        let speech = library.speak("agent", UNKNOWN, &Fallback::StandIn).unwrap();
        let clip = library.by_text("agent", "Tack.").unwrap();
        assert_eq!(speech.text, UNKNOWN);
        assert_eq!(speech.audio[..clip.audio().len()], *clip.audio());
        assert_eq!(speech.words.len(), 8);
        assert_eq!(speech.words.last().map(|word| word.end), Some(speech.audio.len()));
        assert!(library.speak("agent", UNKNOWN, &Fallback::Refuse).is_err());
        assert!(library.speak("agent", " ", &Fallback::StandIn).is_err());
    }

    #[test]
    fn a_synthesiser_that_is_not_there_is_a_voice_without_words() {
        let gone = Espeak { program: PathBuf::from("no-such-program"), language: "sv".to_owned() };
        let library = Library::bundled();
        assert_eq!(
            library.speak("agent", UNKNOWN, &Fallback::Espeak(gone)),
            library.speak("agent", UNKNOWN, &Fallback::StandIn)
        );
    }

    #[test]
    fn a_synthesiser_says_the_sentence_and_its_words_lie_in_it() {
        // Any program that reads a text and writes a WAV: what is tested is how it is used.
        let folder = std::env::temp_dir().join(format!("voicecall-espeak-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (wav, program) = (folder.join("said.wav"), folder.join("espeak-ng"));
        let mut file = crate::wav::streaming_header(22_050);
        file.extend([0x00, 0x20].repeat(22_050));
        std::fs::write(&wav, file).unwrap();
        std::fs::write(&program, format!("#!/bin/sh\ncat > {0}/asked\ncat {0}/said.wav\n", folder.display())).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let espeak = Fallback::Espeak(Espeak { program, language: "sv".to_owned() });
        let speech = Library::bundled().speak("agent", "Vår nya meny?", &espeak).unwrap();
        assert_eq!(std::fs::read_to_string(folder.join("asked")).unwrap(), "Vår nya meny?");
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(speech.audio.len(), 8_000);
        assert_eq!(speech.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), ["Vår", "nya", "meny?"]);
        assert_eq!((speech.words[0].start, speech.words[2].end), (0, 8_000));
    }
}
