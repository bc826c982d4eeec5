//! Businesses and verifications: the tables `business_contexts` and `customer_verifications`.

use uuid::Uuid;
use voicecall_core::store::{Page, PageRequest};
use voicecall_core::{PersonKey, Result, Sealed, SealedAddress, SealedRow, TenantId, async_trait};
use voicecall_survey::store::{
    BusinessContext, CustomerVerification, DirectoryStore, VerificationId, VerificationStatus,
};

use crate::PostgresStore;
use crate::column::{Json, params};
use crate::connection::{Db, Row};
use crate::fault::{Fault, Outcome};

#[async_trait]
impl DirectoryStore for PostgresStore {
    async fn put_business(&self, business: &BusinessContext) -> Result<()> {
        let business = business.clone();
        self.write("put business", business.tenant, move |db| async move {
            let upsert = "INSERT INTO voicecall.business_contexts
                (tenant_id, store_info, question_settings, call_preferences) VALUES ($1, $2, $3, $4)
                ON CONFLICT (tenant_id) DO UPDATE SET store_info = excluded.store_info,
                    question_settings = excluded.question_settings, call_preferences = excluded.call_preferences";
            let values = params![
                business.tenant,
                Json(business.store_info),
                Json(business.question_settings),
                Json(business.call_preferences),
            ];
            db.execute(upsert, values).await?;
            Ok(())
        })
        .await
    }

    async fn business(&self, tenant: TenantId) -> Result<BusinessContext> {
        self.read("read business", tenant, move |db| async move {
            let query = "SELECT * FROM voicecall.business_contexts WHERE tenant_id = $1";
            read(&db.query_one(query, params![tenant]).await?)
        })
        .await
    }

    async fn put_verification(&self, verification: &CustomerVerification) -> Result<()> {
        let verification = verification.clone();
        self.write("put verification", verification.tenant, move |db| async move {
            put_verification(&db, &verification).await
        })
        .await
    }

    async fn verification(&self, tenant: TenantId, id: VerificationId) -> Result<CustomerVerification> {
        self.read("read verification", tenant, move |db| async move {
            let query = "SELECT * FROM voicecall.customer_verifications WHERE id = $1 AND tenant_id = $2";
            read_verification(&db.query_one(query, params![id, tenant]).await?)
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
        self.read("list verifications", tenant, move |db| async move { list(&db, tenant, status, page).await }).await
    }
}

/// In two statements: an upsert would be refused by row-level security where another tenant has the id.
async fn put_verification(db: &Db, verification: &CustomerVerification) -> Outcome<()> {
    let values = || -> Outcome<_> {
        Ok(params![
            verification.id,
            verification.tenant,
            verification.purchased_at,
            verification.amount_micros,
            verification.phone.sealed.as_bytes().to_vec(),
            verification.phone.lookup,
            verification.status,
        ])
    };
    let insert = "INSERT INTO voicecall.customer_verifications
        (id, tenant_id, purchased_at, amount_micros, phone, phone_lookup, status)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
    if db.execute(insert, values()?).await? > 0 {
        return Ok(());
    }
    let update = "UPDATE voicecall.customer_verifications
        SET purchased_at = $3, amount_micros = $4, phone = $5, phone_lookup = $6, status = $7
        WHERE id = $1 AND tenant_id = $2";
    match db.execute(update, values()?).await? {
        0 => Err(Fault::conflict("put verification", "the id is taken")),
        _ => Ok(()),
    }
}

async fn list(
    db: &Db,
    tenant: TenantId,
    status: Option<VerificationStatus>,
    page: PageRequest,
) -> Outcome<Page<CustomerVerification>> {
    let matching = "FROM voicecall.customer_verifications WHERE tenant_id = $1 AND ($2 IS NULL OR status = $2)";
    let total = db.query_one(&format!("SELECT count(*) AS total {matching}"), params![tenant, status]).await?;
    // Both are numbers, already checked.
    let (limit, offset) = (page.per_page, page.offset());
    let query = format!("SELECT * {matching} ORDER BY purchased_at DESC, id DESC LIMIT {limit} OFFSET {offset}");
    let items =
        db.query(&query, params![tenant, status]).await?.iter().map(read_verification).collect::<Outcome<_>>()?;
    Ok(Page { items, total: total.get("total")? })
}

/// The verifications with a person's number.
pub(super) async fn of_person(db: &Db, tenant: TenantId, person: PersonKey) -> Outcome<Vec<CustomerVerification>> {
    let query = "SELECT * FROM voicecall.customer_verifications WHERE tenant_id = $1 AND phone_lookup = $2 ORDER BY id";
    db.query(query, params![tenant, person]).await?.iter().map(read_verification).collect()
}

/// Verifications with their phones, in the order of their ids.
pub(super) async fn sealed_phones(
    db: &Db,
    after: Option<Uuid>,
    limit: u32,
) -> Outcome<Vec<(SealedRow, SealedAddress)>> {
    let query = "SELECT id, tenant_id, phone, phone_lookup FROM voicecall.customer_verifications
                 WHERE $1 IS NULL OR id > $1 ORDER BY id LIMIT $2";
    let rows = db.query(query, params![after, limit]).await?;
    rows.iter().map(|row| Ok((CustomerVerification::row(row.get("tenant_id")?, row.get("id")?), phone(row)?))).collect()
}

fn phone(row: &Row) -> Outcome<SealedAddress> {
    Ok(SealedAddress { sealed: Sealed::from_bytes(row.get("phone")?), lookup: row.get("phone_lookup")? })
}

fn read(row: &Row) -> Outcome<BusinessContext> {
    Ok(BusinessContext {
        tenant: row.get("tenant_id")?,
        store_info: row.get::<Json<_>>("store_info")?.0,
        question_settings: row.get::<Json<_>>("question_settings")?.0,
        call_preferences: row.get::<Json<_>>("call_preferences")?.0,
    })
}

fn read_verification(row: &Row) -> Outcome<CustomerVerification> {
    Ok(CustomerVerification {
        id: row.get("id")?,
        tenant: row.get("tenant_id")?,
        purchased_at: row.get("purchased_at")?,
        amount_micros: row.get("amount_micros")?,
        phone: phone(row)?,
        status: row.get("status")?,
    })
}
