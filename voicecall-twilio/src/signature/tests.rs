//! Twilio's published signatures, and what must not verify.

use proptest::prelude::*;

use super::*;

const P: &str = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
const U: &str = "/myapp.php?foo=1&bar=2";
const JSON: &str = r#"{"property": "value", "boolean": true}"#;
const JSON_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
const FORM: &str = "application/x-www-form-urlencoded";

fn check_at(public_url: &str) -> SignatureCheck {
    SignatureCheck::new(public_url.parse().unwrap(), vec!["12345".to_owned().into()])
}

fn posted(public_url: &str, target: &str, content_type: &str, body: &str, signature: &str) -> bool {
    let headers = [("content-type", content_type), ("x-twilio-signature", signature)];
    let request = WebhookRequest { method: "POST", path_and_query: target, headers: &headers, body: body.as_bytes() };
    check_at(public_url).webhook(&request).is_ok()
}

fn got(public_url: &str, target: &str, signature: &str) -> bool {
    let headers = [("X-Twilio-Signature", signature)];
    let request = WebhookRequest { method: "GET", path_and_query: target, headers: &headers, body: b"" };
    check_at(public_url).webhook(&request).is_ok()
}

fn upgraded(public_url: &str, target: &str, signature: &str) -> bool {
    let headers = [("x-twilio-signature", signature)];
    let request = WebhookRequest { method: "GET", path_and_query: target, headers: &headers, body: b"" };
    check_at(public_url).handshake(&request).is_ok()
}

fn sign(url: &str, params: &Params<'_>) -> String {
    signature(&"12345".to_owned().into(), url, params).unwrap()
}

