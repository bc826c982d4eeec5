//! What the environment says. `.env.example` names every variable.

mod problems;
mod purpose;
mod secret;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use voicecall::check_public_url;
use voicecall::engine::Backoff;
use voicecall::money::{Budget, Money};
use voicecall::server::TrustedProxies;
use voicecall::store::RetentionPolicy;
use voicecall::{CallHours, ContentSeal, Error, ErrorKind, Result, Vault};

use crate::api::{Rates, Tokens, WebhookSecret};
use crate::files;
use crate::service::CallLimits;
pub(crate) use problems::{Problems, told};
use secret::{is_strong_key, strong};

/// The server's settings.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: String,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) public_url: Url,
    /// Whether carriers are told at the start where this server is.
    pub(crate) configures_numbers: bool,
    pub(crate) database: PathBuf,
    pub(crate) recordings: PathBuf,
    revoked_tokens: PathBuf,
    keys: Keys,
    seals_content: bool,
    jwt_secret: SecretString,
    webhook_secret: Option<SecretString>,
    pub(crate) rates: Rates,
    pub(crate) calls: CallLimits,
    /// When anybody may be called at all.
    pub(crate) hours: Option<CallHours>,
    /// How many calls one business may order in a day.
    pub(crate) tenant_calls_per_day: u32,
    /// What one unit of a currency is worth in which the carrier charges.
    pub(crate) exchange_rates: HashMap<String, Money>,
    pub(crate) calls_per_second: f64,
    pub(crate) retention: RetentionPolicy,
}

impl Settings {
    /// Reads the environment; `None` with a problem for each variable that is missing or wrong.
    pub(crate) fn read(problems: &mut Problems) -> Option<Self> {
        let public_url = problems.take(public_url());
        let configures_numbers = problems.take(switch("CONFIGURE_NUMBERS"));
        let trusted_proxies = problems.take(trusted_proxies());
        let (keys, seals_content) = (Keys::read(problems), problems.take(seals_content()));
        let jwt_secret = problems.take(jwt_secret());
        let webhook_secret =
            optional("WEBHOOK_SECRET").map(|secret| strong("WEBHOOK_SECRET", secret.into())).transpose();
        let webhook_secret = problems.take(webhook_secret);
        let (rates, calls) = (problems.take(rates()), problems.take(call_limits()));
        let (hours, tenant_calls_per_day) = (problems.take(hours()), problems.take(tenant_calls_per_day()));
        let exchange_rates = problems.take(exchange_rates(optional("EXCHANGE_RATES").as_deref()));
        let (calls_per_second, retention) = (problems.take(calls_per_second()), problems.take(retention()));
        Some(Self {
            listen: optional("LISTEN").unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            trusted_proxies: trusted_proxies?,
            public_url: public_url?,
            configures_numbers: configures_numbers?,
            database: database(),
            recordings: recordings(),
            revoked_tokens: revoked_tokens(),
            keys: keys?,
            seals_content: seals_content?,
            jwt_secret: jwt_secret?,
            webhook_secret: webhook_secret?,
            rates: rates?,
            calls: calls?,
            hours: hours?,
            tenant_calls_per_day: tenant_calls_per_day?,
            exchange_rates: exchange_rates?,
            calls_per_second: calls_per_second?,
            retention: retention?,
        })
    }

    /// Settings for calls to simulated customers: everything below `folder`, with keys of its own that are kept there, so
    /// that the next start can read what this one leaves and takes the tokens that it has issued; at `listen` unless the
    /// environment says otherwise.
    pub(crate) fn simulated(folder: PathBuf, listen: &str) -> Result<Self> {
        let key = kept_key(&folder, "data.key")?;
        let jwt_secret = kept_key(&folder, "token.key")?;
        Ok(Self {
            listen: optional("LISTEN").unwrap_or_else(|| listen.to_owned()),
            trusted_proxies: trusted_proxies()?,
            // Reserved for documentation (RFC 2606): nobody can be called by accident.
            public_url: Url::parse("https://feedback.example")
                .map_err(|_| Error::config("PUBLIC_URL", "an address"))?,
            configures_numbers: true,
            database: folder.join("feedback.sqlite"),
            revoked_tokens: folder.join("revoked-tokens"),
            recordings: folder,
            keys: Keys { data: vec![key.clone()], index: key },
            // Whoever looks at simulated calls is to see all of them.
            seals_content: false,
            jwt_secret,
            webhook_secret: Some(Vault::generate_key()?),
            rates: rates()?,
            calls: call_limits()?,
            // Simulated customers are awake.
            hours: None,
            tenant_calls_per_day: tenant_calls_per_day()?,
            exchange_rates: exchange_rates(optional("EXCHANGE_RATES").as_deref())?,
            calls_per_second: calls_per_second()?,
            retention: retention()?,
        })
    }

