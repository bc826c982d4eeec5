//! Batches, files and what happens when the disk is slow or the process is killed.

use std::io::Cursor;

use voicecall_core::CallTime;
use voicecall_core::audio::FRAME_SAMPLES;
use voicecall_core::call::CallSettings;

use super::*;

/// A folder of its own that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("voicecall-{}", voicecall_core::RecordId::new())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const FRAME: Frame = Frame::SILENCE;

fn recording(session: SessionId, folder: &Folder, thread: &RecordingThread) -> CallRecording {
    discardable(session, folder, thread, Discarded::default())
}

fn discardable(session: SessionId, folder: &Folder, thread: &RecordingThread, discarded: Discarded) -> CallRecording {
    CallRecording::new(session, &folder.0, thread, InputRecorder::new(&CallSettings::new(session)), discarded)
}

fn consent(session: SessionId) -> ConsentToken {
    ConsentToken::operator_declares_legal_basis(session)
}

/// Frames in a recording, by its header, which must tell the file's true length.
fn frames(folder: &Path) -> u32 {
    let wav = std::fs::read(recording_in(folder)).unwrap();
    let told = u32::from_le_bytes(wav[40..44].try_into().unwrap());
    assert_eq!(told as usize, wav.len() - 44, "the header");
    told / (4 * FRAME_SAMPLES as u32)
}

#[tokio::test]
async fn a_full_queue_at_consent_loses_nothing() {
    let (folder, session) = (Folder::new(), SessionId::new());
    let (jobs, waiting) = mpsc::channel(1);
    let thread = RecordingThread { jobs };
    let other = Batch {
        session: SessionId::new(),
        folder: folder.0.clone(),
        discarded: Discarded::default(),
        consent: None,
        frames: Vec::new(),
        inputs: Vec::new(),
    };
    thread.jobs.try_send(Job::Write(other)).unwrap();

    let mut call = recording(session, &folder, &thread);
    call.start(consent(session));
    for at in 0..120 {
        call.record(CallTime::from_millis(20 * at), FRAME, FRAME);
    }
    let writer = thread::spawn(|| write_recordings(waiting));
    let written = call.finish().await.expect("a recording");

    assert_eq!(frames(&written), 120);
    assert!(std::fs::read(written.join("inputs.jsonl")).unwrap().starts_with(b"{\"voicecall_inputs\""));
    drop(thread);
    writer.join().unwrap();
}

#[tokio::test]
async fn each_connection_goes_on_in_the_same_recording_and_has_its_own_inputs() {
    let (folder, session, thread) = (Folder::new(), SessionId::new(), RecordingThread::start().unwrap());
    for begins in [0, 10_000] {
        let mut call = recording(session, &folder, &thread);
        call.start(consent(session));
        for at in 0..50 {
            call.record(CallTime::from_millis(begins + 20 * at), FRAME, FRAME);
        }
        let written = call.finish().await.unwrap();
        assert_eq!(u64::from(frames(&written)), begins / 20 + 50);
    }
    let written = folder.0.join(session.to_string());
    assert!(["inputs.jsonl", "inputs-2.jsonl"].iter().all(|name| written.join(name).exists()));
    // The last connection may end before it has consent of its own.
    assert_eq!(recording(session, &folder, &thread).finish().await, Some(written));
}

#[tokio::test]
async fn without_consent_nothing_is_written() {
    let (folder, session, thread) = (Folder::new(), SessionId::new(), RecordingThread::start().unwrap());
    assert_eq!(recording(session, &folder, &thread).finish().await, None);
    assert!(!folder.0.exists());
}

