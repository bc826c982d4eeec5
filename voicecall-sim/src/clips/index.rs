//! Reads the index of a folder of clips, as `scripts/make-clips` writes it.

use std::borrow::Cow;
use std::io;

use serde::Deserialize;

use super::clip::{Clip, Word, key};

#[derive(Deserialize)]
struct Index {
    clip: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    speaker: String,
    language: String,
    text: String,
    file: String,
    words: Vec<(String, usize, usize)>,
}

/// Reads an index; `load` gives the audio of a file named in it.
pub(super) fn read(index: &str, load: impl Fn(&str) -> io::Result<Cow<'static, [u8]>>) -> io::Result<Vec<Clip>> {
    let index: Index = toml::from_str(index).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    index.clip.into_iter().map(|entry| entry.into_clip(&load)).collect()
}

impl Entry {
    fn into_clip(self, load: impl Fn(&str) -> io::Result<Cow<'static, [u8]>>) -> io::Result<Clip> {
        let audio = load(&self.file).map_err(|e| io::Error::new(e.kind(), format!("clip {}: {e}", self.file)))?;
        let words: Vec<_> = self.words.into_iter().map(|(text, start, end)| Word { text, start, end }).collect();
        let spelled: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
        let in_order = words.iter().all(|word| word.start < word.end)
            && words.windows(2).all(|pair| pair[0].end <= pair[1].start)
            && words.last().is_some_and(|word| word.end <= audio.len());
        if spelled.join(" ") != self.text || !in_order {
            let problem = format!("clip {}: the words do not fit the text or the audio", self.file);
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        let key = key(&self.text);
        Ok(Clip { speaker: self.speaker, language: self.language, text: self.text, key, words, audio })
    }
}
