//! The strict subset of JSON schema that `response_format` demands, and the check of an answer against it.

use serde_json::Value;

/// Says what keeps `schema` from being strict: every object closed, every property required.
pub(super) fn strictness(schema: &Value) -> Result<(), String> {
    check(schema, "schema", true)
}

/// Says what keeps `answer` from being an object of the top level of `schema`.
pub(super) fn conformance(answer: &str, schema: &Value) -> Result<(), String> {
    let answer: Value = serde_json::from_str(answer).map_err(|error| format!("it is not JSON: {error}"))?;
    let answer = answer.as_object().ok_or("it is not a JSON object")?;
    if let Some(missing) = required(schema).find(|name| !answer.contains_key(*name)) {
        return Err(format!("`{missing}` is missing"));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    match answer.keys().find(|key| properties.is_some_and(|properties| !properties.contains_key(*key))) {
        Some(unknown) => Err(format!("`{unknown}` is not in the schema")),
        None => Ok(()),
    }
}

fn check(schema: &Value, path: &str, is_root: bool) -> Result<(), String> {
    let is_object = schema.get("type").is_some_and(|kind| kind == "object");
    if is_root && !is_object {
        return Err(format!("{path}: the type must be `object`"));
    }
    if is_object {
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Err(format!("{path}: `additionalProperties` is required to be supplied and to be false"));
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if !required(schema).any(|required| required == name) {
                return Err(format!("{path}: `required` must name every property; `{name}` is missing"));
            }
            check(property, &format!("{path}.{name}"), false)?;
        }
    }
    if let Some(items) = schema.get("items") {
        check(items, &format!("{path}.items"), false)?;
    }
    for (index, option) in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
        check(option, &format!("{path}.anyOf[{index}]"), false)?;
    }
    Ok(())
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": { "decision": { "type": "string" }, "topics": { "type": "array", "items": { "type": "string" } } },
            "required": ["decision", "topics"],
            "additionalProperties": false,
        })
    }

    #[test]
    fn a_strict_schema_is_closed_at_every_depth() {
        assert_eq!(strictness(&schema()), Ok(()));
        let mut open = schema();
        open["additionalProperties"] = json!(true);
        let mut lax = schema();
        lax["required"] = json!(["decision"]);
        let mut nested = schema();
        nested["properties"]["topics"]["items"] = json!({ "type": "object", "properties": {} });
        for (wrong, named) in
            [(open, "additionalProperties"), (lax, "`topics`"), (nested, "schema.topics.items"), (json!(3), "object")]
        {
            assert!(strictness(&wrong).unwrap_err().contains(named), "{wrong}");
        }
    }

    #[test]
    fn an_answer_has_all_properties_and_no_other() {
        assert_eq!(conformance(r#"{"decision":"yes","topics":[]}"#, &schema()), Ok(()));
        for (wrong, named) in [
            (r#"{"decision":"yes"}"#, "`topics`"),
            (r#"{"decision":"yes","topics":[],"mood":1}"#, "`mood`"),
            ("[]", "object"),
            ("yes", "JSON"),
        ] {
            assert!(conformance(wrong, &schema()).unwrap_err().contains(named), "{wrong}");
        }
    }
}
