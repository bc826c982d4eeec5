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

use crate::column::Text;
use crate::fault::Outcome;
use crate::transaction::Transaction;
use crate::{events, sessions};

/// The survey's part of a [`SqliteStore`](crate::SqliteStore), for
/// [`SqliteOptions::extension`](crate::SqliteOptions::extension): without it the store keeps a survey's facts and nothing
/// that follows from them.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqliteSurvey;

impl<'a> Extension<Transaction<'a>> for SqliteSurvey {
    fn name(&self) -> &'static str {
        SurveyFile::NAME
    }

    fn project(&self, db: &mut Transaction<'a>, tenant: TenantId, entry: &JournalEntry) -> Result<()> {
        for projection in project(entry)? {
            keep(db, tenant, entry, projection).map_err(|fault| fault.into_error("project fact"))?;
        }
        Ok(())
    }

    fn export(&self, db: &mut Transaction<'a>, tenant: TenantId, person: PersonKey) -> Result<Value> {
        let file = file(db, tenant, person).map_err(|fault| fault.into_error("export person"))?;
        if file.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::to_value(file).map_err(|error| Error::new(ErrorKind::Internal, "export person").with_source(error))
    }

    fn erase(&self, db: &mut Transaction<'a>, tenant: TenantId, person: PersonKey) -> Result<u64> {
        let erased = || -> Outcome<u64> {
            let delete = "DELETE FROM customer_verifications WHERE business_id = ? AND phone_lookup = ?";
            Ok(db.execute(delete, (Text(tenant), person.lookup().as_bytes().as_slice()))? as u64)
        };
        erased().map_err(|fault| fault.into_error("erase person"))
    }
}

fn keep(db: &Transaction<'_>, tenant: TenantId, entry: &JournalEntry, projection: Projection) -> Outcome<()> {
    match projection {
        Projection::Event(event) => events::append(db, event),
        Projection::Asked(question) => {
            let mut record = calls::record(db, tenant, entry.session)?;
            record.project(Projection::Asked(question), entry.at);
            calls::save(db, tenant, entry.session, &record)
        }
        Projection::Response(response) => {
            let joined = match responses::find(db, tenant, entry.session, response.question)? {
                Some(mut earlier) => {
                    earlier.extend(&response);
                    earlier
                }
                None => response,
            };
            responses::save(db, tenant, &joined)?;
            calls::touch(db, entry.session, entry.at)
        }
        Projection::Analysis { question, sentiment, analysis } => {
            if let Some(mut response) = responses::find(db, tenant, entry.session, question)? {
                response.analyse(sentiment, &analysis);
                responses::save(db, tenant, &response)?;
            }
            calls::touch(db, entry.session, entry.at)
        }
    }
}

fn file(db: &Transaction<'_>, tenant: TenantId, person: PersonKey) -> Outcome<SurveyFile> {
    let mut file = SurveyFile { verifications: directory::of_person(db, tenant, person)?, ..SurveyFile::default() };
    for session in sessions::of_person(db, tenant, person)? {
        if calls::exists(db, session.id)? {
            file.calls.insert(session.id, calls::record(db, tenant, session.id)?);
        }
    }
    Ok(file)
}
