use super::*;

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
        md5: md5.to_owned(),
        sha256: "s".to_owned(),
        bytes: 3,
        width: 64,
        height: 48,
        format: "png".to_owned(),
    })
}

/// Records an item and writes its file.
fn record(memory: &mut Memory, root: &Path, order: (u32, u64), url: &str, outcome: Outcome) {
    if let Outcome::Stored(stored) = &outcome {
        let path = root.join(&stored.file);
        fs_err::create_dir_all(path.parent().expect("has a parent")).expect("makes");
        fs_err::write(path, "abc").expect("writes");
    }
    let provenance = Provenance {
        image_url: url.to_owned(),
        ..Provenance::default()
    };
    let item = Item {
        order,
        provenance,
        outcome,
    };
    memory
        .record(ItemId::new("ann", url), item)
        .expect("records");
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
            let outcome = stored("ann", "aaaa");
            record(&mut memory, root.path(), (0, position), &url, outcome);
        }
        assert_eq!(memory.kept(0, "ann"), 1);
        let (kept, discarded) = memory.settle();
        assert_eq!(kept[0].provenance.image_url, "http://a.org/9");
        assert_eq!(discarded[0].related, ["ann/aaaa.png"]);
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
        stored("ann", "aaaa"),
    );
    assert_eq!((memory.kept(0, "ann"), memory.kept(1, "ann")), (0, 1));
    record(
        &mut memory,
        root.path(),
        (0, 5),
        "http://a.org/1",
        stored("ann", "aaaa"),
    );
    assert_eq!((memory.kept(0, "ann"), memory.kept(1, "ann")), (1, 0));
    assert_eq!(memory.settle().0[0].provenance.image_url, "http://a.org/1");
}

#[test]
fn what_is_remembered_survives_and_lost_files_are_forgotten() {
    let root = tempfile::tempdir().expect("temporary folder");
    let mut memory = Memory::open(root.path()).expect("opens");
    memory.number_of(&request("a")).expect("numbers");
    record(
        &mut memory,
        root.path(),
        (0, 0),
        "http://a.org/1",
        stored("ann", "aaaa"),
    );
    record(
        &mut memory,
        root.path(),
        (0, 1),
        "http://a.org/2",
        stored("ann", "bbbb"),
    );
    let left_out = LeftOut::for_good(Reason::HttpStatus, "404");
    record(
        &mut memory,
        root.path(),
        (0, 2),
        "http://a.org/3",
        Outcome::LeftOut(left_out),
    );
    let before = memory.settle();
    drop(memory);
    let memory = Memory::open(root.path()).expect("opens");
    assert_eq!(memory.settle(), before);
    assert_eq!(memory.requests(), [request("a")]);
    drop(memory);
    fs_err::remove_file(root.path().join("ann/bbbb.png")).expect("removes");
    let memory = Memory::open(root.path()).expect("opens");
    assert_eq!(memory.outcome(&ItemId::new("ann", "http://a.org/2")), None);
    assert_eq!(memory.kept(0, "ann"), 1);
    assert_eq!(memory.settle().0.len(), 1);
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
    for md5 in ["aaaa", "bbbb"] {
        let id = ItemId::of_file("ann", "1.png", md5);
        memory
            .record(id, item(stored("ann", md5)))
            .expect("records");
    }
    let other = ItemId::of_file("ann", "1.png2", "cccc");
    memory
        .record(other, item(stored("ann", "cccc")))
        .expect("records");
    let contents: Vec<_> = memory.file_outcomes(&plain).map(|(md5, _)| md5).collect();
    assert_eq!(contents, ["aaaa", "bbbb"]);
    assert_eq!(memory.outcome(&plain), None, "it can be read now");
}