    /// The vault for personal data.
    pub(crate) fn vault(&self) -> Result<Vault> {
        self.keys.vault()
    }

    /// Whether what people say is sealed, over this vault.
    pub(crate) fn content_seal(&self, vault: &Arc<Vault>) -> ContentSeal {
        content_seal(self.seals_content, vault)
    }

    /// What issues and checks bearer tokens.
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens::new(&self.jwt_secret, self.revoked_tokens.clone())
    }

    /// What checks the signatures of webhooks that are ours. Without a secret it refuses them all.
    pub(crate) fn webhook_secret(&self) -> WebhookSecret {
        self.webhook_secret.as_ref().map(WebhookSecret::new).unwrap_or_default()
    }
}

/// The keys of personal data.
#[derive(Debug)]
pub(crate) struct Keys {
    data: Vec<SecretString>,
    index: SecretString,
}

impl Keys {
    /// Reads `DATA_KEYS` and `INDEX_KEY`; `None` with a problem for each that is missing or wrong.
    pub(crate) fn read(problems: &mut Problems) -> Option<Self> {
        let data = problems.take(data_keys());
        let before = data.as_deref().unwrap_or_default().get(1..).unwrap_or_default();
        let index = problems.take(index_key(before));
        Some(Self { data: data?, index: index? })
    }

    pub(crate) fn vault(&self) -> Result<Vault> {
        Vault::new(&self.data, &self.index)
    }
}

const KEY: &str = "32 random bytes as base64, such as `openssl rand -base64 32` makes";

/// The first seals and must be good; those that only open are what they are.
fn data_keys() -> Result<Vec<SecretString>> {
    const NAME: &str = "DATA_KEYS";
    let keys: Vec<SecretString> = required(NAME)?.split(',').map(|key| key.trim().to_owned().into()).collect();
    for (index, key) in keys.iter().enumerate() {
        let bytes = bytes_of(key).ok_or_else(|| Error::config(NAME, KEY))?;
        if index == 0 && !is_strong_key(&bytes) {
            return Err(Error::config(NAME, KEY));
        }
    }
    Ok(keys)
}

/// That of a database from before there was an index key is its oldest data key, whatever that is.
fn index_key(old_data_keys: &[SecretString]) -> Result<SecretString> {
    const NAME: &str = "INDEX_KEY";
    let key = SecretString::from(required(NAME)?);
    let is_old = old_data_keys.iter().any(|old| old.expose_secret() == key.expose_secret());
    match bytes_of(&key) {
        Some(bytes) if is_old || is_strong_key(&bytes) => Ok(key),
        _ => Err(Error::config(NAME, KEY)),
    }
}

fn bytes_of(key: &SecretString) -> Option<[u8; 32]> {
    STANDARD.decode(key.expose_secret()).ok()?.try_into().ok()
}

/// The address by which carriers reach us: encrypted, unless nobody else can listen.
fn public_url() -> Result<Url> {
    const NAME: &str = "PUBLIC_URL";
    let url = Url::parse(&required(NAME)?);
    let url = url.map_err(|error| Error::config(NAME, "an https address").with_source(error))?;
    check_public_url(&url)?;
    Ok(url)
}

/// What signs bearer tokens.
pub(crate) fn jwt_secret() -> Result<SecretString> {
    strong("JWT_SECRET", required("JWT_SECRET")?.into())
}

/// The file of the database.
pub(crate) fn database() -> PathBuf {
    optional("DATABASE_PATH").unwrap_or_else(|| "feedback.sqlite".to_owned()).into()
}

/// Where recordings are.
pub(crate) fn recordings() -> PathBuf {
    optional("RECORDINGS_PATH").unwrap_or_else(|| "recordings".to_owned()).into()
}

/// Whether what people say is sealed.
pub(crate) fn seals_content() -> Result<bool> {
    switch("SEAL_AT_REST")
}

/// Off unless it is on.
fn switch(name: &'static str) -> Result<bool> {
    match optional(name).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Error::config(name, "true or false")),
    }
}

/// What was sealed while it was wanted is read also when it is not any more.
pub(crate) fn content_seal(seals_content: bool, vault: &Arc<Vault>) -> ContentSeal {
    let vault = Arc::clone(vault);
    if seals_content { ContentSeal::Seal(vault) } else { ContentSeal::Open(vault) }
}

