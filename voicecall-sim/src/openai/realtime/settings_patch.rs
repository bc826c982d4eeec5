//! `session.update`: changes what it names, clears what it names with null, and leaves the rest as it is.

use serde_json::Value;

use super::super::json::check_model;
use super::error::EventError;
use super::fields::Fields;
use super::format::Format;
use super::overrides;
use super::settings::{InputSettings, OutputSettings, Settings};

const SESSION: &[&str] = &[
    "type",
    "model",
    "output_modalities",
    "instructions",
    "audio",
    "include",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "max_output_tokens",
    "tracing",
    "truncation",
    "prompt",
];
const TRANSCRIPTION: &[&str] = &["model", "language", "languages", "keywords", "prompt", "delay"];
const LOGPROBS: &str = "item.input_audio_transcription.logprobs";

impl Settings {
    /// What holds after the `session` of an update. `has_spoken` says whether audio was produced before.
    pub(super) fn patched(&self, session: &Value, has_spoken: bool) -> Result<Self, EventError> {
        let fields = Fields::of("session", session, SESSION)?;
        let mut new = self.clone();
        match fields.required_text("type")? {
            "realtime" => {}
            "transcription" => return Err(fields.not_simulated("type", "hold sessions that only transcribe")),
            other => return Err(fields.not_among("type", other, &["realtime", "transcription"])),
        }
        if fields.text("model")?.is_some_and(|model| model != self.model) {
            return Err(fields.invalid("model", "Cannot update a session's model."));
        }
        if fields.some("prompt").is_some() {
            return Err(fields.not_simulated("prompt", "keep prompts"));
        }
        overrides::modality(&fields, &mut new.modality)?;
        if let Some(text) = fields.text("instructions")? {
            text.clone_into(&mut new.instructions);
        }
        if let Some(audio) = fields.object("audio", &["input", "output"])? {
            if let Some(input) =
                audio.object("input", &["format", "transcription", "noise_reduction", "turn_detection"])?
            {
                new.input.patch(&input)?;
            }
            if let Some(output) = audio.object("output", &["format", "voice", "speed"])? {
                new.output.patch(&output, has_spoken)?;
            }
        }
        overrides::tools(&fields, &mut new.tools)?;
        overrides::max_tokens(&fields, &mut new.max_tokens)?;
        new.patch_include(&fields)?;
        new.patch_noted(&fields)?;
        Ok(new)
    }

    fn patch_include(&mut self, fields: &Fields<'_>) -> Result<(), EventError> {
        let Some(include) = fields.get("include") else { return Ok(()) };
        self.logprobs = false;
        self.noted.include = include.clone();
        if include.is_null() {
            return Ok(());
        }
        for (path, value) in fields.list("include")?.unwrap_or_default() {
            if value != LOGPROBS {
                return Err(EventError::invalid(path, format!("Invalid value. Supported values are: '{LOGPROBS}'.")));
            }
            self.logprobs = true;
        }
        Ok(())
    }

    fn patch_noted(&mut self, fields: &Fields<'_>) -> Result<(), EventError> {
        if let Some(effort) = overrides::reasoning(fields)? {
            self.noted.reasoning = effort;
        }
        if let Some(tracing) = fields.get("tracing") {
            if !self.noted.tracing.is_null() && *tracing != self.noted.tracing {
                return Err(fields.invalid("tracing", "Cannot update tracing once it is enabled."));
            }
            if !(tracing.is_null() || tracing == "auto") {
                fields.object("tracing", &["workflow_name", "group_id", "metadata"])?;
            }
            self.noted.tracing = tracing.clone();
        }
        if let Some(truncation) = fields.get("truncation") {
            check_truncation(fields, truncation)?;
            self.noted.truncation = truncation.clone();
        }
        Ok(())
    }
}

