//! Batches, files and what happens when the disk is slow or the process is killed.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use voicecall_core::audio::FRAME_SAMPLES;
use voicecall_core::call::CallSettings;
use voicecall_core::{CallTime, ContentSeal, TenantId, Vault};

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
    recording_in(RecordingFolder::new(&folder.0, (TenantId::new(), session), &ContentSeal::Off), thread)
}

fn recording_in(folder: RecordingFolder, thread: &RecordingThread) -> CallRecording {
    discardable(folder, thread, Discarded::default())
}

fn discardable(folder: RecordingFolder, thread: &RecordingThread, discarded: Discarded) -> CallRecording {
    let inputs = InputRecorder::new(&CallSettings::new(folder.session));
    CallRecording::new(folder, thread, inputs, discarded)
}

fn consent(session: SessionId) -> ConsentToken {
    ConsentToken::operator_declares_legal_basis(session)
}

/// Frames in a recording, by its header, which must tell the file's true length.
fn frames(folder: &Path) -> u32 {
    let wav = std::fs::read(folder.join("recording.wav")).unwrap();
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
        folder: RecordingFolder::new(&folder.0, (TenantId::new(), SessionId::new()), &ContentSeal::Off),
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
    assert_eq!((mode(&written.join("recording.wav")), mode(&written.join("inputs.jsonl"))), (0o600, 0o600));
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

/// A sound of its own: 20 ms in which both sides are this loud.
fn tone(level: i16) -> Frame {
    Frame::encode(&[level; FRAME_SAMPLES])
}

/// Records a connection of 110 frames from `begins` on, in milliseconds.
async fn record(folder: &RecordingFolder, thread: &RecordingThread, begins: u64, frame: Frame) {
    let mut call = recording_in(folder.clone(), thread);
    call.start(consent(folder.session));
    for at in 0..110 {
        call.record(CallTime::from_millis(begins + 20 * at), frame, frame);
    }
    assert_eq!(call.finish().await.as_deref(), Some(folder.path()));
}

/// The WAV file a recording is, be it sealed.
fn wav(folder: &RecordingFolder) -> Vec<u8> {
    let (mut recording, mut wav) = (folder.open_recording().unwrap(), Vec::new());
    recording.read_to_end(&mut wav).unwrap();
    assert_eq!(recording.wav_len(), wav.len() as u64);
    wav
}

/// Whether 100 ms of this sound, or the beginning of recorded inputs, stand in a file of the folder.
fn stands(folder: &RecordingFolder, frame: &Frame) -> bool {
    let (mut codes, mut samples) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        codes.extend_from_slice(frame.as_bytes());
        samples.extend(frame.decode().iter().flat_map(|sample| [sample.to_le_bytes(), sample.to_le_bytes()].concat()));
    }
    let files = std::fs::read_dir(folder.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let needles = [&codes[..], &samples, b"voicecall_inputs"];
    let found = |file: &Vec<u8>| needles.iter().any(|needle| file.windows(needle.len()).any(|found| found == *needle));
    files.into_iter().any(|file| found(&file))
}

fn sealing() -> (Arc<Vault>, ContentSeal) {
    let vault = Arc::new(Vault::generate().unwrap());
    (Arc::clone(&vault), ContentSeal::Seal(vault))
}

#[tokio::test]
async fn what_is_recorded_sealed_stands_nowhere_and_is_read_as_it_would_be() {
    let (folder, thread, (_, seal)) = (Folder::new(), RecordingThread::start().unwrap(), sealing());
    let row = (TenantId::new(), SessionId::new());
    let (plain, sealed) = (Folder::new(), RecordingFolder::new(&folder.0, row, &seal));
    let plain = RecordingFolder::new(&plain.0, row, &ContentSeal::Off);
    for folder in [&plain, &sealed] {
        record(folder, &thread, 0, tone(1000)).await;
        record(folder, &thread, 10_000, tone(-2000)).await;
    }
    assert!(stands(&plain, &tone(1000)) && stands(&plain, &tone(-2000)), "the search itself works");
    assert!(!stands(&sealed, &tone(1000)) && !stands(&sealed, &tone(-2000)));
    assert_eq!(wav(&sealed), wav(&plain), "one recording, both connections at their times");
    assert!(sealed.open_recording().unwrap().is_complete());
    assert_eq!(sealed.inputs(), ["inputs.jsonl", "inputs-2.jsonl"]);
    for name in sealed.inputs() {
        let inputs = BufReader::new(sealed.open_inputs(&name).unwrap());
        assert_eq!(voicecall_core::call::replay(inputs).unwrap().inputs, 0);
    }
    let _ = std::fs::remove_dir_all(plain.path());
}

#[tokio::test]
async fn a_recording_goes_on_sealed_once_it_is_to_be() {
    let (folder, thread, (vault, seal)) = (Folder::new(), RecordingThread::start().unwrap(), sealing());
    let row = (TenantId::new(), SessionId::new());
    let of = |seal: &ContentSeal| RecordingFolder::new(&folder.0, row, seal);
    record(&of(&ContentSeal::Off), &thread, 0, tone(1000)).await;
    record(&of(&seal), &thread, 4_000, tone(2000)).await;
    assert_eq!(of(&seal).renew().unwrap(), 1, "the inputs of the first connection");
    assert!(!stands(&of(&seal), &tone(1000)) && !stands(&of(&seal), &tone(2000)));
    record(&of(&ContentSeal::Open(vault)), &thread, 8_000, tone(3000)).await;
    assert!(!stands_in_recording(&of(&seal), &tone(3000)), "what is sealed stays so");
    let wav = wav(&of(&seal));
    let loud = |at: usize| i16::from_le_bytes([wav[44 + at * 32], wav[45 + at * 32]]);
    let [first, second, third] = [1000, 2000, 3000].map(|level| tone(level).decode()[0]);
    assert_eq!([0, 3_000, 4_000, 8_000, 10_199].map(loud), [first, 0, second, third, third]);
    assert!(RecordingFolder::new(&folder.0, (TenantId::new(), row.1), &seal).open_recording().is_err());
}

fn stands_in_recording(folder: &RecordingFolder, frame: &Frame) -> bool {
    let bytes = std::fs::read(folder.path().join("recording.wav")).unwrap();
    let sample = frame.decode()[0].to_le_bytes();
    bytes.windows(400).any(|window| window.chunks(2).all(|pair| pair == sample))
}

#[test]
fn a_killed_process_leaves_what_was_sealed_and_the_call_goes_on() {
    let (folder, (_, seal)) = (Folder::new(), sealing());
    let folder = RecordingFolder::new(&folder.0, (TenantId::new(), SessionId::new()), &seal);
    for begins in [0, 5_000] {
        let mut open = HashMap::new();
        let (jobs, mut waiting) = mpsc::channel(8);
        let mut call = recording_in(folder.clone(), &RecordingThread { jobs });
        call.start(consent(folder.session));
        for at in 0..110 {
            call.record(CallTime::from_millis(begins + 20 * at), FRAME, FRAME);
        }
        while let Ok(Job::Write(batch)) = waiting.try_recv() {
            write(&mut open, &batch);
        }
        // Killed: nothing is closed, and half of a chunk is written.
        std::mem::forget(open);
        let mut torn = File::options().append(true).open(folder.path().join("recording.wav")).unwrap();
        std::io::Write::write_all(&mut torn, &[0, 0, 125, 49, 2, 7]).unwrap();
        let frames = (wav(&folder).len() as u64 - 44) / 640;
        assert_eq!(frames, begins / 20 + 100);
        assert!(!folder.open_recording().unwrap().is_complete());
    }
    std::fs::remove_dir_all(folder.path()).unwrap();
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
            let files = RecordingFolder::new(&folder.0, (TenantId::new(), session), &ContentSeal::Off);
            let mut call = Some(discardable(files, &thread, discarded.clone()));
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