/// The file that names the tokens that are not valid any more.
pub(crate) fn revoked_tokens() -> PathBuf {
    optional("REVOKED_TOKENS_PATH").unwrap_or_else(|| "revoked-tokens".to_owned()).into()
}

/// A key in a folder, made if there is none. A key beside its data protects nothing but simulated customers.
fn kept_key(folder: &Path, name: &str) -> Result<SecretString> {
    let failed = |error| Error::new(ErrorKind::Unavailable, "keep key").with_source(error);
    let path = folder.join(name);
    match fs::read_to_string(&path) {
        Ok(key) => {
            // One that an older program left may be readable by others.
            files::keep_private(&path).map_err(failed)?;
            Ok(key.into())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Vault::generate_key()?;
            let write = || {
                files::private_folder(folder)?;
                files::write_private(&path, key.expose_secret().as_bytes())
            };
            write().map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}

/// When anybody may be called, whatever a business says: what is decent in Sweden, unless the operator says otherwise.
fn hours() -> Result<Option<CallHours>> {
    let text = optional("CALL_HOURS").unwrap_or_else(|| "08:00-21:00".to_owned());
    let wrong = || Error::config("CALL_HOURS", "two times of day such as 08:00-21:00, Swedish time");
    let (from, until) = text.split_once('-').ok_or_else(wrong)?;
    // Midnight at the end of the day is the last moment there is.
    let until = if until == "24:00" { Ok(civil::Time::MAX) } else { until.parse() };
    let (Ok(from), Ok(until)) = (from.parse(), until) else { return Err(wrong()) };
    CallHours::new(from, until, "Europe/Stockholm").map(Some).map_err(|_| wrong())
}

fn tenant_calls_per_day() -> Result<u32> {
    let Some(text) = optional("TENANT_CALLS_PER_DAY") else { return Ok(1_000) };
    text.parse().map_err(|error| Error::config("TENANT_CALLS_PER_DAY", "a whole number").with_source(error))
}

/// Reads `SEK=0.095,EUR=1.08`: US dollars for one unit of each currency.
fn exchange_rates(text: Option<&str>) -> Result<HashMap<String, Money>> {
    let wrong = || Error::config("EXCHANGE_RATES", "currencies with US dollars for a unit, such as SEK=0.095,EUR=1.08");
    let pairs = text.into_iter().flat_map(|text| text.split(',')).map(str::trim).filter(|pair| !pair.is_empty());
    let rate = |pair: &str| {
        let (currency, unit) = pair.split_once('=').ok_or_else(wrong)?;
        let is_currency = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
        let unit = dollars(unit).filter(|unit| is_currency && *unit > Money::ZERO).ok_or_else(wrong)?;
        Ok((currency.to_owned(), unit))
    };
    pairs.map(rate).collect()
}

fn call_limits() -> Result<CallLimits> {
    let cap = match optional("CALL_COST_CAP") {
        Some(text) => {
            dollars(&text).ok_or_else(|| Error::config("CALL_COST_CAP", "an amount in dollars such as 0.25"))?
        }
        None => Budget::CAP,
    };
    let mut backoff = Backoff::default();
    for (name, wait) in [
        ("RETRY_BUSY_MINUTES", &mut backoff.busy),
        ("RETRY_NO_ANSWER_MINUTES", &mut backoff.no_answer),
        ("RETRY_FAILED_MINUTES", &mut backoff.failed),
        ("RETRY_VOICEMAIL_MINUTES", &mut backoff.voicemail),
    ] {
        if let Some(text) = optional(name) {
            let minutes: u32 = text.parse().map_err(|error| Error::config(name, "whole minutes").with_source(error))?;
            *wait = Duration::from_secs(60) * minutes;
        }
    }
    Ok(CallLimits { cap, backoff })
}

/// An amount in dollars, in millionths: at most six digits behind the point.
fn dollars(text: &str) -> Option<Money> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !digits(whole) || !digits(part) {
        return None;
    }
    let micros: i64 = format!("{part:0<6}").parse().ok()?;
    Some(Money::from_micros(whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?))
}

fn calls_per_second() -> Result<f64> {
    let wrong = || Error::config("CALLS_PER_SECOND", "a number such as 1 or 0.5");
    let number = |text: String| text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    optional("CALLS_PER_SECOND").map_or(Ok(1.0), |text| number(text).ok_or_else(wrong))
}

/// How long what is kept. Nothing is kept for less than a day: a call may still be under way.
fn retention() -> Result<RetentionPolicy> {
    let mut policy = RetentionPolicy::default();
    for (name, period) in [
        ("RETENTION_EVENTS_DAYS", &mut policy.events),
        ("RETENTION_PROVIDER_LOGS_DAYS", &mut policy.provider_logs),
        ("RETENTION_FAILED_SESSIONS_DAYS", &mut policy.failed_sessions),
        ("RETENTION_RECORDINGS_DAYS", &mut policy.recordings),
        ("RETENTION_TRANSCRIPTS_DAYS", &mut policy.transcripts),
    ] {
        if let Some(text) = optional(name) {
            *period = days(&text).ok_or_else(|| Error::config(name, "whole days from 1 to 36500"))?;
        }
    }
    Ok(policy)
}

fn days(text: &str) -> Option<Duration> {
    let days = text.parse::<u32>().ok().filter(|days| (1..=36_500).contains(days))?;
    Some(Duration::from_secs(24 * 3600) * days)
}

fn rates() -> Result<Rates> {
    let rates = Rates::default();
    let number = |name: &'static str, default: NonZeroU32| match optional(name) {
        Some(text) => text.parse().map_err(|error| Error::config(name, "a number from 1").with_source(error)),
        None => Ok(default),
    };
    Ok(Rates {
        per_token: number("RATE_PER_TOKEN", rates.per_token)?,
        burst: number("RATE_BURST", rates.burst)?,
        calls: number("RATE_CALLS_PER_BUSINESS", rates.calls)?,
        at_once: number("RATE_AT_ONCE", rates.at_once)?,
    })
}

