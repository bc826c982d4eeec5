//! What stands in recordings, whatever happens to them.

use std::cell::RefCell;
use std::io::{Cursor, SeekFrom};
use std::rc::Rc;

use hound::WavReader;

use super::*;

fn consent() -> ConsentToken {
    ConsentToken::operator_declares_legal_basis(crate::SessionId::new())
}

/// A file whose bytes can be looked at while it is being written, and which can fill up.
#[derive(Clone, Default)]
struct Disk {
    file: Rc<RefCell<Cursor<Vec<u8>>>>,
    limit: Option<usize>,
}

impl Disk {
    fn read(&self) -> WavReader<Cursor<Vec<u8>>> {
        WavReader::new(Cursor::new(self.file.borrow().get_ref().clone())).unwrap()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file.borrow_mut();
        if self.limit.is_some_and(|limit| file.get_ref().len() + bytes.len() > limit) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.borrow_mut().seek(to)
    }
}

fn tone(level: i16) -> Frame {
    Frame::encode(&[level; FRAME_SAMPLES])
}

#[test]
fn caller_is_left_and_agent_is_right() {
    let disk = Disk::default();
    let mut recording = StereoWav::new(disk.clone(), &consent()).unwrap();
    recording.write(CallTime::ZERO, &tone(1000), &tone(-2000)).unwrap();
    recording.write(CallTime::ZERO, &Frame::SILENCE, &tone(500)).unwrap();
    recording.finish().unwrap();

    let mut wav = disk.read();
    let spec = wav.spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8000, 16));
    assert_eq!(wav.duration(), 320);
    let samples: Vec<i16> = wav.samples().map(Result::unwrap).collect();
    let (left, right) = (tone(1000).decode()[0], tone(-2000).decode()[0]);
    assert!(samples[..320].as_chunks::<2>().0.iter().all(|pair| *pair == [left, right]));
    assert_eq!(samples[320..322], [0, tone(500).decode()[0]]);
}

#[test]
fn a_killed_process_leaves_all_but_the_last_second() {
    let disk = Disk::default();
    let mut recording = StereoWav::new(BufWriter::new(disk.clone()), &consent()).unwrap();
    assert_eq!(disk.read().duration(), 0);
    for _ in 0..149 {
        recording.write(CallTime::ZERO, &tone(1000), &tone(1000)).unwrap();
    }
    // Killed: neither finished nor dropped.
    std::mem::forget(recording);
    assert_eq!(disk.read().duration(), 2 * SAMPLE_RATE);
    assert_eq!(disk.read().samples::<i16>().map(Result::unwrap).count(), 2 * 16000);
}

/// A file of its own in the folder for such things.
fn file() -> File {
    let name = format!("voicecall-recording-{}.wav", crate::RecordId::new());
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    // The open file stays usable and disappears when it is closed.
    std::fs::remove_file(path).unwrap();
    file
}

fn samples(file: &mut File) -> Vec<i16> {
    file.rewind().unwrap();
    WavReader::new(file).unwrap().samples().map(Result::unwrap).collect()
}

#[test]
fn a_recording_goes_on_where_its_call_goes_on() {
    let mut file = file();
    for (at, level) in [(0, 1000), (60, -2000), (80, 500)] {
        let mut recording = StereoWav::resume(file.try_clone().unwrap(), &consent()).unwrap();
        recording.write(CallTime::from_millis(at), &tone(level), &tone(level)).unwrap();
        recording.finish().unwrap();
    }
    let frames: Vec<_> = samples(&mut file).chunks(320).map(|frame| frame[0]).collect();
    let [first, second, third] = [1000, -2000, 500].map(|level| tone(level).decode()[0]);
    assert_eq!(frames, [first, 0, 0, second, third]);
}

#[test]
fn what_a_killed_process_left_is_kept_and_its_header_put_right() {
    let mut file = file();
    let mut recording = StereoWav::resume(file.try_clone().unwrap(), &consent()).unwrap();
    recording.write(CallTime::ZERO, &tone(1000), &tone(1000)).unwrap();
    recording.finish().unwrap();
    // Beyond the length in the header, a frame and a half.
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(&[7; 960]).unwrap();
    let mut recording = StereoWav::resume(file.try_clone().unwrap(), &consent()).unwrap();
    recording.write(CallTime::from_millis(40), &tone(1000), &tone(1000)).unwrap();
    recording.finish().unwrap();
    let samples = samples(&mut file);
    assert_eq!(samples.len(), 3 * 320);
    assert_eq!((samples[320], samples[640]), (0x0707, tone(1000).decode()[0]));
}

#[test]
fn less_than_a_header_is_begun_anew_and_another_file_is_left_alone() {
    let mut file = file();
    file.write_all(b"RIFF").unwrap();
    StereoWav::resume(file.try_clone().unwrap(), &consent()).unwrap().finish().unwrap();
    assert!(samples(&mut file).is_empty());
    file.rewind().unwrap();
    file.write_all(&[b'x'; 100]).unwrap();
    let error = StereoWav::resume(file.try_clone().unwrap(), &consent()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let mut left = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut left).unwrap();
    assert_eq!(left, [b'x'; 100]);
}

#[test]
fn what_comes_for_a_time_already_written_goes_behind() {
    let disk = Disk::default();
    let mut recording = StereoWav::new(disk.clone(), &consent()).unwrap();
    for at in [0, 0, 11, 40, 79] {
        recording.write(CallTime::from_millis(at), &tone(1000), &tone(1000)).unwrap();
    }
    recording.finish().unwrap();
    assert_eq!(disk.read().duration(), 5 * 160);
}

#[test]
fn errors_of_the_disk_arrive_as_they_are() {
    let disk = Disk { limit: Some(1000), ..Disk::default() };
    let mut recording = StereoWav::new(disk, &consent()).unwrap();
    recording.write(CallTime::ZERO, &tone(1), &tone(1)).unwrap();
    let error = recording.write(CallTime::ZERO, &tone(1), &tone(1)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_recording_ends_before_the_limit_of_the_format() {
    let mut recording = StereoWav::new(Cursor::new(Vec::new()), &consent()).unwrap();
    recording.frames = MAX_FRAMES - 1;
    recording.write(CallTime::ZERO, &tone(1), &tone(1)).unwrap();
    let error = recording.write(CallTime::ZERO, &tone(1), &tone(1)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
}
