//! Whom a request is counted for.

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, HeaderValue};

use super::*;

const PROXY: &str = "10.0.0.1:4000";

fn proxies() -> TrustedProxies {
    "10.0.0.0/8, 192.0.2.7,2001:db8::/32".parse().unwrap()
}

fn headers(name: &'static str, lines: &[&'static str]) -> HeaderMap {
    lines.iter().map(|line| (HeaderName::from_static(name), HeaderValue::from_static(line))).collect()
}

fn client_of(proxies: &TrustedProxies, peer: &str, headers: &HeaderMap) -> Option<String> {
    proxies.client(peer.parse().unwrap(), headers).map(|address| address.to_string())
}

#[test]
fn the_right_most_stranger_is_the_client() {
    let cases: [(&[&str], Option<&str>); 14] = [
        (&["203.0.113.9"], Some("203.0.113.9")),
        // What the client wrote itself stands at the left.
        (&["198.51.100.1, 203.0.113.9"], Some("203.0.113.9")),
        (&["203.0.113.9, 10.0.0.2,10.0.0.3"], Some("203.0.113.9")),
        (&["198.51.100.1", "203.0.113.9", "10.0.0.2"], Some("203.0.113.9")),
        (&["nonsense, 203.0.113.9"], Some("203.0.113.9")),
        (&["203.0.113.9:5555"], Some("203.0.113.9")),
        (&["[2001:db9::1]:5555"], Some("2001:db9::1")),
        (&["[2001:db9::1]"], Some("2001:db9::1")),
        (&["2001:db9::1, 2001:db8::1"], Some("2001:db9::1")),
        (&["::ffff:203.0.113.9"], Some("203.0.113.9")),
        (&["::ffff:10.0.0.2"], None),
        (&["10.0.0.2"], None),
        (&["203.0.113.9, unknown"], None),
        (&[], None),
    ];
    for (lines, expected) in cases {
        let client = client_of(&proxies(), PROXY, &headers("x-forwarded-for", lines));
        assert_eq!(client.as_deref(), expected, "{lines:?}");
    }
}

#[test]
fn the_standard_header_is_read_when_it_is_chosen() {
    let cases: [(&[&str], Option<&str>); 6] = [
        (&["for=203.0.113.9"], Some("203.0.113.9")),
        (&["for=198.51.100.1, For=\"203.0.113.9:47\";proto=https, by=10.0.0.1;for=10.0.0.2"], Some("203.0.113.9")),
        (&["for=\"[2001:db9:cafe::17]:4711\""], Some("2001:db9:cafe::17")),
        (&["for=unknown"], None),
        (&["for=_hidden"], None),
        (&["proto=https"], None),
    ];
    let proxies = proxies().with_header(ForwardedHeader::Forwarded);
    for (lines, expected) in cases {
        assert_eq!(client_of(&proxies, PROXY, &headers("forwarded", lines)).as_deref(), expected, "{lines:?}");
    }
}

#[test]
fn a_header_that_the_proxies_do_not_write_is_not_read() {
    assert_eq!(client_of(&proxies(), PROXY, &headers("forwarded", &["for=203.0.113.9"])), None);
    let standard = proxies().with_header(ForwardedHeader::Forwarded);
    assert_eq!(client_of(&standard, PROXY, &headers("x-forwarded-for", &["203.0.113.9"])), None);
}

#[test]
fn nobody_else_is_believed() {
    let said = headers("x-forwarded-for", &["203.0.113.9"]);
    for (peer, client) in [("198.51.100.1:1", "198.51.100.1"), ("[2001:db9::1]:1", "2001:db9::1")] {
        assert_eq!(client_of(&proxies(), peer, &said).as_deref(), Some(client));
        assert_eq!(client_of(&TrustedProxies::default(), peer, &said).as_deref(), Some(client));
    }
}

#[test]
fn a_proxy_on_a_socket_for_both_families_is_known() {
    let said = headers("x-forwarded-for", &["203.0.113.9"]);
    assert_eq!(client_of(&proxies(), "[::ffff:10.0.0.1]:4000", &said).as_deref(), Some("203.0.113.9"));
    let mapped: TrustedProxies = "::ffff:10.0.0.0/104".parse().unwrap();
    assert!(mapped.contains("10.1.2.3".parse().unwrap()));
}

#[test]
fn a_network_of_ipv6_is_one_client_and_an_ipv4_address_another() {
    let client = |text: &str| Client::new(text.parse().unwrap());
    assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
    assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
    assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
}

#[test]
fn what_is_no_address_is_refused_by_its_text() {
    for wrong in ["localhost", "10.0.0.0/33", "10.0.0.0/8;10.1.0.0/8"] {
        let error = wrong.parse::<TrustedProxies>().unwrap_err();
        assert_eq!(error.field(), Some("trusted_proxies"));
        assert!(error.to_string().contains(wrong), "{error}");
    }
    assert!(!"".parse::<TrustedProxies>().unwrap().contains("10.0.0.1".parse().unwrap()));
}