fn trusted_proxies() -> Result<TrustedProxies> {
    let wrong =
        |error| Error::config("TRUSTED_PROXIES", "addresses and networks such as 10.0.0.0/8").with_source(error);
    optional("TRUSTED_PROXIES").unwrap_or_default().parse().map_err(wrong)
}

/// A variable that is set and not empty.
pub(crate) fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that must be set.
pub(crate) fn required(name: &'static str) -> Result<String> {
    optional(name).ok_or_else(|| Error::config(name, "is not set"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_simulated_server_left_can_be_read_by_the_next_one() {
        let folder = std::env::temp_dir().join(voicecall::RecordId::new().to_string());
        let row = voicecall::SealedRow::session(voicecall::TenantId::new(), voicecall::SessionId::new());
        let number = "+46701234567".parse().unwrap();
        let vault = || Settings::simulated(folder.clone(), "127.0.0.1:0").unwrap().vault().unwrap();
        let sealed = vault().seal_address(row, &number).unwrap();
        assert_eq!(vault().open_address(row, &sealed).unwrap(), number);
        assert_eq!(vault().lookup(row.tenant, &number), sealed.lookup);
        fs::remove_dir_all(folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_key_of_simulated_calls() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(voicecall::RecordId::new().to_string());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        kept_key(&folder, "data.key").unwrap();
        let key = folder.join("data.key");
        assert_eq!((mode(&folder), mode(&key)), (0o700, 0o600));
        // As an older program left it.
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        kept_key(&folder, "data.key").unwrap();
        assert_eq!(mode(&key), 0o600);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn periods_are_whole_days() {
        assert_eq!(days("90"), Some(Duration::from_secs(90 * 24 * 3600)));
        for wrong in ["0", "-1", "1.5", "36501", "a week", "4294967296"] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn exchange_rates_are_read_or_named() {
        let rates = exchange_rates(Some("SEK=0.095, EUR=1.08")).unwrap();
        assert_eq!((rates["SEK"].micros(), rates["EUR"].micros()), (95_000, 1_080_000));
        assert!(exchange_rates(None).unwrap().is_empty());
        for wrong in ["SEK", "sek=1", "SEK=-1", "SEK=0", "SEK=x"] {
            assert_eq!(exchange_rates(Some(wrong)).unwrap_err().field(), Some("EXCHANGE_RATES"), "{wrong}");
        }
    }

    #[test]
    fn dollars_are_read_to_the_millionth() {
        assert_eq!(dollars("0.25"), Some(Money::from_micros(250_000)));
        assert_eq!(dollars("3"), Some(Money::from_micros(3_000_000)));
        for wrong in ["", ".5", "-1", "0.1234567", "1e3", "0,25", "99999999999999999999"] {
            assert_eq!(dollars(wrong), None, "{wrong}");
        }
    }
}
