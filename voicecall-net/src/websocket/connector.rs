//! The way to a socket: TCP, TLS where the address asks for it, and the handshake.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::{Host, Url};
use voicecall_core::Result;

use super::socket::{Connection, Socket};
use crate::tls::{Protocol, client_config};

/// Opens sockets.
#[derive(Clone)]
pub struct Connector {
    tls: Option<TlsConnector>,
    longest_message: usize,
}

impl Connector {
    /// For plain connections, or encrypted ones; only the latter need the machine's root certificates. Messages of more than so
    /// many bytes break a socket.
    ///
    /// # Errors
    /// `Config` if the machine has none.
    pub fn new(encrypted: bool, longest_message: usize) -> Result<Self> {
        // A WebSocket begins as HTTP/1.1.
        let tls = encrypted.then(|| client_config(true, Protocol::Http1)).transpose()?;
        Ok(Self { tls: tls.map(|config| TlsConnector::from(Arc::new(config))), longest_message })
    }

    /// Opens a socket at a `ws` or `wss` address. Gives the headers of the server's answer as well.
    ///
    /// # Errors
    /// What the way or the handshake failed by; `HttpFormat` for an address that is none.
    pub async fn open(&self, url: &Url, headers: HeaderMap) -> Result<(Socket, HeaderMap), SocketError> {
        let mut request = url.as_str().into_client_request()?;
        request.headers_mut().extend(headers);
        let connection = self.connect(url).await?;
        let longest = Some(self.longest_message);
        let config = WebSocketConfig::default().max_message_size(longest).max_frame_size(longest);
        let (socket, response) = client_async_with_config(request, connection, Some(config)).await?;
        Ok((Socket::new(socket), response.into_parts().0.headers))
    }

    async fn connect(&self, url: &Url) -> io::Result<Box<dyn Connection>> {
        let unknown = || io::Error::from(io::ErrorKind::AddrNotAvailable);
        let host = url.host().ok_or_else(unknown)?;
        let port = url.port_or_known_default().ok_or_else(unknown)?;
        let (tcp, name) = match host {
            Host::Domain(name) => (TcpStream::connect((name, port)).await?, ServerName::try_from(name.to_owned())),
            Host::Ipv4(ip) => (TcpStream::connect((ip, port)).await?, Ok(ServerName::from(IpAddr::from(ip)))),
            Host::Ipv6(ip) => (TcpStream::connect((ip, port)).await?, Ok(ServerName::from(IpAddr::from(ip)))),
        };
        // A frame would else wait until the one before it is acknowledged.
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = name.map_err(|_| unknown())?;
        Ok(Box::new(tls.connect(name, tcp).await?))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("is_encrypted", &self.tls.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encrypted_connections_have_tls() {
        assert!(Connector::new(true, 1).unwrap().tls.is_some());
        assert!(Connector::new(false, 1).unwrap().tls.is_none());
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_refused_before_anything_is_sent() {
        let url = Url::parse("unix:/run/socket").unwrap();
        let refused = Connector::new(false, 1).unwrap().open(&url, HeaderMap::new()).await;
        assert!(matches!(refused, Err(SocketError::HttpFormat(_))), "{refused:?}");
    }
}
