//! From the request for a call to the ringing of the simulated phone, one call after the other.

use std::error::Error;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Client, SHOP, answer};
use crate::sample::Sample;

// What the simulator accepts.
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "simulated-auth-token";

/// How finely the carrier is asked, which is how coarse the figures are.
const STEP: Duration = Duration::from_millis(2);

/// Longer than any phone may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A session and what the carrier calls its call.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) session: String,
    pub(crate) call: String,
}

/// Orders calls to customers of their own. Prints how long the answer, the carrier's order and the ringing took, each
/// from the request on.
///
/// # Errors
/// When a request fails or a phone does not ring.
pub(crate) async fn measure(client: &Client, carrier: &str, calls: u32) -> Result<Vec<Placed>, Box<dyn Error>> {
    let (mut answered, mut ordered, mut ringing) = (Sample::default(), Sample::default(), Sample::default());
    let mut placed = Vec::new();
    for number in 0..calls {
        // None of them is the number that calls.
        let phone = format!("+46701{number:06}");
        let purchase = json!({
            "businessId": SHOP, "purchasedAt": Timestamp::now(), "amount": 99, "customerPhone": phone, "status": "verified",
        });
        let verification = client.post("/verifications", &purchase).await?;
        let order = json!({ "verificationId": verification["id"], "businessId": SHOP, "customerPhone": phone });

        let begun = Instant::now();
        let session = client.post("/calls/initiate", &order).await?;
        answered.add(begun.elapsed());
        let call = until(begun, async || Ok(find(client, carrier, &phone).await?)).await?;
        ordered.add(begun.elapsed());
        until(begun, async || {
            let call = find(client, carrier, &phone).await?;
            Ok(call.filter(|call| !matches!(text(&call["status"]), "queued" | "initiated")))
        })
        .await?;
        ringing.add(begun.elapsed());
        placed.push(Placed { session: text(&session["id"]).to_owned(), call: text(&call["sid"]).to_owned() });
    }
    println!("{}", answered.summary("initiate: answered"));
    println!("{}", ordered.summary("initiate: the carrier has the order"));
    println!("{}", ringing.summary("initiate: the phone rings"));
    Ok(placed)
}

/// Asks again and again until there is something.
async fn until(
    begun: Instant,
    mut ask: impl AsyncFnMut() -> Result<Option<Value>, Box<dyn Error>>,
) -> Result<Value, Box<dyn Error>> {
    while begun.elapsed() < LIMIT {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        sleep(STEP).await;
    }
    Err("the phone does not ring".into())
}

/// The carrier's call to a phone.
async fn find(client: &Client, carrier: &str, phone: &str) -> Result<Option<Value>, Box<dyn Error>> {
    let url = format!("{}/2010-04-01/Accounts/{ACCOUNT}/Calls.json", carrier.trim_end_matches('/'));
    let request = client.http.get(url).query(&[("To", phone)]).basic_auth(ACCOUNT, Some(AUTH_TOKEN));
    let list: Value = answer(request.send().await?).await?.json().await?;
    Ok(list["calls"].get(0).cloned())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
