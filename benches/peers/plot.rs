//! The plot: what each system delivers, and how soon, as more and more messages are under way.
//!
//! ```text
//! ┌ delivered/s against messages under way ┬ latency against delivered/s ┐
//! │ a line each                            │ p50 and, fainter, p99       │
//! ├────────────────────────────────────────┴─────────────────────────────┤
//! │ who is who, and what is durable                                      │
//! └──────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! All scales are logarithmic, all points medians of the runs. The paper is always light, so that
//! the picture can be read on a dark page too. How a number was measured is not known here.

use std::path::Path;

use p2sp_bench::Outcome;
use p2sp_bench::meter::Sample;
use p2sp_bench::sizes::Sizes;
use plotters::coord::Shift;
use plotters::coord::combinators::{LogCoord, WithKeyPoints};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::plan::{System, Work};
use super::results::Results;

/// Twice the size to be shown at, since plotters puts everything on whole pixels.
const SIZE: (u32, u32) = (2000, 1300);
const PANELS_HEIGHT: i32 = 1000;
const LEGEND_ROWS: usize = 4;
const LEGEND_ROW_HEIGHT: i32 = 48;

const PAPER: RGBColor = RGBColor(252, 252, 250);
const INK: RGBColor = RGBColor(45, 45, 45);
const GRID: RGBColor = RGBColor(205, 205, 205);
const FAINT_GRID: RGBColor = RGBColor(236, 236, 234);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A system under growing load.
struct Curve {
    system: System,
    points: Vec<Point>,
}

struct Point {
    /// Messages of all pairs together.
    under_way: f64,
    delivered_per_second: f64,
    /// p50 and p99 in milliseconds.
    latency: [f64; 2],
}

/// A line of a panel.
struct Line {
    system: System,
    points: Vec<(f64, f64)>,
    /// Without marks, and fainter.
    is_aside: bool,
}

/// Draws the pairs into that file.
pub fn draw(results: &Results, sizes: &Sizes, file: &Path) -> Outcome<()> {
    let of = |system: &System| Curve::of(*system, results, sizes.pairs);
    let curves: Vec<Curve> = results.systems.iter().map(of).collect();
    if curves.iter().all(|curve| curve.points.is_empty()) {
        return Err("no pairs were measured that could be drawn".into());
    }
    // What comes first is drawn last, on top of the others.
    let lines = |is_aside, place: fn(&Point) -> (f64, f64)| {
        curves.iter().rev().map(move |curve| Line {
            system: curve.system,
            points: curve.points.iter().map(place).collect(),
            is_aside,
        })
    };
    let rates = lines(false, |point| (point.under_way, point.delivered_per_second));
    let p50s = lines(false, |point| (point.delivered_per_second, point.latency[0]));
    let p99s = lines(true, |point| (point.delivered_per_second, point.latency[1]));

    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&PAPER)?;
    let Sizes { pairs, body, runs, seconds, .. } = sizes;
    let title = format!(
        "One to one, {pairs} pairs, texts of {body} bytes; medians of {runs} × {seconds} s"
    );
    let below = root.margin(20, 0, 0, 0).titled(&title, text(42))?;
    let (panels, below) = below.split_vertically(PANELS_HEIGHT);
    let [rate, latency] = ["delivered per second", "latency in ms: p50 and, fainter, p99"];
    let (left, right) = panels.split_horizontally(SIZE.0 / 2);
    panel(&left, ["messages under way", rate], &rates.collect::<Vec<_>>())?;
    panel(&right, [rate, latency], &p99s.chain(p50s).collect::<Vec<_>>())?;
    legend(&below, &results.systems)?;
    root.present()?;
    Ok(())
}

impl Curve {
    fn of(system: System, results: &Results, pairs: usize) -> Curve {
        let point = |work: &Work| {
            let median = |of: &dyn Fn(&Sample) -> Option<f64>| {
                Some(results.spread(*work, system, of)?.median)
            };
            // What only appends delivers nothing. Less than a microsecond is not told apart.
            let latency = |index: usize| {
                median(&|run| Some(run.delivered.or(run.answered)?[index].max(0.001)))
            };
            Some(Point {
                under_way: (work.window()? * pairs) as f64,
                delivered_per_second: median(&|run| Some(run.value))?,
                latency: [latency(0)?, latency(1)?],
            })
        };
        Curve { system, points: results.works.iter().filter_map(point).collect() }
    }
}

