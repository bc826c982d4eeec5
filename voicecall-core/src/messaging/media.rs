//! Pictures, sounds and films that come and go with messages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::Error;
use crate::text_enum;

text_enum! {
    /// A kind of medium.
    MediaKind, "media" {
        /// A picture.
        Image = "image",
        /// A sound.
        Audio = "audio",
        /// A film.
        Video = "video",
    }
}

/// The types of media that are taken: JPEG, PNG, GIF, WebP; MP4, WebM; MP3, WAV, OGG, M4A.
const TAKEN: [(&str, MediaKind); 10] = [
    ("image/jpeg", MediaKind::Image),
    ("image/png", MediaKind::Image),
    ("image/gif", MediaKind::Image),
    ("image/webp", MediaKind::Image),
    ("video/mp4", MediaKind::Video),
    ("video/webm", MediaKind::Video),
    ("audio/mpeg", MediaKind::Audio),
    ("audio/wav", MediaKind::Audio),
    ("audio/ogg", MediaKind::Audio),
    ("audio/mp4", MediaKind::Audio),
];

/// Other names by which they go.
const ALIASES: [(&str, &str); 7] = [
    ("image/jpg", "image/jpeg"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("audio/vnd.wave", "audio/wav"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-m4a", "audio/mp4"),
];

/// The type of a medium: one of JPEG, PNG, GIF, WebP; MP4, WebM; MP3, WAV, OGG, M4A (as registered with IANA).
///
/// ```
/// use voicecall_core::messaging::{MediaKind, MediaType};
/// let taken: MediaType = "audio/ogg; codecs=opus".parse()?;
/// assert_eq!((taken.as_str(), taken.kind()), ("audio/ogg", MediaKind::Audio));
/// assert!("application/pdf".parse::<MediaType>().is_err());
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MediaType(&'static str, MediaKind);

impl MediaType {
    /// Every type that is taken.
    pub fn all() -> impl Iterator<Item = Self> {
        TAKEN.into_iter().map(|(name, kind)| Self(name, kind))
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// What kind of medium it is.
    #[must_use]
    pub const fn kind(self) -> MediaKind {
        self.1
    }
}

impl FromStr for MediaType {
    type Err = Error;

    /// Takes a `Content-Type`, parameters left out.
    fn from_str(text: &str) -> Result<Self, Error> {
        let name = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, known)| known);
        let taken = Self::all().find(|taken| taken.0 == name);
        taken.ok_or_else(|| Error::invalid("media", "JPEG, PNG, GIF, WebP, MP4, WebM, MP3, WAV, OGG or M4A"))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for MediaType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A medium of a message, by its address. Whoever has the address may have the medium: `Debug` shows only the type.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Where it is: at the carrier if it came in, anywhere the carrier reaches if it goes out.
    pub url: Url,
    /// What it is.
    pub content_type: MediaType,
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Media({})", self.content_type)
    }
}

/// A medium's bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaContent {
    /// What it is, as it was sent.
    pub content_type: MediaType,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for MediaContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaContent({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_and_others_are_refused() {
        for taken in MediaType::all() {
            assert_eq!(taken.as_str().parse::<MediaType>().unwrap(), taken);
            assert!(taken.as_str().starts_with(taken.kind().as_str()));
        }
        for (alias, known) in ALIASES {
            assert_eq!(alias.to_uppercase().parse::<MediaType>().unwrap().as_str(), known);
        }
        for other in ["", "image", "image/svg+xml", "text/html", "image/tiff", "video/quicktime", "audio/"] {
            assert_eq!(other.parse::<MediaType>().unwrap_err().field(), Some("media"), "{other}");
        }
    }

    #[test]
    fn an_address_of_a_medium_is_not_printed() {
        let media =
            Media { url: "https://a.example/secret".parse().unwrap(), content_type: "image/png".parse().unwrap() };
        assert_eq!(format!("{media:?}"), "Media(image/png)");
    }
}
