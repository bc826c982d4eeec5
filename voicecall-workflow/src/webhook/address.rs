//! Where webhooks may go: tenants choose addresses, and must not reach what only we can.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};
use voicecall_core::{Error, Result, check_public_url};

/// The longest address that is taken.
const LONGEST: usize = 2000;

/// Refuses an address that webhooks must not go to, as far as it can be seen without asking what its name means.
pub(crate) fn check_url(url: &Url, allows_private: bool) -> Result<()> {
    let wrong = |expected: &'static str| Err(Error::invalid("url", expected));
    if url.as_str().len() > LONGEST {
        return wrong("at most 2,000 characters");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("no name or password in it");
    }
    if allows_private {
        return if matches!(url.scheme(), "http" | "https") { Ok(()) } else { wrong("an http or https address") };
    }
    let is_public = match url.host() {
        Some(Host::Domain(name)) => is_public_name(name),
        Some(Host::Ipv4(address)) => is_public_address(address.into()),
        Some(Host::Ipv6(address)) => is_public_address(address.into()),
        None => false,
    };
    if !is_public || check_public_url(url).is_err() {
        return wrong("an https address in the public network");
    }
    Ok(())
}

fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_private = |end: &str| name == end[1..] || name.ends_with(end);
    name.contains('.') && ![".localhost", ".local", ".internal", ".home.arpa"].into_iter().any(is_private)
}

/// Whether an address is one of the public network: not of this machine, of a private or shared network, of a link, of
/// documentation, or of anything else that is reserved.
#[must_use]
pub fn is_public_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_reserved = match (a, b, c) {
        // This network, private ones, loopback, shared by carriers, links.
        (0 | 10 | 127, ..) | (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // For protocols, documentation and relays.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113) => true,
        // For measurements, many receivers, and later.
        (198, 18..=19, _) | (224..=255, ..) => true,
        _ => false,
    };
    !is_reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let v4_in = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        // One of IPv4, written as this (also for a translator, or for a tunnel).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            is_public_v4(v4_in(high, low))
        }
        // Documentation, and what is for protocols.
        [0x2001, 0xdb8, ..] | [0x2001, 0..=0x1ff, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Everything that is global begins so.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_network_is_reached() {
        for good in [
            "https://crm.example/hooks?x=1",
            "https://1.1.1.1/",
            "https://[2606:4700:4700::1111]/a",
            "https://a.example:8443",
        ] {
            check_url(&good.parse().unwrap(), false).unwrap();
        }
        for wrong in [
            "http://crm.example",
            "ftp://crm.example",
            "https://localhost",
            "https://localhost./",
            "https://db",
            "https://metadata.google.internal/",
            "https://printer.local",
            "https://me:secret@crm.example",
            "https://127.0.0.1",
            "https://0x7f.1",
            "https://2130706433/",
            "https://10.0.0.1",
            "https://100.64.0.1",
            "https://169.254.169.254/latest/meta-data",
            "https://172.20.0.1",
            "https://192.168.1.1",
            "https://0.0.0.0",
            "https://224.0.0.1",
            "https://255.255.255.255",
            "https://[::1]",
            "https://[::]",
            "https://[::ffff:10.0.0.1]",
            "https://[64:ff9b::7f00:1]",
            "https://[2002:7f00:1::]",
            "https://[fd00::1]",
            "https://[fe80::1]",
            "https://[2001:db8::1]",
            "https://[ff02::1]",
        ] {
            let error = check_url(&wrong.parse().unwrap(), false).unwrap_err();
            assert_eq!(error.field(), Some("url"), "{wrong}");
        }
        check_url(&"http://127.0.0.1:9000/".parse().unwrap(), true).unwrap();
        assert!(check_url(&"file:///etc/passwd".parse().unwrap(), true).is_err());
    }
}
