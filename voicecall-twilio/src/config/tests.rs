use secrecy::ExposeSecret;

use super::*;

const SID: &str = "AC0123456789abcdef0123456789abcdef";
const PARENT: &str = "AC00000000000000000000000000000001";

fn complete() -> TwilioBuilder {
    TwilioBuilder::new().account_sid(SID).auth_token("token").public_url("https://calls.example")
}

fn wrong_setting(builder: TwilioBuilder) -> String {
    builder.build().unwrap_err().field().unwrap().to_owned()
}

#[test]
fn a_missing_setting_is_named() {
    assert_eq!(wrong_setting(TwilioBuilder::new()), "TWILIO_ACCOUNT_SID");
    assert_eq!(wrong_setting(TwilioBuilder::new().account_sid(SID)), "TWILIO_AUTH_TOKEN");
    assert_eq!(wrong_setting(TwilioBuilder::new().account_sid(SID).auth_token("t")), "PUBLIC_URL");
    assert!(complete().build().is_ok());
}

#[test]
fn a_wrong_messaging_service_is_named_by_the_messaging_side_alone() {
    let wrong = complete().messaging_service("MG1");
    assert!(wrong.clone().build().is_ok());
    assert_eq!(wrong.build_messaging().unwrap_err().field(), Some("TWILIO_MESSAGING_SERVICE_SID"));
    assert!(complete().messaging_service(SID.replace("AC", "MG")).build_messaging().is_ok());
    assert_eq!(complete().auth_token(" ").build_messaging().unwrap_err().field(), Some("TWILIO_AUTH_TOKEN"));
}

#[test]
fn conversations_are_of_the_account_that_signs_in() {
    let wrong = complete().conversation_service("IS1");
    assert_eq!(wrong.build_conversations().unwrap_err().field(), Some("TWILIO_CONVERSATION_SERVICE_SID"));
    let under = complete().parent_account(PARENT, "secret");
    assert!(under.clone().build_messaging().is_ok());
    assert_eq!(under.build_conversations().unwrap_err().field(), Some("TWILIO_PARENT_ACCOUNT_SID"));
    assert!(complete().conversation_service(SID.replace("AC", "IS")).build_conversations().is_ok());
}

#[test]
fn a_wrong_setting_is_named() {
    let wrong = [
        (complete().account_sid("AC1"), "TWILIO_ACCOUNT_SID"),
        (complete().account_sid(SID.replace('0', "/")), "TWILIO_ACCOUNT_SID"),
        (complete().auth_token(" "), "TWILIO_AUTH_TOKEN"),
        (complete().secondary_auth_token(""), "TWILIO_AUTH_TOKEN_SECONDARY"),
        (complete().api_key("AC1", "secret"), "TWILIO_API_KEY"),
        (complete().api_key(SID.replace("AC", "SK"), ""), "TWILIO_API_SECRET"),
        (complete().parent_account("SK1", "secret"), "TWILIO_PARENT_ACCOUNT_SID"),
        (complete().parent_account(SID, "secret"), "TWILIO_PARENT_ACCOUNT_SID"),
        (complete().parent_account(PARENT, " "), "TWILIO_PARENT_AUTH_TOKEN"),
        (
            complete().api_key(SID.replace("AC", "SK"), "secret").parent_account(PARENT, "secret"),
            "TWILIO_PARENT_ACCOUNT_SID",
        ),
        (complete().public_url("calls.example"), "PUBLIC_URL"),
        (complete().public_url("wss://calls.example"), "PUBLIC_URL"),
        (complete().public_url("https://calls.example/?a"), "PUBLIC_URL"),
        (complete().public_url("https://my_calls.example"), "PUBLIC_URL"),
        (complete().api_base_url("http://api.example"), "TWILIO_API_BASE_URL"),
        (complete().api_base_url("ftp://localhost"), "TWILIO_API_BASE_URL"),
        (complete().api_base_url("https://api.example/v1"), "TWILIO_API_BASE_URL"),
        (complete().api_base_url("https://api.example").region("ie1"), "TWILIO_API_BASE_URL"),
        (complete().region("xx1"), "TWILIO_EDGE"),
        (complete().region("ie1.evil.example/").edge("dublin"), "TWILIO_REGION"),
        (complete().connect_timeout(Duration::ZERO), "connect_timeout"),
        (complete().request_timeout(Duration::from_secs(1)), "connect_timeout"),
        (complete().connection_overrides(ConnectionOverrides::new().retries(9)), "connection_overrides"),
    ];
    for (builder, setting) in wrong {
        assert_eq!(wrong_setting(builder), setting);
    }
}

