//! What a tool returned, as JSON for a model that is on the telephone: it reads text and data, and sees no pictures.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::Value;
use voicecall_core::{Error, ErrorKind, Result};

use crate::failure::shortened;

/// The value a result stands for: its structured content, or else its text, as data where the text is a JSON object or
/// array. What cannot be read out is named, so that the model knows of it.
///
/// # Errors
/// `Rejected`, with the server's words, if the result is an error.
pub(crate) fn read(result: CallToolResult) -> Result<Value> {
    let text = result.content.iter().map(text).collect::<Vec<_>>().join("\n");
    if result.is_error == Some(true) {
        let why =
            if text.trim().is_empty() { "the tool failed and did not say why".to_owned() } else { shortened(&text) };
        return Err(Error::new(ErrorKind::Rejected, "call tool").with_provider("mcp").with_message(why));
    }
    if let Some(structured) = result.structured_content {
        return Ok(structured);
    }
    if text.is_empty() {
        return Ok(Value::from("the tool returned nothing"));
    }
    let data = serde_json::from_str(&text).ok().filter(|value: &Value| value.is_object() || value.is_array());
    Ok(data.unwrap_or(Value::String(text)))
}

fn text(block: &ContentBlock) -> String {
    let left_out = |what: &str, kind: Option<&str>| match kind {
        Some(kind) => format!("[{what} of type {kind}, left out]"),
        None => format!("[{what}, left out]"),
    };
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => left_out("an image", Some(&image.mime_type)),
        ContentBlock::Audio(audio) => left_out("a sound", Some(&audio.mime_type)),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { text, .. } => text.clone(),
            ResourceContents::BlobResourceContents { uri, mime_type, .. } => {
                left_out(&format!("the file {uri}"), mime_type.as_deref())
            }
            _ => left_out("a resource", None),
        },
        ContentBlock::ResourceLink(link) => format!("[see {} at {}]", link.name, link.uri),
        _ => left_out("something", None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(result: Value) -> Result<Value> {
        super::read(serde_json::from_value(result).unwrap())
    }

    #[test]
    fn a_result_is_its_data_or_its_text() {
        let text = |text: &str| json!({ "type": "text", "text": text });
        for (result, expected) in [
            (json!({ "content": [text("21 degrees")] }), json!("21 degrees")),
            (json!({ "content": [text("a"), text("b")] }), json!("a\nb")),
            (json!({ "content": [text("{\"hour\": 8}")] }), json!({ "hour": 8 })),
            (json!({ "content": [text("0046")] }), json!("0046")),
            (json!({ "content": [text("true")] }), json!("true")),
            (json!({ "content": [] }), json!("the tool returned nothing")),
            (json!({ "content": [text("{}")], "structuredContent": { "hour": 8 } }), json!({ "hour": 8 })),
        ] {
            assert_eq!(super::tests::read(result.clone()).unwrap(), expected, "{result}");
        }
    }

    #[test]
    fn what_cannot_be_read_out_is_named() {
        let read = |block: Value| read(json!({ "content": [block] })).unwrap();
        let (data, image) = ("aGVq", json!({ "type": "image", "data": "aGVq", "mimeType": "image/png" }));
        assert_eq!(read(image), "[an image of type image/png, left out]");
        assert_eq!(
            read(json!({ "type": "audio", "data": data, "mimeType": "audio/wav" })),
            "[a sound of type audio/wav, left out]"
        );
        assert_eq!(read(json!({ "type": "resource", "resource": { "uri": "file:///a", "text": "hello" } })), "hello");
        assert_eq!(
            read(json!({ "type": "resource", "resource": { "uri": "file:///a", "blob": data } })),
            "[the file file:///a, left out]"
        );
        assert_eq!(
            read(json!({ "type": "resource_link", "name": "menu", "uri": "https://bakery.example/menu" })),
            "[see menu at https://bakery.example/menu]"
        );
    }

    #[test]
    fn an_error_is_told_in_the_servers_words_and_not_at_any_length() {
        let failed = |text: &str| {
            let result = json!({ "content": [{ "type": "text", "text": text }], "isError": true });
            let error = read(result).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rejected);
            error.message().unwrap().to_owned()
        };
        assert_eq!(failed("the shop is closed"), "the shop is closed");
        assert_eq!(failed(" "), "the tool failed and did not say why");
        assert_eq!(failed(&"å".repeat(2_000)), format!("{}…", "å".repeat(1_000)));
    }
}
