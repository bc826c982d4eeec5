//! Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use voicecall_core::store::Subscription;
use voicecall_core::{Error, ErrorKind, Result, Vault};

const PREFIX: &str = "whsec_";

/// The secret of a subscription after it was changed `generation` times: made of the vault's index key, which outlives the
/// keys that seal, so that no store holds it.
pub(crate) fn secret(vault: &Vault, of: &Subscription, generation: u32) -> SecretString {
    let subject = format!("{}/{}/{generation}", of.tenant, of.id);
    let half = |which: &str| vault.index(which, subject.as_bytes());
    let key = [half("webhook secret 1"), half("webhook secret 2")].concat();
    SecretString::from(format!("{PREFIX}{}", STANDARD.encode(key)))
}

/// How far a webhook's time may lie from the receiver's.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Checks a webhook as its receiver does, over the body as it came: whether one of the signatures in the header
/// `webhook-signature` is right, and its time less than five minutes away. A receiver also drops a `webhook-id` that it has had.
///
/// # Errors
/// `Unauthenticated` naming the header that is wrong; `Config` naming `secret` for one that is none.
pub fn verify_webhook(
    secret: &SecretString,
    id: &str,
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: SystemTime,
) -> Result<()> {
    let wrong = |header: &'static str| Error::new(ErrorKind::Unauthenticated, "verify webhook").with_field(header);
    let seconds: u64 = timestamp.parse().map_err(|_| wrong("webhook-timestamp"))?;
    let at =
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or_else(|| wrong("webhook-timestamp"))?;
    let apart = now.duration_since(at).or_else(|_| at.duration_since(now)).unwrap_or(Duration::MAX);
    if apart > TOLERANCE {
        return Err(wrong("webhook-timestamp"));
    }
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    for one in signature.split(' ').filter_map(|one| one.strip_prefix("v1,")) {
        let Ok(code) = STANDARD.decode(one) else { continue };
        // Takes the same time whatever differs.
        if mac(secret)?.chain_update(&signed).verify_slice(&code).is_ok() {
            return Ok(());
        }
    }
    Err(wrong("webhook-signature"))
}

fn mac(secret: &SecretString) -> Result<Hmac<Sha256>> {
    let wrong = || Error::config("secret", "`whsec_` and base64");
    let key = secret.expose_secret().strip_prefix(PREFIX).ok_or_else(wrong)?;
    let key = STANDARD.decode(key).map_err(|_| wrong())?;
    Hmac::<Sha256>::new_from_slice(&key).map_err(|_| wrong())
}

/// The header `webhook-signature`: one signature for each secret, divided by spaces.
pub(crate) fn sign(secrets: &[SecretString], id: &str, seconds: i64, body: &str) -> Result<String> {
    let one = |secret: &SecretString| -> Result<String> {
        let mac = mac(secret)?.chain_update(format!("{id}.{seconds}.{body}"));
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    Ok(secrets.iter().map(one).collect::<Result<Vec<_>>>()?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the documentation of Svix's libraries, from which the standard came.
    #[test]
    fn the_published_example_has_its_signature() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = r#"{"test": 2432232314}"#;
        let signed = sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_receiver_takes_what_is_signed_and_new_and_nothing_else() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let (id, body, at) = ("msg_1", r#"{"a":1}"#, 1_614_265_330);
        let own = sign(std::slice::from_ref(&secret), id, at, body).unwrap();
        let others = sign(&[SecretString::from("whsec_AAAA")], id, at, body).unwrap();
        let later = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_614_265_330 + seconds);
        let check = |id: &str, at: &str, signature: &str, body: &str, now| {
            verify_webhook(&secret, id, at, signature, body.as_bytes(), now)
                .map_err(|error| error.field().map(str::to_owned))
        };
        let at = at.to_string();
        check(id, &at, &own, body, later(299)).unwrap();
        check(id, &at, &format!("v2,x {others} {own}"), body, later(0)).unwrap();
        let (signature, time) = (Err(Some("webhook-signature".to_owned())), Err(Some("webhook-timestamp".to_owned())));
        assert_eq!(check(id, &at, &others, body, later(0)), signature);
        assert_eq!(check(id, &at, "", body, later(0)), signature);
        assert_eq!(check("msg_2", &at, &own, body, later(0)), signature);
        assert_eq!(check(id, &at, &own, r#"{"a":2}"#, later(0)), signature);
        assert_eq!(check(id, &at, &own, body, later(301)), time);
        assert_eq!(check(id, "x", &own, body, later(0)), time);
    }

    #[test]
    fn each_subscription_and_generation_has_a_secret_of_its_own() {
        let vault = Vault::generate().unwrap();
        let url: url::Url = "https://a.example".parse().unwrap();
        let new = || Subscription::new(voicecall_core::TenantId::new(), url.clone(), [], jiff::Timestamp::UNIX_EPOCH);
        let (one, two) = (new(), new());
        let secrets = [secret(&vault, &one, 0), secret(&vault, &one, 1), secret(&vault, &two, 0)];
        let all: std::collections::HashSet<_> =
            secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect();
        assert_eq!(all.len(), 3);
        let key = STANDARD.decode(&secrets[0].expose_secret()[6..]).unwrap();
        assert_eq!(key.len(), 32);
        assert_eq!(secret(&vault, &one, 0).expose_secret(), secrets[0].expose_secret());
    }
}
