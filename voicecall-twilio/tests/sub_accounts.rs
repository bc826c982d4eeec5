//! Who signs in and who signs: a sub-account with its parent's credentials, an API key, and the tokens of webhooks.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use support::{PUBLIC_URL, sign};
use voicecall_core::ErrorKind;
use voicecall_core::carrier::{FindCalls, PlaceCall, VoiceBackend, WebhookRequest};
use voicecall_core::messaging::ConversationalBackend;
use voicecall_sim::phone::{Answer, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, ApiKey, Exchange, ExchangeOptions, Number};
use voicecall_twilio::{TwilioBuilder, TwilioVoice};

const PARENT: (&str, &str) = ("AC00000000000000000000000000000001", "the parent's token");
const SUB: (&str, &str) = ("AC00000000000000000000000000000002", "the sub-account's token");
const STRANGER: (&str, &str) = ("AC00000000000000000000000000000003", "a stranger's token");
const KEY: (&str, &str) = ("SK00000000000000000000000000000004", "the key's secret");
const FROM: &str = "+46100000001";
const TO: &str = "+46700000001";

async fn emulator() -> TwilioServer {
    let account = |(sid, token): (&str, &str), numbers| Account::new(sid, token, numbers);
    let mut sub = account(SUB, vec![Number::new(FROM)]).under(PARENT.0);
    sub.api_keys.push(ApiKey { sid: KEY.0.to_owned(), secret: KEY.1.to_owned() });
    let accounts = vec![account(PARENT, Vec::new()), sub, account(STRANGER, Vec::new())];
    let exchange = Exchange::new(ExchangeOptions::new(1, accounts), |_| Box::new(Silent(Answer::Unreachable)));
    TwilioServer::start(exchange, ServerOptions::default()).await.unwrap()
}

fn sub_account(server: &TwilioServer) -> TwilioBuilder {
    TwilioVoice::builder().account_sid(SUB.0).auth_token(SUB.1).public_url(PUBLIC_URL).api_base_url(server.api())
}

fn order() -> PlaceCall {
    let url = |path: &str| format!("{PUBLIC_URL}{path}").parse().unwrap();
    PlaceCall::new(TO.parse().unwrap(), FROM.parse().unwrap(), url("/answer"), url("/status"))
}

#[tokio::test]
async fn the_parent_and_a_key_act_on_the_sub_account() {
    let server = emulator().await;
    let signed_in = [
        sub_account(&server),
        sub_account(&server).parent_account(PARENT.0, PARENT.1),
        sub_account(&server).api_key(KEY.0, KEY.1),
    ];
    for (place, builder) in signed_in.into_iter().enumerate() {
        let messages = builder.clone().build_messaging().unwrap();
        let calls = builder.build().unwrap();
        calls.health().await.unwrap();
        messages.health().await.unwrap();
        let placed = calls.place(&order()).await.unwrap();
        assert_eq!(calls.fetch(&placed.id).await.unwrap().id, placed.id);
        let ours = FindCalls { from: FROM.parse().unwrap(), to: TO.parse().unwrap(), since: jiff::Timestamp::MIN };
        assert_eq!(calls.find(&ours).await.unwrap().len(), place + 1, "each sees the sub-account's calls");
    }
}

#[tokio::test]
async fn nobody_else_acts_on_the_sub_account() {
    let server = emulator().await;
    let wrong = [
        sub_account(&server).auth_token("another token"),
        sub_account(&server).parent_account(PARENT.0, SUB.1),
        sub_account(&server).parent_account(STRANGER.0, STRANGER.1),
        sub_account(&server).api_key(KEY.0, "another secret"),
    ];
    for builder in wrong {
        let calls = builder.build().unwrap();
        assert_eq!(calls.health().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
        assert_eq!(calls.place(&order()).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
}

#[tokio::test]
async fn webhooks_are_signed_with_the_sub_accounts_own_token_whoever_signs_in() {
    let server = emulator().await;
    let fields =
        [("CallSid", "CA1"), ("CallStatus", "in-progress")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let accepts = |carrier: &TwilioVoice, token: &str| {
        let signature = sign(token, &format!("{PUBLIC_URL}/answer"), &fields);
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("x-twilio-signature", signature.as_str())];
        let body = b"CallSid=CA1&CallStatus=in-progress";
        let request = WebhookRequest { method: "POST", path_and_query: "/answer", headers: &headers, body };
        carrier.webhook(&request).is_ok()
    };
    for builder in [sub_account(&server).parent_account(PARENT.0, PARENT.1), sub_account(&server).api_key(KEY.0, KEY.1)]
    {
        let carrier = builder.build().unwrap();
        assert!(accepts(&carrier, SUB.1));
        assert!(!accepts(&carrier, PARENT.1));
        assert!(!accepts(&carrier, KEY.1));
    }
}
