//! The four kinds of collections that the service keeps.

/// A kind of collection. Groups hold persons with their faces, lists hold only faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Collection {
    /// Up to 10,000 persons (1,000 with the free tier).
    PersonGroup,
    /// Up to 1,000,000 persons.
    LargePersonGroup,
    /// Up to 1,000 faces, searched without a training.
    FaceList,
    /// Up to 1,000,000 faces.
    LargeFaceList,
}

impl Collection {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::PersonGroup,
        Self::LargePersonGroup,
        Self::FaceList,
        Self::LargeFaceList,
    ];

    /// Its name in addresses.
    #[must_use]
    pub const fn segment(self) -> &'static str {
        match self {
            Self::PersonGroup => "persongroups",
            Self::LargePersonGroup => "largepersongroups",
            Self::FaceList => "facelists",
            Self::LargeFaceList => "largefacelists",
        }
    }

    /// The name of its id in requests and answers.
    #[must_use]
    pub const fn id_field(self) -> &'static str {
        match self {
            Self::PersonGroup => "personGroupId",
            Self::LargePersonGroup => "largePersonGroupId",
            Self::FaceList => "faceListId",
            Self::LargeFaceList => "largeFaceListId",
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::PersonGroup => "person-group",
            Self::LargePersonGroup => "large-person-group",
            Self::FaceList => "face-list",
            Self::LargeFaceList => "large-face-list",
        }
    }

    /// Whether it is trained before it is searched.
    #[must_use]
    pub const fn is_trained(self) -> bool {
        !matches!(self, Self::FaceList)
    }

    /// Whether it is listed in pages. The 64 face lists of a resource, and the faces of one, come
    /// in one answer.
    #[must_use]
    pub const fn is_paged(self) -> bool {
        !matches!(self, Self::FaceList)
    }
}