/// Draws lines, and axes that have room for them.
fn panel(area: &Area, [x_name, y_name]: [&str; 2], lines: &[Line]) -> Outcome<()> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let mut chart = ChartBuilder::on(area)
        .margin(20)
        .margin_right(40)
        .x_label_area_size(80)
        .y_label_area_size(130)
        .build_cartesian_2d(axis(points().map(|at| at.0)), axis(points().map(|at| at.1)))?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(FAINT_GRID)
        .axis_style(INK)
        .x_desc(x_name)
        .y_desc(y_name)
        .axis_desc_style(text(32))
        .label_style(text(28))
        .x_label_formatter(&|value| number(*value))
        .y_label_formatter(&|value| number(*value))
        .draw()?;
    for Line { system, points, is_aside } in lines {
        chart.draw_series([PathElement::new(points.clone(), stroke(*system, *is_aside))])?;
        if !is_aside {
            chart.draw_series(points.iter().flat_map(|at| mark(*at, *system)))?;
        }
    }
    Ok(())
}

/// A logarithmic axis with all these values on it, labelled at 1, 3, 10, 30 …
fn axis(values: impl Iterator<Item = f64> + Clone) -> WithKeyPoints<LogCoord<f64>> {
    let least = values.clone().fold(f64::INFINITY, f64::min) / 1.25;
    let most = values.fold(0.0, f64::max) * 1.25;
    let decades = least.log10().floor() as i32..=most.log10().floor() as i32;
    let at = |digits: &[i32]| -> Vec<f64> {
        let decade = |power| digits.iter().map(move |digit| f64::from(*digit) * 10f64.powi(power));
        decades.clone().flat_map(decade).filter(|value| (least..most).contains(value)).collect()
    };
    let scale = (least..most).log_scale().with_key_points(at(&[1, 3]));
    scale.with_light_points(at(&[2, 4, 5, 6, 7, 8, 9]))
}

/// A label, as short as it goes.
fn number(value: f64) -> String {
    let (value, unit) = match value {
        ..1e3 => (value, ""),
        ..1e6 => (value / 1e3, " k"),
        _ => (value / 1e6, " M"),
    };
    // Without the last digits, where 0.3 is 0.30000000000000004.
    format!("{}{unit}", value as f32)
}

/// Who is who, in columns, and below them what the marks mean.
fn legend(area: &Area, systems: &[System]) -> Outcome<()> {
    let left_of = |column: usize| 150 + 620 * column as i32;
    for (index, system) in systems.iter().enumerate() {
        let x = left_of(index / LEGEND_ROWS);
        let y = 30 + LEGEND_ROW_HEIGHT * (index % LEGEND_ROWS) as i32;
        area.draw(&PathElement::new([(x, y), (x + 80, y)], stroke(*system, false)))?;
        for circle in mark((x + 40, y), *system) {
            area.draw(&circle)?;
        }
        let durable = if system.is_durable() { " (durable)" } else { "" };
        area.draw_text(&format!("{system}{durable}"), &beside(30), (x + 100, y))?;
    }
    let meaning = "Solid marks: durable, on disk before it is acknowledged; hollow: not. \
                   XADD alone delivers nothing, and is timed to the answer.";
    let y = 40 + LEGEND_ROW_HEIGHT * LEGEND_ROWS as i32;
    area.draw_text(meaning, &beside(28), (left_of(0), y))?;
    Ok(())
}

fn stroke(system: System, is_aside: bool) -> ShapeStyle {
    match (system, is_aside) {
        (System::P2sp, false) => colour(system).stroke_width(8),
        (System::P2sp, true) => colour(system).mix(0.6).stroke_width(4),
        (_, false) => colour(system).stroke_width(4),
        (_, true) => colour(system).mix(0.5).stroke_width(2),
    }
}

/// A point of a line: solid if durable, hollow if not.
fn mark<At: Clone>(at: At, system: System) -> [Circle<At, i32>; 2] {
    let colour = colour(system);
    let inside = if system.is_durable() { colour } else { PAPER };
    let radius = if system == System::P2sp { 11 } else { 8 };
    [
        Circle::new(at.clone(), radius, inside.filled()),
        Circle::new(at, radius, colour.stroke_width(4)),
    ]
}

/// Colours that the colour-blind can tell apart, after Okabe and Ito; of one program, alike.
fn colour(system: System) -> RGBColor {
    match system {
        System::P2sp => RGBColor(0, 114, 178),
        System::P2spNoFsync => RGBColor(86, 180, 233),
        System::RedisGroup => RGBColor(213, 94, 0),
        System::RedisRead => RGBColor(166, 54, 3),
        System::RedisAppend => RGBColor(253, 174, 107),
        System::RedisPubsub => RGBColor(230, 159, 0),
        System::Floor => RGBColor(120, 120, 120),
        System::Ngircd => RGBColor(0, 158, 115),
        System::MosquittoQos0 => RGBColor(204, 121, 167),
        System::MosquittoQos1 => RGBColor(136, 34, 85),
        // Nginx has no curve.
        System::Nats | System::Nginx => RGBColor(20, 20, 20),
    }
}

fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// Text to the right of something.
fn beside(size: u32) -> TextStyle<'static> {
    text(size).pos(Pos::new(HPos::Left, VPos::Center))
}
