use super::super::examine::{LeftOut, Stored};
use super::super::results::{for_each_kept, for_each_left_out};
use super::*;
use facepipe_core::types::{Discarded, ImageRecord, Provenance, Reason};

/// First halves of MD5s.
const A: &str = "aaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbb";
const C: &str = "cccccccccccccccc";

fn settle(memory: &Memory) -> (Vec<ImageRecord>, Vec<Discarded>) {
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    let mut reader = memory.journal().reader().expect("opens");
    for_each_kept(memory.index(), &mut reader, |record| {
        kept.push(record);
        Ok(())
    })
    .expect("reads");
    for_each_left_out(memory.index(), &mut reader, |record| {
        left_out.push(record);
        Ok(())
    })
    .expect("reads");
    (kept, left_out)
}

fn request(query: &str) -> Request {
    Request {
        source: "urls".to_owned(),
        query: Some(query.to_owned()),
        label: None,
        list: None,
    }
}

fn stored(label: &str, md5: &str) -> Outcome {
    Outcome::Stored(Stored {
        file: format!("{label}/{md5}.png"),
        md5: format!("{md5}{md5}"),
        sha256: "s".to_owned(),
        bytes: 3,
        width: 64,
        height: 48,
        format: "png".to_owned(),
        phash: None,
        original: None,
    })
}

/// Records an item and writes its file.
fn record(memory: &mut Memory, root: &Path, order: (u32, u64), url: &str, outcome: Outcome) {
    record_as(memory, root, "ann", order, url, outcome);
}

fn record_as(
    memory: &mut Memory,
    root: &Path,
    label: &str,
    order: (u32, u64),
    url: &str,
    outcome: Outcome,
) {
    let provenance = Provenance {
        image_url: url.to_owned(),
        ..Provenance::default()
    };
    let item = Item {
        order,
        provenance,
        outcome,
    };
    let placing = memory
        .record(ItemId::new(label, url), item)
        .expect("records");
    let Some(placing) = placing else { return };
    if let Some(before) = placing.moved_from {
        assert!(placing.is_there);
        super::super::index::move_file(root, &before, &placing.file).expect("moves");
    }
    if !placing.is_there {
        let path = root.join(placing.file);
        fs_err::create_dir_all(path.parent().expect("has a parent")).expect("makes");
        fs_err::write(path, "abc").expect("writes");
    }
}

#[test]
fn the_first_of_equal_images_is_kept_whatever_the_order_of_arrival() {
    let mut manifests = Vec::new();
    for arrivals in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let root = tempfile::tempdir().expect("temporary folder");
        let mut memory = Memory::open(root.path()).expect("opens");
        memory.number_of(&request("a")).expect("numbers");
        for position in arrivals {
            let url = format!("http://a.org/{}", 9 - position);
            let outcome = stored("ann", A);
            record(&mut memory, root.path(), (0, position), &url, outcome);
        }
        assert_eq!(memory.kept(0, "ann"), 1);
        let (kept, discarded) = settle(&memory);
        assert_eq!(kept[0].provenance.image_url, "http://a.org/9");
        assert_eq!(discarded[0].related, [format!("ann/{A}.png")]);
        manifests.push((kept, discarded));
    }
    assert_eq!(manifests[0], manifests[1]);
    assert_eq!(manifests[0], manifests[2]);
}

#[test]
fn an_image_counts_for_the_first_request_that_brought_it() {
    let root = tempfile::tempdir().expect("temporary folder");
    let mut memory = Memory::open(root.path()).expect("opens");
    assert_eq!(memory.number_of(&request("a")).expect("numbers"), 0);
    assert_eq!(memory.number_of(&request("b")).expect("numbers"), 1);
    assert_eq!(memory.number_of(&request("a")).expect("numbers"), 0);
    record(
        &mut memory,
        root.path(),
        (1, 0),
        "http://b.org/1",
        stored("ann", A),
    );
    assert_eq!((memory.kept(0, "ann"), memory.kept(1, "ann")), (0, 1));
    record(
        &mut memory,
        root.path(),
        (0, 5),
        "http://a.org/1",
        stored("ann", A),
    );
    assert_eq!((memory.kept(0, "ann"), memory.kept(1, "ann")), (1, 0));
    assert_eq!(settle(&memory).0[0].provenance.image_url, "http://a.org/1");
}

#[test]
fn the_journal_survives_and_lost_files_are_forgotten() {
    let root = tempfile::tempdir().expect("temporary folder");
    let mut memory = Memory::open(root.path()).expect("opens");
    memory.number_of(&request("a")).expect("numbers");
    record(
        &mut memory,
        root.path(),
        (0, 0),
        "http://a.org/1",
        stored("ann", A),
    );
    record(
        &mut memory,
        root.path(),
        (0, 1),
        "http://a.org/2",
        stored("ann", B),
    );
    let left_out = LeftOut::for_good(Reason::HttpStatus, "404");
    record(
        &mut memory,
        root.path(),
        (0, 2),
        "http://a.org/3",
        Outcome::LeftOut(left_out),
    );
    let before = settle(&memory);
    drop(memory);
    let memory = Memory::open(root.path()).expect("opens");
    assert_eq!(settle(&memory), before);
    assert_eq!(memory.requests(), [request("a")]);
    drop(memory);
    fs_err::remove_file(root.path().join(format!("ann/{B}.png"))).expect("removes");
    let memory = Memory::open(root.path()).expect("opens");
    assert_eq!(memory.known(&ItemId::new("ann", "http://a.org/2")), None);
    assert_eq!(memory.kept(0, "ann"), 1);
    assert_eq!(settle(&memory).0.len(), 1);
}

