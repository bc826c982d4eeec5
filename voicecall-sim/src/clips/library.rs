//! The clips that simulated speakers can say, found by text.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use super::clip::{Clip, key};
use super::{bundled, index};

/// A set of clips.
#[derive(Clone, Debug, Default)]
pub struct Library {
    clips: Vec<Clip>,
}

impl Library {
    /// The clips that come with this crate: the speakers `agent` and `caller`, and the sentences of
    /// `distractor-f` and `distractor-m`, which nobody says in a call.
    // The index and the files are constants, and every test of this module reads them.
    #[expect(clippy::expect_used, clippy::missing_panics_doc)]
    pub fn bundled() -> &'static Self {
        static BUNDLED: OnceLock<Library> = OnceLock::new();
        BUNDLED.get_or_init(|| {
            let clips = index::read(bundled::INDEX, |name| {
                let file = bundled::FILES.iter().find(|(file, _)| *file == name);
                file.map(|(_, audio)| Cow::Borrowed(*audio)).ok_or_else(|| io::ErrorKind::NotFound.into())
            });
            let clips = clips.expect("the bundled index is valid");
            Self { clips }
        })
    }

    /// Reads the clips of a folder: `index.toml` and the mu-law files it names.
    ///
    /// The format is that of the bundled clips. Add the result to them with
    /// `Library::bundled().clone().with(own)`.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, and when the words of a clip do not fit its text or audio.
    pub fn open(folder: impl AsRef<Path>) -> io::Result<Self> {
        let folder = folder.as_ref();
        let index = fs::read_to_string(folder.join("index.toml"))?;
        let clips = index::read(&index, |name| fs::read(folder.join(name)).map(Cow::Owned))?;
        Ok(Self { clips })
    }

    /// Adds the clips of another library. Where both have a clip for a text, the other's is used.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.clips.retain(|clip| other.by_text(&clip.speaker, &clip.text).is_none());
        self.clips.extend(other.clips);
        self
    }

    /// A caller's clips that are a tone of 70 ms for each character: each sample of them is known.
    #[cfg(test)]
    pub(crate) fn tones(texts: &[&str]) -> Self {
        let tone = |text: &str| {
            let codes = [0x90, 0x90, 0x90, 0x90, 0x10, 0x10, 0x10, 0x10];
            codes.into_iter().cycle().take(text.len() * 560).collect::<Vec<u8>>()
        };
        let entry = |text: &&str| {
            let end = tone(text).len();
            format!(
                "[[clip]]\nspeaker = 'caller'\nlanguage = 'en'\ntext = '{text}'\nwords = [['{text}', 0, {end}]]\nfile = '{text}'\n"
            )
        };
        let index: String = texts.iter().map(entry).collect();
        Self { clips: index::read(&index, |name| Ok(Cow::Owned(tone(name)))).unwrap() }
    }

    /// The clip of a sentence, whatever its case, white space and punctuation.
    pub fn by_text(&self, speaker: &str, text: &str) -> Option<&Clip> {
        let key = key(text);
        self.clips.iter().find(|clip| clip.speaker == speaker && clip.key == key)
    }

    /// All clips.
    pub fn all(&self) -> &[Clip] {
        &self.clips
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_bundled_clips_are_small_and_distinct_per_speaker() {
        let library = Library::bundled();
        let size: usize = library.all().iter().map(|clip| clip.audio().len()).sum();
        let keys: HashSet<_> = library.all().iter().map(|clip| (clip.speaker(), &clip.key)).collect();
        assert!(size < 2_500_000, "{size}");
        assert_eq!(keys.len(), library.all().len());
        for voice in ["distractor-f", "distractor-m"] {
            assert!(library.all().iter().filter(|clip| clip.speaker() == voice).count() >= 12);
        }
    }

    #[test]
    fn a_clip_is_found_whatever_the_spelling() {
        let found = Library::bundled().by_text("caller", "  ja \n Det GÅR bra!");
        assert_eq!(found.map(Clip::text), Some("Ja, det går bra."));
        assert!(Library::bundled().by_text("agent", "Ja, det går bra.").is_none());
        assert!(Library::bundled().by_text("caller", "").is_none());
    }

    #[test]
    fn a_folder_of_own_clips_joins_the_bundled_ones() {
        let own = Library::open(concat!(env!("CARGO_MANIFEST_DIR"), "/clips")).unwrap();
        assert_eq!(own.all().len(), Library::bundled().all().len());
        let both = Library::bundled().clone().with(own);
        assert_eq!(both.all().len(), Library::bundled().all().len());
    }

    #[test]
    fn words_beyond_the_audio_are_refused() {
        let index = r#"
            [[clip]]
            speaker = "caller"
            language = "sv"
            text = "Hej du."
            words = [["Hej", 0, 10], ["du.", 10, 21]]
            file = "hej.ulaw"
        "#;
        let error = index::read(index, |_| Ok(Cow::Owned(vec![0xFF; 20]))).unwrap_err();
        assert!(error.to_string().contains("hej.ulaw"), "{error}");
    }
}
