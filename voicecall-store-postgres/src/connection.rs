//! One connection for one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use tokio_postgres::types::{ToSql, Type};
use voicecall_core::{ContentSeal, Error, ErrorKind, TenantId};

use crate::column::{Column, Param};
use crate::fault::{Fault, Outcome};

/// A connection on which a transaction runs.
///
/// Statements have no names and nothing is set beyond the transaction, so that a pooler between us and the server may give
/// each transaction another connection.
#[derive(Clone)]
pub(crate) struct Db(Arc<Lent>);

/// A connection of a pool. It goes back to the pool once its transaction is over, and is closed otherwise: the next
/// transaction must not become a part of one that nobody ended.
struct Lent {
    object: Option<Object>,
    seal: ContentSeal,
    /// Whether there is nothing to commit.
    reads: bool,
    is_clean: AtomicBool,
    /// After a statement has failed, COMMIT would roll back without a word.
    has_failed: AtomicBool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !*self.is_clean.get_mut()
            && let Some(object) = self.object.take()
        {
            drop(Object::take(object));
        }
    }
}

/// What a transaction may do, and for whom.
#[derive(Debug, Clone)]
pub(crate) struct Begin {
    /// Whose rows it sees; `None` for a role that sees everybody's.
    pub(crate) tenant: Option<TenantId>,
    /// Whether it reads one snapshot and writes nothing.
    pub(crate) reads: bool,
    pub(crate) statement_timeout: Duration,
    pub(crate) lock_timeout: Duration,
    /// How content is written in it.
    pub(crate) seal: ContentSeal,
}

impl Begin {
    /// One message, so that it costs one way there and back.
    fn sql(&self) -> String {
        let mode =
            if self.reads { "ISOLATION LEVEL REPEATABLE READ READ ONLY" } else { "ISOLATION LEVEL READ COMMITTED" };
        let (statement, lock) = (self.statement_timeout.as_millis().max(1), self.lock_timeout.as_millis().max(1));
        let tenant = self.tenant.map_or_else(String::new, |tenant| tenant.to_string());
        format!(
            "BEGIN {mode}; SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock};
             SELECT set_config('voicecall.tenant', '{tenant}', true)"
        )
    }
}

impl Db {
    /// Begins a transaction.
    pub(crate) async fn begin(object: Object, begin: Begin) -> Outcome<Self> {
        let db = Self(Arc::new(Lent {
            object: Some(object),
            reads: begin.reads,
            seal: begin.seal.clone(),
            is_clean: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
        }));
        db.object()?.batch_execute(&begin.sql()).await?;
        Ok(db)
    }

    /// Commits what was done, or undoes it if it failed.
    pub(crate) async fn end<T>(self, outcome: Outcome<T>) -> Outcome<T> {
        let outcome = match outcome {
            Ok(_) if self.0.has_failed.load(Ordering::Relaxed) => {
                let error = Error::new(ErrorKind::Internal, "commit").with_provider("postgres");
                Err(error.with_message("a statement failed").into())
            }
            outcome => outcome,
        };
        let statement = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
        match (self.object()?.batch_execute(statement).await, outcome) {
            (Ok(()), outcome) => {
                self.0.is_clean.store(true, Ordering::Relaxed);
                outcome
            }
            // The server said no: a constraint that waited until now. It has rolled back.
            (Err(error), Ok(_))
                if !self.0.reads && error.as_db_error().is_some_and(|refusal| refusal.severity() == "ERROR") =>
            {
                self.0.is_clean.store(true, Ordering::Relaxed);
                Err(error.into())
            }
            // What was read is known.
            (Err(_), Ok(read)) if self.0.reads => Ok(read),
            (Err(error), Ok(_)) => {
                tracing::warn!(%error, "the outcome of a transaction is unknown");
                Err(Fault::UnknownOutcome)
            }
            // Undone with the connection.
            (Err(_), Err(fault)) => Err(fault),
        }
    }

    /// Whether content is sealed before it is written, and by what it is opened.
    pub(crate) fn seal(&self) -> &ContentSeal {
        &self.0.seal
    }

    /// All rows.
    pub(crate) async fn query(&self, statement: &str, params: Vec<Param>) -> Outcome<Vec<Row>> {
        let rows = self.object()?.query_typed(statement, &typed(&params)).await;
        Ok(self.note(rows)?.into_iter().map(Row).collect())
    }

    /// The one row there is, if there is one.
    pub(crate) async fn query_opt(&self, statement: &str, params: Vec<Param>) -> Outcome<Option<Row>> {
        Ok(self.query(statement, params).await?.into_iter().next())
    }

    /// The row that must be there.
    pub(crate) async fn query_one(&self, statement: &str, params: Vec<Param>) -> Outcome<Row> {
        self.query_opt(statement, params).await?.ok_or(Fault::NotFound)
    }

    /// How many rows were changed.
    pub(crate) async fn execute(&self, statement: &str, params: Vec<Param>) -> Outcome<u64> {
        let changed = self.object()?.execute_typed(statement, &typed(&params)).await;
        Ok(self.note(changed)?)
    }

    /// Waits until nobody else's transaction is in the place of this key. Keys are hashes, and random ids: their last half is
    /// as good a number as any, and two that share it only wait for each other.
    pub(crate) async fn take_turns(&self, key: &[u8; 16]) -> Outcome<()> {
        let mut half = [0; 8];
        half.copy_from_slice(&key[8..]);
        let half = Param::new(&i64::from_be_bytes(half))?;
        self.query("SELECT pg_advisory_xact_lock($1)", vec![half]).await?;
        Ok(())
    }

    /// Statements of an application's own.
    pub(crate) async fn raw_query(
        &self,
        statement: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Outcome<Vec<tokio_postgres::Row>> {
        let rows = self.object()?.query_typed(statement, params).await;
        Ok(self.note(rows)?)
    }

    /// As [`raw_query`](Self::raw_query), for what returns nothing.
    pub(crate) async fn raw_execute(&self, statement: &str, params: &[(&(dyn ToSql + Sync), Type)]) -> Outcome<u64> {
        let changed = self.object()?.execute_typed(statement, params).await;
        Ok(self.note(changed)?)
    }

    fn note<T>(&self, outcome: Result<T, tokio_postgres::Error>) -> Result<T, tokio_postgres::Error> {
        if outcome.is_err() {
            self.0.has_failed.store(true, Ordering::Relaxed);
        }
        outcome
    }

    fn object(&self) -> Outcome<&Object> {
        // It is taken in `drop` only.
        self.0.object.as_ref().ok_or(Fault::NotFound)
    }
}

fn typed(params: &[Param]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (&*param.value as &(dyn ToSql + Sync), param.kind.clone())).collect()
}

/// A row, read by the names of its columns.
pub(crate) struct Row(tokio_postgres::Row);

impl Row {
    pub(crate) fn get<T: Column>(&self, column: &str) -> Outcome<T> {
        let unreadable = |_| Fault::Unreadable(column.to_owned(), None);
        T::read(self.0.try_get(column).map_err(unreadable)?).ok_or_else(|| {
            // A word of another version is told; anything else may be personal.
            let is_word = |text: &String| !text.is_empty() && text.bytes().all(|b| b == b'_' || b.is_ascii_lowercase());
            Fault::Unreadable(column.to_owned(), self.0.try_get::<_, String>(column).ok().filter(is_word))
        })
    }
}
