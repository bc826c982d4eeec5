//! Businesses and verifications: the tables `business_contexts` and `customer_verifications`.

use rusqlite::{Connection, Row, named_params};
use uuid::Uuid;
use voicecall_core::store::{Page, PageRequest};
use voicecall_core::{PersonKey, Result, SealedAddress, SealedRow, TenantId, async_trait};
use voicecall_survey::store::{
    BusinessContext, CustomerVerification, DirectoryStore, VerificationId, VerificationStatus,
};

use crate::SqliteStore;
use crate::column::{At, Count, Json, Text, address};
use crate::fault::{Fault, Outcome};
use crate::keys::behind;

#[async_trait]
impl DirectoryStore for SqliteStore {
    async fn put_business(&self, business: &BusinessContext) -> Result<()> {
        let business = business.clone();
        self.write("put business", move |db| {
            let upsert = "INSERT INTO business_contexts (business_id, store_info, question_settings, call_preferences)
                VALUES (:business_id, :store_info, :question_settings, :call_preferences)
                ON CONFLICT (business_id) DO UPDATE SET store_info = excluded.store_info,
                    question_settings = excluded.question_settings, call_preferences = excluded.call_preferences";
            db.prepare_cached(upsert)?.execute(named_params! {
                ":business_id": Text(business.tenant),
                ":store_info": Json(&business.store_info),
                ":question_settings": Json(&business.question_settings),
                ":call_preferences": Json(&business.call_preferences),
            })?;
            Ok(())
        })
        .await
    }

    async fn business(&self, tenant: TenantId) -> Result<BusinessContext> {
        self.read("read business", move |db| {
            let query = "SELECT * FROM business_contexts WHERE business_id = ?";
            Ok(db.prepare_cached(query)?.query_row((Text(tenant),), read)?)
        })
        .await
    }

    async fn put_verification(&self, verification: &CustomerVerification) -> Result<()> {
        let verification = verification.clone();
        self.write("put verification", move |db| {
            let upsert = "INSERT INTO customer_verifications
                (id, business_id, purchase_time, amount, phone, phone_lookup, status)
                VALUES (:id, :business_id, :purchase_time, :amount, :phone, :phone_lookup, :status)
                ON CONFLICT (id) DO UPDATE SET purchase_time = excluded.purchase_time, amount = excluded.amount,
                    phone = excluded.phone, phone_lookup = excluded.phone_lookup, status = excluded.status
                WHERE business_id = excluded.business_id";
            let written = db.prepare_cached(upsert)?.execute(named_params! {
                ":id": Text(verification.id),
                ":business_id": Text(verification.tenant),
                ":purchase_time": At(verification.purchased_at),
                ":amount": verification.amount_micros,
                ":phone": verification.phone.sealed.as_bytes(),
                ":phone_lookup": verification.phone.lookup.as_bytes(),
                ":status": Text(verification.status),
            })?;
            if written == 0 { Err(Fault::conflict("put verification", "the id is taken")) } else { Ok(()) }
        })
        .await
    }

    async fn verification(&self, tenant: TenantId, id: VerificationId) -> Result<CustomerVerification> {
        self.read("read verification", move |db| {
            let query = "SELECT * FROM customer_verifications WHERE id = ? AND business_id = ?";
            Ok(db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), read_verification)?)
        })
        .await
    }

    async fn verifications(
        &self,
        tenant: TenantId,
        status: Option<VerificationStatus>,
        page: PageRequest,
    ) -> Result<Page<CustomerVerification>> {
        page.validate()?;
        self.read("list verifications", move |db| list(db, tenant, status, page)).await
    }
}

fn list(
    db: &Connection,
    tenant: TenantId,
    status: Option<VerificationStatus>,
    page: PageRequest,
) -> Outcome<Page<CustomerVerification>> {
    let matching = "FROM customer_verifications WHERE business_id = ?1 AND (?2 IS NULL OR status = ?2)";
    let of = (Text(tenant), status.map(Text));
    let total: Count = db.prepare_cached(&format!("SELECT count(*) {matching}"))?.query_row(of, |row| row.get(0))?;
    // Both are numbers, already checked.
    let (limit, offset) = (page.per_page, page.offset());
    let query = format!("SELECT * {matching} ORDER BY purchase_time DESC, id DESC LIMIT {limit} OFFSET {offset}");
    let of = (Text(tenant), status.map(Text));
    let items = db.prepare(&query)?.query_map(of, read_verification)?.collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, total: total.0 })
}

/// The verifications with a person's number.
pub(super) fn of_person(db: &Connection, tenant: TenantId, person: PersonKey) -> Outcome<Vec<CustomerVerification>> {
    let query = "SELECT * FROM customer_verifications WHERE business_id = ? AND phone_lookup = ? ORDER BY id";
    let of = (Text(tenant), *person.lookup().as_bytes());
    Ok(db.prepare_cached(query)?.query_map(of, read_verification)?.collect::<rusqlite::Result<_>>()?)
}

/// Verifications with their phones, in the order of their ids.
pub(super) fn sealed_phones(
    db: &Connection,
    after: Option<Uuid>,
    limit: u32,
) -> Outcome<Vec<(SealedRow, SealedAddress)>> {
    let query = "SELECT * FROM customer_verifications WHERE id > ? ORDER BY id LIMIT ?";
    let sealed = |row: &Row<'_>| {
        let verification = read_verification(row)?;
        Ok((CustomerVerification::row(verification.tenant, verification.id), verification.phone))
    };
    Ok(db.prepare_cached(query)?.query_map((behind(after), limit), sealed)?.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<BusinessContext> {
    Ok(BusinessContext {
        tenant: row.get::<_, Text<_>>("business_id")?.0,
        store_info: row.get::<_, Json<_>>("store_info")?.0,
        question_settings: row.get::<_, Json<_>>("question_settings")?.0,
        call_preferences: row.get::<_, Json<_>>("call_preferences")?.0,
    })
}

fn read_verification(row: &Row<'_>) -> rusqlite::Result<CustomerVerification> {
    Ok(CustomerVerification {
        id: row.get::<_, Text<_>>("id")?.0,
        tenant: row.get::<_, Text<_>>("business_id")?.0,
        purchased_at: row.get::<_, At>("purchase_time")?.0,
        amount_micros: row.get("amount")?,
        phone: address(row, "phone", "phone_lookup")?,
        status: row.get::<_, Text<_>>("status")?.0,
    })
}
