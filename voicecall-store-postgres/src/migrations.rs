//! The tables' versions, and the steps from one to the next and back.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use voicecall_core::{Error, ErrorKind, Result};

use crate::column::params;
use crate::connection::Db;
use crate::fault::{Fault, Outcome};
use crate::{pool, tls};

const OPERATION: &str = "migrate";

/// Whoever migrates holds this lock of the database: "vcal".
const LOCK: i64 = 0x7663_616c;

/// One step of a module's tables, forward and backward. A released step is never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// From the version before to this one.
    pub up: &'static str,
    /// From this version to the one before.
    pub down: &'static str,
}

/// Tables with versions of their own: this crate's, or an application's.
///
/// Steps run as `voicecall_owner`. A table with rows of tenants has a column `tenant_id uuid` and is handed to
/// `voicecall.protect`, which lets each tenant see its own. Rows are not seen by the owner either: a step that rewrites them
/// lifts `FORCE ROW LEVEL SECURITY` first, and sets it again.
///
/// ```
/// use voicecall_store_postgres::{Migration, Module};
///
/// const SHOP: Module = Module {
///     name: "shop",
///     migrations: &[Migration {
///         up: "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO voicecall_tenant;
///              CREATE TABLE shop.orders (tenant_id uuid NOT NULL, session_id uuid NOT NULL, what text NOT NULL,
///                  FOREIGN KEY (tenant_id, session_id)
///                      REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE);
///              SELECT voicecall.protect('shop.orders');",
///         down: "DROP SCHEMA shop CASCADE",
///     }],
/// };
/// # assert_eq!(SHOP.migrations.len(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// Its name in the list of what was migrated.
    pub name: &'static str,
    /// Its steps, oldest first: the first makes version 1.
    pub migrations: &'static [Migration],
}

/// A step that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Whose tables.
    pub module: &'static str,
    /// Their version before.
    pub from: usize,
    /// Their version now.
    pub to: usize,
}

/// Which tables a program needs.
#[derive(Debug, Clone)]
#[must_use]
pub struct Migrations(Vec<Module>);

/// The tables of this crate.
const CORE: Module = Module {
    name: "core",
    migrations: &[
        Migration {
            up: include_str!("../migrations/core/0001_sessions.up.sql"),
            down: include_str!("../migrations/core/0001_sessions.down.sql"),
        },
        Migration {
            up: include_str!("../migrations/core/0002_content.up.sql"),
            down: include_str!("../migrations/core/0002_content.down.sql"),
        },
        Migration {
            up: include_str!("../migrations/core/0003_messages.up.sql"),
            down: include_str!("../migrations/core/0003_messages.down.sql"),
        },
        Migration {
            up: include_str!("../migrations/core/0004_call_back.up.sql"),
            down: include_str!("../migrations/core/0004_call_back.down.sql"),
        },
        Migration {
            up: include_str!("../migrations/core/0005_carrier_price.up.sql"),
            down: include_str!("../migrations/core/0005_carrier_price.down.sql"),
        },
        Migration {
            up: include_str!("../migrations/core/0006_workflows.up.sql"),
            down: include_str!("../migrations/core/0006_workflows.down.sql"),
        },
    ],
};

/// The tables of a survey.
#[cfg(feature = "survey")]
const SURVEY: Module = Module {
    name: "survey",
    migrations: &[
        Migration {
            up: include_str!("../migrations/survey/0001_survey.up.sql"),
            down: include_str!("../migrations/survey/0001_survey.down.sql"),
        },
        Migration {
            up: include_str!("../migrations/survey/0002_content.up.sql"),
            down: include_str!("../migrations/survey/0002_content.down.sql"),
        },
    ],
};

impl Default for Migrations {
    fn default() -> Self {
        Self::new()
    }
}

impl Migrations {
    /// The tables of this crate, with those of a survey if it has the feature.
    pub fn new() -> Self {
        Self(vec![
            CORE,
            #[cfg(feature = "survey")]
            SURVEY,
        ])
    }

    /// An application's tables as well, which come after those before.
    pub fn module(mut self, module: Module) -> Self {
        self.0.push(module);
        self
    }

    /// Takes the steps that are missing, all of them or none, and says which they were. Whoever comes second waits, and finds
    /// nothing to do. The address is of a superuser, or of a login that is a member of `voicecall_owner`.
    ///
    /// # Errors
    /// `Config` naming `url` for an address that does not read, for a login that may not act as the owner, and for a
    /// database that is newer than this program; what the server says to a step.
    pub async fn run(&self, url: &str) -> Result<Vec<Step>> {
        self.migrate(url, self.0.iter().map(|module| (*module, module.migrations.len())).collect(), false).await
    }

    /// Goes back to an earlier version of one module's tables, 0 for none at all. What stands in columns and tables that
    /// version does not have is lost.
    ///
    /// # Errors
    /// As [`run`](Self::run); `Invalid` naming `module` or `version` for one that is not known.
    pub async fn back_to(&self, url: &str, module: &str, version: usize) -> Result<Vec<Step>> {
        let found = self.0.iter().find(|known| known.name == module);
        let module = *found.ok_or_else(|| Error::invalid("module", "the name of a module"))?;
        if version > module.migrations.len() {
            return Err(Error::invalid("version", format!("at most {}", module.migrations.len())));
        }
        self.migrate(url, vec![(module, version)], true).await
    }

