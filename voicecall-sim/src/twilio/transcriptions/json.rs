//! Transcriptions as JSON.

use serde_json::{Value, json};

use super::transcripts::LANGUAGE;
use super::{Live, OfRecording, Sentence, Transcript};
use crate::twilio::Exchange;
use crate::twilio::json::date;

pub(in crate::twilio) fn live(exchange: &Exchange, it: &Live) -> Value {
    let call = &exchange.calls[it.call];
    let account = &exchange.options.accounts[call.account].sid;
    json!({
        "sid": it.sid,
        "account_sid": account,
        "call_sid": call.sid,
        "name": it.name,
        "status": if it.stopped { "stopped" } else { "in-progress" },
        "date_updated": date(exchange.timestamp(it.updated)),
        "uri": format!("/2010-04-01/Accounts/{account}/Calls/{}/Transcriptions/{}.json", call.sid, it.sid),
    })
}

pub(in crate::twilio) fn of_recording(exchange: &Exchange, it: &OfRecording) -> Value {
    let recording = &exchange.recordings[it.recording];
    let account = &exchange.options.accounts[exchange.calls[recording.call].account].sid;
    let created = date(exchange.timestamp(it.created));
    json!({
        "sid": it.sid,
        "account_sid": account,
        "recording_sid": recording.sid,
        "api_version": "2010-04-01",
        "status": if it.text.is_some() { "completed" } else { "failed" },
        "type": "fast",
        "transcription_text": it.text,
        "duration": recording.seconds().to_string(),
        "price": -0.05,
        "price_unit": "USD",
        "date_created": created,
        "date_updated": created,
        "uri": format!("/2010-04-01/Accounts/{account}/Transcriptions/{}.json", it.sid),
    })
}

pub(in crate::twilio) fn transcript(exchange: &Exchange, it: &Transcript) -> Value {
    let recording = &exchange.recordings[it.recording];
    let url = format!("https://intelligence.twilio.com/v2/Transcripts/{}", it.sid);
    let at = |time| exchange.timestamp(time).to_string();
    json!({
        "sid": it.sid,
        "account_sid": exchange.options.accounts[it.account].sid,
        "service_sid": it.service,
        "status": it.status,
        "channel": {"media_properties": {"source_sid": recording.sid}},
        "data_logging": false,
        "language_code": LANGUAGE,
        "customer_key": it.customer_key,
        "media_start_time": null,
        "duration": if it.status == "completed" { recording.seconds() } else { 0 },
        "redaction": false,
        "encryption_credential_sid": null,
        "date_created": at(it.created),
        "date_updated": at(it.updated),
        "url": url,
        "links": {
            "sentences": format!("{url}/Sentences"),
            "media": format!("{url}/Media"),
            "operator_results": format!("{url}/OperatorResults"),
        },
    })
}

pub(in crate::twilio) fn sentence(index: usize, it: &Sentence) -> Value {
    json!({
        "sid": it.sid,
        "media_channel": u32::from(it.channel) + 1,
        "sentence_index": index,
        "start_time": "0",
        "end_time": it.end.to_string(),
        "transcript": it.text,
        "confidence": it.confidence.to_string(),
        "words": null,
    })
}
