//! What was measured, as a table and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Options;
use crate::measure::Cost;

/// All rows so far; each is printed when it comes.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Value>,
}

/// Runs of one kind.
pub(crate) type Costs = Vec<Cost>;

/// What a number must not exceed.
pub(crate) struct Goal<'a> {
    /// What is counted.
    pub(crate) what: &'a str,
    /// What it came to, in the worst run.
    pub(crate) measured: f64,
    /// What it is to be at most.
    pub(crate) most: f64,
}

fn seconds(costs: &Costs) -> Vec<f64> {
    let mut all: Vec<f64> = costs.iter().map(|cost| cost.wall.as_secs_f64()).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// The fastest of them.
pub(crate) fn fastest(costs: &Costs) -> Duration {
    costs.iter().map(|cost| cost.wall).min().unwrap_or_default()
}

/// A number as a float; all that are printed are far below where that loses anything.
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

impl Table {
    /// A workload begins.
    pub(crate) fn begin(&mut self, workload: &str, what: &str) {
        println!("\n{workload}: {what}");
        println!(
            "  {:<30} {:>9} {:>9} {:>8} {:>9} {:>8} {:>12} {:>12}  by endpoint",
            "", "min s", "median s", "cpu s", "peak MiB", "requests", "bytes up", "bytes down"
        );
        self.rows
            .push(json!({"workload": workload, "what": what, "rows": [], "goals": []}));
    }

    /// What a kind of run cost.
    pub(crate) fn row(&mut self, who: &str, costs: &Costs) {
        let Some(last) = costs.last() else { return };
        let walls = seconds(costs);
        // Of a service only all of its runs together are known.
        let known = costs.iter().map(|cost| cost.cpu).filter(|cpu| !cpu.is_zero());
        let least_cpu = known.min().unwrap_or_default();
        let peak = costs.iter().map(|cost| cost.peak).max().unwrap_or(0);
        let kinds: Vec<String> = last
            .asked
            .endpoints
            .iter()
            .map(|(endpoint, count)| format!("{} {count}", endpoint.trim_start_matches('/')))
            .collect();
        println!(
            "  {who:<30} {:>9.3} {:>9.3} {:>8.2} {:>9.1} {:>8} {:>12} {:>12}  {}",
            walls[0],
            walls[walls.len() / 2],
            least_cpu.as_secs_f64(),
            float(peak) / 1_048_576.0,
            last.asked.requests(),
            last.asked.up,
            last.asked.down,
            kinds.join(", ")
        );
        self.add(
            "rows",
            json!({
                "who": who, "wall_s": walls, "cpu_s": least_cpu.as_secs_f64(), "peak_bytes": peak,
                "requests": last.asked.requests(), "by_endpoint": last.asked.endpoints,
                "bytes_up": last.asked.up, "bytes_down": last.asked.down,
            }),
        );
    }

    /// Something measured beside its goal.
    pub(crate) fn goal(&mut self, goal: &Goal<'_>) {
        let Goal { what, measured, most } = goal;
        let said = if measured <= most {
            "reached"
        } else {
            "NOT REACHED"
        };
        println!("  {what:<56} {measured:>10.3}   at most {most:.3}: {said}");
        self.add("goals", json!({"what": what, "measured": measured, "most": most}));
    }

    /// Something that has no goal.
    pub(crate) fn note(&mut self, what: &str, measured: f64) {
        println!("  {what:<56} {measured:>10.3}");
        self.add("goals", json!({"what": what, "measured": measured}));
    }

    /// Time beside the floor's, of the fastest of each.
    pub(crate) fn ratio(&mut self, subject: &Costs, floor: &Costs, most: Option<f64>) {
        let measured = fastest(subject).as_secs_f64() / fastest(floor).as_secs_f64();
        match most {
            Some(most) => self.goal(&Goal {
                what: "time / floor",
                measured,
                most,
            }),
            None => self.note("time / floor", measured),
        }
    }

    /// Requests of the worst run beside what they are to be.
    pub(crate) fn requests(&mut self, subject: &Costs, formula: &str, most: u64) {
        let measured = subject
            .iter()
            .map(|cost| cost.asked.requests())
            .max()
            .unwrap_or(0);
        self.goal(&Goal {
            what: &format!("requests, {formula}"),
            measured: float(measured),
            most: float(most),
        });
    }

    fn add(&mut self, to: &str, value: Value) {
        if let Some(list) = self.rows.last_mut().and_then(|row| row[to].as_array_mut()) {
            list.push(value);
        }
    }

    /// All of it.
    pub(crate) fn json(&self, options: &Options) -> String {
        let layout = options.layout;
        let value = json!({
            "v": 1,
            "files": layout.files, "folders": layout.folders, "size": layout.size,
            "latency_ms": options.latency, "runs": options.runs, "mib": options.mib,
            "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            "workloads": self.rows,
        });
        format!("{value:#}\n")
    }
}
