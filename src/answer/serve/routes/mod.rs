//! The routes.

mod about;
mod faces;
mod health;
mod inference_protocol;
mod pages;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;

use super::access::KEY_HEADER;
use super::browsers::{Gate, Origin, keep_out};
use super::layers::{ID_HEADER, need_key, observe};
use super::problem::Problem;
use super::service::Service;
use super::unread_body::discard_unread;

/// The state that all handlers get.
type Shared = axum::extract::State<Arc<Service>>;

/// All routes. `is_local`: only programs and pages on this machine reach them.
pub(super) fn router(service: &Arc<Service>, is_local: bool) -> Router {
    let with_key = Router::new()
        .route("/predict", post(faces::predict))
        .route("/predict_json", post(faces::predict_json))
        .route("/detect", post(faces::detect))
        .route("/embed", post(faces::embed))
        .route("/verify", post(faces::verify))
        .route("/info", get(about::info))
        .route("/metrics", get(about::metrics))
        .route("/v2/models/{name}", get(inference_protocol::model))
        .route("/v2/models/{name}/infer", post(inference_protocol::infer))
        .layer(from_fn_with_state(service.clone(), need_key));
    let open = Router::new()
        .route("/", get(pages::photo))
        .route("/docs", get(pages::docs))
        .route("/openapi.json", get(pages::openapi))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/v2", get(inference_protocol::server))
        .route("/v2/health/live", get(health::live))
        .route("/v2/health/ready", get(health::ready))
        .route("/v2/models/{name}/ready", get(inference_protocol::ready));
    let settings = &service.settings;
    // A server with a key needs no check of host names; other machines may use any name for this one.
    let names_matter = is_local && settings.key.is_none();
    let gate = Arc::new(Gate {
        hosts: names_matter.then(|| settings.hosts.clone()),
        origins: settings.cors.clone(),
    });
    let routes = open
        .merge(with_key)
        .fallback(|| async { Problem::not_found("there is nothing at this address; see /docs") })
        .method_not_allowed_fallback(|| async { wrong_method() })
        .layer(DefaultBodyLimit::max(settings.limits.body_bytes))
        .layer(from_fn_with_state(gate, keep_out))
        .layer(from_fn(discard_unread))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn Any + Send>| {
            let what = panic.downcast_ref::<&str>();
            Problem::internal(what.unwrap_or(&"a handler panicked")).into_response()
        }));
    let routes = if settings.cors.is_empty() {
        routes
    } else {
        routes.layer(for_pages_of(&settings.cors))
    };
    routes
        .layer(from_fn_with_state(service.clone(), observe))
        .with_state(service.clone())
}

/// The headers by which browsers let pages of these origins read the answers.
fn for_pages_of(origins: &[Origin]) -> CorsLayer {
    let headers: Vec<HeaderValue> = origins.iter().map(Origin::header).cloned().collect();
    CorsLayer::new()
        .allow_origin(headers)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static(KEY_HEADER),
            ID_HEADER,
        ])
        .expose_headers([ID_HEADER, header::RETRY_AFTER])
}

fn wrong_method() -> Problem {
    let message = "this address takes another method; see /docs";
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    )
}
