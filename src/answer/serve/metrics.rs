//! The server's metrics, in Prometheus' text format.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Buckets of durations, in seconds: from the decoding of a chip to the longest time allowed.
const SECONDS: [f64; 15] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Buckets of the number of faces in a batch.
const FACES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// The content type of the text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Labels of requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Kind {
    /// The route, as it is registered.
    pub(super) route: String,
    /// The answer's status.
    pub(super) status: u32,
}

/// The route of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Route {
    pub(super) route: String,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Failure {
    pub(super) code: String,
}

/// How a reload ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reload {
    pub(super) result: String,
}

fn times() -> Histogram {
    Histogram::new(SECONDS)
}

/// All metrics.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    pub(super) requests: Family<Kind, Counter>,
    pub(super) failures: Family<Failure, Counter>,
    pub(super) latency: Family<Route, Histogram>,
    pub(super) decode: Histogram,
    pub(super) detect: Histogram,
    pub(super) embedding: Histogram,
    pub(super) inference: Histogram,
    pub(super) photo_queue: Histogram,
    pub(super) model_queue: Histogram,
    pub(super) batch_size: Histogram,
    pub(super) queue_length: Gauge,
    pub(super) reloads: Family<Reload, Counter>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("facepipe"),
            requests: Family::default(),
            failures: Family::default(),
            latency: Family::new_with_constructor(times),
            decode: times(),
            detect: times(),
            embedding: times(),
            inference: times(),
            photo_queue: times(),
            model_queue: times(),
            batch_size: Histogram::new(FACES),
            queue_length: Gauge::default(),
            reloads: Family::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("requests", "Requests answered", self.requests.clone());
        to.register(
            "failures",
            "Requests refused, failed or broken off, by code",
            self.failures.clone(),
        );
        to.register("reloads", "Reloads of the model", self.reloads.clone());
        to.register(
            "batch_size",
            "Faces that the model saw at once",
            self.batch_size.clone(),
        );
        to.register(
            "queue_length",
            "Requests that wait or are worked on",
            self.queue_length.clone(),
        );
        to.register_with_unit(
            "request",
            "Time from a request's head to its answer's",
            Unit::Seconds,
            self.latency.clone(),
        );
        for (name, help, times) in [
            ("decode", "Time to decode a photo", &self.decode),
            (
                "detect",
                "Time to find a photo's faces and cut them out",
                &self.detect,
            ),
            (
                "embedding",
                "Time to make the embeddings of a photo's faces",
                &self.embedding,
            ),
            (
                "inference",
                "Time of the model for a batch",
                &self.inference,
            ),
            (
                "photo_queue",
                "Time that a photo waits to be decoded",
                &self.photo_queue,
            ),
            (
                "model_queue",
                "Time that faces wait for the model",
                &self.model_queue,
            ),
        ] {
            to.register_with_unit(name, help, Unit::Seconds, times.clone());
        }
    }

    /// All of them as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_the_documented_names() {
        let metrics = Metrics::new();
        let kind = Kind {
            route: "/predict".to_owned(),
            status: 200,
        };
        metrics.requests.get_or_create(&kind).inc();
        metrics.decode.observe(0.002);
        metrics.batch_size.observe(3.0);
        let text = metrics.text();
        for line in [
            "facepipe_requests_total{route=\"/predict\",status=\"200\"} 1",
            "facepipe_decode_seconds_count 1",
            "facepipe_batch_size_bucket{le=\"4.0\"} 1",
            "facepipe_queue_length 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
