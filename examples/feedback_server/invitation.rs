//! What a server says when it is up: where its pages are, how to get in, and a line to try.

use std::net::SocketAddr;

use jiff::Timestamp;
use voicecall::survey::store::{CustomerVerification, VerificationId, VerificationStatus};
use voicecall::{PhoneNumber, Result, TenantId, Vault};

use crate::api::Scope;
use crate::app::App;
use crate::seed::Seed;

/// Prints where the dashboard is, a token, and a line that has a simulated customer called. Each start has a customer of its own,
/// because nobody is called twice about one purchase.
///
/// # Errors
/// What the store reports.
pub(crate) async fn of_simulated(app: &App, seed: &Seed, vault: &Vault) -> Result<()> {
    let Some(business) = seed.business.first().map(|business| business.id) else { return Ok(()) };
    let phone = nobody()?;
    let verification = purchase(app, vault, business, &phone).await?;
    let token = app.tokens.issue("invitation", &[business], &[Scope::Read, Scope::Operate])?;
    let address = app.server.address();
    println!("Calls go to simulated customers; the carriers and AI services are simulated too.\n");
    println!("Dashboard  {}", dashboard(address));
    println!("Token      {token}");
    println!("           good for twelve hours, also after the server was started anew\n");
    println!("Call a customer:\n");
    println!("curl -sX POST http://{address}/api/calls/initiate -H 'authorization: Bearer {token}' \\");
    println!("  -H 'content-type: application/json' -d '{{\"verificationId\":\"{verification}\",");
    println!("  \"businessId\":\"{business}\",\"customerPhone\":\"{}\"}}'", phone.reveal());
    Ok(())
}

/// Prints where the dashboard is, how to make a token, and a line that shows a business, or makes one if there is none.
pub(crate) fn of_real(app: &App, seed: &Seed) {
    let address = app.server.address();
    let program =
        std::env::current_exe().map_or_else(|_| "feedback_server".to_owned(), |path| path.display().to_string());
    println!("Dashboard  {}", dashboard(address));
    let line = match seed.business.first() {
        Some(business) => {
            let id = business.id;
            println!("Token      {program} token {id} --scope 'read operate'\n");
            format!(
                "curl -s http://{address}/api/businesses/{id} -H \"authorization: Bearer $('{program}' token {id})\""
            )
        }
        None => {
            let id = TenantId::new();
            println!("Token      {program} token BUSINESS --scope 'read operate'\n");
            println!("A business begins with its name:");
            format!(
                "curl -sX PUT http://{address}/api/businesses/{id} -H \"authorization: Bearer $('{program}' token {id} \
                 --scope admin)\" -H 'content-type: application/json' -d '{{\"storeInfo\":{{\"name\":\"Butiken\"}}}}'"
            )
        }
    };
    println!("{line}");
}

fn dashboard(address: SocketAddr) -> String {
    format!("http://{address}/dashboard/")
}

/// One of the numbers that the Swedish authority keeps for stories, so that it is nobody's.
fn nobody() -> Result<PhoneNumber> {
    const FIRST: i64 = 1_740_605;
    const COUNT: i64 = 95;
    PhoneNumber::parse(&format!("+4670{}", FIRST + Timestamp::now().as_microsecond() % COUNT))
}

async fn purchase(app: &App, vault: &Vault, business: TenantId, phone: &PhoneNumber) -> Result<VerificationId> {
    let id = VerificationId::new();
    let verification = CustomerVerification {
        id,
        tenant: business,
        purchased_at: Timestamp::now(),
        amount_micros: 129_000_000,
        phone: vault.seal_address(CustomerVerification::row(business, id), &phone.clone().into())?,
        status: VerificationStatus::Verified,
    };
    app.store.put_verification(&verification).await?;
    Ok(id)
}
