//! An address for a server that is started later.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use crate::id::RecordId;

/// Ports that no system gives by itself, neither to servers nor to connections that leave it: Linux begins at 32,768, others
/// at 49,152 (RFC 6335, section 6).
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// An address of this machine for a server that is started later, perhaps in another process, and perhaps several times.
///
/// A port that the system gives (`127.0.0.1:0`) and that is let go for that server is anybody's meanwhile: the next connection
/// that leaves the machine may get it. This one is nobody's, and no two of these have the same at a time, whichever processes
/// they are in: each holds the UDP port of its number.
///
/// ```
/// use voicecall_core::testing::ReservedAddress;
///
/// let reserved = ReservedAddress::new();
/// let server = std::net::TcpListener::bind(reserved.address())?;
/// assert_eq!(server.local_addr()?, reserved.address());
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct ReservedAddress {
    address: SocketAddr,
    _mark: UdpSocket,
}

impl ReservedAddress {
    /// An address that nobody has.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        // By chance, so that who still talks to a server that is gone does not meet the next one.
        let bytes = *RecordId::new().as_uuid().as_bytes();
        let first = u16::from_be_bytes([bytes[14], bytes[15]]) % (PORTS.end - PORTS.start);
        let ports = (PORTS.start + first..PORTS.end).chain(PORTS.start..PORTS.start + first);
        ports.into_iter().find_map(Self::at).expect("a free port")
    }

    /// This port, unless somebody has it.
    fn at(port: u16) -> Option<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mark = UdpSocket::bind(address).ok()?;
        TcpListener::bind(address).ok()?;
        Some(Self { address, _mark: mark })
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_reserved_once_and_taken_by_nobody_who_has_not_reserved_it() {
        let held: Vec<_> = (0..50).map(|_| ReservedAddress::new()).collect();
        for (n, reserved) in held.iter().enumerate() {
            assert!(PORTS.contains(&reserved.address().port()));
            assert!(ReservedAddress::at(reserved.address().port()).is_none());
            assert!(held[..n].iter().all(|other| other.address() != reserved.address()));
        }
        let server = TcpListener::bind(held[0].address()).unwrap();
        let port = held[0].address().port();
        drop(held);
        assert!(ReservedAddress::at(port).is_none(), "somebody listens there");
        drop(server);
        assert!(ReservedAddress::at(port).is_some());
    }
}
