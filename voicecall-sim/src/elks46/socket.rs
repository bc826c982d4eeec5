//! One realtime voice socket to the application, for as long as it lives.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::http::HeaderMap;
use url::Url;
use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_DURATION, Frame};

use super::ElksWire;
use super::line::Line;
use crate::fault::{Fault, Site};
use crate::loopback::ServerOptions;
use crate::media_socket::{self, End, FromApp, HANDSHAKE, MediaSocket, Sender, ToSocket};
use crate::phone::{PartyAction, Phone, PhoneOptions};

/// How long the application may take to answer a close before the call goes on without it.
const GOODBYE: Duration = Duration::from_millis(200);

/// After how long a connection on which nothing passes is given up.
const HALF_OPEN: Duration = Duration::from_secs(5);

/// How a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SocketEnd {
    /// The application said goodbye, or closed it.
    Closed,
    /// The caller hung up.
    HungUp,
    /// It broke.
    Lost,
    /// The application broke the protocol, or sent too much.
    Failed,
    /// It could not be opened.
    Refused,
}

/// How a socket is broken.
#[derive(Debug, Clone, Copy)]
enum BreakBy {
    Reset,
    Fin,
    Silence,
}

impl Line {
    /// Opens the socket and lives through it.
    pub(super) async fn stream(&mut self, number: &str, url: &str) -> SocketEnd {
        let fault = self.shared.draw(Site::MediaSocket);
        let opened = timeout(HANDSHAKE, open(url, &self.shared.network)).await.ok().flatten();
        let Some(socket) = opened.filter(|_| fault != Some(Fault::DropBefore)) else {
            self.call(|call| call.byes.push("refused".to_owned()));
            return SocketEnd::Refused;
        };
        self.call(|call| call.sockets += 1);
        let end = self.carry(socket, number, fault).await;
        let reason = match end {
            SocketEnd::Closed => "done",
            SocketEnd::HungUp => "hangup",
            SocketEnd::Failed => "error",
            SocketEnd::Lost | SocketEnd::Refused => "lost",
        };
        self.call(|call| call.byes.push(reason.to_owned()));
        end
    }

    async fn carry(&mut self, mut socket: MediaSocket<TcpStream>, number: &str, fault: Option<Fault>) -> SocketEnd {
        let phone = Mutex::new(self.phone(number));
        let (orders, mut ordered) = media_socket::channel();
        let answered = self.answered;
        flush(&phone, &orders, answered);
        let heard = |message: FromApp| {
            let now = CallTime::ZERO + answered.elapsed();
            match message {
                FromApp::Text(text) => lock(&phone).receive(now, &text),
                FromApp::Binary => lock(&phone).receive_binary(now),
            }
            flush(&phone, &orders, answered);
        };
        let (end, by) = {
            let mut carried = std::pin::pin!(socket.carry(&mut ordered, heard));
            tokio::select! {
                biased;
                end = &mut carried => match end {
                    End::Closed(_) => (SocketEnd::Closed, None),
                    _ => (SocketEnd::Lost, None),
                },
                (end, by) = self.talk(&phone, &orders, fault) => {
                    match by {
                        Some(by) => {
                            let _ = orders.send(ToSocket::Break(by)).await;
                        }
                        None => {
                            let _ = orders.send(ToSocket::Close).await;
                        }
                    }
                    if let Ok(End::Break(BreakBy::Silence)) = timeout(GOODBYE, carried).await {
                        // Held open and never touched again, until it is given up.
                        sleep(HALF_OPEN).await;
                    }
                    (end, by)
                }
            }
        };
        if matches!(by, Some(BreakBy::Reset)) {
            let _ = socket.connection().set_zero_linger();
        }
        let heard = lock(&phone).stats().heard;
        self.call(|call| call.heard += heard);
        end
    }

