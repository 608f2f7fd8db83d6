use super::*;

#[test]
fn every_embedded_entry_is_complete() {
    let registry = Registry::embedded().expect("the committed registry is valid");
    for entry in &registry.entries {
        assert!(!entry.licence.is_empty(), "{}", entry.name);
        assert!(!entry.credit.is_empty(), "{}", entry.name);
        assert!(!entry.description.is_empty(), "{}", entry.name);
        assert!(
            entry.bytes.is_some() || entry.sha256.is_none(),
            "{}: a whole checksum comes with a size",
            entry.name
        );
    }
    let required: Vec<_> = registry
        .entries
        .iter()
        .filter(|entry| entry.required)
        .collect();
    // The files of the detectors that `auto` means in either build (and of their relative of the same package),
    // and those that alignment, embeddings and training need.
    let files: Vec<_> = required.iter().map(|entry| entry.file.as_str()).collect();
    let expected = [
        "seeta_fd_frontal_v1.0.bin",
        "mtcnn_pnet.pt",
        "mtcnn_rnet.pt",
        "mtcnn_onet.pt",
        "face_detection_yunet_2023mar_int8bq.onnx",
        crate::dlib::LANDMARKS_FILE,
        "face_recognition_sface_2021dec_int8bq.onnx",
        crate::dlib::RESNET_FILE,
    ];
    assert_eq!(files, expected);
    let named = |name: &str| -> Vec<&str> {
        let entries = registry.named(name).into_iter();
        entries.map(|entry| entry.name.as_str()).collect()
    };
    assert_eq!(named("mtcnn").len(), 3);
    assert_eq!(named("yunet"), ["yunet"]);
    assert!(named("yu").is_empty());
    let orl = registry.find("orl").expect("the demo's data set is there");
    assert_eq!(orl.unpack.as_ref().map(|unpack| unpack.files), Some(400));
}

#[test]
fn torchvision_files_carry_the_digits_of_their_names() {
    let registry = Registry::embedded().expect("the committed registry is valid");
    for name in ["resnet18", "resnet34", "resnet50"] {
        let entry = registry.find(name).expect("it is there");
        let prefix = entry.sha256_prefix.as_deref().expect("it has a prefix");
        assert_eq!(entry.file, format!("{name}-{prefix}.pth"));
        let [Source::Https { url }] = entry.sources.as_slice() else {
            panic!("{name} has one address");
        };
        assert!(url.path().ends_with(&entry.file));
    }
}

#[test]
fn entries_that_contradict_themselves_are_refused() {
    let digits = "0".repeat(SHA256_DIGITS);
    let entry = |kind: &str, file: &str, lines: &str, url: &str| {
        format!(
            "[[entry]]\nname = \"a\"\nkind = \"{kind}\"\nfile = \"{file}\"\nlicence = \"MIT\"\n\
             credit = \"c\"\ndescription = \"d\"\n{lines}\n\
             [[entry.source]]\nfrom = \"https\"\nurl = \"{url}\"\n"
        )
    };
    let sha = format!("sha256 = \"{digits}\"");
    let good = entry("backbone", "a.bin", &sha, "https://example.org/a");
    assert!(Registry::parse(&good).is_ok());
    for (text, message) in [
        (format!("{good}{good}"), "twice"),
        (
            entry("backbone", "../a", &sha, "https://example.org/a"),
            "plain name",
        ),
        (
            entry("backbone", "/a", &sha, "https://example.org/a"),
            "plain name",
        ),
        (
            entry("backbone", "a", "", "https://example.org/a"),
            "sha256",
        ),
        (
            entry("backbone", "a", "sha256 = \"123\"", "https://example.org/a"),
            "sha256",
        ),
        (
            entry("dataset", "a", &sha, "https://example.org/a"),
            "unpack",
        ),
        (
            entry("backbone", "a", &sha, "http://example.org/a"),
            "not https",
        ),
        (good.replace("licence", "lizenz"), "malformed"),
        (good.replace("backbone", "spoon"), "malformed"),
    ] {
        let error = Registry::parse(&text).expect_err(message);
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn dlibs_models_come_from_one_package() {
    let registry = Registry::embedded().expect("the committed registry is valid");
    let mut packages = std::collections::BTreeSet::new();
    for (name, file) in [
        ("dlib-landmarks5", crate::dlib::LANDMARKS_FILE),
        ("dlib-resnet29", crate::dlib::RESNET_FILE),
        ("dlib-mmod", crate::dlib::MMOD_FILE),
    ] {
        let entry = registry.find(name).expect("it is there");
        assert_eq!(entry.file, file);
        let [
            Source::Package {
                path,
                archive: Archive::Sdist,
                archive_sha256,
                ..
            },
        ] = entry.sources.as_slice()
        else {
            panic!("{name} is in a source distribution");
        };
        assert!(path.ends_with(file), "{path}");
        packages.insert(archive_sha256.clone());
    }
    assert_eq!(packages.len(), 1);
}

#[test]
fn a_data_set_cannot_come_from_a_source_distribution() {
    let digits = "0".repeat(SHA256_DIGITS);
    let text = format!(
        "[[entry]]\nname = \"a\"\nkind = \"dataset\"\nfile = \"a\"\nlicence = \"MIT\"\n\
         credit = \"c\"\ndescription = \"d\"\nsha256 = \"{digits}\"\n\
         unpack = {{ files = 1, extension = \"pgm\" }}\n\
         [[entry.source]]\nfrom = \"package\"\necosystem = \"pypi\"\nname = \"a\"\n\
         version = \"1\"\npath = \"a\"\narchive_sha256 = \"{digits}\"\narchive = \"wheel\"\n"
    );
    Registry::parse(&text).expect("a wheel does");
    let error = Registry::parse(&text.replace("wheel", "sdist")).expect_err("an sdist does not");
    assert!(error.to_string().contains("single files"), "{error}");
}
