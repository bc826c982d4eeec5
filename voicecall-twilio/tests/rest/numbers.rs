//! Where calls to the account's numbers are asked about.

use voicecall_core::carrier::{NumberWebhooks, VoiceBackend};

use crate::scripted;
use crate::support::Answer;

fn number_page(application: &str) -> Answer {
    Answer::new(
        200,
        format!(
            r#"{{"incoming_phone_numbers":[{{"sid":"PN1","phone_number":"+46700000001","voice_url":"https://old.example/",
            "status_callback":"","voice_application_sid":"{application}","trunk_sid":null}}],"page":0}}"#
        ),
    )
}

#[tokio::test]
async fn a_number_that_is_tied_to_something_else_is_untied_when_it_is_set() {
    let answer = Answer::new(200, r#"{"sid":"PN1","phone_number":"+46700000001"}"#);
    let tied = || number_page("AP1");
    let (twilio, emulator) = scripted([number_page(""), answer.clone(), tied(), tied(), answer]).await;
    let number = "+46700000001".parse().unwrap();
    let wanted = NumberWebhooks { incoming: "https://calls.example/in".parse().ok(), status: None };
    twilio.set_number_webhooks(&number, &wanted).await.unwrap();
    assert_eq!(twilio.number_webhooks(&number).await.unwrap(), NumberWebhooks::default(), "its address is not asked");
    twilio.set_number_webhooks(&number, &wanted).await.unwrap();
    let seen = emulator.seen();
    let fields = |at: usize| seen[at].fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    let plain =
        ["VoiceUrl=https://calls.example/in", "VoiceMethod=POST", "StatusCallback=", "StatusCallbackMethod=POST"];
    assert_eq!(fields(1), plain);
    assert_eq!(fields(4), [&plain[..], &["VoiceApplicationSid="]].concat());
    assert!(seen[4].target.ends_with("/IncomingPhoneNumbers/PN1.json"), "{}", seen[4].target);
}
