//! Businesses, questions and verifications from a file, for a server that has no other source of them yet.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use voicecall::survey::store::{
    BusinessContext, CallPreferences, CustomerVerification, Priority, QuestionConfiguration, QuestionId, StoreInfo,
    SurveyStore, VerificationId, VerificationStatus,
};
use voicecall::{Error, PhoneNumber, Result, TenantId, Vault};

/// What the demo starts with.
pub(crate) const DEMO: &str = include_str!("demo.toml");

/// A seed file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seed {
    #[serde(default)]
    pub(crate) business: Vec<SeedBusiness>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedBusiness {
    pub(crate) id: TenantId,
    pub(crate) name: String,
    /// How many customers there were before.
    #[serde(default)]
    pub(crate) customers: u64,
    /// When and how often customers are called.
    #[serde(default)]
    calls: CallPreferences,
    #[serde(default)]
    pub(crate) question: Vec<SeedQuestion>,
    #[serde(default)]
    pub(crate) verification: Vec<SeedVerification>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedQuestion {
    id: QuestionId,
    text: String,
    frequency: u32,
    priority: Priority,
    #[serde(default = "general")]
    tags: Vec<String>,
    #[serde(default)]
    follow_up: Vec<String>,
    #[serde(default = "half_a_minute")]
    max_response_seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedVerification {
    pub(crate) id: VerificationId,
    pub(crate) phone: PhoneNumber,
    amount_sek: i64,
    status: VerificationStatus,
}

fn general() -> Vec<String> {
    vec!["general".to_owned()]
}

const fn half_a_minute() -> u64 {
    30
}

impl Seed {
    /// Reads a file.
    ///
    /// # Errors
    /// `Config` naming `SEED_PATH` and saying where it is wrong.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::config("SEED_PATH", "a readable file").with_source(error))?;
        Self::parse(&text)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// As [`Seed::load`].
    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::config("SEED_PATH", error.to_string()))
    }

    /// Writes everything that is not there yet.
    ///
    /// # Errors
    /// What the store reports; `Invalid` naming the field of a question that is out of range.
    pub(crate) async fn plant(&self, store: &dyn SurveyStore, vault: &Vault) -> Result<()> {
        for business in &self.business {
            if store.business(business.id).await.is_ok() {
                continue;
            }
            for question in &business.question {
                store.put_question(&question.configuration(business.id)).await?;
            }
            for verification in &business.verification {
                store.put_verification(&verification.record(business.id, vault)?).await?;
            }
            for _ in 0..business.customers {
                store.count_customer(business.id).await?;
            }
            // Last, because its presence says that the rest is there.
            store.put_business(&business.context()).await?;
        }
        Ok(())
    }
}

impl SeedBusiness {
    fn context(&self) -> BusinessContext {
        BusinessContext {
            tenant: self.id,
            store_info: StoreInfo { name: self.name.clone() },
            question_settings: serde_json::json!({}),
            call_preferences: self.calls.clone(),
        }
    }
}

impl SeedQuestion {
    fn configuration(&self, tenant: TenantId) -> QuestionConfiguration {
        QuestionConfiguration {
            id: self.id,
            frequency: self.frequency,
            priority: self.priority,
            department_tags: self.tags.clone(),
            max_response_time: Duration::from_secs(self.max_response_seconds),
            follow_up_prompts: self.follow_up.clone(),
            ..QuestionConfiguration::new(tenant, &self.text, Timestamp::now())
        }
    }
}

impl SeedVerification {
    fn record(&self, tenant: TenantId, vault: &Vault) -> Result<CustomerVerification> {
        Ok(CustomerVerification {
            id: self.id,
            tenant,
            purchased_at: Timestamp::now(),
            amount_micros: self.amount_sek * 1_000_000,
            phone: vault.seal_address(CustomerVerification::row(tenant, self.id), &self.phone.clone().into())?,
            status: self.status,
        })
    }
}
