//! Every operation of the service, one a row: what the tests compare with the published OpenAPI
//! documents.

use reqwest::Method;

use super::endpoint::ApiVersion;
use super::request::Repeat;

/// The body of an operation's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// Nothing.
    Nothing,
    /// JSON.
    Json,
    /// The bytes of an image file, or its address as JSON.
    Image,
    /// A form with a file.
    Form,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its name, of which no other has the same.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path below the version. Braces are parts that the caller gives, the first one of
    /// collections being its [`segment`](super::Collection::segment).
    pub path: &'static str,
    /// The parameters that its address may have.
    pub query: &'static [&'static str],
    /// The body.
    pub body: BodyKind,
    /// Whether it may be sent again when its result is unknown.
    pub repeat: Repeat,
    /// The version that it is called in by default.
    pub version: ApiVersion,
    /// The oldest version that has it.
    pub since: ApiVersion,
}

const DETECT_QUERY: &[&str] = &[
    "returnFaceId",
    "returnFaceLandmarks",
    "returnFaceAttributes",
    "recognitionModel",
    "returnRecognitionModel",
    "detectionModel",
    "faceIdTimeToLive",
];
const ADD_FACE_QUERY: &[&str] = &["targetFace", "detectionModel", "userData"];
const PAGE_QUERY: &[&str] = &["start", "top"];
const PAGE_WITH_MODEL_QUERY: &[&str] = &["start", "top", "returnRecognitionModel"];
const MODEL_QUERY: &[&str] = &["returnRecognitionModel"];
const NO_QUERY: &[&str] = &[];

/// An operation on faces or images, without lasting effect.
const fn search(
    name: &'static str,
    path: &'static str,
    query: &'static [&'static str],
    body: BodyKind,
    since: ApiVersion,
) -> Operation {
    Operation {
        name,
        method: Method::POST,
        path,
        query,
        body,
        repeat: Repeat::Always,
        version: ApiVersion::V1_2,
        since,
    }
}

/// An operation on stored resources; a POST makes a new one each time.
const fn keep(
    name: &'static str,
    method: Method,
    path: &'static str,
    query: &'static [&'static str],
    body: BodyKind,
    repeat: Repeat,
) -> Operation {
    Operation {
        name,
        method,
        path,
        query,
        body,
        repeat,
        version: ApiVersion::V1_0,
        since: ApiVersion::V1_0,
    }
}

/// An operation on liveness sessions.
const fn live(
    name: &'static str,
    method: Method,
    path: &'static str,
    body: BodyKind,
    repeat: Repeat,
) -> Operation {
    Operation {
        name,
        method,
        path,
        query: NO_QUERY,
        body,
        repeat,
        version: ApiVersion::V1_2,
        since: ApiVersion::V1_2,
    }
}

use BodyKind::{Form, Image, Json, Nothing};
use Repeat::{Always, UnlessExecuted};

