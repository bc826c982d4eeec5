//! Who may do what in the database.

use std::fmt;

use voicecall_core::Error;

use crate::column::params;
use crate::connection::Db;
use crate::fault::Outcome;

/// The SQL that makes the roles: `voicecall_owner`, to which the tables belong, and those that a store logs in as,
/// `voicecall_tenant`, `voicecall_queue`, `voicecall_routing` and `voicecall_maintenance`. Somebody who may create roles runs
/// it once in each database, before the [migrations](crate::Migrations); what each role may do with which table is a part of
/// those.
///
/// ```
/// assert!(voicecall_store_postgres::roles_sql().contains("CREATE ROLE voicecall_owner"));
/// ```
#[must_use]
pub const fn roles_sql() -> &'static str {
    include_str!("../migrations/roles.sql")
}

/// A role that a store logs in as, in a pool of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Sees the rows of the transaction's tenant.
    Tenant,
    /// Sees who waits and who runs what.
    Queue,
    /// Sees whose a carrier's call is.
    Routing,
    /// Forgets what is old.
    Maintenance,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Tenant, Self::Queue, Self::Routing, Self::Maintenance];

    /// The end of its name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Queue => "queue",
            Self::Routing => "routing",
            Self::Maintenance => "maintenance",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Refuses a role for which the walls between tenants do not stand.
pub(crate) async fn check(db: &Db, role: Role) -> Outcome<()> {
    let query = "SELECT current_user::text AS name, rolsuper OR rolbypassrls AS sees_all,
            EXISTS (SELECT FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm')
                AND pg_has_role(current_user, relowner, 'MEMBER')) AS owns,
            ARRAY(SELECT r.rolname::text FROM pg_roles AS r
                WHERE r.rolname IN ('voicecall_tenant', 'voicecall_queue', 'voicecall_routing', 'voicecall_maintenance')
                    AND pg_has_role(current_user, r.oid, 'MEMBER')) AS roles
        FROM pg_roles WHERE rolname = current_user";
    let row = db.query_one(query, params![]).await?;
    let name: String = row.get("name")?;
    if row.get("sees_all")? {
        let message = format!("a role that row-level security holds for: {name} is a superuser or has BYPASSRLS");
        return Err(refused(message).into());
    }
    if row.get("owns")? {
        let message = format!("a role that owns nothing: {name} owns tables, or is a member of a role that does");
        return Err(refused(message).into());
    }
    let roles: Vec<String> = row.get("roles")?;
    if roles != [format!("voicecall_{role}")] {
        let message = format!("{name} as a member of voicecall_{role} and of no other of its kind: run `roles_sql`");
        return Err(refused(message).into());
    }
    Ok(())
}

fn refused(message: String) -> Error {
    Error::config("url", message).with_provider("postgres")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_made() {
        for role in Role::ALL {
            assert!(roles_sql().contains(&format!("'voicecall_{role}'")), "{role}");
        }
    }
}
