//! The tools a server offers, as tools of a call.

use std::sync::Arc;

use rmcp::model::{PaginatedRequestParams, Tool as Offer};
use serde_json::{Map, Value};
use voicecall_core::tool::Tool;
use voicecall_core::{Error, ErrorKind, Result};

use crate::builder::Settings;
use crate::link::Link;
use crate::{call, effect, failure, name};

/// The most tools a server may offer, and the most pages it may list them on.
const MOST_TOOLS: usize = 1_000;
const MOST_PAGES: usize = 100;

/// Everything the server offers, in its order.
pub(crate) async fn offers(link: &Link) -> Result<Vec<Offer>> {
    let connection = link.connection().await?;
    let mut offers = Vec::new();
    let mut cursor = None;
    for _ in 0..MOST_PAGES {
        let page = PaginatedRequestParams::default().with_cursor(cursor.take());
        let page = match connection.ask(|server| server.list_tools(Some(page))).await {
            Ok(page) => page,
            Err(error) => {
                if !failure::is_answer(&error) {
                    link.lost(&connection);
                }
                return Err(failure::of_request(&error));
            }
        };
        link.answered();
        offers.extend(page.tools);
        cursor = page.next_cursor;
        if cursor.is_none() || offers.len() > MOST_TOOLS {
            break;
        }
    }
    if cursor.is_some() || offers.len() > MOST_TOOLS {
        let message = format!("`{}` offers more than {MOST_TOOLS} tools, or lists them without end", link.name());
        return Err(Error::new(ErrorKind::Protocol, "list tools").with_provider("mcp").with_message(message));
    }
    Ok(offers)
}

/// Those that are wanted, with names a model can write.
///
/// # Errors
/// `Config` for the field `only` if a tool that is wanted is not offered; `Invalid` for `tool.name` if two tools have the
/// same name, or one has none.
pub(crate) fn tools(link: &Arc<Link>, settings: &Settings, offers: Vec<Offer>) -> Result<Vec<Tool>> {
    let offered: Vec<String> = offers.iter().map(|offer| offer.name.to_string()).collect();
    if let Some(missing) = settings.only.iter().flatten().find(|name| !offered.contains(name)) {
        let expected = format!("tools of `{}`: it has no `{missing}`, but {}", settings.name, offered.join(", "));
        return Err(Error::config("only", expected));
    }
    let is_wanted =
        |offer: &Offer| settings.only.as_ref().is_none_or(|only| only.iter().any(|name| *name == offer.name));
    let mut tools: Vec<(String, Tool)> = Vec::new();
    for offer in offers.into_iter().filter(is_wanted) {
        let own = offer.name.to_string();
        let name = name::fitting(&settings.prefix, &own);
        if name.is_empty() {
            return Err(Error::invalid("tool.name", format!("a name for each tool of `{}`", settings.name)));
        }
        if let Some((other, _)) = tools.iter().find(|(_, tool)| tool.name() == name) {
            let expected = format!("names that differ; `{other}` and `{own}` of `{}` are both `{name}`", settings.name);
            return Err(Error::invalid("tool.name", expected));
        }
        let tool = tool(Arc::clone(link), name, offer);
        tools.push((own, tool));
    }
    Ok(tools.into_iter().map(|(_, tool)| tool).collect())
}

fn tool(link: Arc<Link>, name: String, offer: Offer) -> Tool {
    let effect = effect::of(offer.annotations.as_ref());
    let description = offer.description.map(String::from).or(offer.title).unwrap_or_default();
    let own = offer.name.to_string();
    let schema = schema(Arc::unwrap_or_clone(offer.input_schema));
    Tool::new(name, description)
        .handler_with_schema(schema, move |arguments, context| {
            let (link, own) = (Arc::clone(&link), own.clone());
            async move {
                // Core lets nothing but objects through.
                let Value::Object(arguments) = arguments else { return Err(Error::invalid("arguments", "an object")) };
                call::call(&link, own, arguments, &context).await
            }
        })
        .effect(effect)
}

/// A schema as chat services take it: an object that says so and has properties, if none.
fn schema(mut schema: Map<String, Value>) -> Value {
    schema.remove("$schema");
    schema.insert("type".to_owned(), "object".into());
    schema.entry("properties").or_insert_with(|| Map::new().into());
    Value::Object(schema)
}

#[cfg(test)]
mod tests;
