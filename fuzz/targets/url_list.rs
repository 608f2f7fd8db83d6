//! Any bytes as a list of addresses: it ends, and each address is one.

#![no_main]

use std::io::Cursor;

use facepipe_adapters::sources::url_list::UrlListSource;
use facepipe_core::ports::{ImageSource as _, SourceStep};
use facepipe_core::types::Address;
use libfuzzer_sys::fuzz_target;

const EXTENSIONS: [&str; 6] = ["", "txt", "csv", "tsv", "json", "gz"];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, text)) = bytes.split_first() else {
        return;
    };
    let extension = EXTENSIONS[usize::from(*first) % EXTENSIONS.len()];
    let reader = Box::new(Cursor::new(text.to_vec()));
    let label = (first & 0x80 != 0).then(|| "ann".to_owned());
    let Ok(mut list) = UrlListSource::of_reader(reader, extension, "list".to_owned(), label, None)
    else {
        return;
    };
    // A record takes a byte at least; a note comes once.
    for _ in 0..=text.len() + 2 {
        match list.step() {
            Ok(SourceStep::End) | Err(_) => return,
            Ok(SourceStep::Candidate(candidate)) => {
                assert!(!candidate.label.is_empty() && !candidate.label.contains('/'));
                assert!(matches!(candidate.address, Address::Url(url) if url.has_host()));
            }
            Ok(SourceStep::Junk(_) | SourceStep::Note(_)) => {}
            Ok(SourceStep::Request(_)) => panic!("a list makes no requests"),
        }
    }
    panic!("the list does not end");
});
