//! The smallest server: whoever calls hears two sentences.
//!
//! `cargo run -p hello_call -- demo` needs nothing; without `demo` it answers real calls, with the keys in the environment.

use voicecall::prelude::*;

#[tokio::main]
async fn main() -> voicecall::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("demo") {
        return voicecall_sim::demo::run(include_str!("../demo.toml")).await;
    }
    let listen = std::env::var("LISTEN").unwrap_or("0.0.0.0:8080".to_owned());
    Server::builder()
        .log()
        .carrier(TwilioVoice::from_env()?)
        .agent(openai::cascade_from_env()?)
        .on_incoming(async |_call| {
            let lines = Scripted::new(["Hello, you have reached the bakery. We are open from eight to six."]);
            Ok(IncomingDecision::connect(lines))
        })
        .serve(&listen)
        .await
}