#[test]
fn plain_http_is_for_this_machine_only() {
    for local in ["http://127.0.0.1:4010", "http://localhost:4010", "http://[::1]:4010"] {
        assert!(complete().api_base_url(local).build().is_ok(), "{local}");
    }
}

#[test]
fn the_environment_holds_every_secret_and_address() {
    let key = SID.replace("AC", "SK");
    let variables = |name: &str| {
        let value = match name {
            "TWILIO_ACCOUNT_SID" => SID,
            "TWILIO_AUTH_TOKEN" => "one",
            "TWILIO_AUTH_TOKEN_SECONDARY" => "two",
            "TWILIO_API_KEY" => key.as_str(),
            "TWILIO_API_SECRET" => "three",
            "TWILIO_API_BASE_URL" => "http://127.0.0.1:4010",
            "PUBLIC_URL" => "https://calls.example",
            _ => "",
        };
        Some(value.to_owned())
    };
    let builder = TwilioBuilder::from_variables(variables);
    assert_eq!(builder.secondary_auth_token.as_ref().unwrap().expose_secret(), "two");
    assert_eq!(builder.region, None, "an empty variable is not set");
    assert!(builder.build().is_ok());
    assert_eq!(wrong_setting(TwilioBuilder::from_variables(|_| None)), "TWILIO_ACCOUNT_SID");
}

#[test]
fn secrets_are_not_printed() {
    let builder =
        complete().auth_token("canary-1").secondary_auth_token("canary-2").api_key(SID.replace("AC", "SK"), "canary-3");
    let sub_account = complete().parent_account(PARENT, "canary-4");
    let built = (builder.clone().build().unwrap(), sub_account.clone().build().unwrap());
    let printed = format!("{builder:?} {sub_account:?} {built:?}");
    assert!(!printed.contains("canary"), "{printed}");
}

#[test]
fn half_of_a_pair_in_the_environment_names_the_other_half() {
    let with = |name: &'static str, value: &'static str| {
        let builder = TwilioBuilder::from_variables(|asked| (asked == name).then(|| value.to_owned()));
        wrong_setting(builder.account_sid(SID).auth_token("token").public_url("https://calls.example"))
    };
    assert_eq!(with("TWILIO_PARENT_ACCOUNT_SID", PARENT), "TWILIO_PARENT_AUTH_TOKEN");
    assert_eq!(with("TWILIO_PARENT_AUTH_TOKEN", "secret"), "TWILIO_PARENT_ACCOUNT_SID");
    assert_eq!(with("TWILIO_API_KEY", "SK0123456789abcdef0123456789abcdef"), "TWILIO_API_SECRET");
    assert_eq!(with("TWILIO_API_SECRET", "secret"), "TWILIO_API_KEY");
}

#[test]
fn access_tokens_need_the_account_and_its_key_alone() {
    let with_key = TwilioBuilder::new().account_sid(SID).api_key(SID.replace("AC", "SK"), "secret");
    assert!(with_key.clone().region("ie1").build_access_tokens().is_ok());
    let wrong = |builder: TwilioBuilder| builder.build_access_tokens().unwrap_err().field().unwrap().to_owned();
    assert_eq!(wrong(complete()), "TWILIO_API_KEY");
    assert_eq!(wrong(TwilioBuilder::new()), "TWILIO_ACCOUNT_SID");
    assert_eq!(wrong(with_key.region("ie1/")), "TWILIO_EDGE");
}
