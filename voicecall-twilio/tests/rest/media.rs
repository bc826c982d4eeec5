//! Media of messages: from Twilio only, within bounds, and from where it redirects to without credentials.

use voicecall_core::ErrorKind;
use voicecall_core::messaging::{ConversationalBackend, Media};

use crate::messages::scripted;
use crate::support::{ACCOUNT, Answer, Emulator};

const HOST: &str = "https://api.twilio.com";

fn path() -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME1")
}

fn medium(url: &str) -> Media {
    Media { url: url.parse().unwrap(), content_type: "image/jpeg".parse().unwrap() }
}

fn file(body: &str, content_type: &str) -> Answer {
    Answer::new(200, body).header("content-type", content_type)
}

#[tokio::test]
async fn a_medium_is_fetched_from_the_interface_with_credentials_and_tells_its_type() {
    let (twilio, emulator) = scripted([file("picture", "image/png")]).await;
    let content = twilio.media(&medium(&format!("{HOST}{}", path())), 7).await.unwrap();
    assert_eq!((content.bytes.as_slice(), content.content_type.as_str()), (&b"picture"[..], "image/png"));
    let seen = emulator.seen();
    assert_eq!(seen[0].target, path());
    assert!(seen[0].authorization.starts_with("Basic "));
}

#[tokio::test]
async fn a_redirect_is_followed_without_credentials() {
    let (cdn, address) = Emulator::start([file("picture", "image/jpeg")]).await;
    let redirect = Answer::new(307, "").header("location", format!("http://{address}/signed?key=1"));
    let (twilio, emulator) = scripted([redirect]).await;

    let content = twilio.media(&medium(&format!("{HOST}{}", path())), 100).await.unwrap();

    assert_eq!(content.bytes, b"picture");
    assert!(emulator.seen()[0].authorization.starts_with("Basic "));
    let seen = cdn.seen();
    assert_eq!((seen[0].target.as_str(), seen[0].authorization.as_str()), ("/signed?key=1", ""));
}

#[tokio::test]
async fn what_is_longer_of_another_type_or_gone_is_not_taken() {
    let answers = [file("a picture", "image/png"), file("<html>", "text/html"), Answer::error(404, 20404)];
    let (twilio, _emulator) = scripted(answers).await;
    let mut errors = Vec::new();
    for _ in 0..3 {
        errors.push(twilio.media(&medium(&format!("{HOST}{}", path())), 8).await.unwrap_err());
    }
    let seen: Vec<_> = errors.iter().map(|error| (error.kind(), error.field())).collect();
    assert_eq!(
        seen,
        [(ErrorKind::Invalid, Some("media")), (ErrorKind::Invalid, Some("media")), (ErrorKind::NotFound, None)]
    );
}

#[tokio::test]
async fn an_address_that_is_not_one_of_the_accounts_messages_at_twilio_is_not_asked() {
    let (twilio, emulator) = scripted([]).await;
    let foreign = path().replace(ACCOUNT, &ACCOUNT.replace('0', "1"));
    let wrong = [
        format!("https://elsewhere.example{}", path()),
        format!("https://api.twilio.com.evil.example{}", path()),
        format!("https://eviltwilio.com{}", path()),
        format!("http://api.twilio.com{}", path()),
        format!("{HOST}{foreign}"),
        format!("{HOST}/2010-04-01/Accounts/{ACCOUNT}/Messages/../Calls.json"),
        format!("{HOST}/2010-04-01/Accounts/{ACCOUNT}.json"),
        "http://127.0.0.1:1/a.jpg".to_owned(),
    ];
    for url in wrong {
        let refused = twilio.media(&medium(&url), 100).await.unwrap_err();
        assert_eq!((refused.kind(), refused.field()), (ErrorKind::Invalid, Some("media")), "{url}");
    }
    assert!(emulator.seen().is_empty());
}
