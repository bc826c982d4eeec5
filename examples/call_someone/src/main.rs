//! Places one call, says what there is to say, and tells how it ended.
//!
//! `cargo run -p call_someone -- demo` needs nothing; without `demo` it calls `CALL_TO` from `TWILIO_NUMBER`, with the keys
//! in the environment.
#![allow(clippy::print_stdout, reason = "it tells how the call ended")]

use voicecall::Error;
use voicecall::prelude::*;

#[tokio::main]
async fn main() -> voicecall::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("demo") {
        return voicecall_sim::demo::run(include_str!("../demo.toml")).await;
    }
    let listen = std::env::var("LISTEN").unwrap_or("0.0.0.0:8080".to_owned());
    let server = Server::builder()
        .log()
        .carrier(TwilioVoice::from_env()?)
        .number(&variable("TWILIO_NUMBER")?)
        .agent(openai::cascade_from_env()?)
        .build()?;
    let lines = ["Hello, this is the bakery, an automatic call. Your cake is ready and waits for you until six."];
    let order = Call::to(variable("CALL_TO")?).dialogue(Scripted::new(lines)).reference("cake-17");
    let calls = server.calls();
    let served = tokio::spawn(async move { server.serve(&listen).await });
    // Taken in before or after the server runs, as it happens: it is placed once it does.
    let session = calls.place(order).await?.ended().await?;
    println!("The call is over: {:?}", session.end_reason);
    // Stays, as a server does, until it is told to end.
    served.await.map_err(|error| Error::new(voicecall::ErrorKind::Internal, "serve").with_source(error))?
}

fn variable(name: &'static str) -> voicecall::Result<String> {
    std::env::var(name).map_err(|_| Error::config(name, "a phone number in E.164, such as +46701740605"))
}