impl InputSettings {
    fn patch(&mut self, fields: &Fields<'_>) -> Result<(), EventError> {
        if let Some(format) = fields.object("format", &["type", "rate"])? {
            self.format = Format::read(&format)?;
        }
        match fields.get("transcription") {
            None => {}
            Some(Value::Null) => self.transcription = None,
            Some(given) => {
                check_transcription(fields)?;
                self.transcription = Some(given.clone());
            }
        }
        match fields.get("noise_reduction") {
            None => {}
            Some(Value::Null) => self.noise_reduction = None,
            Some(_) => {
                let kinds = &["near_field", "far_field"];
                let reduction = fields.object("noise_reduction", &["type"])?;
                self.noise_reduction = reduction.map(|given| given.one_of("type", kinds)).transpose()?.flatten();
            }
        }
        match fields.get("turn_detection") {
            None => {}
            Some(Value::Null) => self.manual_turns = true,
            Some(_) => {
                return Err(fields.not_simulated("turn_detection", "detect turns; set 'turn_detection' to null"));
            }
        }
        Ok(())
    }
}

impl OutputSettings {
    fn patch(&mut self, fields: &Fields<'_>, has_spoken: bool) -> Result<(), EventError> {
        overrides::output(fields, self, has_spoken)?;
        if fields.get("speed").is_some_and(|speed| speed.as_f64() != Some(1.0)) {
            return Err(fields.not_simulated("speed", "speak at another speed than 1"));
        }
        Ok(())
    }
}

fn check_transcription(input: &Fields<'_>) -> Result<(), EventError> {
    let Some(fields) = input.object("transcription", TRANSCRIPTION)? else { return Ok(()) };
    check_model(fields.required_text("model")?).map_err(|_| fields.invalid("model", "invalid model ID"))?;
    for name in ["language", "prompt", "delay"] {
        fields.text(name)?;
    }
    for name in ["languages", "keywords"] {
        let texts = fields.list(name)?.unwrap_or_default();
        if let Some((path, _)) = texts.iter().find(|(_, text)| !text.is_string()) {
            return Err(EventError::wrong_type(path, "a string"));
        }
    }
    Ok(())
}

