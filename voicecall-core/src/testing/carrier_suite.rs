//! What every carrier keeps to, as far as it shows without a network.

use url::Url;

use super::{SignedRequest, suite};
use crate::carrier::{
    CallFlow, CallQuery, CallStatus, CallStep, CarrierEvent, CarrierEventKind, Dial, Gather, NumberWebhooks, PageToken,
    Play, RecordCall, RecordingId, Say, StartRecording, StreamTarget, VoiceBackend, WithoutInput,
};
use crate::consent::ConsentToken;
use crate::error::{ErrorKind, Result};
use crate::id::{CarrierCallId, SessionId};
use crate::phone::PhoneNumber;

/// A carrier with requests it would send itself.
#[derive(Debug)]
pub struct CarrierCase {
    /// The carrier.
    pub carrier: Box<dyn VoiceBackend>,
    /// A webhook with everything that makes it authentic; its body is not empty.
    pub webhook: SignedRequest,
    /// What an answer that streams names: the address `wss://calls.example/media/token`, unless the carrier has one for all
    /// calls and something else stands for it.
    pub stream: String,
    /// The call the webhook is about.
    pub call: CarrierCallId,
    /// The authentic handshake of a media socket.
    pub handshake: SignedRequest,
    /// A call that has ended at the carrier, or at whatever stands in for it; without one hanging up is not checked.
    pub ended: Option<CarrierCallId>,
    /// A recording the carrier does not have any more; without one deleting is not checked.
    pub gone: Option<RecordingId>,
    /// A number of the account and one that is not, at whatever stands in for the carrier; without them numbers are not
    /// checked.
    pub numbers: Option<(PhoneNumber, PhoneNumber)>,
}

/// Checks every rule and panics with the names of those the carrier breaks. `make_case` makes a fresh carrier.
pub async fn run_all<F, S>(make_case: F)
where
    F: Fn() -> S,
    S: Future<Output = CarrierCase>,
{
    let broken = broken_rules(make_case).await;
    assert!(broken.is_empty(), "the carrier breaks {broken:?}");
}

/// The names of the rules the carrier breaks. `make_case` makes a fresh carrier.
pub async fn broken_rules<F, S>(make_case: F) -> Vec<&'static str>
where
    F: Fn() -> S,
    S: Future<Output = CarrierCase>,
{
    suite::broken(RULES, make_case).await
}

macro_rules! rules {
    ($($rule:ident,)*) => {
        const RULES: &[suite::Rule<CarrierCase>] = &[$((stringify!($rule), |case| Box::pin($rule(case))),)*];
    };
}

rules! {
    an_authentic_webhook_names_its_call,
    a_webhook_without_authenticity_is_refused,
    the_head_of_an_authentic_webhook_passes,
    a_changed_webhook_is_refused,
    a_handshake_without_authenticity_is_refused,
    headers_do_not_choose_the_address,
    a_report_that_nobody_signed_is_confirmed,
    a_reply_names_the_stream_and_what_follows,
    a_farewell_is_said,
    hanging_up_an_ended_call_succeeds,
    what_cannot_be_steered_says_so,
    a_question_names_its_prompt_and_who_gets_the_answer,
    a_dial_names_whom_and_who_is_asked_afterwards,
    what_is_not_among_the_abilities_says_so,
    a_page_of_somebody_else_is_refused,
    deleting_what_is_gone_succeeds,
    a_number_is_turned_to_where_it_was_set,
    a_number_of_somebody_else_is_named,
}

async fn an_authentic_webhook_names_its_call(case: CarrierCase) {
    let event = case.webhook.with(|request| case.carrier.webhook(request)).expect("an authentic webhook is read");
    assert_eq!(event.call, case.call);
}

async fn a_webhook_without_authenticity_is_refused(case: CarrierCase) {
    let mut stranger = SignedRequest { headers: Vec::new(), ..case.webhook };
    if !case.carrier.capabilities().signed_webhooks {
        // What is secret may lie behind the path.
        stranger.path_and_query = stranger.path_and_query.split('?').next().unwrap_or_default().to_owned();
    }
    assert_refused(&*case.carrier, &stranger);
    // Not even what is wrong with it is told to a stranger.
    assert_refused(&*case.carrier, &SignedRequest { body: b"{".to_vec(), ..stranger });
}

async fn the_head_of_an_authentic_webhook_passes(case: CarrierCase) {
    let head = SignedRequest { body: Vec::new(), ..case.webhook };
    head.with(|head| case.carrier.webhook_head(head)).expect("its body may make it authentic");
}

