//! Addresses that only 46elks knows, because nothing that 46elks sends is signed.
//!
//! Each address that is given away carries a code over its path and query (HMAC-SHA-256). Whoever has learnt the address of
//! one call can address nothing else, and what an address asks for cannot be changed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::Url;
use voicecall_core::{Error, ErrorKind, Result};

use crate::PROVIDER;

/// The parameter that holds the code. What follows it is not covered, and not read.
const KEY: &str = "key=";

/// The parameter that tells what is asked or reported.
const ABOUT: &str = "about=";

/// What the code is for: the secret may be used for something else as well.
const CONTEXT: &[u8] = b"voicecall 46elks address\n";

/// What 46elks uses an address for. The requests themselves do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// A call came in.
    Incoming,
    /// A call that was ordered is answered.
    Answer,
    /// The steps so far are done.
    Next,
    /// Keys were gathered.
    Keys,
    /// A dialled connection has ended.
    Dial,
    /// A message was recorded.
    Message,
    /// The call is over.
    Ended,
    /// A recording is ready.
    Recording,
    /// The audio of calls.
    Media,
    /// Somebody wrote to us.
    Received,
    /// How far a text of ours has come.
    Delivery,
}

const WORDS: [(About, &str); 11] = [
    (About::Incoming, "incoming"),
    (About::Answer, "answer"),
    (About::Next, "next"),
    (About::Keys, "keys"),
    (About::Dial, "dial"),
    (About::Message, "message"),
    (About::Ended, "ended"),
    (About::Recording, "recording"),
    (About::Media, "media"),
    (About::Received, "received"),
    (About::Delivery, "delivery"),
];

impl About {
    fn word(self) -> &'static str {
        WORDS.iter().find(|(about, _)| *about == self).map_or("", |(_, word)| word)
    }

    fn of(word: &str) -> Option<Self> {
        WORDS.iter().find(|(_, known)| *known == word).map(|(about, _)| *about)
    }
}

/// Makes addresses secret, and knows them again.
#[derive(Debug)]
pub(crate) struct SecretAddresses {
    secret: SecretString,
    /// The path of the public address, which a proxy may have removed from requests; without a slash at its end.
    prefix: String,
}

impl SecretAddresses {
    pub(crate) fn new(secret: SecretString, public_url: &Url) -> Self {
        Self { secret, prefix: public_url.path().trim_end_matches('/').to_owned() }
    }

    /// The address as it is given to 46elks.
    pub(crate) fn seal(&self, url: &Url, about: About) -> Url {
        self.seal_with(url, about, "")
    }

    /// The same for a question that may come again in another place of the same call: it is told apart from that one.
    pub(crate) fn seal_once(&self, url: &Url, about: About) -> Url {
        // Without randomness two questions are merely not told apart.
        let nonce = getrandom::u64().unwrap_or_default();
        self.seal_with(url, about, &format!("&once={nonce:016x}"))
    }

    fn seal_with(&self, url: &Url, about: About, more: &str) -> Url {
        let before = url.query().map_or_else(String::new, |query| format!("{query}&"));
        let query = format!("{before}{ABOUT}{}{more}", about.word());
        let mut sealed = url.clone();
        let code = URL_SAFE_NO_PAD.encode(self.mac(url.path(), &query).finalize().into_bytes());
        sealed.set_query(Some(&format!("{query}&{KEY}{code}")));
        sealed
    }

    /// The address without what [`seal`](Self::seal) added; none if that is not there, or is wrong.
    pub(crate) fn unseal(&self, url: &Url, about: About) -> Option<Url> {
        let query = url.query()?;
        if self.check(&format!("{}?{query}", url.path())).ok()? != about {
            return None;
        }
        let own = query.split('&').filter(|part| !part.starts_with(KEY) && !part.starts_with(ABOUT));
        let own: Vec<&str> = own.collect();
        let mut plain = url.clone();
        plain.set_query((!own.is_empty()).then(|| own.join("&")).as_deref());
        Some(plain)
    }

    /// What a request's address is used for.
    ///
    /// # Errors
    /// `Unauthenticated` if it is none that was given to 46elks.
    pub(crate) fn check(&self, path_and_query: &str) -> Result<About> {
        self.read(path_and_query)
            .ok_or_else(|| Error::new(ErrorKind::Unauthenticated, "check address").with_provider(PROVIDER))
    }

    fn read(&self, path_and_query: &str) -> Option<About> {
        let (path, query) = path_and_query.split_once('?')?;
        let (query, rest) = query.split_once(&format!("&{KEY}"))?;
        let code = rest.split('&').next()?;
        self.mac(path, query).verify_slice(&URL_SAFE_NO_PAD.decode(code).ok()?).ok()?;
        // Ours comes last: an address of ours may have a parameter of the same name.
        let about = query.rsplit('&').find_map(|part| part.strip_prefix(ABOUT))?;
        About::of(about)
    }

    fn mac(&self, path: &str, query: &str) -> Hmac<Sha256> {
        let path = path.strip_prefix(&self.prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path);
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes()).expect("any length");
        mac.update(CONTEXT);
        mac.update(path.as_bytes());
        mac.update(b"?");
        mac.update(query.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn addresses(public: &str) -> SecretAddresses {
        SecretAddresses::new("known to 46elks only".into(), &public.parse().unwrap())
    }

    fn target(url: &Url) -> String {
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }

    #[test]
    fn an_address_tells_what_it_is_for_and_no_other_is_taken() {
        let addresses = addresses("https://calls.example");
        for (about, _) in WORDS {
            let url: Url = "https://calls.example/voice/status?call=main.1".parse().unwrap();
            let sealed = addresses.seal(&url, about);
            assert_eq!(addresses.check(&target(&sealed)).unwrap(), about);
            assert_eq!(addresses.unseal(&sealed, about).unwrap(), url);
            let whole = target(&sealed);
            for wrong in [whole.replace("main.1", "main.2"), whole.replace("/status", "/other"), format!("{whole}0")] {
                assert_eq!(addresses.check(&wrong).unwrap_err().kind(), ErrorKind::Unauthenticated, "{wrong}");
            }
            let other = whole.replace(&format!("about={}", about.word()), "about=ended");
            assert!(about == About::Ended || addresses.check(&other).is_err());
        }
    }

    #[test]
    fn what_was_not_given_away_reads_as_nothing() {
        let addresses = addresses("https://calls.example");
        let url: Url = "https://calls.example/voice/main/incoming".parse().unwrap();
        assert_eq!(addresses.unseal(&url, About::Incoming), None);
        assert_eq!(addresses.unseal(&addresses.seal(&url, About::Answer), About::Incoming), None);
        let others = SecretAddresses::new("another".into(), &url);
        assert_eq!(addresses.unseal(&others.seal(&url, About::Incoming), About::Incoming), None);
        assert_ne!(addresses.seal_once(&url, About::Next), addresses.seal_once(&url, About::Next));
    }

    #[test]
    fn a_proxy_may_remove_the_path_of_the_public_address() {
        let addresses = addresses("https://calls.example/base/");
        let sealed = addresses.seal(&"https://calls.example/base/voice/x".parse().unwrap(), About::Next);
        let whole = target(&sealed);
        assert!(addresses.check(&whole).is_ok());
        assert!(addresses.check(whole.strip_prefix("/base").unwrap()).is_ok());
    }

    proptest! {
        #[test]
        fn nothing_passes_by_chance_and_nothing_panics(text in ".{0,80}") {
            let addresses = addresses("https://calls.example");
            prop_assert!(addresses.check(&text).is_err());
        }
    }
}
