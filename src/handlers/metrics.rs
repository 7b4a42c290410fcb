//! The figures of `stats` in the OpenMetrics format, which Prometheus reads.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::admin::{figures, resting};
use super::context::ServerFacts;
use crate::counters::Counters;
use crate::locale::reply::{Count, Figure};
use crate::sessions::Sessions;
use crate::store::{Store, StoreError};

/// Figures that only grow while the server runs: counters. The others are gauges.
const GROWING: &[&str] = &[
    "appended",
    "expired",
    "deliveries",
    "requests_done",
    "sign_ins",
    "accepted",
    "handshakes",
    "ticks",
    "commits",
];

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
    let all = All {
        figures: figures(store, sessions, counters, server)?,
        resting: resting(server),
        refusals: counters.refusals(),
        closes: counters.closes(),
    };
    let mut registry = Registry::with_prefix("p2sp");
    registry.register_collector(Box::new(all));
    let mut text = String::new();
    // Writing to memory does not fail.
    let written = encode(&mut text, &registry);
    debug_assert!(written.is_ok());
    Ok(text)
}

#[derive(Debug)]
struct All {
    figures: Vec<Figure>,
    resting: Vec<Count>,
    refusals: Vec<Count>,
    closes: Vec<Count>,
}

impl Collector for All {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for &(name, help, _, value) in &self.figures {
            if GROWING.contains(&name) {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
                ConstCounter::new(value).encode(metric)?;
            } else {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(value as i64).encode(metric)?;
            }
        }
        let help = "connections that rest, by reason";
        let mut family = encoder.encode_descriptor("resting", help, None, MetricType::Gauge)?;
        for &(reason, count) in &self.resting {
            ConstGauge::new(count as i64).encode(family.encode_family(&[("reason", reason)])?)?;
        }
        let families = [
            ("refusals", "requests refused, by code", "code", &self.refusals),
            ("closes", "connections ended, by reason", "reason", &self.closes),
        ];
        for (name, help, label, counts) in families {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for &(reason, count) in counts {
                ConstCounter::new(count).encode(family.encode_family(&[(label, reason)])?)?;
            }
        }
        Ok(())
    }
}
