//! Voices: found, read, set, made of recordings, changed and deleted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Multipart, Path, Query, State};
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::ApiError;
use super::super::server::Account;
use super::super::shelf::{self, Voice};
use super::{check_settings, members};

/// How many voices are in a page unless told otherwise, and at most.
const PAGE: usize = 10;
const LARGEST_PAGE: usize = 100;

type Answer = Result<Json<Value>, ApiError>;

pub(crate) async fn search(
    State(account): State<Arc<Account>>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let number = |name: &str, absent: usize| match query.get(name).map(|number| number.parse()) {
        None => Ok(absent),
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(ApiError::unprocessable(&["query", name], "int_parsing", "Not a number")),
    };
    let (size, from) = (number("page_size", PAGE)?, number("next_page_token", 0)?);
    if !(1..=LARGEST_PAGE).contains(&size) {
        return Err(ApiError::unprocessable(&["query", "page_size"], "out_of_range", "1 to 100"));
    }
    let state = account.state();
    let fits = |voice: &Voice| {
        let has = |text: &String| voice.name.to_lowercase().contains(&text.to_lowercase());
        query.get("search").is_none_or(has)
            && query.get("category").is_none_or(|category| voice.category == category)
            && query.get("language").is_none_or(|language| voice.labels.get("language") == Some(language))
    };
    let found: Vec<_> = state.shelf.all().filter(|(_, voice)| fits(voice)).collect();
    let page: Vec<_> = found.iter().skip(from).take(size).map(|(id, voice)| voice.json(id)).collect();
    let next = from.saturating_add(size);
    let has_more = next < found.len();
    let token = has_more.then(|| next.to_string());
    Ok(Json(json!({ "voices": page, "has_more": has_more, "total_count": found.len(), "next_page_token": token })))
}

pub(crate) async fn get(State(account): State<Arc<Account>>, Path(id): Path<String>) -> Answer {
    Ok(Json(account.state().shelf.get(&id)?.json(&id)))
}

pub(crate) async fn delete(State(account): State<Arc<Account>>, Path(id): Path<String>) -> Answer {
    account.state().shelf.delete(&id)?;
    Ok(done())
}

pub(crate) async fn default_settings() -> Json<Value> {
    Json(shelf::default_settings())
}

pub(crate) async fn settings(State(account): State<Arc<Account>>, Path(id): Path<String>) -> Answer {
    Ok(Json(account.state().shelf.get(&id)?.settings.clone()))
}

pub(crate) async fn set_settings(State(account): State<Arc<Account>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let settings = members(&body)?;
    check_settings(&settings, &["body"])?;
    let mut all = shelf::default_settings();
    if let Some(all) = all.as_object_mut() {
        all.extend(settings);
    }
    account.state().shelf.change(&id)?.settings = all;
    Ok(done())
}

pub(crate) async fn add(State(account): State<Arc<Account>>, form: Multipart) -> Answer {
    let form = Form::read(form).await?;
    if form.samples == 0 {
        return Err(ApiError::unprocessable(&["body", "files"], "missing", "Field required"));
    }
    let mut voice = Voice::new(String::new(), "cloned");
    form.apply(&mut voice)?;
    let id = account.state().shelf.add(voice);
    Ok(Json(json!({ "voice_id": id, "requires_verification": false })))
}

pub(crate) async fn edit(State(account): State<Arc<Account>>, Path(id): Path<String>, form: Multipart) -> Answer {
    let form = Form::read(form).await?;
    form.apply(account.state().shelf.change(&id)?)?;
    Ok(done())
}

fn done() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The form of a new or changed voice.
#[derive(Default)]
struct Form {
    name: Option<String>,
    description: Option<String>,
    labels: Option<String>,
    samples: usize,
}

impl Form {
    async fn read(mut parts: Multipart) -> Result<Self, ApiError> {
        let broken = |_| ApiError::unprocessable(&["body"], "form_invalid", "The form cannot be read");
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            match part.name().unwrap_or_default().to_owned().as_str() {
                "name" => form.name = Some(part.text().await.map_err(broken)?),
                "description" => form.description = Some(part.text().await.map_err(broken)?),
                "labels" => form.labels = Some(part.text().await.map_err(broken)?),
                "files" => {
                    if part.bytes().await.map_err(broken)?.is_empty() {
                        return Err(ApiError::invalid("invalid_file", "files", "A file is empty."));
                    }
                    form.samples += 1;
                }
                _ => drop(part.bytes().await.map_err(broken)?),
            }
        }
        Ok(form)
    }

    fn apply(self, voice: &mut Voice) -> Result<(), ApiError> {
        let name = self.name.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| ApiError::unprocessable(&["body", "name"], "missing", "Field required"))?;
        if let Some(labels) = self.labels.filter(|labels| labels != "null") {
            let labels: BTreeMap<String, String> = serde_json::from_str(&labels).map_err(|_| {
                ApiError::invalid("invalid_labels", "labels", "The labels are no JSON object of texts.")
            })?;
            voice.labels = labels;
        }
        voice.name = name;
        voice.description = self.description.or(voice.description.take());
        voice.samples += self.samples;
        Ok(())
    }
}
