//! Voices found by a query, page by page.

use std::collections::VecDeque;

use futures_util::{StreamExt, stream};
use reqwest::Method;
use voicecall_core::model::ResultStream;
use voicecall_core::{Error, ErrorKind, Result};

use super::{ElevenLabsVoices, Voice};
use crate::PROVIDER;
use crate::wire::voices::Page;

const OPERATION: &str = "search voices";

/// How many voices are asked for at a time; ElevenLabs gives at most as many.
const PAGE: u32 = 100;

/// Which voices to find; all of the account's by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct VoiceQuery {
    /// Words in the name, the description, the labels or the category.
    pub text: Option<String>,
    /// The category: `premade`, `cloned`, `generated` or `professional`.
    pub category: Option<String>,
    /// The type: `personal`, `community`, `default`, `workspace`, `non-default`, `non-community` or `saved`.
    pub voice_type: Option<String>,
    /// The language of the label `language`, such as `sv`.
    pub language: Option<String>,
    /// How many voices come in a page: 1 to 100. 100 unless told otherwise.
    pub page_size: Option<u32>,
}

impl VoiceQuery {
    /// Finds voices with these words.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Finds voices of a category.
    #[must_use]
    pub fn with_category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Finds voices of a type.
    #[must_use]
    pub fn with_voice_type(mut self, voice_type: impl Into<String>) -> Self {
        self.voice_type = Some(voice_type.into());
        self
    }

    /// Finds voices of a language.
    #[must_use]
    pub fn with_language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// Has so many voices come in a page, 1 to 100.
    #[must_use]
    pub fn with_page_size(mut self, page_size: u32) -> Self {
        self.page_size = Some(page_size);
        self
    }

    fn parameters(&self) -> Result<Vec<(&'static str, String)>> {
        let page_size = self.page_size.unwrap_or(PAGE);
        if !(1..=PAGE).contains(&page_size) {
            return Err(Error::invalid("page_size", "1 to 100"));
        }
        let texts = [
            ("search", &self.text),
            ("category", &self.category),
            ("voice_type", &self.voice_type),
            ("language", &self.language),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?)));
        // Counting costs the service time, and nobody here needs the count.
        let fixed = [("page_size", page_size.to_string()), ("include_total_count", "false".to_owned())];
        Ok(texts.chain(fixed).collect())
    }
}

/// A search on its way.
struct Search {
    voices: ElevenLabsVoices,
    parameters: Vec<(&'static str, String)>,
    found: VecDeque<Voice>,
    /// The page to ask for next; absent before the first.
    next_page: Option<String>,
    is_over: bool,
}

impl ElevenLabsVoices {
    /// The voices that fit, page by page as they are pulled. ElevenLabs may put its default voices in front of the first page.
    ///
    /// The stream ends in an error: `Invalid` naming `page_size`, `Protocol` if pages go round in a circle, and what the
    /// service reports.
    pub fn search(&self, query: VoiceQuery) -> ResultStream<Voice> {
        let parameters = match query.parameters() {
            Ok(parameters) => parameters,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let (found, voices) = (VecDeque::new(), self.clone());
        let search = Search { voices, parameters, found, next_page: None, is_over: false };
        stream::try_unfold(search, Search::step).boxed()
    }
}

impl Search {
    async fn step(mut self) -> Result<Option<(Voice, Self)>> {
        loop {
            if let Some(voice) = self.found.pop_front() {
                return Ok(Some((voice, self)));
            }
            if self.is_over {
                return Ok(None);
            }
            self.turn_page().await?;
        }
    }

    async fn turn_page(&mut self) -> Result<()> {
        let request = self.voices.client.request(Method::GET, &["v2", "voices"]).query(&self.parameters);
        let request = match &self.next_page {
            Some(token) => request.query(&[("next_page_token", token)]),
            None => request,
        };
        let page: Page = self.voices.ask(OPERATION, request).await?;
        self.found.extend(page.voices.into_iter().map(Voice::from));
        match page.next_page_token.filter(|_| page.has_more) {
            Some(token) if self.next_page.as_ref() == Some(&token) => {
                let error = Error::new(ErrorKind::Protocol, OPERATION).with_provider(PROVIDER);
                return Err(error.with_message("a page names itself as the next"));
            }
            Some(token) => self.next_page = Some(token),
            None => self.is_over = true,
        }
        Ok(())
    }
}
