//! What goes wrong with requests, reports and the application.

use super::*;

#[test]
fn faults_of_requests_do_what_they_say() {
    let cases = [
        (Fault::DropBefore, Delivery::Lost, 503, 0),
        (Fault::AcceptThenDrop, Delivery::Lost, 201, 1),
        (Fault::Error { status: 500, accepted: false }, Delivery::Now, 500, 0),
        (Fault::Error { status: 500, accepted: true }, Delivery::Now, 500, 1),
        (Fault::RateLimit { retry_after: Some(Duration::from_secs(3)) }, Delivery::Now, 429, 0),
        (
            Fault::Latency { delay: Duration::from_millis(250), jitter: Duration::ZERO },
            Delivery::After(Duration::from_millis(250)),
            201,
            1,
        ),
    ];
    for (fault, delivery, status, rings) in cases {
        let rules = vec![FaultRule::nth(Site::RestCreate, 1, fault.clone())];
        let mut world = World::new(exchange(rules, hangs_up_after(1)), |_| STREAM.to_owned());
        let reply =
            world.raw("POST", "/Calls.json", &[("To", TO), ("From", FROM), ("Url", "https://demo.example/voice")]);
        world.run(S(5));
        assert_eq!((reply.delivery, reply.status, world.exchange.rings(TO)), (delivery, status, rings), "{fault:?}");
    }
}

#[test]
fn faults_of_reports_duplicate_lose_delay_and_reorder_them() {
    let numbers = |fault: Fault, nth: u64| {
        let rules = vec![FaultRule::nth(Site::WebhookStatus, nth, fault)];
        // A document without a stream, so that only reports on the call are counted.
        let document = "<Response><Pause length=\"3\"/></Response>";
        let mut world = World::new(exchange(rules, hangs_up_after(60)), move |_| document.to_owned());
        world.place();
        world.run(S(7200));
        world.reports().into_iter().map(|(number, _)| number).collect::<String>()
    };
    assert_eq!(numbers(Fault::Duplicate { times: 2 }, 2), "011123");
    assert_eq!(numbers(Fault::DropBefore, 2), "023");
    assert_eq!(numbers(Fault::Late { delay: Duration::from_secs(3600) }, 1), "1230");
    assert_eq!(numbers(Fault::OutOfOrder, 2), "0213");
    assert_eq!(numbers(Fault::OutOfOrder, 4), "0123");
}

#[test]
fn an_application_that_is_down_is_asked_twice_and_then_at_the_fallback() {
    let mut world = World::new(exchange(vec![], hangs_up_after(60)), |_| String::new());
    let form = [
        ("To", TO),
        ("From", FROM),
        ("Url", "https://demo.example/voice"),
        ("FallbackUrl", "https://demo.example/fallback"),
    ];
    world.rest("POST", "/Calls.json", &form);
    world.exchange.advance(S(1));
    let mut asked = Vec::new();
    while let Some(order) = world.exchange.pop() {
        let Order::Webhook(webhook) = order else { continue };
        asked.push((webhook.url, webhook.attempt, webhook.token));
        let failed = WebhookOutcome::Failed(WebhookFailure::Connect);
        world.exchange.webhook_done(S(1), webhook.id, failed);
    }
    let tries: Vec<(&str, u32)> = asked.iter().map(|(url, attempt, _)| (url.as_str(), *attempt)).collect();
    let (voice, fallback) = ("https://demo.example/voice", "https://demo.example/fallback");
    assert_eq!(tries, [(voice, 1), (voice, 2), (fallback, 1), (fallback, 2)]);
    assert_eq!(asked[0].2, asked[1].2, "the retry carries the same token");
    assert_ne!(asked[1].2, asked[2].2);
    assert_eq!(world.statuses().last(), Some(&CallStatus::Completed));
}
