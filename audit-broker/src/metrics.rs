//! Counters of the daemon's work, as Prometheus text.
//!
//! This file knows a call by its class and result only: no metric names a caller or an object.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::api::class::Class;
use crate::confine::kernel_status::Status;

/// The counters. All threads share them.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    records: Family<RecordLabels, Counter>,
    duration: Histogram,
    connections: Gauge,
    streams: Gauge,
    kernel_lost: Gauge,
    kernel_backlog: Gauge,
    kernel_keeps_records: Gauge,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum CallResult {
    /// dockerd answered with success.
    Done,
    /// dockerd answered with an error.
    Failed,
    /// The broker did not understand the request, or the policies deny it.
    Denied,
    /// The broker refused the call because it could not record it.
    NotRecorded,
    /// The broker could not reach dockerd.
    Unreachable,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    class: ClassLabel,
    result: CallResult,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ClassLabel(Option<Class>);

impl EncodeLabelValue for ClassLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.map_or("unknown", Class::name).encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RecordLabels {
    result: RecordResult,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum RecordResult {
    Taken,
    Refused,
}

/// Counts one in a gauge until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge<i64, AtomicI64>) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(crate) fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("audit_broker");
        let calls = Family::default();
        registry.register("calls", "Docker API calls by class and result", calls.clone());
        let records = Family::default();
        registry.register(
            "records",
            "Audit records that the kernel accepted or refused",
            records.clone(),
        );
        // In seconds: from 50 microseconds, doubling, to 52 seconds.
        let buckets = std::iter::successors(Some(0.00005), |bound| Some(bound * 2.0)).take(21);
        let duration = Histogram::new(buckets);
        registry.register_with_unit(
            "call_duration",
            "Time from the head of a request to the head of its answer",
            Unit::Seconds,
            duration.clone(),
        );
        let gauge = |registry: &mut Registry, name: &str, help: &str| {
            let gauge: Gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let connections = gauge(&mut registry, "connections", "Open client connections");
        let streams =
            gauge(&mut registry, "streams", "Open streams such as attach, exec, logs and events");
        let kernel_lost = gauge(
            &mut registry,
            "kernel_lost",
            "Audit records that the kernel has lost since boot; -1 if unknown",
        );
        let kernel_backlog = gauge(
            &mut registry,
            "kernel_backlog",
            "Audit records in the kernel's backlog; -1 if unknown",
        );
        let kernel_keeps_records = gauge(
            &mut registry,
            "kernel_keeps_records",
            "1 if auditing is enabled and auditd is running, 0 if not; -1 if unknown",
        );
        Arc::new(Self {
            registry,
            calls,
            records,
            duration,
            connections,
            streams,
            kernel_lost,
            kernel_backlog,
            kernel_keeps_records,
        })
    }

    pub(crate) fn count_call(&self, class: Option<Class>, result: CallResult, took: Duration) {
        self.calls.get_or_create(&CallLabels { class: ClassLabel(class), result }).inc();
        self.duration.observe(took.as_secs_f64());
    }

    pub(crate) fn count_records(&self, count: usize, is_taken: bool) {
        let result = if is_taken { RecordResult::Taken } else { RecordResult::Refused };
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.records.get_or_create(&RecordLabels { result }).inc_by(count);
    }

    pub(crate) fn open_connection(&self) -> Counted {
        Counted::new(&self.connections)
    }

    pub(crate) fn open_stream(&self) -> Counted {
        Counted::new(&self.streams)
    }

    /// All metrics as text, with the kernel's current audit status.
    pub(crate) fn text(&self, kernel: Option<&Status>) -> String {
        let number = |number: Option<u32>| number.map_or(-1, i64::from);
        self.kernel_lost.set(number(kernel.map(|status| status.lost)));
        self.kernel_backlog.set(number(kernel.map(|status| status.backlog)));
        let keeps = kernel.map(|status| status.check_that_records_are_kept().is_ok().into());
        self.kernel_keeps_records.set(number(keeps));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// The dashboard and the alert rules use metrics and results that exist.
#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use serde_json::Value;
    use yaml_rust2::{Yaml, YamlLoader};

    use super::*;

    fn read(path: &str) -> String {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
    }

    /// The metrics of a broker that has seen every result.
    fn text_of_all() -> String {
        let metrics = Metrics::new();
        let results = [
            CallResult::Done,
            CallResult::Failed,
            CallResult::Denied,
            CallResult::NotRecorded,
            CallResult::Unreachable,
        ];
        for result in results {
            metrics.count_call(None, result, Duration::ZERO);
        }
        metrics.count_records(1, true);
        metrics.count_records(1, false);
        metrics.text(None)
    }

    /// The names of the samples: what stands before the labels or the value.
    fn names(text: &str) -> BTreeSet<&str> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.filter_map(|line| line.split(['{', ' ']).next()).collect()
    }

    fn check(expression: &str) {
        let text = text_of_all();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let used: Vec<&str> = expression
            .split(|letter| !is_part(letter))
            .filter(|word| word.starts_with("audit_broker"))
            .collect();
        assert!(!used.is_empty(), "{expression}");
        for name in used {
            assert!(names(&text).contains(name), "no metric {name}: {expression}");
        }
        for (_, rest) in expression.match_indices('{').map(|(at, _)| expression.split_at(at)) {
            let labels = rest.trim_start_matches('{').split('}').next().unwrap();
            assert!(text.contains(labels), "no metric has {labels}: {expression}");
        }
    }

    fn alerts() -> Vec<Yaml> {
        let rules = YamlLoader::load_from_str(&read("examples/monitoring/alerts.yml")).unwrap();
        rules[0]["groups"][0]["rules"].as_vec().unwrap().clone()
    }

    #[test]
    fn each_alert_uses_metrics_that_exist_and_is_documented() {
        let operations = read("docs/operations.md");
        for alert in alerts() {
            check(alert["expr"].as_str().unwrap());
            assert!(
                alert["annotations"]["summary"].as_str().is_some_and(|text| text.ends_with('.'))
            );
            let name = alert["alert"].as_str().unwrap();
            assert!(operations.contains(&format!("\n| `{name}` | ")), "{name}");
        }
        assert_eq!(alerts().len(), operations.matches("\n| `AuditBroker").count());
    }

    #[test]
    fn each_panel_of_the_dashboard_uses_metrics_that_exist() {
        let dashboard: Value =
            serde_json::from_str(&read("examples/monitoring/dashboard.json")).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
        for target in targets {
            check(target["expr"].as_str().unwrap());
        }
    }

    #[test]
    fn the_dashboard_shows_each_metric() {
        let dashboard = read("examples/monitoring/dashboard.json");
        for name in names(&text_of_all()) {
            let name = name.trim_end_matches("_sum").trim_end_matches("_count");
            let name = name.trim_end_matches("_bucket");
            assert!(dashboard.contains(name), "{name}");
        }
    }
}
