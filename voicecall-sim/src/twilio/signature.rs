//! `X-Twilio-Signature`, as the carrier makes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use tokio_tungstenite::tungstenite::http::HeaderName;

/// The header that carries the signature.
pub(crate) const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// Signs a request: HMAC-SHA1, with the account's token as key, over the URL as sent and the form's names and values.
///
/// Names are sorted byte by byte, the values of a repeated name sorted and without duplicates. For `GET`, for a
/// WebSocket handshake and for a body that is no form, `form` is empty.
#[must_use]
#[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "HMAC takes a key of any length")]
pub fn sign(auth_token: &str, url: &str, form: &[(String, String)]) -> String {
    let mut fields: Vec<&(String, String)> = form.iter().collect();
    fields.sort();
    fields.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).expect("a key of any length");
    mac.update(url.as_bytes());
    for (name, value) in fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";

    fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The vectors of the carrier's official libraries; the token of all is `12345`.
    #[test]
    fn official_vectors_come_out() {
        let call = form(&[
            ("To", "+18005551212"),
            ("CallSid", "CA1234567890ABCDE"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("Caller", "+14158675309"),
        ]);
        let repeated = form(&[
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ]);
        let vectors = [
            (URL, &call, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("https://mycompany.com:443/myapp.php?foo=1&bar=2", &call, "kvajT1Ptam85bY51eRf/AJRuM3w="),
            ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", &call, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
            (URL, &repeated, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
            (URL, &Vec::new(), "zYQTYrRWXE7LtzbG4PfP7/bkkGo="),
            ("wss://example.com/media", &Vec::new(), "7PR3qMkpDyEJtMrVOY/LDyNq8J8="),
        ];
        for (url, form, signature) in vectors {
            assert_eq!(sign("12345", url, form), signature, "{url}");
        }
    }
}
