//! The carrier's JSON: calls, accounts, lists, errors.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use super::recordings::{Recording, RecordingState};
use super::{Account, Exchange, Message, Method, NumberForSale};

/// A date as the 2010 API and its webhooks write it: RFC 2822, in UTC.
pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// An error body.
pub(super) fn error(status: u16, code: u32, message: &str) -> Value {
    let more_info = format!("https://www.twilio.com/docs/errors/{code}");
    json!({"code": code, "message": message, "more_info": more_info, "status": status})
}

/// A call; every field is a string or null.
pub(super) fn call(exchange: &Exchange, call: &Call) -> Value {
    let account = &exchange.options.accounts[call.account].sid;
    let uri = format!("/2010-04-01/Accounts/{account}/Calls/{}", call.sid);
    let at = |time| date(exchange.timestamp(time));
    let subresource = |name: &str| format!("{uri}/{name}.json");
    let duration = call.ended.map(|ended| call.duration(ended).as_secs().to_string());
    let queue_time = call.dialled.map(|dialled| dialled.since(call.created).as_millis().to_string());
    json!({
        "sid": call.sid,
        "account_sid": account,
        "parent_call_sid": call.parent_sid,
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from,
        "from_formatted": call.from,
        "phone_number_sid": null,
        "status": call.status.as_str(),
        "start_time": call.answered.or(call.ended).map(at),
        "end_time": call.ended.map(at),
        "duration": duration,
        "price": call.price(),
        "price_unit": "USD",
        "direction": call.direction.as_str(),
        "answered_by": call.answered_by.map(|(verdict, _)| verdict),
        "api_version": "2010-04-01",
        "forwarded_from": null,
        "group_sid": null,
        "caller_name": null,
        "queue_time": queue_time.unwrap_or_else(|| "0".to_owned()),
        "trunk_sid": null,
        "date_created": at(call.created),
        "date_updated": at(call.updated),
        "uri": format!("{uri}.json"),
        "subresource_uris": {
            "notifications": subresource("Notifications"),
            "recordings": subresource("Recordings"),
            "payments": subresource("Payments"),
            "events": subresource("Events"),
            "siprec": subresource("Siprec"),
            "streams": subresource("Streams"),
            "transcriptions": subresource("Transcriptions"),
            "user_defined_messages": subresource("UserDefinedMessages"),
            "user_defined_message_subscriptions": subresource("UserDefinedMessageSubscriptions"),
        },
    })
}

/// An account.
pub(super) fn account(exchange: &Exchange, account: &Account) -> Value {
    let uri = format!("/2010-04-01/Accounts/{}", account.sid);
    let created = date(exchange.options.epoch);
    json!({
        "sid": account.sid,
        "owner_account_sid": account.parent.as_ref().unwrap_or(&account.sid),
        "auth_token": account.auth_token,
        "friendly_name": "simulated",
        "status": "active",
        "type": "Full",
        "date_created": created,
        "date_updated": created,
        "uri": format!("{uri}.json"),
        "subresource_uris": {"calls": format!("{uri}/Calls.json")},
    })
}

/// The name of a number of an account's.
pub(super) fn number_sid(account: usize, number: &str) -> String {
    let digits: u64 = number.trim_start_matches('+').parse().unwrap_or_default();
    format!("PN{account:016x}{digits:016x}")
}

/// A number that is sold.
pub(super) fn number_for_sale(number: &NumberForSale) -> Value {
    json!({
        "friendly_name": number.number,
        "phone_number": number.number,
        "lata": null,
        "locality": null,
        "rate_center": null,
        "latitude": null,
        "longitude": null,
        "region": null,
        "postal_code": null,
        "iso_country": number.country,
        "address_requirements": "none",
        "beta": false,
        "capabilities": {"voice": true, "sms": number.takes_texts, "mms": false},
    })
}

