//! A connection's socket: it keeps its slot, gives way when told to, and waits only so long for a slow reader.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::slots::Slot;

/// It outlives its connection when it is upgraded: a media socket has a slot as long as it is open.
pub(super) struct Stream {
    socket: TcpStream,
    gives_way: Pin<Box<WaitForCancellationFutureOwned>>,
    write_timeout: Duration,
    /// Set while the socket takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Dropped after the socket, so that a free slot is a closed file.
    _slot: Arc<Slot>,
}

impl Stream {
    pub(super) fn new(socket: TcpStream, slot: Arc<Slot>, write_timeout: Duration) -> Self {
        let gives_way = Box::pin(slot.gives_way().clone().cancelled_owned());
        Self { socket, gives_way, write_timeout, stalled: None, _slot: slot }
    }

    /// Fails once the connection has to give way. An upgraded one has no other way of knowing.
    fn go_on(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.gives_way.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "gave way to another connection")),
            Poll::Pending => Ok(()),
        }
    }

    /// The outcome of a write, or a failure if there has been none for too long.
    fn bounded<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        self.go_on(context)?;
        let write_timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.stalled.is_some() {
            // What was not read is dropped with it. Otherwise the kernel would keep it, and go on trying.
            let _ = self.socket.set_zero_linger();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.go_on(context)?;
        Pin::new(&mut this.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(context, bytes);
        this.bounded(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write_vectored(context, slices);
        this.bounded(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}
