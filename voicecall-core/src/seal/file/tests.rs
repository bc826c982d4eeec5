use std::io::Read;
use std::path::PathBuf;

use super::*;
use crate::id::{RecordId, SessionId, TenantId};

/// A file that is gone afterwards, with what it is sealed for.
struct Sealing {
    path: PathBuf,
    vault: Vault,
    row: SealedRow,
}

impl Drop for Sealing {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Sealing {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("voicecall-sealed-{}", RecordId::new()));
        let row = SealedRow::session(TenantId::new(), SessionId::new());
        Self { path, vault: Vault::generate().unwrap(), row }
    }

    fn file(&self) -> File {
        File::options().read(true).write(true).create(true).truncate(false).open(&self.path).unwrap()
    }

    fn resume(&self) -> SealedFile {
        SealedFile::resume(self.file(), &self.vault, self.row, "test").unwrap()
    }

    fn open(&self) -> io::Result<SealedReader> {
        SealedReader::open(self.file(), &self.vault, self.row, "test")
    }

    /// Everything that opens, and whether it is complete.
    fn read(&self) -> io::Result<(Vec<u8>, bool)> {
        let mut reader = self.open()?;
        let mut plain = Vec::new();
        reader.read_to_end(&mut plain)?;
        Ok((plain, reader.is_complete()))
    }

    /// One byte as often as each piece is long, from 1 on.
    fn write(&self, pieces: &[usize]) -> Vec<u8> {
        let mut sealed = self.resume();
        let mut all = Vec::new();
        for (byte, length) in (1..).zip(pieces) {
            let piece = vec![byte; *length];
            sealed.append(&piece).unwrap();
            all.extend(piece);
        }
        sealed.finish().unwrap();
        all
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// The chunks of the file, with their lengths in front.
    fn chunks(&self) -> Vec<Vec<u8>> {
        let bytes = self.bytes();
        let mut rest = &bytes[HEADER as usize..];
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let length = 4 + u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            chunks.push(rest[..length].to_vec());
            rest = &rest[length..];
        }
        chunks
    }

    fn put(&self, chunks: &[Vec<u8>]) {
        fs::write(&self.path, [&self.bytes()[..HEADER as usize], &chunks.concat()].concat()).unwrap();
    }
}

#[test]
fn what_is_appended_is_read_and_stands_nowhere() {
    let sealing = Sealing::new();
    let plain = sealing.write(&[100, 0, MOST as usize + 10, 300]);
    assert_eq!(sealing.read().unwrap(), (plain, true));
    let bytes = sealing.bytes();
    assert!(bytes.starts_with(b"vcsealed") && !bytes.windows(20).any(|window| window == [1; 20]));
    assert_eq!(sealing.chunks().len(), 5, "a long piece is two, none for nothing, and the end");
}

#[test]
fn any_part_is_read() {
    let sealing = Sealing::new();
    let plain = sealing.write(&[100, 50, 100]);
    let mut reader = sealing.open().unwrap();
    assert_eq!(reader.plain_len(), 250);
    for (from, count) in [(0, 250), (99, 2), (100, 50), (149, 100), (249, 1), (250, 0), (1000, 0)] {
        reader.seek(SeekFrom::Start(from)).unwrap();
        let mut part = Vec::new();
        reader.by_ref().take(count).read_to_end(&mut part).unwrap();
        assert_eq!(part, plain[plain.len().min(from as usize)..][..count as usize], "{count} from {from}");
    }
}

#[test]
fn a_file_goes_on_whatever_a_killed_process_left() {
    let sealing = Sealing::new();
    sealing.write(&[100, 200]);
    let whole = sealing.bytes();
    for length in 0..whole.len() {
        fs::write(&sealing.path, &whole[..length]).unwrap();
        let left = if length < HEADER as usize { 0 } else { sealing.read().unwrap().0.len() };
        let mut sealed = sealing.resume();
        assert_eq!(sealed.plain_len(), left as u64, "{length}");
        sealed.append(b"more").unwrap();
        drop(sealed);
        let (plain, is_complete) = sealing.read().unwrap();
        assert_eq!((plain.len(), &plain[left..], is_complete), (left + 4, &b"more"[..], false), "{length}");
    }
    // Completed, it goes on as well.
    fs::write(&sealing.path, &whole).unwrap();
    sealing.write(&[7]);
    assert_eq!(sealing.read().unwrap().0.len(), 307);
    // A computer without power wrote the length and not the chunk.
    fs::write(&sealing.path, [&whole[..HEADER as usize], &(ADDED + 9).to_be_bytes(), &[0; 58]].concat()).unwrap();
    assert_eq!(sealing.resume().plain_len(), 0);
}

