//! Draws people, containers and gaps over time, as SVG.

use std::collections::BTreeMap;
use std::fmt::Write;

use audit_trail::{Gap, Time};

use super::super::output::minute_and_second;
use super::super::running::Run;
use super::page::escaped;
use super::{Mark, MarkKind};

/// The scale of the chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chart {
    first: Time,
    last: Time,
}

/// Sizes in units of the drawing, which is scaled to the width of the page.
const WIDTH: u64 = 1000;
const LABELS: u64 = 200;
const LANE: usize = 18;
const HEAD: usize = 24;

/// Letters of a label that fit.
const LABEL_LETTERS: usize = 30;

/// Most bars of containers. All are in the table.
const BAR_LIMIT: usize = 500;

/// Most deeds that the tip of a mark names.
const TIP_LIMIT: usize = 8;

const TICKS: u64 = 5;

impl Chart {
    /// The scale over everything; `None` if there is nothing to draw.
    pub(super) fn of(
        lanes: &BTreeMap<String, Vec<Mark>>,
        runs: &[(String, Run)],
        gaps: &[&Gap],
    ) -> Option<Self> {
        let marks = lanes.values().flatten().map(|mark| mark.time);
        let runs = runs.iter().flat_map(|(_, run)| [Some(run.from), run.to]).flatten();
        let gaps = gaps.iter().flat_map(|gap| [gap.before, gap.after]);
        let times: Vec<Time> = marks.chain(runs).chain(gaps).collect();
        Some(Self { first: *times.iter().min()?, last: *times.iter().max()? })
    }

    /// The place of a time, from left.
    fn x(self, time: Time) -> u64 {
        let span = self.last.millis().saturating_sub(self.first.millis()).max(1);
        let since = time.millis().saturating_sub(self.first.millis()).min(span);
        LABELS
            + u64::try_from(u128::from(since) * u128::from(WIDTH - LABELS - 4) / u128::from(span))
                .unwrap_or_default()
    }

    pub(super) fn svg(
        self,
        lanes: &BTreeMap<String, Vec<Mark>>,
        runs: &[(String, Run)],
        gaps: &[&Gap],
    ) -> String {
        let runs = runs.get(..BAR_LIMIT).unwrap_or(runs);
        let rows = lanes.len() + runs.len() + 1;
        let height = HEAD + rows * LANE + 4;
        let mut svg = String::new();
        let _ = writeln!(
            svg,
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Timeline\">"
        );
        self.ticks(height, &mut svg);
        for gap in gaps {
            self.gap(gap, height, &mut svg);
        }
        let mut y = HEAD;
        for (who, marks) in lanes {
            label(who, y, &mut svg);
            self.marks(marks, y, &mut svg);
            y += LANE;
        }
        y += LANE;
        for (id, run) in runs {
            let name = run.name.as_deref().unwrap_or(id);
            label(name, y, &mut svg);
            self.bar(name, run, y, &mut svg);
            y += LANE;
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn ticks(self, height: usize, svg: &mut String) {
        let span = self.last.millis().saturating_sub(self.first.millis());
        for tick in 0..TICKS {
            let time = Time::from_millis(self.first.millis() + span / TICKS * tick);
            let x = self.x(time);
            let _ = writeln!(
                svg,
                "<line class=\"tick\" x1=\"{x}\" x2=\"{x}\" y1=\"16\" y2=\"{height}\"/>\
                 <text class=\"time\" x=\"{x}\" y=\"12\">{}</text>",
                escaped(&minute_and_second(time))
            );
        }
    }

    fn gap(self, gap: &Gap, height: usize, svg: &mut String) {
        let (from, to) = (self.x(gap.before), self.x(gap.after));
        let width = to.saturating_sub(from).max(2);
        let _ = writeln!(
            svg,
            "<rect class=\"gap\" x=\"{from}\" y=\"16\" width=\"{width}\" height=\"{}\">\
             <title>{} missing events, {} to {}</title></rect>",
            height.saturating_sub(16),
            gap.len(),
            escaped(&minute_and_second(gap.before)),
            escaped(&minute_and_second(gap.after))
        );
    }

    /// One mark for all deeds of a kind at a place.
    fn marks(self, marks: &[Mark], y: usize, svg: &mut String) {
        let mut places: BTreeMap<(MarkKind, u64), Vec<&Mark>> = BTreeMap::new();
        for mark in marks {
            places.entry((mark.kind, self.x(mark.time))).or_default().push(mark);
        }
        for ((kind, x), marks) in places {
            let class = match kind {
                MarkKind::Ordinary => "deed",
                MarkKind::Access => "access",
                MarkKind::Denied => "denied",
                MarkKind::Unproven => "unproven",
            };
            let mut tip = String::new();
            for mark in marks.iter().take(TIP_LIMIT) {
                let _ = writeln!(tip, "{} {}", minute_and_second(mark.time), mark.words);
            }
            if let Some(more) = marks.len().checked_sub(TIP_LIMIT).filter(|more| *more > 0) {
                let _ = writeln!(tip, "and {more} more");
            }
            let tip: Vec<String> = tip.lines().map(escaped).collect();
            let _ = writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"3\" height=\"12\">\
                 <title>{}</title></rect>",
                y + 3,
                tip.join("\n")
            );
        }
    }

    /// A container's run. A run without an end on record is open to the right.
    fn bar(self, name: &str, run: &Run, y: usize, svg: &mut String) {
        let from = self.x(run.from);
        let to = run.to.map_or(WIDTH, |to| self.x(to));
        let class = if run.to.is_some() { "run" } else { "open" };
        let end = run.to.map_or_else(|| "no end on record".to_owned(), minute_and_second);
        let by = run.ended_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let tip = format!("{name}: {} by {} to {end}{by}", minute_and_second(run.from), run.by);
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{from}\" y=\"{}\" width=\"{}\" height=\"10\">\
             <title>{}</title></rect>",
            y + 4,
            to.saturating_sub(from).max(2),
            escaped(&tip)
        );
    }
}

fn label(text: &str, y: usize, svg: &mut String) {
    let mut short: String = text.chars().take(LABEL_LETTERS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    let _ = writeln!(
        svg,
        "<text class=\"label\" x=\"0\" y=\"{}\">{}<title>{}</title></text>",
        y + 13,
        escaped(&short),
        escaped(text)
    );
}
