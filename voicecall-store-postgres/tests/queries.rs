//! No standard query reads a whole table, however many calls are stored. How long each takes is printed:
//! `VOICECALL_STORED_CALLS=1000000 cargo nextest run -p voicecall-store-postgres --no-capture queries` is the bench.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod support;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use support::{Database, count_of};
use voicecall_core::store::*;
use voicecall_core::{CarrierCallId, CarrierMessageId, ConversationId, LookupHash, MessageId, SessionId, TenantId};
use voicecall_store_postgres::{PostgresStore, tokio_postgres};

/// Calls of 997 tenants within a month: one in a hundred waits, one in a thousand is live, the rest is over.
const FILL: &str = "
    INSERT INTO voicecall.sessions (id, tenant_id, channel, direction, remote, remote_lookup, reference, person, priority,
        status, due_at, started_at, connected_at, ended_at, end_reason, recording_url, metadata, owner_epoch, leased_until,
        created_at, updated_at)
    SELECT md5('s' || n)::uuid, md5('t' || n % 997)::uuid, 'voice', 'outbound', '\\x01', decode(md5('p' || n % 90000), 'hex'),
        'r' || n, decode(md5('p' || n % 90000), 'hex'), 'normal',
        CASE WHEN n % 100 = 0 THEN 'initiated' WHEN n % 1000 = 1 THEN 'in_progress' WHEN n % 50 = 2 THEN 'failed' ELSE 'completed' END,
        CASE WHEN n % 100 = 0 THEN at END, at, at, CASE WHEN over THEN at + 60000000000 END,
        CASE WHEN over THEN CASE WHEN n % 50 = 2 THEN 'technical_failure' ELSE 'completed' END END,
        CASE WHEN n % 20 = 3 THEN 'r' END, 'null', 1, at, at, at
    FROM (SELECT n, n % 100 <> 0 AND n % 1000 <> 1 AS over,
            1700000000000000000 + (n * 2592000000000000::numeric / $1)::bigint AS at
        FROM generate_series(0, $1::bigint - 1) AS n) AS call;
    INSERT INTO voicecall.session_events (id, tenant_id, session_id, kind, data, at, source)
    SELECT md5(id::text || k)::uuid, tenant_id, id, 'initiated', '{}', started_at, 'system'
        FROM voicecall.sessions, generate_series(1, 3) AS k;
    INSERT INTO voicecall.facts SELECT tenant_id, id, k, 1, started_at, 0, '{\"fact\":\"warned\"}'
        FROM voicecall.sessions, generate_series(1, 5) AS k;
    INSERT INTO voicecall.attempts (id, tenant_id, session_id, carrier, state, epoch, carrier_call, created_at)
    SELECT md5('a' || id)::uuid, tenant_id, id, 'carrier', 'accepted', 1, 'CA' || id, started_at FROM voicecall.sessions;
    INSERT INTO voicecall.provider_logs (id, tenant_id, session_id, provider, operation, request, response, latency_nanos, success, at)
    SELECT md5('l' || id)::uuid, tenant_id, id, 'carrier', 'initiate', '{}', '{}', 1, true, started_at FROM voicecall.sessions;
    INSERT INTO voicecall.contacts (number, tenant_id, session_id, at, ordered)
    SELECT remote_lookup, tenant_id, id, started_at, true FROM voicecall.sessions;
    ANALYZE";