async fn a_changed_webhook_is_refused(case: CarrierCase) {
    if case.carrier.capabilities().signed_webhooks {
        let mut longer = case.webhook.clone();
        longer.body.extend_from_slice(b"&More=1");
        assert_refused(&*case.carrier, &longer);
    }
    let elsewhere = format!("{}0", case.webhook.path_and_query);
    assert_refused(&*case.carrier, &SignedRequest { path_and_query: elsewhere, ..case.webhook });
}

async fn a_handshake_without_authenticity_is_refused(case: CarrierCase) {
    let check = |request: &SignedRequest| request.with(|request| case.carrier.media_handshake(request));
    check(&case.handshake).expect("an authentic handshake passes");
    if !case.carrier.capabilities().signed_media {
        return;
    }
    let elsewhere = format!("{}0", case.handshake.path_and_query);
    let changed = [
        SignedRequest { headers: Vec::new(), ..case.handshake.clone() },
        SignedRequest { path_and_query: elsewhere, ..case.handshake.clone() },
    ];
    for request in changed {
        assert_eq!(check(&request).expect_err("a stranger").kind(), ErrorKind::Unauthenticated);
    }
}

async fn headers_do_not_choose_the_address(case: CarrierCase) {
    let forwarded = ["host", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-original-url"];
    let mut request = case.webhook.clone();
    for name in forwarded {
        request = request.with_header(name, "elsewhere.example");
    }
    request.with(|request| case.carrier.webhook(request)).expect("only the configured address counts");
}

async fn a_reply_names_the_stream_and_what_follows(case: CarrierCase) {
    let url = "wss://calls.example/media/token".parse().unwrap();
    let target = StreamTarget { url, parameters: [].into(), status_url: None };
    let next = "https://calls.example/voice/next".parse().unwrap();
    let reply = case.carrier.reply(&CallFlow::stream(target, next)).expect("every carrier streams");
    let stream = reply.body.find(&case.stream).expect("the stream's address");
    let next = reply.body.find("https://calls.example/voice/next").expect("where to ask next");
    assert!(stream < next, "the stream comes first");
    assert!(!reply.content_type.is_empty());
}

async fn a_report_that_nobody_signed_is_confirmed(case: CarrierCase) {
    if !case.carrier.capabilities().signed_webhooks {
        let kind = CarrierEventKind::Status { status: CallStatus::Completed, duration: None, cause: None };
        let forged = CarrierEvent::new(CarrierCallId::new("nobodyscall"), kind, "forged".to_owned());
        let refused = case.carrier.confirm(forged).await.expect_err("the carrier knows no such call");
        assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    }
}

async fn a_farewell_is_said(case: CarrierCase) {
    let reply = case.carrier.reply(&CallFlow::farewell("Goodbye for now", "en-US")).expect("every carrier says so");
    // Carriers write languages in either way.
    let body = reply.body.replace("en_US", "en-US");
    assert!(body.contains("Goodbye for now") && body.contains("en-US"), "{body}");
}

async fn hanging_up_an_ended_call_succeeds(case: CarrierCase) {
    if let Some(call) = case.ended.as_ref().filter(|_| case.carrier.capabilities().hang_up) {
        case.carrier.hang_up(call).await.expect("what has ended has ended");
    }
}

async fn what_cannot_be_steered_says_so(case: CarrierCase) {
    if !case.carrier.capabilities().update_call {
        let refused = case.carrier.update_call(&case.call, &CallFlow::hang_up()).await.expect_err("it cannot");
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
    }
}

async fn a_question_names_its_prompt_and_who_gets_the_answer(case: CarrierCase) {
    let next = "https://calls.example/voice/answered".parse().unwrap();
    let mut gather = Gather::keys(next).with_prompt(Say::new("Press a key", "en-US"));
    gather.without_input = WithoutInput::Ask;
    let file: Url = "https://calls.example/press.wav".parse().unwrap();
    let asks = |gather: &Gather| case.carrier.reply(&CallFlow(vec![CallStep::Gather(gather.clone())]));
    let (reply, prompt) = match asks(&gather) {
        Ok(reply) => (reply, ["Press a key", "en-US"]),
        // What it does not ask with its voice, it asks with a file.
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            gather.prompts = vec![Play::new(file).into()];
            (asks(&gather).expect("every carrier asks"), ["https://calls.example/press.wav", ""])
        }
    };
    assert!(prompt.iter().all(|part| reply.body.contains(part)), "{}", reply.body);
    assert!(reply.body.contains("https://calls.example/voice/answered"), "{}", reply.body);
}

