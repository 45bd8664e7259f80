//! Prints one row for each figure, with its goal and whether the figure meets it.

use crate::target::PerTarget;

pub(crate) fn heading() {
    line("", ["direct", "broker", "HAProxy"].map(str::to_owned), "goal");
}

pub(crate) fn row(what: &str, figures: &PerTarget<f64>, decimals: usize, goal: &str) {
    let figures = [figures.direct, figures.broker, figures.haproxy];
    line(what, figures.map(|figure| number(figure, decimals)), goal);
}

/// `adds 41 of at most 60  ok`
pub(crate) fn judge(what: &str, figure: f64, decimals: usize, goal: Goal) -> String {
    let (bound, limit, is_met) = match goal {
        Goal::AtMost(limit) => ("at most", limit, figure <= limit),
        Goal::AtLeast(limit) => ("at least", limit, figure >= limit),
    };
    let word = if is_met { "ok" } else { "MISSED" };
    format!("{what} {figure:.decimals$}, {bound} {limit}  {word}")
}

#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

fn number(figure: f64, decimals: usize) -> String {
    if figure.is_nan() { "-".to_owned() } else { format!("{figure:.decimals$}") }
}

fn line(what: &str, cells: [String; 3], goal: &str) {
    let [direct, broker, haproxy] = cells;
    let text = format!("{what:<34}{direct:>10}{broker:>10}{haproxy:>10}   {goal}");
    println!("{}", text.trim_end());
}