/// Messages of the same tenants, five in a conversation: of a hundred five wait to be answered, five to be sent, and every
/// thousandth has an unknown outcome.
const FILL_MESSAGES: &str = "
    INSERT INTO voicecall.conversations (id, tenant_id, state, last_message, memory, created_at, updated_at)
        SELECT md5('c' || n)::uuid, md5('t' || n % 997)::uuid, 'active', 5, 'null', at, at + n
        FROM (SELECT n, 1700000000000000000 + n AS at FROM generate_series(0, $1::bigint / 5 - 1) AS n) AS one;
    INSERT INTO voicecall.participants SELECT tenant_id, decode(md5('q' || id), 'hex'), id FROM voicecall.conversations;
    INSERT INTO voicecall.participant_channels (tenant_id, person, channel)
        SELECT tenant_id, person, 'sms' FROM voicecall.participants;
    INSERT INTO voicecall.opt_outs SELECT tenant_id, person, 'sms', 0 FROM voicecall.participants;
    INSERT INTO voicecall.sessions (id, tenant_id, channel, direction, remote, remote_lookup, account, local, conversation_id,
        person, priority, status, started_at, connected_at, metadata, owner_epoch, created_at, updated_at)
    SELECT md5('m' || conversation_id)::uuid, tenant_id, 'sms', 'inbound', '\\x01', person, 'main', '+46850000000', conversation_id,
        person, 'normal', 'in_progress', 0, 0, 'null', 1, 0, 0 FROM voicecall.participants;
    INSERT INTO voicecall.messages (id, tenant_id, conversation_id, session_id, number, channel, direction, state, text, media,
        key, despite_opt_out, due_at, carrier, account, carrier_id, at, updated_at)
    SELECT md5(id::text || k)::uuid, tenant_id, id, md5('m' || id)::uuid, k, 'sms',
        CASE WHEN k % 2 = 1 THEN 'inbound' ELSE 'outbound' END,
        CASE WHEN k = 5 AND n % 20 = 1 THEN 'received' WHEN k = 4 AND n % 20 = 2 THEN 'queued'
            WHEN k = 4 AND n % 200 = 3 THEN 'unknown' WHEN k % 2 = 1 THEN 'answered' ELSE 'read' END,
        'hej', '[]', CASE WHEN k = 2 THEN 'k' || n END, false, created_at + k, 'carrier', 'main', 'SM' || n || k, created_at + k,
        created_at + k
    FROM (SELECT row_number() OVER (ORDER BY id) AS n, * FROM voicecall.conversations) AS one, generate_series(1, 5) AS k;
    ANALYZE";

/// Runs of the same calls: one in a hundred waits, one in a thousand is a dead letter. And what nobody has taken up.
const FILL_RUNS: &str = "
    INSERT INTO voicecall.runs (id, tenant_id, workflow, version, definition, lane, session_id, person, event, state, due_at,
        epoch, steps, created_at, updated_at)
    SELECT md5('run' || id)::uuid, tenant_id, 'note', 1, 'note@1', 'note@1/' || tenant_id, id, person,
        json_build_object('id', md5('e' || id)::uuid, 'tenant', tenant_id, 'type', 'call.initiated', 'session', id,
            'timestamp', '2026-11-28T08:00:00Z', 'data', json_build_object()),
        CASE WHEN n % 100 = 0 THEN 'waiting' WHEN n % 1000 = 1 THEN 'dead' ELSE 'done' END, started_at, 1, '{}', started_at,
        started_at
    FROM (SELECT row_number() OVER (ORDER BY id) AS n, * FROM voicecall.sessions WHERE channel = 'voice') AS call;
    INSERT INTO voicecall.pending_events (id, tenant_id, session_id, person, event)
        SELECT md5('e' || id)::uuid, tenant_id, session_id, person, event FROM voicecall.runs;
    INSERT INTO voicecall.subscriptions (id, tenant_id, url, events, state, generation, rotated_at, created_at, updated_at)
        SELECT md5('sub' || n)::uuid, md5('t' || n % 997)::uuid, 'https://crm.example/', '[]', 'active', 0, 0, n, n
        FROM generate_series(0, 19999) AS n;
    INSERT INTO voicecall.event_keeping VALUES (true);
    ANALYZE";