#[test]
fn chunks_cannot_be_moved_left_out_or_exchanged_and_a_cut_is_seen() {
    let (sealing, other) = (Sealing::new(), Sealing::new());
    sealing.write(&[100, 100, 100]);
    other.write(&[100, 100, 100]);
    let chunks = sealing.chunks();
    let [one, two, three, end] = &chunks[..] else { panic!("{}", chunks.len()) };
    let all = |chunks: [&Vec<u8>; 4]| chunks.map(Clone::clone).to_vec();
    for (what, changed) in [
        ("moved", all([two, one, three, end])),
        ("left out", vec![one.clone(), three.clone(), end.clone()]),
        ("twice", vec![one.clone(), one.clone(), two.clone(), three.clone()]),
        ("of another file", all([one, &other.chunks()[1], three, end])),
        ("ended in between", all([one, end, two, three])),
    ] {
        sealing.put(&changed);
        assert!(sealing.read().is_err(), "{what}");
    }
    for cut in 0..3 {
        sealing.put(&chunks[..=cut]);
        assert_eq!(
            sealing.read().unwrap(),
            ([[1; 100], [2; 100], [3; 100]].concat()[..100 * (cut + 1)].to_vec(), false)
        );
        // Nor does the end of a longer file complete it.
        sealing.put(&[&chunks[..=cut.min(1)], &chunks[3..]].concat());
        assert!(!sealing.read().unwrap().1);
    }
}

#[test]
fn every_changed_byte_of_a_chunk_is_refused() {
    let sealing = Sealing::new();
    sealing.write(&[5, 5]);
    let whole = sealing.bytes();
    for at in (0..HEADER as usize).chain(HEADER as usize + 4..whole.len() - (4 + ADDED as usize)) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&sealing.path, changed).unwrap();
        // A length that lies cuts the file.
        assert!(!sealing.read().is_ok_and(|(plain, is_complete)| is_complete || plain.len() > 5), "byte {at}");
    }
}

#[test]
fn a_file_is_of_its_row_and_name() {
    let sealing = Sealing::new();
    sealing.write(&[100]);
    let row = SealedRow::session(sealing.row.tenant, SessionId::new());
    let foreign = Vault::generate().unwrap();
    for (vault, row, name) in
        [(&sealing.vault, row, "test"), (&sealing.vault, sealing.row, "other"), (&foreign, sealing.row, "test")]
    {
        let error = SealedReader::open(sealing.file(), vault, row, name).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(SealedFile::resume(sealing.file(), vault, row, name).is_err());
    }
    fs::write(&sealing.path, b"something else").unwrap();
    assert!(SealedFile::resume(sealing.file(), &sealing.vault, sealing.row, "test").is_err(), "left alone");
    assert_eq!(sealing.bytes(), b"something else");
}

#[test]
fn a_key_is_changed_while_the_file_grows() {
    let mut sealing = Sealing::new();
    let (old, new, index) =
        (Vault::generate_key().unwrap(), Vault::generate_key().unwrap(), Vault::generate_key().unwrap());
    sealing.vault = Vault::new(std::slice::from_ref(&old), &index).unwrap();
    let mut sealed = sealing.resume();
    sealed.append(b"before").unwrap();
    let both = Vault::new(&[new.clone(), old], &index).unwrap();
    assert!(SealedFile::rekey(&mut sealing.file(), &both, sealing.row, "test").unwrap());
    assert!(!SealedFile::rekey(&mut sealing.file(), &both, sealing.row, "test").unwrap(), "once is enough");
    sealed.append(b" and after").unwrap();
    sealed.finish().unwrap();
    assert!(sealing.read().is_err(), "the old key is not needed any more");
    sealing.vault = Vault::new(&[new], &index).unwrap();
    assert_eq!(sealing.read().unwrap(), (b"before and after".to_vec(), true));
}
