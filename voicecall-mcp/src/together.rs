//! Tools of several servers for one dialogue.

use futures_util::future::try_join_all;
use voicecall_core::tool::Tool;
use voicecall_core::{Error, Result};

use crate::server::McpServer;

/// The tools of several servers, in their order, for one dialogue. They are asked at the same time.
///
/// # Errors
/// `Invalid` for the field `tool.name`, naming both servers, if two have a tool of the same name: give one of them a
/// [prefix](crate::McpServerBuilder::prefix). Else the first error of a server's [`tools`](McpServer::tools). Where calls
/// are to go on without a server's tools, ask each server by itself.
pub async fn tools_of(servers: &[McpServer]) -> Result<Vec<Tool>> {
    let lists = try_join_all(servers.iter().map(McpServer::tools)).await?;
    let mut all: Vec<(&str, Tool)> = Vec::new();
    for (server, tools) in servers.iter().zip(lists) {
        for tool in tools {
            if let Some((other, _)) = all.iter().find(|(_, known)| known.name() == tool.name()) {
                let (name, server) = (tool.name(), server.name());
                let expected = format!("names that differ; `{other}` and `{server}` both have a tool `{name}`");
                return Err(Error::invalid("tool.name", expected));
            }
            all.push((server.name(), tool));
        }
    }
    Ok(all.into_iter().map(|(_, tool)| tool).collect())
}