#[test]
fn the_same_outcome_is_written_once() {
    let root = tempfile::tempdir().expect("temporary folder");
    let mut memory = Memory::open(root.path()).expect("opens");
    memory.number_of(&request("a")).expect("numbers");
    for _ in 0..3 {
        let left_out = LeftOut::for_good(Reason::BadAddress, "line 3");
        record(
            &mut memory,
            root.path(),
            (0, 2),
            "list:3",
            Outcome::LeftOut(left_out),
        );
    }
    let journal = fs_err::read_to_string(root.path().join(JOURNAL_FILE)).expect("reads");
    assert_eq!(journal.lines().count(), 2);
}

#[test]
fn an_image_of_two_labels_is_under_the_first_in_any_order_of_arrival() {
    let mut all = Vec::new();
    for arrivals in [
        ["ann", "bob", "cid"],
        ["cid", "bob", "ann"],
        ["bob", "cid", "ann"],
    ] {
        let root = tempfile::tempdir().expect("temporary folder");
        let mut memory = Memory::open(root.path()).expect("opens");
        memory.number_of(&request("a")).expect("numbers");
        for label in arrivals {
            let position = label.as_bytes()[0].into();
            let url = format!("http://a.org/{label}");
            let outcome = stored(label, A);
            record_as(
                &mut memory,
                root.path(),
                label,
                (0, position),
                &url,
                outcome,
            );
        }
        let files =
            |folder: &str| fs_err::read_dir(root.path().join(folder)).map_or(0, Iterator::count);
        assert_eq!(["ann", "bob", "cid"].map(files), [1, 0, 0]);
        let kept = ["ann", "bob", "cid"].map(|label| memory.kept(0, label));
        assert_eq!(kept, [1, 0, 0]);
        let settled = settle(&memory);
        assert_eq!(settled.0[0].also_labels, ["bob", "cid"]);
        for other in &settled.1 {
            assert_eq!(other.reason, Reason::LabelConflict);
            assert_eq!(other.related, [format!("ann/{A}.png")]);
        }
        assert_eq!(settled.1.len(), 2);
        drop(memory);
        // Killed before the file was moved from its second place.
        fs_err::create_dir_all(root.path().join("cid")).expect("makes");
        let (right, wrong) = (format!("ann/{A}.png"), format!("cid/{A}.png"));
        fs_err::rename(root.path().join(&right), root.path().join(wrong)).expect("moves");
        let memory = Memory::open(root.path()).expect("opens");
        assert!(root.path().join(right).is_file());
        assert_eq!(settle(&memory), settled);
        all.push(settled);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}

#[test]
fn an_address_is_known_under_any_label() {
    let root = tempfile::tempdir().expect("temporary folder");
    let mut memory = Memory::open(root.path()).expect("opens");
    memory.number_of(&request("a")).expect("numbers");
    let url = "http://a.org/1";
    record(&mut memory, root.path(), (0, 3), url, stored("ann", A));
    let is_stored = |known| known == Known::Stored;
    let found = memory.same_address(url, is_stored).expect("reads");
    assert_eq!(found.map(|item| item.order), Some((0, 3)));
    assert_eq!(memory.same_address(url, |_| false).expect("reads"), None);
    let other = memory.same_address("http://a.org/2", |_| true);
    assert_eq!(other.expect("reads"), None);
}

#[test]
fn a_file_is_known_by_path_and_content() {
    let root = tempfile::tempdir().expect("temporary folder");
    let mut memory = Memory::open(root.path()).expect("opens");
    memory.number_of(&request("a")).expect("numbers");
    let item = |outcome| Item {
        order: (0, 0),
        provenance: Provenance::default(),
        outcome,
    };
    let plain = ItemId::new("ann", "1.png");
    let failed = LeftOut {
        permanent: false,
        ..LeftOut::for_good(Reason::Unreadable, "gone")
    };
    memory
        .record(plain.clone(), item(Outcome::LeftOut(failed)))
        .expect("records");
    for md5 in [A, B] {
        let id = ItemId::of_file("ann", "1.png", md5);
        memory
            .record(id, item(stored("ann", md5)))
            .expect("records");
    }
    let other = ItemId::of_file("ann", "1.png2", C);
    memory
        .record(other, item(stored("ann", C)))
        .expect("records");
    let contents: Vec<_> = memory
        .file_fates(&plain)
        .into_iter()
        .map(|(md5, _)| md5)
        .collect();
    assert_eq!(contents, [A, B]);
    assert_eq!(memory.known(&plain), None, "it can be read now");
}
