//! The JSON schema of a tool's arguments, in the strict subset that models are held to.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The schema of `T`, without references, every property required and no others allowed. A field that may be absent is
/// one that may be null.
pub(super) fn strict<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    tighten(&mut schema);
    if let Value::Object(schema) = &mut schema {
        schema.remove("title");
        // Arguments are an object, even those of a tool that takes none.
        schema.entry("type").or_insert_with(|| "object".into());
        if schema.get("type") != Some(&Value::from("object")) {
            *schema = Map::from_iter([("type".to_owned(), Value::from("object"))]);
        }
        schema.entry("properties").or_insert_with(|| Map::new().into());
        close(schema);
    }
    schema
}

fn tighten(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") {
                close(fields);
            }
            fields.remove("default");
            fields.values_mut().for_each(tighten);
        }
        Value::Array(items) => items.iter_mut().for_each(tighten),
        _ => {}
    }
}

fn close(object: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = object.get("properties") else { return };
    let names: Vec<Value> = properties.keys().map(|name| name.as_str().into()).collect();
    object.insert("required".to_owned(), names.into());
    object.insert("additionalProperties".to_owned(), false.into());
}