#[test]
fn a_killed_process_leaves_what_was_handed_over() {
    let (folder, session) = (Folder::new(), SessionId::new());
    let mut open = HashMap::new();
    let (jobs, mut waiting) = mpsc::channel(8);
    let mut call = recording(session, &folder, &RecordingThread { jobs });
    call.start(consent(session));
    for at in 0..110 {
        call.record(CallTime::from_millis(20 * at), FRAME, FRAME);
    }
    while let Ok(Job::Write(batch)) = waiting.try_recv() {
        write(&mut open, &batch);
    }
    // Killed: nothing is closed.
    std::mem::forget(open);

    let folder = folder.0.join(session.to_string());
    assert_eq!(frames(&folder), 100);
    let inputs = std::fs::read(folder.join("inputs.jsonl")).unwrap();
    assert_eq!(voicecall_core::call::replay(Cursor::new(inputs)).unwrap().inputs, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn recordings_can_be_read_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, session, thread) = (Folder::new(), SessionId::new(), RecordingThread::start().unwrap());
    let mut call = recording(session, &folder, &thread);
    call.start(consent(session));
    let written = call.finish().await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder.0), mode(&written)), (0o700, 0o700));
    assert_eq!((mode(&recording_in(&written)), mode(&written.join("inputs.jsonl"))), (0o600, 0o600));
}

#[tokio::test]
async fn a_call_that_is_broken_off_leaves_a_complete_recording() {
    let (folder, session, thread) = (Folder::new(), SessionId::new(), RecordingThread::start().unwrap());
    for begins in [0, 110] {
        let mut call = recording(session, &folder, &thread);
        call.start(consent(session));
        for at in begins..begins + 110 {
            call.record(CallTime::from_millis(20 * at), FRAME, FRAME);
        }
        drop(call);
    }
    // Everything before it is done once this is.
    let written = recording(session, &folder, &thread).finish().await.unwrap();
    assert_eq!(frames(&written), 220);
}

#[test]
fn a_disk_that_stands_still_fills_no_memory() {
    let (folder, session) = (Folder::new(), SessionId::new());
    let (jobs, _waiting) = mpsc::channel(1);
    let mut call = recording(session, &folder, &RecordingThread { jobs });
    call.start(consent(session));
    for at in 0..2 * WAITING_FRAMES as u64 {
        call.record(CallTime::from_millis(20 * at), FRAME, FRAME);
    }
    assert_eq!((call.frames.len(), call.lost), (WAITING_FRAMES, WAITING_FRAMES as u64));
}

/// What a call does, in its order; it is discarded before, between or behind.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Consents,
    Talks,
    Ends,
    BreaksOff,
    Discard,
}

#[tokio::test]
async fn whenever_a_call_is_discarded_no_file_is_left_of_it() {
    use Step::{BreaksOff, Consents, Discard, Ends, Talks};
    for end in [Ends, BreaksOff] {
        let steps = [Consents, Talks, Talks, end];
        for place in 0..=steps.len() {
            let (folder, session, thread) = (Folder::new(), SessionId::new(), RecordingThread::start().unwrap());
            let discarded = Discarded::default();
            let mut call = Some(discardable(session, &folder, &thread, discarded.clone()));
            let mut order = steps.to_vec();
            order.insert(place, Discard);
            for step in &order {
                match (step, &mut call) {
                    (Consents, Some(call)) => call.start(consent(session)),
                    (Talks, Some(call)) => {
                        (0..120).for_each(|at| call.record(CallTime::from_millis(20 * at), FRAME, FRAME));
                    }
                    (Ends, _) => drop(call.take().unwrap().finish().await),
                    (BreaksOff, _) => drop(call.take()),
                    (Discard, live) => {
                        // A call that has ended has no switch any more.
                        let live = live.is_some().then(|| discarded.clone());
                        thread.discard(session, &folder.0, live).await.unwrap();
                    }
                    _ => unreachable!(),
                }
            }
            // Everything before it is done once this is.
            assert!(!thread.discard(SessionId::new(), &folder.0, None).await.unwrap());
            assert!(!folder.0.join(session.to_string()).exists(), "{order:?}");
        }
    }
}
