//! The figures of `stats` in the OpenMetrics format, which Prometheus reads.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::admin::statistics;
use super::context::ServerFacts;
use crate::counters::Counters;
use crate::locale::reply::{Figure, Statistics};
use crate::sessions::Sessions;
use crate::store::{Store, StoreError};

/// All figures as text.
///
/// # Errors
/// The store failed.
pub fn text(
    store: &Store,
    sessions: &Sessions,
    counters: &Counters,
    server: &ServerFacts,
) -> Result<String, StoreError> {
    let statistics = statistics(store, sessions, counters, server)?;
    let mut registry = Registry::with_prefix("p2sp");
    registry.register_collector(Box::new(Exported(statistics)));
    let mut text = String::new();
    // Writing to memory does not fail.
    let written = encode(&mut text, &registry);
    debug_assert!(written.is_ok());
    Ok(text)
}

/// Figures that only grow are counters, the others gauges.
#[derive(Debug)]
struct Exported(Statistics);

impl Collector for Exported {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Statistics { figures, resting, refusals, closes } = &self.0;
        for &Figure { name, english, only_grows, value, .. } in figures {
            let kind = if only_grows { MetricType::Counter } else { MetricType::Gauge };
            encode_value(value, kind, encoder.encode_descriptor(name, english, None, kind)?)?;
        }
        let (counter, gauge) = (MetricType::Counter, MetricType::Gauge);
        let families = [
            ("resting", "connections that rest, by reason", gauge, "reason", resting),
            ("refusals", "requests refused, by code", counter, "code", refusals),
            ("closes", "connections ended, by reason", counter, "reason", closes),
        ];
        for (name, help, kind, label, counts) in families {
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for &(reason, count) in counts {
                encode_value(count, kind, family.encode_family(&[(label, reason)])?)?;
            }
        }
        Ok(())
    }
}

fn encode_value(value: u64, kind: MetricType, encoder: MetricEncoder) -> fmt::Result {
    match kind {
        MetricType::Counter => ConstCounter::new(value).encode(encoder),
        _ => ConstGauge::new(value as i64).encode(encoder),
    }
}
