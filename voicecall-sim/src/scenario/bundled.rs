//! The scenarios that come with this crate.

use voicecall_core::{Error, ErrorKind, Result};

use super::Scenario;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "busy",
    "declines",
    "does_not_understand",
    "hangs_up",
    "happy",
    "interrupts",
    "never_again",
    "no_answer",
    "other_language",
    "over_long",
    "silent",
    "thin_answer",
    "voicemail",
];

impl Scenario {
    /// The bundled scenario called `name`, see [`names`](Self::names).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none of this name.
    pub fn bundled(name: &str) -> Result<Self> {
        let file = FILES.iter().find(|(known, _)| *known == name);
        let (_, text) = file.ok_or_else(|| Error::new(ErrorKind::NotFound, "find scenario").with_field("name"))?;
        text.parse()
    }

    /// The names of the bundled scenarios.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clips::Library;
    use crate::scenario::{Act, Phrase, Trigger};

    #[test]
    fn every_file_is_bundled_under_its_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(Scenario::names().count(), files);
        for name in Scenario::names() {
            assert_eq!(Scenario::bundled(name).unwrap().name, name);
        }
        assert_eq!(Scenario::bundled("nobody").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn callers_say_what_they_have_clips_of_and_listen_for_what_agents_have_clips_of() {
        let library = Library::bundled();
        for name in Scenario::names() {
            for step in Scenario::bundled(name).unwrap().caller.steps {
                if let Act::Say(text) = &step.act {
                    library.voice("caller", text).unwrap();
                }
                let Trigger::Hears(phrases, _) = step.trigger else { continue };
                let is_said = |phrase: &Phrase| {
                    library.all().iter().any(|clip| clip.speaker() == "agent" && phrase.is_in(clip.text()))
                };
                assert!(phrases.iter().all(is_said), "{name}: {phrases:?}");
            }
        }
    }
}