/// The rows, each under a name and all in one list.
macro_rules! table {
    ($($(#[$doc:meta])* $name:ident = $row:expr;)*) => {
        $($(#[$doc])* pub const $name: Operation = $row;)*
        /// Every operation.
        pub const ALL: &[Operation] = &[$($name),*];
    };
}

#[rustfmt::skip]
table! {
    /// Faces of an image.
    DETECT = search("detect", "detect", DETECT_QUERY, Image, ApiVersion::V1_0);
    /// Faces of the picture that a liveness session took.
    DETECT_SESSION_IMAGE = search("detect from session image", "detect", DETECT_QUERY, Json, ApiVersion::V1_2);
    /// Whether two faces, or a face and a person, are one.
    VERIFY = search("verify", "verify", NO_QUERY, Json, ApiVersion::V1_0);
    /// Which persons of a group faces are.
    IDENTIFY = search("identify", "identify", NO_QUERY, Json, ApiVersion::V1_0);
    /// Which faces of a list look like one.
    FIND_SIMILAR = search("find-similar", "findsimilars", NO_QUERY, Json, ApiVersion::V1_0);
    /// Which faces belong together.
    GROUP = search("group", "group", NO_QUERY, Json, ApiVersion::V1_0);

    /// Makes a collection.
    CREATE = keep("create", Method::PUT, "{collection}/{id}", NO_QUERY, Json, Always);
    /// Lists the collections of a kind, a page at a time.
    LIST = keep("list", Method::GET, "{collection}", PAGE_WITH_MODEL_QUERY, Nothing, Always);
    /// One collection; a face list with its faces.
    GET = keep("get", Method::GET, "{collection}/{id}", MODEL_QUERY, Nothing, Always);
    /// Changes a collection's name or data.
    UPDATE = keep("update", Method::PATCH, "{collection}/{id}", NO_QUERY, Json, Always);
    /// Deletes a collection with all that is in it.
    DELETE = keep("delete", Method::DELETE, "{collection}/{id}", NO_QUERY, Nothing, Always);
    /// Begins a training.
    TRAIN = keep("train", Method::POST, "{collection}/{id}/train", NO_QUERY, Nothing, Always);
    /// How far a training is.
    STATUS = keep("status", Method::GET, "{collection}/{id}/training", NO_QUERY, Nothing, Always);

    /// Makes a person.
    PERSON_CREATE = keep("person create", Method::POST, "{collection}/{id}/persons", NO_QUERY, Json, UnlessExecuted);
    /// Lists persons, a page at a time.
    PERSON_LIST = keep("person list", Method::GET, "{collection}/{id}/persons", PAGE_QUERY, Nothing, Always);
    /// One person.
    PERSON_GET = keep("person get", Method::GET, "{collection}/{id}/persons/{person}", NO_QUERY, Nothing, Always);
    /// Changes a person's name or data.
    PERSON_UPDATE = keep("person update", Method::PATCH, "{collection}/{id}/persons/{person}", NO_QUERY, Json, Always);
    /// Deletes a person with its faces.
    PERSON_DELETE = keep("person delete", Method::DELETE, "{collection}/{id}/persons/{person}", NO_QUERY, Nothing, Always);
    /// Adds a face to a person.
    PERSON_FACE_ADD = keep("person face add", Method::POST, "{collection}/{id}/persons/{person}/persistedfaces", ADD_FACE_QUERY, Image, UnlessExecuted);
    /// One face of a person.
    PERSON_FACE_GET = keep("person face get", Method::GET, "{collection}/{id}/persons/{person}/persistedfaces/{face}", NO_QUERY, Nothing, Always);
    /// Changes the data of a person's face.
    PERSON_FACE_UPDATE = keep("person face update", Method::PATCH, "{collection}/{id}/persons/{person}/persistedfaces/{face}", NO_QUERY, Json, Always);
    /// Deletes a person's face.
    PERSON_FACE_DELETE = keep("person face delete", Method::DELETE, "{collection}/{id}/persons/{person}/persistedfaces/{face}", NO_QUERY, Nothing, Always);

    /// Adds a face to a list.
    FACE_ADD = keep("face add", Method::POST, "{collection}/{id}/persistedfaces", ADD_FACE_QUERY, Image, UnlessExecuted);
    /// Lists the faces of a large face list, a page at a time.
    FACE_LIST = keep("face list", Method::GET, "{collection}/{id}/persistedfaces", PAGE_QUERY, Nothing, Always);
    /// One face of a large face list.
    FACE_GET = keep("face get", Method::GET, "{collection}/{id}/persistedfaces/{face}", NO_QUERY, Nothing, Always);
    /// Changes the data of a large face list's face.
    FACE_UPDATE = keep("face update", Method::PATCH, "{collection}/{id}/persistedfaces/{face}", NO_QUERY, Json, Always);
    /// Deletes a face of a list.
    FACE_DELETE = keep("face delete", Method::DELETE, "{collection}/{id}/persistedfaces/{face}", NO_QUERY, Nothing, Always);

    /// Makes a liveness session.
    LIVENESS_CREATE = live("liveness create", Method::POST, "detectLiveness-sessions", Json, UnlessExecuted);
    /// The result of a liveness session.
    LIVENESS_GET = live("liveness get", Method::GET, "detectLiveness-sessions/{session}", Nothing, Always);
    /// Deletes a liveness session.
    LIVENESS_DELETE = live("liveness delete", Method::DELETE, "detectLiveness-sessions/{session}", Nothing, Always);
    /// Makes a liveness session whose face is compared with a photo.
    LIVENESS_VERIFY_CREATE = live("liveness-with-verify create", Method::POST, "detectLivenessWithVerify-sessions", Form, UnlessExecuted);
    /// The result of such a session.
    LIVENESS_VERIFY_GET = live("liveness-with-verify get", Method::GET, "detectLivenessWithVerify-sessions/{session}", Nothing, Always);
    /// Deletes such a session.
    LIVENESS_VERIFY_DELETE = live("liveness-with-verify delete", Method::DELETE, "detectLivenessWithVerify-sessions/{session}", Nothing, Always);
    /// The picture that a session took.
    SESSION_IMAGE = live("liveness image", Method::GET, "sessionImages/{image}", Nothing, Always);
}
