//! Routes that answer about photos.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use tokio::sync::oneshot;

use super::Shared;
use super::pages::with_policy;
use crate::answers::{self, Faces, Prediction, Verification};
use crate::body::photos;
use crate::engine::Engine;
use crate::forms::{Options, wants_page};
use crate::page::{self, Picture};
use crate::problem::Problem;
use crate::service::{Service, Slot};
use crate::workers::{Found, Named, PhotoError, Task};
use facepipe_faces::embed::EmbeddedFace;
use facepipe_faces::face_choice::{MarkedFace, mark_main};

/// The name of a single photo in a form.
const IMAGE: &str = "image";
/// The names of two photos in a form.
const TWO_IMAGES: [&str; 2] = ["image1", "image2"];

/// The persons in a photo: as a page for people, or as JSON.
pub(super) async fn predict(State(service): Shared, request: Request) -> Result<Response, Problem> {
    if !wants_page(request.headers()) {
        return Ok(predict_json(State(service), request).await?.into_response());
    }
    let mut response = match page_of(&service, request).await {
        Ok(page) => with_policy(page).into_response(),
        Err(problem) => {
            let page = with_policy(page::problem(&problem));
            // Status, headers and figures are those of the problem, the text is for people.
            let mut response = problem.into_response();
            let (parts, body) = page.into_response().into_parts();
            response.headers_mut().extend(parts.headers);
            *response.body_mut() = body;
            response
        }
    };
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().append(header::VARY, vary);
    Ok(response)
}

async fn page_of(service: &Service, request: Request) -> Result<Markup, Problem> {
    let (prediction, picture) = name(service, request, true).await?;
    let page = service.in_time(tokio::task::spawn_blocking(move || {
        let marked = picture.map(|picture| picture.with_names(&prediction.faces));
        page::answer(&prediction, marked.as_ref())
    }));
    let page = page.await?;
    page.map_err(|error| Problem::internal(&error.to_string()))
}

/// The same, always as JSON.
pub(super) async fn predict_json(
    State(service): Shared,
    request: Request,
) -> Result<Json<Prediction>, Problem> {
    let (prediction, _) = name(&service, request, false).await?;
    Ok(Json(prediction))
}

/// Where a photo's faces are.
pub(super) async fn detect(
    State(service): Shared,
    request: Request,
) -> Result<Json<Faces<MarkedFace>>, Problem> {
    let Found { size, faces } = find_faces(&service, request, Task::Faces).await?;
    let faces = mark_main(faces, size);
    Ok(Json(Faces { size, faces }))
}

/// Embeddings of a photo's faces.
pub(super) async fn embed(
    State(service): Shared,
    request: Request,
) -> Result<Json<Faces<EmbeddedFace>>, Problem> {
    let found = find_faces(&service, request, Task::Embeddings).await?;
    Ok(Json(found.into()))
}

/// Whether two photos show one person.
pub(super) async fn verify(
    State(service): Shared,
    request: Request,
) -> Result<Json<Verification>, Problem> {
    let body = photos(&service, request, TWO_IMAGES).await?;
    let engine = service.engine();
    let slots = service.slots(body.photos.len() as u32, &body.room)?;
    drop(body.room);
    let mut answers = Vec::new();
    for (photo, slot) in body.photos.into_iter().zip(slots) {
        let (reply, answer) = oneshot::channel();
        engine.submit(photo, slot, Task::Embeddings(reply));
        answers.push(answer);
    }
    let mut photos = Vec::new();
    let all = service.in_time(async {
        let mut all = Vec::new();
        for answer in answers {
            all.push(answer.await);
        }
        all
    });
    for (found, name) in all.await?.into_iter().zip(TWO_IMAGES) {
        let found: Found<EmbeddedFace> = found.map_err(gone)??;
        if found.faces.is_empty() {
            let message = format!("no face was found in `{name}`");
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Problem::new(status, "no_face", message));
        }
        photos.push(found);
    }
    let mut photos = photos.into_iter();
    match (photos.next(), photos.next()) {
        (Some(a), Some(b)) => {
            let threshold = engine.same_person_distance();
            Ok(Json(answers::verify(a, b, threshold)))
        }
        _ => Err(Problem::internal("a photo has no answer")),
    }
}

/// Sends a photo to the workers; its answer needs no model.
async fn find_faces<Face>(
    service: &Service,
    request: Request,
    task: impl FnOnce(oneshot::Sender<Result<Found<Face>, PhotoError>>) -> Task,
) -> Result<Found<Face>, Problem> {
    let body = photos(service, request, [IMAGE]).await?;
    let [photo] = body.photos;
    let slot = service.slot(&body.room)?;
    drop(body.room);
    let (reply, answer) = oneshot::channel();
    service.engine().submit(photo, slot, task(reply));
    let found = service.in_time(answer).await?;
    Ok(found.map_err(gone)??)
}

/// Names the faces of the request's photo; gives a picture of it as well where it is to be kept.
async fn name(
    service: &Service,
    request: Request,
    keep: bool,
) -> Result<(Prediction, Option<Picture>), Problem> {
    let options = Options::of(request.uri())?;
    let body = photos(service, request, [IMAGE]).await?;
    let [photo] = body.photos;
    let slot = service.slot(&body.room)?;
    drop(body.room);
    let engine = service.engine();
    let whole = options.detect.map_or(engine.chips(), |detect| !detect);
    let named = name_photo(&engine, photo, slot, whole, keep);
    service.in_time(named).await?
}

async fn name_photo(
    engine: &Engine,
    photo: Bytes,
    slot: Arc<Slot>,
    whole: bool,
    keep: bool,
) -> Result<(Prediction, Option<Picture>), Problem> {
    let (reply, answer) = oneshot::channel();
    engine.submit(photo, slot, Task::Names { whole, keep, reply });
    let Named {
        found,
        answers,
        picture,
    } = answer.await.map_err(gone)??;
    let answers = match answers {
        Some(answer) => answer.await.map_err(gone)??,
        None => Vec::new(),
    };
    Ok((Prediction::new(engine, &found, answers), picture))
}

/// The thread that should have answered has ended.
fn gone(error: oneshot::error::RecvError) -> Problem {
    Problem::internal(&error.to_string())
}
