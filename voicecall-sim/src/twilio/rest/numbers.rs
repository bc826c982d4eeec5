//! The account's numbers: searched, bought, found, given back, and told where to ask about calls and messages to them.

use serde_json::Value;

use super::{Answered, Fields, Refusal, RestRequest, is_web_address};
use crate::fault::Site;
use crate::twilio::{Exchange, Method, Number, NumberForSale, json};

/// What a request asks for. A number is named by its place in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberOperation {
    List,
    Buy,
    Fetch(usize),
    Update(usize),
    Release(usize),
}

impl NumberOperation {
    pub(super) const fn site(self) -> Site {
        match self {
            Self::List | Self::Fetch(_) => Site::RestFetch,
            Self::Buy | Self::Update(_) | Self::Release(_) => Site::RestUpdate,
        }
    }
}

impl Exchange {
    pub(super) fn numbers_of(
        &self,
        account: usize,
        method: &str,
        rest: &[&str],
        request: &RestRequest,
    ) -> Result<NumberOperation, Refusal> {
        let place = |sid: &str| {
            let mut numbers = self.options.accounts[account].numbers.iter();
            let place = numbers.position(|number| json::number_sid(account, &number.number) == sid);
            place.ok_or_else(|| Refusal::not_found(&request.path))
        };
        match (method, rest) {
            ("GET", []) => Ok(NumberOperation::List),
            ("GET", [sid]) => Ok(NumberOperation::Fetch(place(sid)?)),
            ("POST", []) => Ok(NumberOperation::Buy),
            ("DELETE", [sid]) => Ok(NumberOperation::Release(place(sid)?)),
            ("POST", [sid]) => Ok(NumberOperation::Update(place(sid)?)),
            (_, [] | [_]) => Err(Refusal::new(405, 20004, "Method not allowed")),
            _ => Err(Refusal::not_found(&request.path)),
        }
    }

    pub(super) fn numbers_request(
        &mut self,
        account: usize,
        operation: NumberOperation,
        request: &RestRequest,
    ) -> Answered {
        match operation {
            NumberOperation::List => self.list_numbers(account, request),
            NumberOperation::Fetch(place) => Ok((200, Some(json::number(self, account, place)))),
            NumberOperation::Buy => self.buy_number(account, &Fields(&request.form)),
            NumberOperation::Release(place) => {
                self.options.accounts[account].numbers.remove(place);
                Ok((204, None))
            }
            NumberOperation::Update(place) => {
                self.update_number(account, place, &Fields(&request.form))?;
                Ok((200, Some(json::number(self, account, place))))
            }
        }
    }

    /// The numbers of a country that are sold, those of one kind.
    pub(super) fn search_for(&self, request: &RestRequest) -> Answered {
        let mut parts = request.path.trim_end_matches(".json").rsplit('/');
        let (kind, country) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let fields = Fields(&request.query);
        let of_country = |number: &&NumberForSale| number.country == country && number.kind == kind;
        if !self.options.for_sale.iter().any(|number| of_country(&number)) {
            return Err(Refusal::not_found(&request.path));
        }
        let wants_texts = fields.get("SmsEnabled") == Some("true");
        let wants_media = fields.get("MmsEnabled") == Some("true");
        let digits = fields.get("Contains").unwrap_or_default();
        let found =
            self.options.for_sale.iter().filter(of_country).filter(|number| {
                number.number.contains(digits) && (number.takes_texts || !wants_texts) && !wants_media
            });
        let found: Vec<Value> =
            found.take(fields.number("PageSize", 50)?.clamp(1, 1000)).map(json::number_for_sale).collect();
        Ok((200, Some(serde_json::json!({"available_phone_numbers": found, "uri": request.path}))))
    }

    /// Gives a number that is sold to the account, set as the form says.
    fn buy_number(&mut self, account: usize, fields: &Fields<'_>) -> Answered {
        let wanted = fields.get("PhoneNumber");
        let code = fields.get("AreaCode").map(|code| format!("+1{code}"));
        let is_it = |number: &NumberForSale| match (wanted, &code) {
            (Some(wanted), _) => number.number == wanted,
            (None, Some(code)) => number.number.starts_with(code),
            (None, None) => false,
        };
        let for_sale = self.options.for_sale.iter().position(is_it).ok_or_else(|| match wanted {
            Some(number) => Refusal::new(400, 21422, format!("{number} is not available")),
            None => Refusal::new(400, 21452, "No phone numbers found in area code"),
        })?;
        let place = self.options.accounts[account].numbers.len();
        self.options.accounts[account].numbers.push(Number::new(&self.options.for_sale[for_sale].number));
        if let Err(refusal) = self.update_number(account, place, fields) {
            self.options.accounts[account].numbers.pop();
            return Err(refusal);
        }
        self.options.for_sale.remove(for_sale);
        Ok((201, Some(json::number(self, account, place))))
    }

    fn list_numbers(&self, account: usize, request: &RestRequest) -> Answered {
        let fields = Fields(&request.query);
        let (size, page) = (fields.number("PageSize", 50)?.clamp(1, 1000), fields.number("Page", 0)?);
        let wanted = fields.get("PhoneNumber");
        let numbers = self.options.accounts[account].numbers.iter().enumerate();
        // A part of a number is enough.
        let found = numbers.filter(|(_, number)| wanted.is_none_or(|wanted| number.number.contains(wanted)));
        let found: Vec<Value> = found.map(|(place, _)| json::number(self, account, place)).collect();
        let filters = wanted.map(|wanted| ("PhoneNumber", wanted));
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filters).finish();
        Ok((200, Some(json::page("incoming_phone_numbers", &request.path, &encoded, &found, page, size))))
    }

    /// Changes what the form names and leaves the rest. An empty address is none.
    fn update_number(&mut self, account: usize, place: usize, fields: &Fields<'_>) -> Result<(), Refusal> {
        let loopback = self.options.allow_loopback;
        let number = &self.options.accounts[account].numbers[place];
        let voice_url = changed(fields, "VoiceUrl", "VoiceMethod", number.voice_url.clone(), loopback)?;
        let status = ("StatusCallback", "StatusCallbackMethod");
        let status_callback = changed(fields, status.0, status.1, number.status_callback.clone(), loopback)?;
        let sms_url = changed(fields, "SmsUrl", "SmsMethod", number.sms_url.clone(), loopback)?;
        let number = &mut self.options.accounts[account].numbers[place];
        (number.voice_url, number.status_callback, number.sms_url) = (voice_url, status_callback, sms_url);
        Ok(())
    }
}

fn changed(
    fields: &Fields<'_>,
    url: &str,
    method: &str,
    before: Option<(String, Method)>,
    loopback: bool,
) -> Result<Option<(String, Method)>, Refusal> {
    let wanted = match fields.get(method) {
        None => before.as_ref().map_or(Method::Post, |(_, method)| *method),
        Some(name) => {
            Method::from_name(name).ok_or_else(|| Refusal::new(400, 21403, format!("{method} is not valid")))?
        }
    };
    let address = fields.all(url).next().map(str::to_owned).or(before.map(|(address, _)| address));
    match address.filter(|address| !address.is_empty()) {
        Some(address) if is_web_address(&address, loopback) => Ok(Some((address, wanted))),
        Some(_) => Err(Refusal::new(400, 21402, format!("{url} is not valid"))),
        None => Ok(None),
    }
}