#[test]
fn the_published_form_vectors_verify() {
    let vectors = [
        ("https://mycompany.com", U, P, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://mycompany.com", U, P, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("https://mycompany.com:443", U, P, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("https://mycompany.com:1234", U, P, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("http://mycompany.com:1234", U, P, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        ("http://mycompany.com", U, P, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        ("http://mycompany.com:80", U, P, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (
            "https://mycompany.com",
            U,
            "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
            "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        ),
        (
            "https://mycompany.com",
            U,
            "MessagingBinding.Address=%2B1325xxxxxxx&MessagingBinding.Address=%2B1415xxxxxxx",
            "83O6e2vORAoJHUNzJjDWN1jz+BA=",
        ),
        (
            "https://mycompany.com",
            U,
            "MessagingBinding.Address=%2B1415xxxxxxx&MessagingBinding.Address=%2B1325xxxxxxx",
            "83O6e2vORAoJHUNzJjDWN1jz+BA=",
        ),
        ("https://mycompany.com", "/myapp.php?foo=1&bar=2&Body=It's+amazing", P, "dsq4Ehbj6cs+KdTkpF5sSSplOWw="),
        ("https://user:pass@mycompany.com", U, P, "CukzLTc1tT5dXEDIHm/tKBanW10="),
        ("https://user@mycompany.com", U, P, "2YRLlVAflCqxaNicjMpJcSTgzSs="),
        ("https://user:pass@mycompany.com:443", U, P, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="),
        ("https://user:pass@mycompany.com", U, P, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="),
    ];
    for (public_url, target, params, signature) in vectors {
        assert!(posted(public_url, target, FORM, params, signature), "{public_url}{target} {params}");
    }
}

#[test]
fn the_published_documentation_examples_verify() {
    let newer = P.replace("14158675309", "14158675310");
    assert!(posted("https://example.com", U, FORM, &newer, "L/OH5YylLD5NRKLltdqwSvS0BnU="));
    let older = P.replace("14158675309", "12349013030");
    assert!(posted("https://mycompany.com", U, FORM, &older, "0/KCTR6DLpKmkAf8muzZqo1nDgQ="));
}

#[test]
fn the_published_body_vectors_verify() {
    let target = format!("{U}&bodySHA256={JSON_HASH}");
    assert!(posted("https://mycompany.com", &target, "application/json", JSON, "a9nBmqA0ju/hNViExpshrM61xv4="));
    let alone = format!("/myapp.php?bodySHA256={JSON_HASH}");
    assert!(posted("https://mycompany.com", &alone, "application/json", JSON, "y77kIzt2vzLz71DgmJGsen2scGs="));
    let empty = format!("{U}&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert!(posted("https://mycompany.com", &empty, "application/json", "{}", "Ldidvp12m26NI7eqEvxnEpkd9Hc="));
}

#[test]
fn a_request_without_parameters_verifies() {
    assert!(got("https://mycompany.com", U, "zYQTYrRWXE7LtzbG4PfP7/bkkGo="));
    assert!(posted("https://mycompany.com", U, FORM, "", "zYQTYrRWXE7LtzbG4PfP7/bkkGo="));
}

#[test]
fn a_wrong_signature_address_or_body_is_refused() {
    let good = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    let at = "https://mycompany.com";
    assert!(!posted(at, U, FORM, P, "WRONGSIGNATUREabcdefghijkl="));
    assert!(!posted(at, U, FORM, P, ""));
    assert!(!posted(at, &format!("{U}&extra=1"), FORM, P, good));
    assert!(!posted(at, U, FORM, &format!("{P}&extra=1"), good));
    assert!(!posted("http://mycompany.com", U, FORM, P, good));
    assert!(!posted("https://user:pass@mycompany.com", U, FORM, P, good));
    assert!(!posted(at, "", FORM, P, good));
    assert!(!posted(at, "https://mycompany.com/myapp.php?foo=1&bar=2", FORM, P, good));
}

#[test]
fn a_body_that_is_not_signed_or_was_changed_is_refused() {
    let at = "https://mycompany.com";
    assert!(!posted(at, U, "application/json", JSON, "zYQTYrRWXE7LtzbG4PfP7/bkkGo="));
    assert!(!posted(at, U, "", JSON, "zYQTYrRWXE7LtzbG4PfP7/bkkGo="));
    let target = format!("{U}&bodySHA256={JSON_HASH}");
    let good = "a9nBmqA0ju/hNViExpshrM61xv4=";
    assert!(!posted(at, &target, "application/json", &JSON.replace("true", "false"), good));
    let shortened = &target[..target.len() - 1];
    assert!(!posted(at, shortened, "application/json", JSON, &sign(&format!("{at}{shortened}"), &Params::new())));
}

#[test]
fn a_missing_signature_is_refused() {
    let request = WebhookRequest { method: "GET", path_and_query: U, headers: &[], body: b"" };
    let check = check_at("https://mycompany.com");
    assert_eq!(check.head(&request).unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(check.webhook(&request).unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(check.handshake(&request).unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[test]
fn headers_do_not_choose_the_address() {
    let signature = sign("https://evil.example/hook", &Params::new());
    let headers = [("Host", "evil.example"), ("X-Forwarded-Host", "evil.example"), ("X-Twilio-Signature", &signature)];
    let request = WebhookRequest { method: "GET", path_and_query: "/hook", headers: &headers, body: b"" };
    assert!(check_at("https://mycompany.com").webhook(&request).is_err());
}

#[test]
fn either_token_verifies_while_the_token_is_changed() {
    let tokens = vec!["old".to_owned().into(), "12345".to_owned().into()];
    let check = SignatureCheck::new("https://mycompany.com".parse().unwrap(), tokens);
    for token in ["old", "12345", "other"] {
        let signature = signature(&token.to_owned().into(), "https://mycompany.com/hook", &Params::new()).unwrap();
        let headers = [("X-Twilio-Signature", signature.as_str())];
        let request = WebhookRequest { method: "GET", path_and_query: "/hook", headers: &headers, body: b"" };
        assert_eq!(check.webhook(&request).is_ok(), token != "other", "{token}");
    }
}

#[test]
fn a_fragment_is_not_part_of_what_is_signed() {
    assert!(got("https://mycompany.com", &format!("{U}#rc=2&rp=all"), "zYQTYrRWXE7LtzbG4PfP7/bkkGo="));
}

#[test]
fn a_path_of_the_public_address_is_in_front() {
    let signature = sign("https://mycompany.com/voice/hook", &Params::new());
    assert!(got("https://mycompany.com/voice", "/hook", &signature));
    assert!(got("https://mycompany.com/voice/", "/hook", &signature));
    assert!(!got("https://mycompany.com", "/hook", &signature));
}

#[test]
fn a_handshake_verifies_with_or_without_slash_and_port() {
    for signature in ["7PR3qMkpDyEJtMrVOY/LDyNq8J8=", "T+WBXwUXC0/CyoZ1DA+p9ilZORs=", "zyyJQiPZXIGCLy3HYdHEfry0yDg="] {
        assert!(upgraded("https://example.com", "/media", signature), "{signature}");
        assert!(upgraded("https://example.com", "/media/", signature), "{signature}");
        assert!(!got("https://example.com", "/media", signature), "a handshake's signature is no webhook's");
    }
    let of_https = "6HZQ7Cq/dSYDCAiy3qRA6PZfACI=";
    assert!(!upgraded("https://example.com", "/media", of_https), "the signed address is the wss one");
    assert!(got("https://example.com", "/media", of_https));
    assert!(upgraded("http://localhost:3000", "/media", &sign("ws://localhost:3000/media", &Params::new())));
}

#[test]
fn a_handshake_verifies_with_its_query_signed_in_any_way() {
    let params: Params<'_> = form_urlencoded::parse(b"b=2&a=1").collect();
    let signatures = [
        sign("wss://example.com/media?b=2&a=1", &Params::new()),
        sign("wss://example.com/media", &params),
        sign("wss://example.com:443/media/", &params),
        sign("wss://example.com/media", &Params::new()),
    ];
    for signature in signatures {
        assert!(upgraded("https://example.com", "/media?b=2&a=1", &signature));
        assert!(!upgraded("https://example.com", "/other?b=2&a=1", &signature));
    }
}

proptest! {
    #[test]
    fn a_changed_signature_never_verifies(place in 0..28usize, with in "[A-Za-z0-9+/=]") {
        let good = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
        let mut changed = good.to_owned();
        changed.replace_range(place..=place, &with);
        prop_assert_eq!(posted("https://mycompany.com", U, FORM, P, &changed), changed == good);
    }

    #[test]
    fn a_changed_form_never_verifies(place in 0..P.len(), with in "[a-zA-Z0-9]") {
        let mut changed = P.to_owned();
        changed.replace_range(place..=place, &with);
        let same = form_urlencoded::parse(changed.as_bytes()).eq(form_urlencoded::parse(P.as_bytes()));
        prop_assert_eq!(posted("https://mycompany.com", U, FORM, &changed, "RSOYDt4T1cUTdK1PDd93/VVr8B8="), same);
    }

    #[test]
    fn nothing_makes_the_check_panic_or_pass(
        method in "GET|POST|PUT|.{0,4}", target in "/?.{0,30}", name in "X-Twilio-Signature|Content-Type|.{0,9}",
        value in ".{0,40}", body: Vec<u8>,
    ) {
        let headers = [(name.as_str(), value.as_str()), ("X-Twilio-Signature", value.as_str())];
        let request = WebhookRequest { method: &method, path_and_query: &target, headers: &headers, body: &body };
        let check = check_at("https://mycompany.com");
        prop_assert!(check.webhook(&request).is_err());
        prop_assert!(check.handshake(&request).is_err());
    }
}