async fn a_dial_names_whom_and_who_is_asked_afterwards(case: CarrierCase) {
    let mut dial = Dial::new("+46700000017".parse().unwrap());
    dial.next = Some("https://calls.example/voice/dialled".parse().unwrap());
    let reply = case.carrier.reply(&CallFlow(vec![CallStep::Dial(dial)])).expect("every carrier dials");
    let named = ["+46700000017", "https://calls.example/voice/dialled"];
    assert!(named.iter().all(|part| reply.body.contains(part)), "{}", reply.body);
}

async fn what_is_not_among_the_abilities_says_so(case: CarrierCase) {
    fn refused<T>(answer: Result<T>) {
        assert_eq!(answer.err().expect("it cannot").kind(), ErrorKind::Unsupported);
    }
    let (able, carrier) = (case.carrier.capabilities(), &case.carrier);
    let recording = RecordingId::new("RE1");
    // What the carrier can do is not tried: it would be done.
    if !able.press {
        refused(carrier.press(&case.call, &"1".parse().unwrap(), &CallFlow::hang_up()).await);
    }
    if !able.list {
        refused(carrier.list(&CallQuery::new()).await);
    }
    if !able.number_webhooks {
        let number = "+46700000017".parse().unwrap();
        refused(carrier.number_webhooks(&number).await);
        refused(carrier.set_number_webhooks(&number, &NumberWebhooks::default()).await);
    }
    if !able.call_recordings {
        let settings = RecordCall::new(ConsentToken::operator_declares_legal_basis(SessionId::new()));
        refused(carrier.start_recording(&case.call, &settings).await);
        refused(carrier.stop_recording(&case.call, &recording).await);
    }
    if !able.stored_recordings {
        refused(carrier.recordings(&case.call).await);
        refused(carrier.recording(&recording).await);
        refused(carrier.recording_audio(&recording).await);
    }
    if !able.delete_recordings {
        refused(carrier.delete_recording(&recording).await);
    }
    if !able.hang_up {
        refused(carrier.hang_up(&case.call).await);
    }
    if !able.converse {
        refused(carrier.text_codec());
    }
    if able.media_addresses {
        refused(carrier.media_url().await);
        refused(carrier.set_media_url(&"wss://calls.example/media".parse().unwrap()).await);
    }
    if !able.flow_recordings {
        let settings = RecordCall::new(ConsentToken::operator_declares_legal_basis(SessionId::new()));
        let start = StartRecording::new("whole".parse().unwrap(), settings);
        refused(carrier.reply(&CallFlow(vec![CallStep::StartRecording(start), CallStep::HangUp])));
    }
}

async fn a_page_of_somebody_else_is_refused(case: CarrierCase) {
    if case.carrier.capabilities().list {
        let mut query = CallQuery::new();
        query.page = Some(PageToken::new("https://elsewhere.example/page"));
        let refused = case.carrier.list(&query).await.expect_err("not a page of this carrier");
        assert_eq!((refused.kind(), refused.field()), (ErrorKind::Invalid, Some("page")));
    }
}

async fn deleting_what_is_gone_succeeds(case: CarrierCase) {
    if let Some(recording) = case.gone.filter(|_| case.carrier.capabilities().delete_recordings) {
        case.carrier.delete_recording(&recording).await.expect("what is gone is gone");
    }
}

async fn a_number_is_turned_to_where_it_was_set(case: CarrierCase) {
    let Some((number, _)) = case.numbers.filter(|_| case.carrier.capabilities().number_webhooks) else { return };
    let url = |path: &str| Some(format!("https://calls.example/{path}").parse().unwrap());
    let (first, second) = (url("voice/first/incoming"), url("voice/second/incoming"));
    for incoming in [first, second] {
        let wanted = NumberWebhooks { incoming, status: url("voice/status?account=first") };
        case.carrier.set_number_webhooks(&number, &wanted).await.expect("a number of the account can be set");
        let set = case.carrier.number_webhooks(&number).await.expect("a number of the account can be read");
        assert_eq!(set.incoming, wanted.incoming);
        // A carrier may have no place for it.
        assert!(set.status.is_none() || set.status == wanted.status);
    }
}

async fn a_number_of_somebody_else_is_named(case: CarrierCase) {
    let Some((_, foreign)) = case.numbers.filter(|_| case.carrier.capabilities().number_webhooks) else { return };
    let wanted = NumberWebhooks { incoming: Some("https://calls.example/".parse().unwrap()), status: None };
    let read = case.carrier.number_webhooks(&foreign).await.expect_err("not a number of the account");
    let set = case.carrier.set_number_webhooks(&foreign, &wanted).await.expect_err("not a number of the account");
    for error in [read, set] {
        assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("number")));
        assert!(error.to_string().contains(&foreign.masked()), "{error}");
    }
}

