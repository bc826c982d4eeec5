//! Many clients at once, each asking for everything in turn: what dashboards read, what shops write, what others report.

use std::error::Error;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sha2::Sha256;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::client::{Client, SHOP, answer};
use crate::ringing::Placed;
use crate::sample::Sample;

/// What a client rests after an answer.
const PAUSE: Duration = Duration::from_millis(50);

/// What is asked for, in this order.
const ROUTES: [Route; 9] = [
    Route::Status,
    Route::Call,
    Route::Calls,
    Route::Events,
    Route::Questions,
    Route::Select,
    Route::Analytics,
    Route::Verification,
    Route::Webhook,
];

#[derive(Debug, Clone, Copy)]
enum Route {
    Status,
    Call,
    Calls,
    Events,
    Questions,
    Select,
    Analytics,
    Verification,
    Webhook,
}

impl Route {
    const fn name(self) -> &'static str {
        match self {
            Self::Status => "GET /calls/{sessionId}/status",
            Self::Call => "GET /calls/{sessionId}",
            Self::Calls => "GET /calls",
            Self::Events => "GET /calls/{sessionId}/events",
            Self::Questions => "GET /questions/configurations",
            Self::Select => "GET /questions/select",
            Self::Analytics => "GET /analytics",
            Self::Verification => "POST /verifications",
            Self::Webhook => "POST /calls/webhooks/telephony",
        }
    }

    fn request(self, client: &Client, secret: &str, call: &Placed) -> RequestBuilder {
        let get = |path: &str| client.request(Method::GET, path);
        let session = &call.session;
        match self {
            Self::Status => get(&format!("/calls/{session}/status")),
            Self::Call => get(&format!("/calls/{session}")),
            Self::Calls => get(&format!("/calls?businessId={SHOP}")),
            Self::Events => get(&format!("/calls/{session}/events")),
            Self::Questions => get(&format!("/questions/configurations?businessId={SHOP}")),
            Self::Select => get(&format!("/questions/select?businessId={SHOP}&customerCount=7&timeBudgetSeconds=90")),
            Self::Analytics => {
                let today = Timestamp::now().strftime("%Y-%m-%d");
                get(&format!("/analytics?businessId={SHOP}&from={today}&until={today}"))
            }
            Self::Verification => client.request(Method::POST, "/verifications").json(&json!({
                "businessId": SHOP, "purchasedAt": Timestamp::now(), "amount": 99, "customerPhone": "+46701234567",
            })),
            Self::Webhook => report(client, secret, call),
        }
    }
}

/// A report that is no news, signed.
fn report(client: &Client, secret: &str, call: &Placed) -> RequestBuilder {
    let now = Timestamp::now();
    let event = json!({
        "eventType": "call_initiated", "callId": call.call, "sessionId": call.session, "businessId": SHOP, "timestamp": now,
    });
    let (body, at) = (event.to_string(), now.as_second());
    let signature = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(format!("{at}.{body}").as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    client
        .request(Method::POST, "/calls/webhooks/telephony")
        .header("content-type", "application/json")
        .header("x-voicecall-signature", format!("t={at},v1={}", signature.unwrap_or_default()))
        .body(body)
}

/// Prints how long each route took, and how many requests a second all of them were.
///
/// # Errors
/// When any answer is not a success.
pub(crate) async fn measure(
    client: &Client,
    secret: &str,
    calls: &[Placed],
    clients: u32,
    duration: Duration,
) -> Result<(), Box<dyn Error>> {
    let (begun, mut tasks) = (Instant::now(), JoinSet::new());
    for (number, call) in calls.iter().cycle().take(clients as usize).enumerate() {
        let (client, secret, call) = (client.clone(), secret.to_owned(), call.clone());
        // Clients are spread over the pause, and each begins with another route.
        let offset = PAUSE * u32::try_from(number)? / clients;
        tasks.spawn(async move {
            sleep(offset).await;
            let mut samples = ROUTES.map(|_| Sample::default());
            let mut at = number;
            while begun.elapsed() < duration {
                let route = at % ROUTES.len();
                let request = ROUTES[route].request(&client, &secret, &call);
                let asked = Instant::now();
                let response = request.send().await.map_err(|error| error.to_string())?;
                let body = answer(response).await.map_err(|error| error.to_string())?.bytes().await;
                body.map_err(|error| error.to_string())?;
                samples[route].add(asked.elapsed());
                at += 1;
                sleep(PAUSE).await;
            }
            Ok::<_, String>(samples)
        });
    }
    let (mut all, mut count) = (ROUTES.map(|_| Sample::default()), 0);
    while let Some(samples) = tasks.join_next().await {
        for (sample, more) in all.iter_mut().zip(samples??) {
            count += more.len();
            sample.extend(more);
        }
    }
    for (route, sample) in ROUTES.iter().zip(all) {
        println!("{}", sample.summary(route.name()));
    }
    let per_second = (count as f64 / begun.elapsed().as_secs_f64()).round();
    println!("{}", json!({ "name": "load", "clients": clients, "requests": count, "requestsPerSecond": per_second }));
    Ok(())
}