/// The simulated model forgets nothing, whatever is said of it here.
fn check_truncation(fields: &Fields<'_>, truncation: &Value) -> Result<(), EventError> {
    if truncation == "auto" || truncation == "disabled" {
        return Ok(());
    }
    let Some(given) = fields.object("truncation", &["type", "retention_ratio", "token_limits"])? else { return Ok(()) };
    given.one_of("type", &["retention_ratio"])?.ok_or_else(|| EventError::missing(&given.path("type")))?;
    let ratio = given.required("retention_ratio")?.as_f64();
    if ratio.is_none_or(|ratio| !(0.0..=1.0).contains(&ratio)) {
        return Err(given.wrong_type("retention_ratio", "a number from 0 to 1"));
    }
    let limits = given.object("token_limits", &["post_instructions"])?;
    limits.map_or(Ok(()), |limits| limits.required_count("post_instructions").map(drop))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn before() -> Settings {
        Settings::new("gpt-realtime-2.1")
    }

    fn patch(session: &Value) -> Result<Value, EventError> {
        before().patched(session, false).map(|settings| settings.json("sess_1", 0))
    }

    fn all() -> Value {
        json!({
            "type": "realtime",
            "model": "gpt-realtime-2.1",
            "output_modalities": ["audio"],
            "instructions": "Var vänlig.",
            "audio": {
                "input": {
                    "format": { "type": "audio/pcmu" },
                    "transcription": { "model": "gpt-transcribe", "language": "sv", "keywords": ["Åsa"] },
                    "noise_reduction": { "type": "near_field" },
                    "turn_detection": null,
                },
                "output": { "format": { "type": "audio/pcma" }, "voice": "marin", "speed": 1.0 },
            },
            "include": [LOGPROBS],
            "tools": [{ "type": "function", "name": "book", "description": "Books.", "parameters": { "type": "object" } }],
            "tool_choice": "auto",
            "parallel_tool_calls": false,
            "reasoning": { "effort": "low" },
            "max_output_tokens": 200,
            "tracing": null,
            "truncation": { "type": "retention_ratio", "retention_ratio": 0.8 },
            "prompt": null,
        })
    }

    #[test]
    fn what_is_given_is_what_holds() {
        let mut expected = all();
        let extra = json!({ "object": "realtime.session", "id": "sess_1", "expires_at": 0 });
        expected.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        assert_eq!(patch(&all()).unwrap(), expected);
    }

    #[test]
    fn what_is_absent_stays_and_null_clears() {
        let set = before().patched(&all(), false).unwrap();
        let same = set.patched(&json!({ "type": "realtime", "audio": { "input": {}, "output": {} } }), false).unwrap();
        assert_eq!(same, set);
        let clear = json!({
            "type": "realtime", "instructions": "", "tools": [], "include": null,
            "audio": { "input": { "transcription": null, "noise_reduction": null } },
        });
        let cleared = set.patched(&clear, false).unwrap().json("sess_1", 0);
        assert_eq!(cleared["instructions"], "");
        assert_eq!(cleared["tools"], json!([]));
        let input = &cleared["audio"]["input"];
        assert_eq!((&input["transcription"], &input["noise_reduction"]), (&Value::Null, &Value::Null));
        assert_eq!(input["format"], json!({ "type": "audio/pcmu" }));
    }

    #[test]
    fn every_mistake_is_refused_by_its_place() {
        for (pointer, value, param) in [
            ("/type", Value::Null, "session.type"),
            ("/type", json!("conversation"), "session.type"),
            ("/type", json!("transcription"), "session.type"),
            ("/model", json!("gpt-realtime-3"), "session.model"),
            ("/output_modalities", json!(["audio", "text"]), "session.output_modalities"),
            ("/output_modalities", json!("text"), "session.output_modalities"),
            ("/instructions", Value::Null, "session.instructions"),
            ("/audio", json!([]), "session.audio"),
            ("/audio/input/mood", json!(1), "session.audio.input.mood"),
            ("/audio/input/format", json!("pcm16"), "session.audio.input.format"),
            ("/audio/input/transcription/model", Value::Null, "session.audio.input.transcription.model"),
            ("/audio/input/transcription/keywords", json!([1]), "session.audio.input.transcription.keywords[0]"),
            ("/audio/input/noise_reduction", json!({ "type": "all" }), "session.audio.input.noise_reduction.type"),
            ("/audio/input/turn_detection", json!({ "type": "server_vad" }), "session.audio.input.turn_detection"),
            ("/audio/output/voice", json!(""), "session.audio.output.voice"),
            ("/audio/output/speed", json!(1.2), "session.audio.output.speed"),
            ("/include/0", json!("everything"), "session.include[0]"),
            ("/tools/0/type", json!("mcp"), "session.tools[0].type"),
            ("/tools/0/function", json!({}), "session.tools[0].function"),
            ("/tools/0/name", json!("a b"), "session.tools[0].name"),
            ("/tools/0/parameters", json!("{}"), "session.tools[0].parameters"),
            ("/tool_choice", json!("required"), "session.tool_choice"),
            ("/reasoning/effort", json!("most"), "session.reasoning.effort"),
            ("/max_output_tokens", json!(0), "session.max_output_tokens"),
            ("/max_output_tokens", json!(5000), "session.max_output_tokens"),
            ("/max_output_tokens", json!("all"), "session.max_output_tokens"),
            ("/tracing", json!("always"), "session.tracing"),
            ("/truncation/retention_ratio", json!(2), "session.truncation.retention_ratio"),
            ("/prompt", json!({ "id": "pmpt_1" }), "session.prompt"),
            ("/temperature", json!(0.8), "session.temperature"),
        ] {
            let mut wrong = all();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = wrong.pointer_mut(parent).unwrap();
            match name.parse::<usize>() {
                Ok(at) => parent[at] = value,
                Err(_) => parent[name] = value,
            }
            let error = patch(&wrong).unwrap_err();
            assert_eq!(error.json(None)["param"], param, "{error}");
        }
        assert_eq!(patch(&json!({})).unwrap_err().json(None)["code"], "missing_required_parameter");
    }

    #[test]
    fn the_voice_is_fixed_once_it_was_heard_and_tracing_once_it_is_on() {
        let voice = |name: &str| json!({ "type": "realtime", "audio": { "output": { "voice": name } } });
        assert!(before().patched(&voice("alloy"), true).is_ok());
        let error = before().patched(&voice("marin"), true).unwrap_err();
        assert_eq!(error.json(None)["code"], "cannot_update_voice");

        let tracing = |value: Value| json!({ "type": "realtime", "tracing": value });
        let traced = before().patched(&tracing(json!("auto")), false).unwrap();
        assert!(traced.patched(&tracing(json!("auto")), false).is_ok());
        let error = traced.patched(&tracing(Value::Null), false).unwrap_err();
        assert_eq!(error.json(None)["param"], "session.tracing");
    }
}
