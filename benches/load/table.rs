//! The table: a line a work, as Markdown, so that it can be pasted.
//!
//! Every number is the median of the runs' own numbers, percentiles too: a p99 is the median of
//! as many p99s as there were runs, never the p99 of all runs thrown together. `min–max` is how
//! far the runs' rates lie apart; what differs by less than that does not differ.

use p2sp_bench::markdown;
use p2sp_bench::meter::Sample;
use p2sp_bench::sizes::Work;

const HEAD: [&str; 6] =
    ["work", "median", "min–max", "answered", "delivered", "core: server, load"];

/// The table as Markdown.
pub fn render(works: &[Work], samples: &[Vec<Sample>]) -> String {
    let rows = works.iter().zip(samples).map(|(work, samples)| row(work, samples));
    markdown::table(HEAD.map(str::to_owned).to_vec(), rows.collect())
}

fn row(work: &Work, samples: &[Sample]) -> Vec<String> {
    let mut values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    let median = median(&mut values);
    let (least, most) = (values.first().copied(), values.last().copied());
    let spread = format!("{}–{}", whole(least.unwrap_or(0.0)), whole(most.unwrap_or(0.0)));
    vec![
        work.to_string(),
        format!("{} {}", whole(median), work.unit()),
        spread,
        latencies(samples, |sample| sample.answered),
        latencies(samples, |sample| sample.delivered),
        each_median(samples, |sample| sample.busy).map_or("–".into(), |[server, load]| {
            format!("{:.0} %, {:.0} %", server * 100.0, load * 100.0)
        }),
    ]
}

fn latencies(samples: &[Sample], of: impl Fn(&Sample) -> Option<[f64; 3]>) -> String {
    each_median(samples, of)
        .map_or("–".into(), |[p50, p99, p999]| format!("{p50:.2} / {p99:.2} / {p999:.2}"))
}

/// The medians of numbers that every sample has or none.
fn each_median<const COUNT: usize>(
    samples: &[Sample],
    of: impl Fn(&Sample) -> Option<[f64; COUNT]>,
) -> Option<[f64; COUNT]> {
    let all: Vec<[f64; COUNT]> = samples.iter().map(of).collect::<Option<_>>()?;
    Some(std::array::from_fn(|index| {
        median(&mut all.iter().map(|numbers| numbers[index]).collect::<Vec<_>>())
    }))
}

/// Sorts, and takes the middle; of two middles their mean.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}

/// A whole number with a comma before every three digits.
fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
