//! Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.

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

/// The header `webhook-signature`: one signature for each secret, divided by spaces.
pub(crate) fn sign(secrets: &[SecretString], id: &str, seconds: i64, body: &str) -> Result<String> {
    let one = |secret: &SecretString| -> Result<String> {
        let wrong = || Error::new(ErrorKind::Internal, "sign webhook").with_field("secret");
        let key = secret.expose_secret().strip_prefix(PREFIX).ok_or_else(wrong)?;
        let key = STANDARD.decode(key).map_err(|_| wrong())?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| wrong())?;
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
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
    fn each_subscription_and_generation_has_a_secret_of_its_own() {
        let vault = Vault::generate().unwrap();
        let url: url::Url = "https://a.example".parse().unwrap();
        let new = || Subscription::new(voicecall_core::TenantId::new(), url.clone(), [], jiff::Timestamp::UNIX_EPOCH);
        let (one, two) = (new(), new());
        let secrets = [secret(&vault, &one, 0), secret(&vault, &one, 1), secret(&vault, &two, 0)];
        let all: std::collections::HashSet<_> = secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect();
        assert_eq!(all.len(), 3);
        let key = STANDARD.decode(&secrets[0].expose_secret()[6..]).unwrap();
        assert_eq!(key.len(), 32);
        assert_eq!(secret(&vault, &one, 0).expose_secret(), secrets[0].expose_secret());
    }
}
