//! Steps as the scripted carrier writes them: JSON that tests read and nobody else.

use serde_json::{Value, json};

use crate::carrier::{CallFlow, CallStep, Prompt, RejectReason, WebhookReply};

pub(super) fn reply(flow: &CallFlow) -> WebhookReply {
    let steps: Vec<Value> = flow.0.iter().map(step).collect();
    WebhookReply { content_type: "application/json", body: json!(steps).to_string() }
}

fn step(step: &CallStep) -> Value {
    match step {
        CallStep::Stream(target) => json!({ "stream": target.url, "parameters": target.parameters }),
        CallStep::Converse(converse) => json!({
            "converse": converse.url, "parameters": converse.parameters, "next": converse.next,
            "greeting": converse.greeting, "settings": converse.settings,
        }),
        CallStep::Say(say) => json!({ "say": say.text, "language": say.language }),
        CallStep::Play(play) => json!({ "play": play.url }),
        CallStep::Pause(length) => json!({ "pause": length.as_secs() }),
        CallStep::Press(digits) => json!({ "press": digits.reveal() }),
        CallStep::Gather(gather) => {
            let prompts: Vec<Value> = gather.prompts.iter().map(prompt).collect();
            json!({ "gather": prompts, "digits": gather.digits, "next": gather.next })
        }
        CallStep::Dial(dial) => {
            let numbers: Vec<&str> = dial.numbers.iter().map(|number| number.number.reveal()).collect();
            let screening: Vec<_> = dial.numbers.iter().map(|number| &number.screening_url).collect();
            json!({ "dial": numbers, "screening": screening, "next": dial.next })
        }
        CallStep::Hold(hold) => json!({ "hold": hold.name.as_str(), "next": hold.next }),
        CallStep::Join(name) => json!({ "join": name.as_str() }),
        CallStep::Leave => json!("leave"),
        CallStep::Record(message) => json!({ "record": message.max_length.as_secs(), "next": message.next }),
        CallStep::StartRecording(start) => json!({ "start_recording": start.name.as_str() }),
        CallStep::StopRecording(name) => json!({ "stop_recording": name.as_str() }),
        CallStep::Redirect(url) => json!({ "redirect": url }),
        CallStep::Reject(RejectReason::Rejected) => json!({ "reject": "rejected" }),
        CallStep::Reject(RejectReason::Busy) => json!({ "reject": "busy" }),
        CallStep::HangUp => json!("hang_up"),
    }
}

fn prompt(prompt: &Prompt) -> Value {
    match prompt {
        Prompt::Say(say) => json!({ "say": say.text, "language": say.language }),
        Prompt::Play(play) => json!({ "play": play.url }),
        Prompt::Pause(length) => json!({ "pause": length.as_secs() }),
    }
}