    fn phone(&self, number: &str) -> Phone {
        let options = &self.shared.options;
        let (id, from) = self.call(|call| (call.id.clone(), call.caller(&options.unconfirmed).unwrap_or_default()));
        let mut behaves = PhoneOptions::default();
        (behaves.to_phone, behaves.to_app) = (options.to_phone, options.to_app);
        behaves.buffer = CallTime::from_samples(options.buffer).since(CallTime::ZERO);
        behaves.returns_cleared_marks = options.unconfirmed.answers_overtaken_syncs;
        Phone::open(self.now(), Box::new(ElksWire::new(&id, &from, number, &options.unconfirmed)), behaves)
    }

    /// Twenty milliseconds after the other, until one side ends it or it is broken.
    async fn talk(
        &mut self,
        phone: &Mutex<Phone>,
        orders: &Sender<BreakBy>,
        fault: Option<Fault>,
    ) -> (SocketEnd, Option<BreakBy>) {
        let mut ticks = interval(FRAME_DURATION);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut frame = 0;
        loop {
            ticks.tick().await;
            if let Some(by) = strikes(fault.as_ref(), frame) {
                return (SocketEnd::Lost, Some(by));
            }
            let now = self.now();
            if let Some(Fault::Stall { length, at_frame }) = &fault
                && *at_frame == frame
            {
                lock(phone).stall(now + *length);
            }
            let action = self.party.speak(now);
            if action == PartyAction::HangUp {
                lock(phone).hang_up(now);
                // The stream ends here, so what the network still holds goes out with it.
                flush_until(phone, orders, CallTime::from_micros(u64::MAX));
                return (SocketEnd::HungUp, None);
            }
            let spoken = if let PartyAction::Speak(frame) = action { frame } else { Frame::SILENCE };
            let (heard, finished, complaint) = {
                let mut phone = lock(phone);
                phone.speak(spoken);
                (phone.tick(now), phone.is_finished(), phone.take_complaints().first().copied())
            };
            self.party.hear(now, &heard);
            self.record(&spoken, &heard);
            flush(phone, orders, self.answered);
            if let Some(complaint) = complaint {
                say(orders, ElksWire::bye("error", Some(&complaint.to_string())));
                return (SocketEnd::Failed, None);
            }
            if finished {
                say(orders, ElksWire::bye("done", None));
                return (SocketEnd::Closed, None);
            }
            frame += 1;
        }
    }
}

/// How the planned fault breaks the socket at this frame.
fn strikes(fault: Option<&Fault>, frame: u64) -> Option<BreakBy> {
    match fault? {
        Fault::Reset { at_frame } if frame >= *at_frame => Some(BreakBy::Reset),
        Fault::Close { at_frame } if frame >= *at_frame => Some(BreakBy::Fin),
        Fault::HalfOpenSocket { at_frame } if frame >= *at_frame => Some(BreakBy::Silence),
        _ => None,
    }
}

async fn open(url: &str, network: &ServerOptions) -> Option<MediaSocket<TcpStream>> {
    let local = network.local(&Url::parse(url).ok()?)?;
    let tcp = TcpStream::connect(local).await.ok()?;
    tcp.set_nodelay(true).ok()?;
    MediaSocket::open(tcp, url, HeaderMap::new()).await.ok()
}

/// Passes on what the phone has to say by now.
fn flush(phone: &Mutex<Phone>, orders: &Sender<BreakBy>, answered: Instant) {
    flush_until(phone, orders, CallTime::ZERO + answered.elapsed());
}

fn flush_until(phone: &Mutex<Phone>, orders: &Sender<BreakBy>, until: CallTime) {
    let mut phone = lock(phone);
    while let Some(text) = phone.pop(until) {
        say(orders, text);
    }
}

/// An application that has not read for seconds misses what comes on top.
fn say(orders: &Sender<BreakBy>, text: String) {
    if orders.try_send(ToSocket::Text(text)).is_err() {
        tracing::debug!("message to the application dropped");
    }
}

/// A panic elsewhere must not hide what the phone has heard.
fn lock(phone: &Mutex<Phone>) -> MutexGuard<'_, Phone> {
    phone.lock().unwrap_or_else(PoisonError::into_inner)
}