struct Timed {
    rows: Vec<(&'static str, Duration)>,
}

impl Timed {
    /// The median of seven times.
    async fn time<T, F: Future<Output = voicecall_core::Result<T>>>(
        &mut self,
        what: &'static str,
        query: impl Fn() -> F,
    ) -> T {
        let mut times = Vec::new();
        loop {
            let begun = Instant::now();
            let found = query().await.unwrap();
            times.push(begun.elapsed());
            if times.len() == 7 {
                times.sort();
                self.rows.push((what, times[3]));
                return found;
            }
        }
    }
}

async fn ask_everything(store: &PostgresStore, admin: &tokio_postgres::Client) -> Timed {
    // The fourth, which is over.
    let one = "SELECT md5('s4')::uuid, md5('t4')::uuid";
    let row = admin.query_one(one, &[]).await.unwrap();
    let (session, tenant): (uuid::Uuid, uuid::Uuid) = (row.get(0), row.get(1));
    let (session, tenant) = (SessionId::from_uuid(session), TenantId::from_uuid(tenant));
    let found = store.session(tenant, session).await.unwrap();
    let (person, reference) = (found.person.unwrap(), found.reference.clone().unwrap());
    let (early, late) =
        (Timestamp::from_second(1_700_000_900).unwrap(), Timestamp::from_second(1_800_000_000).unwrap());
    let (page, these) = (PageRequest::default(), [session]);
    let mut timed = Timed { rows: Vec::new() };
    timed.time("session", || store.session(tenant, session)).await;
    timed.time("session_by_reference", || store.session_by_reference(tenant, &reference)).await.unwrap();
    let all = SessionFilter::default();
    assert!(timed.time("sessions", || store.sessions(tenant, &all, page)).await.total > 0);
    let failed = SessionFilter { statuses: vec![SessionStatus::Failed], ..all };
    timed.time("sessions that failed", || store.sessions(tenant, &failed, page)).await;
    assert_eq!(timed.time("events", || store.events(tenant, session, page)).await.total, 3);
    assert_eq!(timed.time("journal", || store.journal(tenant, session)).await.len(), 5);
    assert_eq!(timed.time("attempts", || store.attempts(tenant, session)).await.len(), 1);
    assert_eq!(timed.time("count_attempts", || store.count_attempts(tenant, &these)).await.len(), 1);
    assert_eq!(timed.time("provider_logs", || store.provider_logs(tenant, session)).await.len(), 1);
    assert!(!timed.time("export_person", || store.export_person(tenant, person)).await.sessions.is_empty());
    let nobody = LookupHash::from_bytes([7; 16]).into();
    timed.time("erase_person", || store.erase_person(tenant, nobody)).await;
    assert_eq!(timed.time("due_sessions", || store.due_sessions(late, 5, 100)).await.len(), 100);
    assert!(timed.time("count_waiting", || store.count_waiting()).await > 0);
    assert!(!timed.time("open_sessions", || store.open_sessions()).await.is_empty());
    let call = CarrierCallId::new(format!("CA{session}"));
    timed.time("route_call", || store.route_call("carrier", None, &call)).await.unwrap();
    timed.time("take_signals", || store.take_signals(&[])).await;
    assert!(!timed.time("old_failed_sessions", || store.old_failed_sessions(late, 10)).await.is_empty());
    assert!(!timed.time("old_recordings", || store.old_recordings(late, 10)).await.is_empty());
    assert_eq!(timed.time("existing_sessions", || store.existing_sessions(&these)).await.len(), 1);
    timed.time("archive_events", || store.archive_events(early, 100)).await;
    timed.time("purge_provider_logs", || store.purge_provider_logs(early, 100)).await;
    claim(store, &mut timed, late).await;
    ask_for_messages(store, &mut timed, late).await;
    ask_for_runs(store, &mut timed, late).await;
    timed
}

async fn ask_for_runs(store: &PostgresStore, timed: &mut Timed, now: Timestamp) {
    let events = timed.time("pending_events", || store.pending_events(64)).await;
    assert_eq!(events.len(), 64);
    let (event, tenant) = (&events[0], events[0].tenant);
    timed.time("start_runs", || store.start_runs(event, &[])).await;
    let definitions = ["note@1".to_owned()];
    let due = timed.time("due_runs", || store.due_runs(now, &definitions, &[], 4, 100)).await;
    assert_eq!(due.len(), 100);
    let next = std::sync::Mutex::new(due.iter());
    let term = LeaseTerm { now, length: Duration::from_secs(30) };
    let claimed = timed.time("claim_run", || {
        let run = next.lock().unwrap().next().unwrap();
        store.claim_run(run.tenant, run.id, term)
    });
    let claimed = claimed.await;
    timed.time("save_run", || store.save_run(&claimed, Some(term))).await;
    timed.time("run", || store.run(claimed.tenant, claimed.id)).await;
    let (page, all, dead) = (PageRequest::default(), RunFilter::default(), RunFilter::dead());
    assert!(timed.time("runs", || store.runs(tenant, &all, page)).await.total > 0);
    timed.time("dead letters", || store.runs(tenant, &dead, page)).await;
    assert!(!timed.time("subscriptions", || store.subscriptions(tenant)).await.is_empty());
    let early = Timestamp::from_second(1_700_000_900).unwrap();
    timed.time("purge_runs", || store.purge_runs(RunState::Done, early, 100)).await;
}

async fn ask_for_messages(store: &PostgresStore, timed: &mut Timed, now: Timestamp) {
    let waiting = timed.time("sessions_to_answer", || store.sessions_to_answer(now, 5, 100)).await;
    assert_eq!(waiting.len(), 100);
    assert_eq!(timed.time("messages_to_send", || store.messages_to_send(now, 5, 100)).await.len(), 100);
    assert!(!timed.time("unsettled_messages", || store.unsettled_messages(now, 10)).await.is_empty());
    let session = waiting.into_iter().next().unwrap();
    let (tenant, id, person) = (session.tenant, session.id, session.person.unwrap());
    let unanswered = timed.time("unanswered_messages", || store.unanswered_messages(tenant, id)).await;
    assert_eq!(unanswered.len(), 1);
    let known = timed.time("conversation_with", || store.conversation_with(tenant, person)).await.unwrap();
    timed.time("conversation", || store.conversation(tenant, known.id)).await;
    assert_eq!(timed.time("messages", || store.messages(tenant, known.id, 1, 3)).await.len(), 3);
    let page = PageRequest { per_page: 5, ..PageRequest::default() };
    assert!(!timed.time("conversations", || store.conversations(tenant, None, page)).await.items.is_empty());
    let sms = Channel::Sms;
    timed.time("messages_forbidden_since", || store.messages_forbidden_since(tenant, person, &sms)).await.unwrap();
    store.allow_messages(tenant, person, &sms).await.unwrap();

    let new = NewSession {
        channel: Channel::Sms,
        account: session.account,
        local: session.local.clone(),
        conversation: Some(ConversationId::new()),
        person: session.person,
        ..NewSession::inbound(tenant, session.remote.clone(), now)
    };
    let thread = Thread { session: new, carrier: "carrier".to_owned(), idle: Duration::MAX };
    let incoming = NewIncoming {
        id: MessageId::new(),
        carrier_id: CarrierMessageId::new("SM"),
        text: "hej".to_owned(),
        media: Vec::new(),
        wants_answer: true,
        at: now,
    };
    // Once it is new, and then it is known.
    let accepted = timed.time("accept_message", || store.accept_message(&thread, &incoming)).await;
    assert_eq!(accepted.message.session, id);
    let keyed = NewOutgoing { key: Some("order-17".to_owned()), ..NewOutgoing::text("hej", now) };
    let queued = timed.time("queue_message", || store.queue_message(&thread, &keyed)).await;
    store.begin_sending_message(tenant, queued.id, now).await.unwrap();
    let name = CarrierMessageId::new("SMx");
    let outcome = SendOutcome::Accepted(name);
    timed.time("settle_message", || store.settle_message(tenant, queued.id, &outcome, now)).await;
    let epoch =
        store.acquire_lease(tenant, id, AcquireLease::from_anybody(LeaseTerm { now, length: Duration::ZERO })).await;
    let answer = Answer {
        tenant,
        session: id,
        epoch: epoch.unwrap(),
        up_to: u64::MAX >> 1,
        entries: Vec::new(),
        messages: vec![NewOutgoing::text("hej", now)],
        at: now,
    };
    store.answer_messages(&answer).await.unwrap();
    store.change_conversation(tenant, known.id, &ConversationChange::Close, now).await.unwrap();
    store.erase_person(tenant, person).await.unwrap();
}

/// Turns, with the contacts of numbers and tenants counted.
async fn claim(store: &PostgresStore, timed: &mut Timed, now: Timestamp) {
    let waiting = store.due_sessions(now, 1, 7).await.unwrap();
    let next = std::sync::Mutex::new(waiting.into_iter());
    let limit = |calls| vec![CallsWithin { calls, within: Duration::from_secs(3_600) }];
    let limits = ContactLimits { per_number: limit(5), per_tenant: limit(50) };
    timed
        .time("claim_session", || {
            let session = next.lock().unwrap().next().unwrap();
            let number = session.remote.as_ref().map(|remote| NumberKey::from_bytes(*remote.lookup.as_bytes()));
            let claim = Claim { number, limits: limits.clone(), ..Claim::new(now, Duration::from_secs(30)) };
            async move { store.claim_session(session.tenant, session.id, &claim).await }
        })
        .await;
}

#[tokio::test]
async fn no_standard_query_reads_a_whole_table() {
    let database = Database::new().await;
    let admin = database.admin().await;
    let stored = count_of("VOICECALL_STORED_CALLS", 20_000);
    admin.batch_execute(&FILL.replace("$1", &stored.to_string())).await.unwrap();
    admin.batch_execute(&FILL_MESSAGES.replace("$1", &stored.to_string())).await.unwrap();
    admin.batch_execute(FILL_RUNS).await.unwrap();
    let store = database.store().await;
    admin.batch_execute("SELECT pg_stat_reset()").await.unwrap();
    let timed = ask_everything(&store, &admin).await;
    println!("{stored} calls stored; medians of seven");
    for (what, time) in &timed.rows {
        println!("{what:24} {:8.2} ms", time.as_secs_f64() * 1e3);
    }
    store.close();
    // What a connection has done is told at its end.
    let connected = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND usename LIKE 'voicecall%'";
    while admin.query_one(connected, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::task::yield_now().await;
    }
    let scans = "SELECT relname::text || ' ' || seq_scan FROM pg_stat_user_tables
        WHERE schemaname = 'voicecall' AND seq_scan > 0 AND relname IN
            ('sessions', 'session_events', 'facts', 'attempts', 'provider_logs', 'contacts', 'conversations',
             'participants', 'participant_channels', 'messages', 'opt_outs', 'runs', 'pending_events', 'subscriptions')";
    let scans =
        async || -> Vec<String> { admin.query(scans, &[]).await.unwrap().iter().map(|row| row.get(0)).collect() };
    assert_eq!(scans().await, [""; 0]);
    // That it would be noticed.
    let reads = client_that_reads(&database).await;
    assert_eq!(scans().await, ["facts 1"], "{reads}");
}

async fn client_that_reads(database: &Database) -> i64 {
    let client = support::client(&database.url("postgres")).await;
    client.batch_execute("SET max_parallel_workers_per_gather = 0; SET enable_indexonlyscan = off").await.unwrap();
    let count = client.query_one("SELECT count(*) FROM voicecall.facts", &[]).await.unwrap().get(0);
    client.batch_execute("SELECT pg_stat_force_next_flush()").await.unwrap();
    count
}
