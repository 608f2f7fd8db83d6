//! Any bytes as a journal or stamp of a killed run: whole lines are read, and what is written after them is read
//! again.

#![no_main]

use facepipe_core::artifacts::jsonl::{self, Journal};
use facepipe_core::artifacts::stage::{STAMP_FILE, read_stamp};
use facepipe_core::types::{CropRecord, Discarded, SplitRecord};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("journal.jsonl");
    fs_err::write(&path, bytes).expect("writes");
    let _ = jsonl::read::<CropRecord>(&path);
    let _ = jsonl::read::<SplitRecord>(&path);
    let _ = jsonl::read::<Discarded>(&path);
    if let Ok((mut journal, before)) = Journal::<Value>::open(&path) {
        let line = json!({"photo": "a/1.jpg"});
        journal.append(&line).expect("writes");
        drop(journal);
        let (_, after) = Journal::<Value>::open(&path).expect("is whole now");
        assert_eq!(after.len(), before.len() + 1);
        assert_eq!(after.last(), Some(&line));
    }
    fs_err::write(folder.path().join(STAMP_FILE), bytes).expect("writes");
    let _ = read_stamp(folder.path());
});
