//! What the bakery knows and does, as tools.

use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use voicecall::tool::{Tool, ToolEffect};

/// The bakery's book of tables.
#[derive(Debug, Default)]
pub(crate) struct Bakery {
    tables: Mutex<Vec<Table>>,
}

/// A day of the week.
#[derive(Debug, Deserialize, JsonSchema)]
struct Day {
    /// Its English name, such as Sunday.
    day: String,
}

/// A table for somebody.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Table {
    /// The day of the week, in English.
    day: String,
    /// The hour, from 0 to 23.
    hour: u8,
    /// For how many people.
    people: u8,
    /// Whose name it is booked under.
    name: String,
}

impl Bakery {
    /// Tells when the bakery is open.
    pub(crate) fn opening_hours(&self) -> Tool {
        Tool::new("opening_hours", "When the bakery is open on a day").handler(|asked: Day, _call| async move {
            let until = if asked.day.eq_ignore_ascii_case("Sunday") { 14 } else { 18 };
            println!("         tool: opening hours of {}: 8 to {until}", asked.day);
            Ok(serde_json::json!({ "from": 8, "until": until }))
        })
    }

    /// Books a table.
    pub(crate) fn book_table(self: &Arc<Self>) -> Tool {
        let bakery = Arc::clone(self);
        Tool::new("book_table", "Books a table")
            .handler(move |table: Table, _call| {
                let bakery = Arc::clone(&bakery);
                async move {
                    let mut tables = bakery.tables.lock().unwrap_or_else(PoisonError::into_inner);
                    tables.push(table.clone());
                    println!("         tool: booked table {}: {table:?}", tables.len());
                    Ok(serde_json::json!({ "table": tables.len() }))
                }
            })
            .effect(ToolEffect::Once)
    }
}
