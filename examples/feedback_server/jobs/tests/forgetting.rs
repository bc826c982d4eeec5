//! What is forgotten on which day, and what is not.

use voicecall::ErrorKind;
use voicecall::carrier::VoiceBackend;
use voicecall::store::RetentionJob::{self, *};
use voicecall_core::testing::Script;

use super::*;

/// How much each job did, in the order in which they run; none of them failed.
#[track_caller]
fn affected(runs: &[RetentionRun], days: i64) -> Vec<u64> {
    let jobs: Vec<_> = runs.iter().map(|run| run.job).collect();
    assert_eq!(jobs, RetentionJob::ALL, "each run is kept");
    for run in runs {
        assert_eq!((run.at >= day(days), &run.error), (true, &None), "{run:?}");
    }
    runs.iter().map(|run| run.affected).collect()
}

#[tokio::test]
async fn what_is_due_goes_on_its_day_and_nothing_else() {
    let world = World::new().await;
    let held = world.held(EndReason::Completed).await;
    let failed = world.held(EndReason::RemoteHangup).await;
    let open = world.asked_for().await;
    let events = world.store().events(world.tenant, held, Default::default()).await.unwrap();
    let journal = world.store().journal(world.tenant, held).await.unwrap();
    let logs = async || world.store().provider_logs(world.tenant, held).await.unwrap().len();

    // Archived events, exchanges, failed sessions, recordings, anonymised ones.
    assert_eq!(affected(&world.forget_on(6, ScriptedModel::new()).await, 6), [0, 0, 0, 0, 0]);
    assert_eq!(world.folders().len(), 2);
    assert!(world.session(failed).await.is_ok());

    assert_eq!(affected(&world.forget_on(8, ScriptedModel::new()).await, 8), [0, 0, 1, 0, 0]);
    assert_eq!(world.session(failed).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(world.folders(), [held], "a failed session's files go with it");

    assert_eq!(affected(&world.forget_on(29, ScriptedModel::new()).await, 29), [0, 0, 0, 0, 0]);
    assert_eq!((logs().await, world.folders().len()), (1, 1));
    assert!(world.call(held).await.transcript.unwrap().contains("zorbax"));

    let model = ScriptedModel::new().with_answer([FINDS_ZORBAX]);
    assert_eq!(affected(&world.forget_on(31, model).await, 31), [0, 1, 0, 1, 1]);
    assert_eq!((logs().await, world.folders().len()), (0, 0));
    let call = world.call(held).await;
    assert_eq!(call.session.recording_url, None);
    assert_eq!(call.transcript.unwrap(), "agent: Hur var det?\ncaller: Det var [namn] som hjälpte mig, ring [nummer].");
    let answer = &call.record.responses[0];
    assert_eq!(answer.text, "Det var [namn] som hjälpte mig, ring [nummer].");
    assert_eq!(answer.analysis.as_ref().unwrap()["topics"], json!(["[namn]"]));
    let left = world.store().journal(world.tenant, held).await.unwrap();
    assert_eq!(left, journal[..3], "that it was told and agreed to can be shown for ever");

    let before = world.call(held).await;
    assert_eq!(affected(&world.forget_on(89, ScriptedModel::new()).await, 89), [0, 0, 0, 0, 0]);
    let archived = affected(&world.forget_on(91, ScriptedModel::new()).await, 91);
    assert_eq!(archived, [events.total, 0, 0, 0, 0], "of the session that is over");
    assert_eq!(world.store().events(world.tenant, held, Default::default()).await.unwrap(), events);
    assert_eq!(world.call(held).await, before);
    assert_eq!(world.session(open.id).await.unwrap(), open);
    assert_eq!(world.store().retention_runs(100).await.unwrap().len(), 30);
}

#[tokio::test]
async fn the_carriers_recordings_go_as_well() {
    let world = World::new().await;
    let kept = async |id: SessionId| {
        let attempts = world.store().attempts(world.tenant, id).await.unwrap();
        let call = attempts.into_iter().find_map(|attempt| attempt.call).unwrap();
        world.carrier.recordings(&call).await.unwrap().len()
    };
    let ids = [world.held(EndReason::Completed).await, world.held(EndReason::Completed).await];
    assert_eq!(kept(ids[0]).await, 1);

    let model = ScriptedModel::new().with_answer([FINDS_NOTHING]).with_answer([FINDS_NOTHING]);
    assert_eq!(affected(&world.forget_on(31, model).await, 31)[3], 2);

    for id in ids {
        assert_eq!(kept(id).await, 0);
    }
}

#[tokio::test]
async fn a_session_waits_a_day_for_a_model_that_is_away_and_then_the_rules_have_to_do() {
    let world = World::new().await;
    let id = world.held(EndReason::Completed).await;
    let away = || ScriptedModel::new().with_script(Script::new().fail(ErrorKind::Unavailable));

    let runs = world.forget_on(29, away()).await;
    assert_eq!((runs[4].affected, &runs[4].error), (0, &None), "not older than thirty days");
    let runs = world.forget_on(30, away()).await;
    assert_eq!(runs[4].affected, 0);
    assert!(runs[4].error.as_deref().is_some_and(|error| error.contains("unavailable")), "{:?}", runs[4]);
    assert!(world.call(id).await.record.anonymised_at.is_none());

    assert_eq!(affected(&world.forget_on(32, away()).await, 32)[4], 1);

    let transcript = world.call(id).await.transcript.unwrap();
    assert!(transcript.contains("zorbax") && transcript.contains("ring [nummer]."), "{transcript}");
}

#[tokio::test]
async fn a_model_that_is_away_is_asked_once_in_a_run() {
    let world = World::new().await;
    world.held(EndReason::Completed).await;
    world.held(EndReason::Completed).await;
    let model = Arc::new(ScriptedModel::new().with_script(Script::new().fail(ErrorKind::Unavailable)));
    let dependencies = Dependencies {
        model: Arc::<ScriptedModel>::clone(&model),
        ..world.dependencies(day(31), ScriptedModel::new())
    };

    Retention::new(dependencies, CancellationToken::new()).run().await;

    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn folders_of_sessions_that_are_no_more_are_removed_and_nothing_else() {
    let world = World::new().await;
    let held = world.held(EndReason::Completed).await;
    let (gone, broken_off) = (SessionId::new(), world.asked_for().await.id);
    let ended = SessionChange::Ended { reason: EndReason::TechnicalFailure, source: EventSource::System, at: day(0) };
    world.change(broken_off, ended).await;
    for id in [gone, broken_off] {
        world.leave_files(id);
    }
    // As the database and the demo's artifacts, and what others put there.
    let others = ["feedback.sqlite", "notes", &gone.to_string().to_uppercase()];
    for name in others {
        std::fs::create_dir_all(world.folder.join(name)).unwrap();
    }

    assert_eq!(affected(&world.forget_on(1, ScriptedModel::new()).await, 1), [0, 0, 0, 1, 0]);

    let mut left = vec![held, broken_off];
    left.sort();
    assert_eq!(world.folders(), left);
    assert!(others.iter().all(|name| world.folder.join(name).is_dir()));
    let mut policy = world.dependencies(day(3), ScriptedModel::new());
    policy.policy.recordings = Duration::from_secs(24 * 3600);
    Retention::new(policy, CancellationToken::new()).run().await;
    assert_eq!(world.folders(), [], "also those to which no address leads");
}

#[tokio::test]
async fn what_no_address_leads_to_goes_however_the_call_ended() {
    let world = World::new().await;
    let open = world.asked_for().await.id;
    let mut ended = Vec::new();
    for reason in [EndReason::Completed, EndReason::Timeout, EndReason::TechnicalFailure] {
        let id = world.asked_for().await.id;
        let call = CarrierCallId::new(format!("CA-{reason}"));
        world.change(id, SessionChange::Connecting { call, at: day(0) }).await;
        world.change(id, SessionChange::Connected { at: day(0) }).await;
        world.change(id, SessionChange::Ended { reason, source: EventSource::System, at: day(0) }).await;
        ended.push(id);
    }
    for id in ended.iter().chain([&open]) {
        world.leave_files(*id);
    }
    let mut dependencies = world.dependencies(day(3), ScriptedModel::new().with_answer([FINDS_NOTHING]));
    dependencies.policy.recordings = Duration::from_secs(24 * 3600);

    Retention::new(dependencies, CancellationToken::new()).run().await;

    assert_eq!(world.folders(), [open], "whose call may still begin");
    for id in ended {
        assert!(world.session(id).await.is_ok(), "none of them is old enough to be deleted");
    }
}

#[tokio::test]
async fn a_store_that_knows_none_of_the_recordings_is_taken_for_the_wrong_one() {
    let world = World::new().await;
    for _ in 0..2 {
        world.leave_files(SessionId::new());
    }

    let runs = world.forget_on(99, ScriptedModel::new()).await;

    assert!(runs[3].error.as_deref().is_some_and(|error| error.contains("DATABASE_PATH")), "{:?}", runs[3]);
    assert_eq!(world.folders().len(), 2);
}

#[tokio::test]
async fn a_server_that_stops_forgets_no_further_and_says_so() {
    let world = World::new().await;
    let failed = world.held(EndReason::RemoteHangup).await;
    let stopping = CancellationToken::new();
    stopping.cancel();

    Retention::new(world.dependencies(day(99), ScriptedModel::new()), stopping).run().await;

    assert!(world.session(failed).await.is_ok());
    let runs = world.store().retention_runs(5).await.unwrap();
    assert!(runs.iter().any(|run| run.job == PurgeFailedSessions && run.error.is_some()), "{runs:?}");
}