/// A number of an account.
pub(super) fn number(exchange: &Exchange, account: usize, place: usize) -> Value {
    let owner = &exchange.options.accounts[account];
    let (number, sid) = (&owner.numbers[place], number_sid(account, &owner.numbers[place].number));
    let created = date(exchange.options.epoch);
    let url = |address: &Option<(String, Method)>| address.as_ref().map(|(url, _)| url.clone());
    let method = |address: &Option<(String, Method)>| address.as_ref().map_or(Method::Post, |(_, method)| *method);
    json!({
        "sid": sid,
        "account_sid": owner.sid,
        "friendly_name": number.number,
        "phone_number": number.number,
        "voice_url": url(&number.voice_url),
        "voice_method": method(&number.voice_url),
        "voice_fallback_url": null,
        "voice_fallback_method": "POST",
        "voice_application_sid": null,
        "voice_caller_id_lookup": false,
        "voice_receive_mode": "voice",
        "status_callback": url(&number.status_callback),
        "status_callback_method": method(&number.status_callback),
        "sms_url": url(&number.sms_url),
        "sms_method": method(&number.sms_url),
        "sms_fallback_url": null,
        "sms_fallback_method": "POST",
        "sms_application_sid": null,
        "trunk_sid": null,
        "capabilities": {"voice": true, "sms": true, "mms": true, "fax": false},
        "status": "in-use",
        "origin": "twilio",
        "beta": false,
        "api_version": "2010-04-01",
        "date_created": created,
        "date_updated": created,
        "uri": format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers/{sid}.json", owner.sid),
    })
}

/// A recording.
pub(super) fn recording(exchange: &Exchange, recording: &Recording) -> Value {
    let call = &exchange.calls[recording.call];
    let account = &exchange.options.accounts[call.account].sid;
    let uri = format!("/2010-04-01/Accounts/{account}/Recordings/{}", recording.sid);
    let started = date(exchange.timestamp(recording.started));
    let duration = if recording.state.is_open() { "-1".to_owned() } else { recording.seconds().to_string() };
    json!({
        "sid": recording.sid,
        "account_sid": account,
        "call_sid": call.sid,
        "conference_sid": null,
        "status": recording.state.as_str(),
        "channels": recording.channels(),
        "source": recording.source,
        "duration": duration,
        "start_time": started,
        "date_created": started,
        "date_updated": started,
        "price": null,
        "price_unit": "USD",
        "error_code": (recording.state == RecordingState::Absent).then_some(16101),
        "encryption_details": null,
        "api_version": "2010-04-01",
        "uri": format!("{uri}.json"),
        "media_url": format!("https://api.twilio.com{uri}"),
        "subresource_uris": {},
    })
}

/// A message.
pub(super) fn message(exchange: &Exchange, message: &Message) -> Value {
    let account = &exchange.options.accounts[message.account].sid;
    let uri = format!("/2010-04-01/Accounts/{account}/Messages/{}", message.sid);
    let at = |time| date(exchange.timestamp(time));
    json!({
        "sid": message.sid,
        "account_sid": account,
        "messaging_service_sid": message.service,
        "to": message.to,
        "from": message.from,
        "body": message.body,
        "status": message.status,
        "direction": if message.is_incoming { "inbound" } else { "outbound-api" },
        "num_segments": message.segments().to_string(),
        "num_media": (message.media.len() + message.media_urls.len()).to_string(),
        "price": message.sent.map(|_| "-0.00830"),
        "price_unit": "usd",
        "error_code": message.error_code,
        "error_message": null,
        "api_version": "2010-04-01",
        "date_created": at(message.created),
        "date_updated": at(message.updated),
        "date_sent": message.sent.map(at),
        "uri": format!("{uri}.json"),
        "subresource_uris": {"media": format!("{uri}/Media.json")},
    })
}

/// A medium of a message.
pub(super) fn medium(exchange: &Exchange, message: &Message, place: usize) -> Value {
    let account = &exchange.options.accounts[message.account].sid;
    let created = date(exchange.timestamp(message.created));
    json!({
        "sid": message.medium_sid(place),
        "account_sid": account,
        "parent_sid": message.sid,
        "content_type": message.media[place].content_type,
        "date_created": created,
        "date_updated": created,
        "uri": format!("/2010-04-01/Accounts/{account}/Messages/{}/Media/{}.json", message.sid, message.medium_sid(place)),
    })
}

/// A page of a list of `plural`. `uri` is the path, `query` the filters in their encoded form without paging.
pub(super) fn page(plural: &str, uri: &str, query: &str, calls: &[Value], page: usize, size: usize) -> Value {
    let address = |page: usize| {
        let filters = if query.is_empty() { String::new() } else { format!("{query}&") };
        let token = if page == 0 { String::new() } else { format!("&PageToken=PA{page:032x}") };
        format!("{uri}?{filters}PageSize={size}&Page={page}{token}")
    };
    let start = page.saturating_mul(size).min(calls.len());
    let end = (start + size).min(calls.len());
    json!({
        plural: calls[start..end],
        "page": page,
        "page_size": size,
        "start": start,
        "end": end.saturating_sub(1),
        "uri": address(page),
        "first_page_uri": address(0),
        "next_page_uri": (end < calls.len()).then(|| address(page + 1)),
        "previous_page_uri": page.checked_sub(1).map(address),
    })
}
