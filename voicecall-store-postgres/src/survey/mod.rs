//! What a survey keeps beside sessions, in the store's own transactions.

mod calls;
mod directory;
mod questions;
mod report;
mod responses;

use serde_json::Value;
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::Extension;
use voicecall_core::{Error, ErrorKind, PersonKey, Result, TenantId};
use voicecall_survey::store::{Projection, SurveyFile, project};

use crate::column::params;
use crate::connection::Db;
use crate::fault::Outcome;
use crate::transaction::Transaction;
use crate::{events, sessions};

/// The survey's part of a [`PostgresStore`](crate::PostgresStore), for
/// [`PostgresOptions::extension`](crate::PostgresOptions::extension): without it the store keeps a survey's facts and
/// nothing that follows from them.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresSurvey;

impl Extension<Transaction> for PostgresSurvey {
    fn name(&self) -> &'static str {
        SurveyFile::NAME
    }

    fn project(&self, transaction: &mut Transaction, tenant: TenantId, entry: &JournalEntry) -> Result<()> {
        for projection in project(entry)? {
            transaction.wait("project fact", keep(transaction.db(), tenant, entry, projection))?;
        }
        Ok(())
    }

    fn export(&self, transaction: &mut Transaction, tenant: TenantId, person: PersonKey) -> Result<Value> {
        let file = transaction.wait("export person", file(transaction.db(), tenant, person))?;
        if file.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::to_value(file).map_err(|error| Error::new(ErrorKind::Internal, "export person").with_source(error))
    }

    fn erase(&self, transaction: &mut Transaction, tenant: TenantId, person: PersonKey) -> Result<u64> {
        let delete = "DELETE FROM voicecall.customer_verifications WHERE tenant_id = $1 AND phone_lookup = $2";
        let of = params![tenant, person];
        transaction.wait("erase person", transaction.db().execute(delete, of))
    }
}

async fn keep(db: &Db, tenant: TenantId, entry: &JournalEntry, projection: Projection) -> Outcome<()> {
    match projection {
        Projection::Event(event) => events::append(db, tenant, event).await,
        Projection::Asked(question) => {
            let mut record = calls::record(db, tenant, entry.session).await?;
            record.project(Projection::Asked(question), entry.at);
            calls::save(db, tenant, entry.session, &record).await
        }
        Projection::Response(response) => {
            let joined = match responses::find(db, tenant, entry.session, response.question).await? {
                Some(mut earlier) => {
                    earlier.extend(&response);
                    earlier
                }
                None => response,
            };
            responses::save(db, tenant, &joined).await?;
            calls::touch(db, tenant, entry.session, entry.at).await
        }
        Projection::Analysis { question, sentiment, analysis } => {
            if let Some(mut response) = responses::find(db, tenant, entry.session, question).await? {
                response.analyse(sentiment, &analysis);
                responses::save(db, tenant, &response).await?;
            }
            calls::touch(db, tenant, entry.session, entry.at).await
        }
    }
}

async fn file(db: &Db, tenant: TenantId, person: PersonKey) -> Outcome<SurveyFile> {
    let verifications = directory::of_person(db, tenant, person).await?;
    let mut file = SurveyFile { verifications, ..SurveyFile::default() };
    for session in sessions::of_person(db, tenant, person).await? {
        if calls::exists(db, tenant, session.id).await? {
            file.calls.insert(session.id, calls::record(db, tenant, session.id).await?);
        }
    }
    Ok(file)
}
