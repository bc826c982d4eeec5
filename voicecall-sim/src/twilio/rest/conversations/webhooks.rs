//! Who is told of conversations.

use serde_json::Value;

use super::super::is_web_address;
use super::{Answered, Ask, Refusal};
use crate::twilio::Exchange;
use crate::twilio::conversations::{self, ScopedWebhook};
use crate::twilio::sid::sid;

/// The most webhooks of one conversation.
const MOST_WEBHOOKS: usize = 5;

impl Exchange {
    pub(super) fn scoped_webhooks_request(
        &mut self,
        conversation: usize,
        method: &str,
        rest: &[&str],
        ask: &Ask<'_>,
    ) -> Answered {
        let known = &self.conversations.all[conversation];
        let place = |sid: &str| {
            let is_it = |it: &ScopedWebhook| !it.gone && it.sid == sid;
            known.webhooks.iter().position(is_it).ok_or_else(|| ask.not_found())
        };
        match (method, rest) {
            ("POST", []) => {
                let webhook = self.scoped_webhook(conversation, ask)?;
                self.conversation_mut(conversation).webhooks.push(webhook.clone());
                Ok((201, Some(conversations::webhook(self, &self.conversations.all[conversation], &webhook))))
            }
            ("GET", []) => {
                let present = known.webhooks.iter().filter(|it| !it.gone);
                let all: Vec<Value> = present.map(|it| conversations::webhook(self, known, it)).collect();
                ask.page("webhooks", &all, MOST_WEBHOOKS)
            }
            ("GET", [sid]) => Ok((200, Some(conversations::webhook(self, known, &known.webhooks[place(sid)?])))),
            ("DELETE", [sid]) => {
                let place = place(sid)?;
                self.conversation_mut(conversation).webhooks[place].gone = true;
                Ok((204, None))
            }
            _ => Err(ask.not_found()),
        }
    }

    /// Only webhooks to an address are acted out; of the other kinds there is nobody here to be told.
    fn scoped_webhook(&mut self, conversation: usize, ask: &Ask<'_>) -> Result<ScopedWebhook, Refusal> {
        let refuse = |text: &str| Refusal::new(400, 20001, text);
        if ask.fields.get("Target") != Some("webhook") {
            return Err(refuse("Target must be webhook"));
        }
        let url = ask.fields.get("Configuration.Url").unwrap_or_default().to_owned();
        if !is_web_address(&url, self.options.allow_loopback) {
            return Err(refuse("Configuration.Url is not valid"));
        }
        let present = self.conversations.all[conversation].webhooks.iter().filter(|it| !it.gone).count();
        if present >= MOST_WEBHOOKS {
            return Err(refuse("A conversation has five webhooks at most"));
        }
        let method = ask.fields.get("Configuration.Method").unwrap_or("post").to_ascii_lowercase();
        let filters = ask.fields.all("Configuration.Filters").map(str::to_owned).collect();
        let (sid, target) = (sid("WH", &mut self.rng), "webhook".to_owned());
        Ok(ScopedWebhook { sid, target, url, method, filters, created: ask.now, gone: false })
    }

    pub(super) fn webhook_settings_request(
        &mut self,
        account: usize,
        service: Option<&str>,
        method: &str,
        ask: &Ask<'_>,
    ) -> Answered {
        let loopback = self.options.allow_loopback;
        let settings = self.conversations.settings.entry((account, service.map(str::to_owned))).or_default();
        match method {
            "GET" => {}
            "POST" => {
                let mut changed = settings.clone();
                for (name, url) in [("PreWebhookUrl", &mut changed.pre), ("PostWebhookUrl", &mut changed.post)] {
                    match ask.fields.all(name).next() {
                        Some(wanted) if !wanted.is_empty() && !is_web_address(wanted, loopback) => {
                            return Err(Refusal::new(400, 20001, format!("{name} is not valid")));
                        }
                        Some(wanted) => *url = Some(wanted.to_owned()).filter(|wanted| !wanted.is_empty()),
                        None => {}
                    }
                }
                if ask.fields.all("Filters").next().is_some() {
                    changed.filters = ask.fields.all("Filters").map(str::to_owned).collect();
                }
                *settings = changed;
            }
            _ => return Err(Refusal::new(405, 20004, "Method not allowed")),
        }
        let settings = settings.clone();
        Ok((200, Some(conversations::settings(self, account, service, &settings))))
    }
}