    async fn migrate(&self, url: &str, wanted: Vec<(Module, usize)>, back: bool) -> Result<Vec<Step>> {
        let client = connect(url).await?;
        let migrated = async {
            begin(&client).await?;
            let mut versions = read_versions(&client).await?;
            let mut steps = Vec::new();
            for (module, to) in wanted {
                let from = versions.remove(module.name).unwrap_or(0);
                steps.extend(steps_of(module, from, to, back)?);
            }
            for (step, sql) in &steps {
                client.batch_execute(sql).await.map_err(|error| told_in(step, error))?;
                let note = "INSERT INTO voicecall.migrations VALUES ($1, $2, now())
                            ON CONFLICT (module) DO UPDATE SET version = excluded.version, at = excluded.at";
                let to = step.to as i64;
                let params: &[(&(dyn tokio_postgres::types::ToSql + Sync), _)] =
                    &[(&step.module, tokio_postgres::types::Type::TEXT), (&to, tokio_postgres::types::Type::INT8)];
                client.execute_typed(note, params).await?;
            }
            client.batch_execute("COMMIT").await?;
            Ok::<_, Fault>(steps.into_iter().map(|(step, _)| step).collect())
        };
        migrated.await.map_err(|fault| fault.into_error(OPERATION))
    }

    /// Refuses a database whose tables are not those that this program knows.
    pub(crate) async fn check(&self, db: &Db) -> Outcome<()> {
        let exists = db.query_one("SELECT to_regclass('voicecall.migrations') IS NOT NULL AS there", params![]).await?;
        if !exists.get::<bool>("there")? {
            return Err(refused("a migrated database: run `Migrations::run`".to_owned()).into());
        }
        let mut versions = BTreeMap::new();
        for row in db.query("SELECT module, version FROM voicecall.migrations", params![]).await? {
            versions.insert(row.get::<String>("module")?, row.get::<i64>("version")? as usize);
        }
        for module in &self.0 {
            let (version, known) = (versions.get(module.name).copied().unwrap_or(0), module.migrations.len());
            check_version(module.name, version, known)?;
        }
        Ok(())
    }
}

fn check_version(module: &str, version: usize, known: usize) -> Result<()> {
    match version.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(refused(format!(
            "tables of {module} in version {known}, but they have version {version}: run `Migrations::run`"
        ))),
        std::cmp::Ordering::Greater => Err(refused(format!(
            "tables of {module} up to version {known}, but they have version {version}: use a newer program"
        ))),
    }
}

fn steps_of(module: Module, from: usize, to: usize, back: bool) -> Result<Vec<(Step, &'static str)>> {
    if from > module.migrations.len() {
        check_version(module.name, from, module.migrations.len())?;
    }
    let name = module.name;
    let forward = (from..to).map(|version| (version, version + 1, module.migrations[version].up));
    let backward = (to..from).rev().map(|version| (version + 1, version, module.migrations[version].down));
    let step = |(from, to, sql)| (Step { module: name, from, to }, sql);
    Ok(if back { backward.map(step).collect() } else { forward.map(step).collect() })
}

async fn connect(url: &str) -> Result<Client> {
    let config = pool::read_url(url)?;
    let connected = config.connect(tls::tls(&config)?).await;
    let (client, connection) = connected.map_err(|error| Fault::from(error).into_error(OPERATION))?;
    // Ends with the client, and rolls back what was not committed.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "the connection that migrates broke");
        }
    });
    Ok(client)
}

async fn begin(client: &Client) -> Outcome<()> {
    client.batch_execute("BEGIN").await?;
    let owner = client.batch_execute("SET LOCAL ROLE voicecall_owner").await;
    if let Err(error) = owner {
        if error.as_db_error().is_none() {
            return Err(error.into());
        }
        let message = "a login that is a member of voicecall_owner: run `roles_sql` as somebody who may create roles";
        return Err(refused(message.to_owned()).into());
    }
    client
        .batch_execute(&format!(
            "SELECT pg_advisory_xact_lock({LOCK});
             CREATE SCHEMA IF NOT EXISTS voicecall;
             GRANT USAGE ON SCHEMA voicecall
                 TO voicecall_tenant, voicecall_queue, voicecall_routing, voicecall_maintenance;
             CREATE TABLE IF NOT EXISTS voicecall.migrations
                 (module text PRIMARY KEY, version bigint NOT NULL, at timestamptz NOT NULL);
             GRANT SELECT ON voicecall.migrations
                 TO voicecall_tenant, voicecall_queue, voicecall_routing, voicecall_maintenance"
        ))
        .await?;
    Ok(())
}

async fn read_versions(client: &Client) -> Outcome<BTreeMap<String, usize>> {
    let rows = client.query_typed("SELECT module, version FROM voicecall.migrations", &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)? as usize))).collect()
}

/// A step that fails is a fault of whoever wrote it: its author is told what the server says, which knows no rows.
fn told_in(step: &Step, error: tokio_postgres::Error) -> Fault {
    let Some(refusal) = error.as_db_error() else { return error.into() };
    let Step { module, from, to } = step;
    let message = format!("the step of {module} from {from} to {to}: {}", refusal.message());
    let told = Error::new(ErrorKind::Config, OPERATION).with_provider("postgres");
    told.with_code(refusal.code().code().to_owned()).with_message(message).into()
}

fn refused(message: String) -> Error {
    Error::config("url", message).with_provider("postgres")
}