fn assert_refused(carrier: &dyn VoiceBackend, request: &SignedRequest) {
    let refused = request.with(|request| carrier.webhook(request)).expect_err("not from the carrier");
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
}

#[cfg(test)]
mod tests {
    //! The fake keeps every rule, and breaking one is noticed.

    use async_trait::async_trait;

    use super::*;
    use crate::carrier::*;
    use crate::error::{Error, Result};
    use crate::media::MediaCodec;
    use crate::testing::ScriptedCarrier;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Fault {
        None,
        MixesUpCalls,
        TrustsStrangers,
        WantsTheBodyFirst,
        IgnoresTheBody,
        OpensToAnyone,
        BelievesHeaders,
        LosesTheStream,
        SaysNothing,
        MissesTheEnd,
        PretendsToSteer,
        AsksNothing,
        DialsNobody,
        PretendsToList,
        TakesAnyPage,
        MissesTheGone,
        ForgetsWhatIsSet,
        OwnsEveryNumber,
        BelievesEverything,
    }

    #[derive(Debug)]
    struct Broken(ScriptedCarrier, Fault);

    #[async_trait]
    impl VoiceBackend for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }

        fn capabilities(&self) -> VoiceCapabilities {
            self.0.capabilities()
        }

        async fn place(&self, request: &PlaceCall) -> Result<CarrierCall> {
            self.0.place(request).await
        }

        async fn fetch(&self, call: &CarrierCallId) -> Result<CarrierCall> {
            self.0.fetch(call).await
        }

        async fn find(&self, query: &FindCalls) -> Result<Vec<CarrierCall>> {
            self.0.find(query).await
        }

        async fn hang_up(&self, call: &CarrierCallId) -> Result<()> {
            if self.1 == Fault::MissesTheEnd {
                return Err(Error::new(ErrorKind::NotFound, "hang up"));
            }
            self.0.hang_up(call).await
        }

        async fn update_call(&self, call: &CarrierCallId, flow: &CallFlow) -> Result<()> {
            if self.1 == Fault::PretendsToSteer { Ok(()) } else { self.0.update_call(call, flow).await }
        }

        fn reply(&self, flow: &CallFlow) -> Result<WebhookReply> {
            if !self.0.capabilities().flow_recordings && matches!(flow.0[0], CallStep::StartRecording(_)) {
                return Err(Error::new(ErrorKind::Unsupported, "reply"));
            }
            match (self.1, &flow.0[0]) {
                (Fault::LosesTheStream, CallStep::Stream(_))
                | (Fault::SaysNothing, CallStep::Say(_))
                | (Fault::AsksNothing, CallStep::Gather(_))
                | (Fault::DialsNobody, CallStep::Dial(_)) => self.0.reply(&CallFlow(flow.0[1..].to_vec())),
                _ => self.0.reply(flow),
            }
        }

        fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
            if self.1 == Fault::WantsTheBodyFirst { self.0.webhook(head).map(drop) } else { self.0.webhook_head(head) }
        }

        fn webhook(&self, request: &WebhookRequest<'_>) -> Result<CarrierEvent> {
            match self.1 {
                Fault::MixesUpCalls => {
                    self.0.webhook(request).map(|event| CarrierEvent { call: CarrierCallId::new("CA2"), ..event })
                }
                Fault::TrustsStrangers if request.headers.is_empty() => {
                    serde_json::from_slice(request.body).map_err(|_| Error::invalid("body", "a report"))
                }
                Fault::IgnoresTheBody if !request.headers.is_empty() => {
                    Ok(webhook().with(|request| self.0.webhook(request))?)
                }
                Fault::BelievesHeaders if request.header("x-forwarded-host").is_some() => {
                    Err(Error::new(ErrorKind::Unauthenticated, "read webhook"))
                }
                _ => self.0.webhook(request),
            }
        }

        async fn confirm(&self, event: CarrierEvent) -> Result<CarrierEvent> {
            if self.1 == Fault::BelievesEverything { Ok(event) } else { self.0.confirm(event).await }
        }

        fn media_handshake(&self, request: &WebhookRequest<'_>) -> Result<()> {
            if self.1 == Fault::OpensToAnyone { Ok(()) } else { self.0.media_handshake(request) }
        }

        fn media_codec(&self) -> Box<dyn MediaCodec> {
            self.0.media_codec()
        }

        async fn list(&self, query: &CallQuery) -> Result<CallPage> {
            match self.1 {
                Fault::PretendsToList => Ok(CallPage { calls: Vec::new(), next: None }),
                Fault::TakesAnyPage => self.0.list(&CallQuery { page: None, ..query.clone() }).await,
                _ => self.0.list(query).await,
            }
        }

        async fn delete_recording(&self, recording: &RecordingId) -> Result<()> {
            if self.1 == Fault::MissesTheGone {
                return Err(Error::new(ErrorKind::NotFound, "delete recording"));
            }
            self.0.delete_recording(recording).await
        }

        async fn number_webhooks(&self, number: &PhoneNumber) -> Result<NumberWebhooks> {
            match self.1 {
                Fault::OwnsEveryNumber => {
                    self.0.number_webhooks(number).await.or_else(|_| Ok(NumberWebhooks::default()))
                }
                _ => self.0.number_webhooks(number).await,
            }
        }

        async fn set_number_webhooks(&self, number: &PhoneNumber, webhooks: &NumberWebhooks) -> Result<()> {
            match self.1 {
                Fault::ForgetsWhatIsSet => self.0.set_number_webhooks(number, &NumberWebhooks::default()).await,
                _ => self.0.set_number_webhooks(number, webhooks).await,
            }
        }

        async fn health(&self) -> Result<()> {
            self.0.health().await
        }
    }

    fn webhook() -> SignedRequest {
        let kind = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: None };
        let event = CarrierEvent::new(CarrierCallId::new("CA1"), kind, "one".to_owned());
        ScriptedCarrier::webhook_of("/voice/answer", &event)
    }

    fn case(fault: Fault) -> CarrierCase {
        let mut carrier = ScriptedCarrier::new();
        if matches!(fault, Fault::PretendsToSteer | Fault::PretendsToList) {
            carrier = carrier.with_capabilities(VoiceCapabilities::none());
        }
        if fault == Fault::BelievesEverything {
            let mut able = VoiceCapabilities::all();
            able.signed_webhooks = false;
            carrier = carrier.with_capabilities(able);
        }
        let foreign: PhoneNumber = "+46700000099".parse().unwrap();
        carrier.does_not_own(foreign.clone());
        CarrierCase {
            carrier: Box::new(Broken(carrier, fault)),
            webhook: webhook(),
            stream: "wss://calls.example/media/token".to_owned(),
            call: CarrierCallId::new("CA1"),
            handshake: ScriptedCarrier::sign("/media/token", ""),
            ended: Some(CarrierCallId::new("CA1")),
            gone: Some(RecordingId::new("RE1")),
            numbers: Some(("+46700000001".parse().unwrap(), foreign)),
        }
    }

    #[tokio::test]
    async fn the_scripted_carrier_keeps_every_rule() {
        run_all(|| async { case(Fault::None) }).await;
    }

    #[tokio::test]
    async fn every_broken_rule_is_noticed() {
        let proofs = [
            (Fault::MixesUpCalls, "an_authentic_webhook_names_its_call"),
            (Fault::TrustsStrangers, "a_webhook_without_authenticity_is_refused"),
            (Fault::WantsTheBodyFirst, "the_head_of_an_authentic_webhook_passes"),
            (Fault::IgnoresTheBody, "a_changed_webhook_is_refused"),
            (Fault::OpensToAnyone, "a_handshake_without_authenticity_is_refused"),
            (Fault::BelievesHeaders, "headers_do_not_choose_the_address"),
            (Fault::BelievesEverything, "a_report_that_nobody_signed_is_confirmed"),
            (Fault::LosesTheStream, "a_reply_names_the_stream_and_what_follows"),
            (Fault::SaysNothing, "a_farewell_is_said"),
            (Fault::MissesTheEnd, "hanging_up_an_ended_call_succeeds"),
            (Fault::PretendsToSteer, "what_cannot_be_steered_says_so"),
            (Fault::AsksNothing, "a_question_names_its_prompt_and_who_gets_the_answer"),
            (Fault::DialsNobody, "a_dial_names_whom_and_who_is_asked_afterwards"),
            (Fault::PretendsToList, "what_is_not_among_the_abilities_says_so"),
            (Fault::TakesAnyPage, "a_page_of_somebody_else_is_refused"),
            (Fault::MissesTheGone, "deleting_what_is_gone_succeeds"),
            (Fault::ForgetsWhatIsSet, "a_number_is_turned_to_where_it_was_set"),
            (Fault::OwnsEveryNumber, "a_number_of_somebody_else_is_named"),
        ];
        for (fault, rule) in proofs {
            let broken = broken_rules(|| async move { case(fault) }).await;
            assert_eq!(broken, [rule], "{fault:?}");
        }
        assert_eq!(proofs.len(), RULES.len(), "every rule has its proof");
    }
}
