//! What the relay carries, and what that costs, side by side with a forwarder that does nothing but copy bytes.
//!
//!     cargo bench --bench load                          # three rounds of one second each
//!     cargo bench --bench load -- --rounds 9 --seconds 2
//!     cargo bench --bench load -- --soak 600 --idle 10000 --pairs 200
//!
//! Loopback only, no privilege. The built program is measured, in processes of its own; the load comes from this one.
//! The relay and the forwarder take turns within a round, and each ratio is the median of the rounds' ratios: on a busy
//! machine absolute numbers say little, and these say what they say as long as both are disturbed alike.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot run is to fail"
)]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures time and prints a table")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers, none of them negative"
)]
#![allow(unreachable_pub, dead_code, reason = "modules of a benchmark have no public; the peer is the tests'")]

mod forwarder;
mod loads;
#[path = "../../tests/relay/peer.rs"]
mod peer;
mod process;
mod soak;
mod target;

use std::time::Duration;

use comfy_table::{Table, presets};
use loads::{Flood, PingPong};
use process::Process;
use target::Target;

/// Bytes of a packet, and pairs.
const FLOODS: [(usize, usize); 6] = [(64, 1), (64, 10), (1200, 1), (1200, 10), (8192, 1), (8192, 10)];

/// Bytes of a packet that goes back and forth: a ping's, in a tunnel.
const PING: usize = 148;

/// Clients that say nothing.
const IDLE: usize = 1000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--forward") {
        return forwarder::serve(&arguments[at + 1]);
    }
    let number = |name: &str, default: f64| {
        let given = arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
        given.map_or(default, |number| number.parse().unwrap())
    };
    let rounds = number("--rounds", 3.0).max(1.0);
    let time = Duration::from_secs_f64(number("--seconds", 1.0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if arguments.iter().any(|argument| argument == "--soak") {
        let whole = |name: &str, default: f64| number(name, default) as usize;
        let time = Duration::from_secs_f64(number("--soak", 600.0));
        return runtime.block_on(soak::soak(whole("--idle", 10_000.0), whole("--pairs", 200.0), time));
    }
    let mut rows = Rows::default();
    let set = Set::start();
    let mut round = 0.0;
    while round < rounds {
        for (at, &(size, pairs)) in FLOODS.iter().enumerate() {
            let flood = |target| runtime.block_on(loads::flood(target, size, pairs, time));
            rows.floods[at].push([flood(&set.forwarder), flood(&set.plain), flood(&set.tls)]);
        }
        let ping = |target| runtime.block_on(loads::ping_pong(target, PING, time));
        rows.pings.push([ping(&set.forwarder), ping(&set.plain), ping(&set.tls)]);
        round += 1.0;
    }
    rows.print(rounds, time);
    // In processes of their own: memory that was used once is not given back to the system.
    let set = Set::start();
    let idle = |target| runtime.block_on(loads::idle(target, IDLE));
    println!(
        "\nMemory of the relay for each of {IDLE} idle clients: {:.1} KiB plain, {:.1} KiB over TLS.",
        idle(&set.plain),
        idle(&set.tls)
    );
}

/// What is measured.
struct Set {
    forwarder: Target,
    plain: Target,
    tls: Target,
}

impl Set {
    fn start() -> Self {
        Self {
            forwarder: Target::forwarder(Process::forwarder()),
            plain: Target::plain(Process::relay(&["--dev"])),
            tls: Target::tls(),
        }
    }
}

#[derive(Default)]
struct Rows {
    floods: [Vec<[Flood; 3]>; FLOODS.len()],
    pings: Vec<[PingPong; 3]>,
}

impl Rows {
    fn print(&self, rounds: f64, time: Duration) {
        println!("\n{rounds} rounds of {} s. Medians; × is the ratio to the forwarder.", time.as_secs_f64());
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header([
            "bytes × pairs",
            "forwarder k/s",
            "µs CPU",
            "plain k/s",
            "×",
            "µs CPU",
            "×",
            "TLS k/s",
            "×",
            "µs CPU",
            "×",
            "lost",
        ]);
        for (rounds, (size, pairs)) in self.floods.iter().zip(FLOODS) {
            let rate = |at: usize| median(rounds.iter().map(|round| round[at].per_second));
            let cost = |at: usize| median(rounds.iter().map(|round| round[at].cpu));
            let times = |at: usize| median(rounds.iter().map(|round| round[at].per_second / round[0].per_second));
            let dearer = |at: usize| median(rounds.iter().map(|round| round[at].cpu / round[0].cpu));
            let mut row = vec![format!("{size} × {pairs}"), format!("{:.0}", rate(0) / 1e3), format!("{:.2}", cost(0))];
            for at in [1, 2] {
                row.push(format!("{:.0}", rate(at) / 1e3));
                row.push(format!("{:.2}", times(at)));
                row.push(format!("{:.2}", cost(at)));
                row.push(format!("{:.1}", dearer(at)));
            }
            let lost: u64 = rounds.iter().flatten().map(|flood| flood.lost).sum();
            row.push(lost.to_string());
            table.add_row(row);
        }
        println!("{table}");
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header(["", "p50 µs", "×", "p99 µs", "×"]);
        for (at, name) in ["forwarder", "plain", "TLS"].into_iter().enumerate() {
            let quantile = |of: fn(&PingPong) -> f64| {
                let value = median(self.pings.iter().map(|round| of(&round[at])));
                [
                    format!("{value:.0}"),
                    format!("{:.2}", median(self.pings.iter().map(|round| of(&round[at]) / of(&round[0])))),
                ]
            };
            let [p50, p50_times] = quantile(|ping| ping.p50);
            let [p99, p99_times] = quantile(|ping| ping.p99);
            table.add_row([name.to_owned(), p50, p50_times, p99, p99_times]);
        }
        println!("\n{PING} bytes there and back, one at a time:\n{table}");
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}
