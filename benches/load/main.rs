//! What the relay carries, and what that costs, side by side with a forwarder that does nothing but copy bytes.
//!
//!     cargo bench --bench load                          # three rounds of one second each
//!     cargo bench --bench load -- --rounds 9 --seconds 2
//!     cargo bench --bench load -- --only stun           # or packets, memory, mesh
//!     cargo bench --bench load -- --only stun --in-kernel   # and STUN in the kernel; needs root
//!     cargo bench --bench load -- --against PATH        # STUN and memory beside another build of the program
//!     cargo bench --bench load -- --derper PATH         # packets and memory beside Tailscale's relay
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
mod stun;
mod target;

use std::path::{Path, PathBuf};
use std::time::Duration;

use comfy_table::{Table, presets};
use loads::{Flood, PingPong};
use process::Process;
use stun::Answers;
use target::Target;
use tokio::runtime::Runtime;

/// Bytes of a packet, and pairs.
const FLOODS: [(usize, usize); 6] = [(64, 1), (64, 10), (1200, 1), (1200, 10), (8192, 1), (8192, 10)];

/// Bytes of a packet that goes back and forth: a ping's, in a tunnel.
const PING: usize = 148;

/// Clients that say nothing.
const IDLE: usize = 1000;

/// Clients at another relay.
const REMOTE: usize = 10_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--forward") {
        return forwarder::serve(&arguments[at + 1]);
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--echo") {
        return stun::echo(&arguments[at + 1]);
    }
    let given =
        |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let number = |name: &str, default: f64| given(name).map_or(default, |number| number.parse().unwrap());
    let rounds = number("--rounds", 3.0).max(1.0);
    let time = Duration::from_secs_f64(number("--seconds", 1.0));
    if arguments.iter().any(|argument| argument == "--soak") {
        let whole = |name: &str, default: f64| number(name, default) as usize;
        let time = Duration::from_secs_f64(number("--soak", 600.0));
        return runtime().block_on(soak::soak(whole("--idle", 10_000.0), whole("--pairs", 200.0), time));
    }
    let wanted = |part: &str| given("--only").is_none_or(|only| only == part);
    let against = given("--against").map(PathBuf::from);
    // The built program, and the other one.
    let programs: Vec<Option<&Path>> = [None].into_iter().chain(against.as_deref().map(Some)).collect();
    let derper = given("--derper").map(Path::new);
    if wanted("packets") {
        packets(rounds, time, derper);
    }
    if wanted("memory") {
        memory(rounds, &programs, derper);
    }
    if wanted("mesh") {
        mesh(rounds);
    }
    if wanted("stun") {
        stun(rounds, time, &programs, arguments.iter().any(|argument| argument == "--in-kernel"));
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn packets(rounds: f64, time: Duration, derper: Option<&Path>) {
    let runtime = runtime();
    let mut targets = vec![
        ("forwarder", Target::forwarder(Process::forwarder())),
        ("plain", Target::plain(Process::relay(None, &["--dev"]))),
        ("TLS", Target::tls(None)),
    ];
    if let Some(derper) = derper {
        targets.push(("derper plain", Target::plain(Process::derper(derper, &[]))));
        targets.push(("derper TLS", Target::derper_tls(derper)));
    }
    let names = targets.iter().map(|(name, _)| *name).collect();
    let mut rows = Rows { names, floods: Default::default(), pings: Vec::new() };
    let mut round = 0.0;
    while round < rounds {
        for (at, &(size, pairs)) in FLOODS.iter().enumerate() {
            let flood = |(_, target): &(_, Target)| runtime.block_on(loads::flood(target, size, pairs, time));
            rows.floods[at].push(targets.iter().map(flood).collect());
        }
        let ping = |(_, target): &(_, Target)| runtime.block_on(loads::ping_pong(target, PING, time));
        rows.pings.push(targets.iter().map(ping).collect());
        round += 1.0;
    }
    rows.print(rounds, time);
}

/// In processes of their own, in each round: memory that was used once is not given back to the system.
fn memory(rounds: f64, programs: &[Option<&Path>], derper: Option<&Path>) {
    type Start = Box<dyn Fn() -> [Target; 2]>;
    let start = |program: Option<PathBuf>| -> Start {
        Box::new(move || {
            let program = program.as_deref();
            [Target::plain(Process::relay(program, &["--dev"])), Target::tls(program)]
        })
    };
    let mut all: Vec<(String, Start)> =
        programs.iter().map(|program| (name(*program), start(program.map(Path::to_owned)))).collect();
    if let Some(derper) = derper.map(Path::to_owned) {
        let start = move || [Target::plain(Process::derper(&derper, &[])), Target::derper_tls(&derper)];
        all.push(("derper".to_owned(), Box::new(start)));
    }
    let runtime = runtime();
    let mut used = vec![[Vec::new(), Vec::new()]; all.len()];
    let mut round = 0.0;
    while round < rounds {
        for ((_, start), used) in all.iter().zip(&mut used) {
            for (target, used) in start().iter().zip(used) {
                used.push(runtime.block_on(loads::idle(target, IDLE)));
            }
        }
        round += 1.0;
    }
    for ((name, _), used) in all.iter().zip(used) {
        let [plain, tls] = used.map(|used| median(used.into_iter()));
        println!("\nMemory of {name} for each of {IDLE} idle clients: {plain:.1} KiB plain, {tls:.1} KiB over TLS.");
    }
}

/// What a relay knows of clients that are at another one.
fn mesh(rounds: f64) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mesh.key");
    std::fs::write(&file, "5e".repeat(32)).unwrap();
    let key = file.to_str().unwrap();
    let files = REMOTE as u64 + 200;
    assert!(rlimit::increase_nofile_limit(files).unwrap_or_default() >= files, "raise ulimit -n to {files}");
    let runtime = runtime();
    let (mut used, mut of_cpu) = (Vec::new(), Vec::new());
    let mut round = 0.0;
    while round < rounds {
        let there = Target::plain(Process::relay(None, &["--dev", "--mesh-psk-file", key]));
        let with = format!("http://{}", there.process.address);
        let here = Process::relay(None, &["--dev", "--mesh-psk-file", key, "--mesh-with", &with]);
        let [kib, micros] = runtime.block_on(loads::known(&here, &there, REMOTE));
        used.push(kib * 1024.0);
        of_cpu.push(micros);
        round += 1.0;
    }
    let (used, of_cpu) = (median(used.into_iter()), median(of_cpu.into_iter()));
    println!(
        "\nFor each of {REMOTE} clients at another relay of the mesh: {used:.0} B of memory, and {of_cpu:.1} µs of CPU when \
         it comes."
    );
}

fn name(program: Option<&Path>) -> String {
    program.map_or_else(|| "the relay".to_owned(), |path| path.display().to_string())
}

/// What is shown of answers, and with how many digits.
type Column = (fn(&Answers) -> f64, usize);

fn stun(rounds: f64, time: Duration, programs: &[Option<&Path>], in_kernel: bool) {
    let echo = Process::echo();
    let relays: Vec<_> = programs.iter().map(|program| Process::relay(*program, &["--dev"])).collect();
    let mut measured: Vec<Vec<Answers>> = Vec::new();
    let ask = |relay: &Process| stun::ask(relay, relay.stun.expect("STUN is on"), time);
    let mut round = 0.0;
    while round < rounds {
        let mut answers = vec![stun::ask(&echo, echo.address, time)];
        answers.extend(relays.iter().map(ask));
        if in_kernel {
            // Not there while others are measured: it looks at each packet.
            answers.push(ask(&Process::relay(None, &["--dev", "--stun-bpf", "lo"])));
        }
        measured.push(answers);
        round += 1.0;
    }
    let mut table = Table::new();
    let header = ["", "answers k/s", "×", "µs CPU", "×", "µs machine", "×", "alone µs", "×", "lost"];
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    let names = ["echo".to_owned()].into_iter().chain(programs.iter().map(|program| name(*program)));
    for (at, name) in names.chain(in_kernel.then(|| "in the kernel".to_owned())).enumerate() {
        let mut row = vec![name];
        let columns: [Column; 4] = [
            (|answers| answers.per_second / 1e3, 0),
            (|answers| answers.cpu, 2),
            (|answers| answers.machine, 2),
            (|answers| answers.alone, 0),
        ];
        for (of, digits) in columns {
            row.push(format!("{:.digits$}", median(measured.iter().map(|round| of(&round[at])))));
            row.push(format!("{:.2}", median(measured.iter().map(|round| of(&round[at]) / of(&round[0])))));
        }
        row.push(measured.iter().map(|round| round[at].lost).sum::<u64>().to_string());
        table.add_row(row);
    }
    println!("\nSTUN and an echo, {rounds} rounds. Medians; × is the ratio to the echo.\n{table}");
}

/// What was measured of each target, the forwarder first.
struct Rows {
    names: Vec<&'static str>,
    floods: [Vec<Vec<Flood>>; FLOODS.len()],
    pings: Vec<Vec<PingPong>>,
}

impl Rows {
    fn print(&self, rounds: f64, time: Duration) {
        println!("\n{rounds} rounds of {} s. Medians; × is the ratio to the forwarder.", time.as_secs_f64());
        println!("{}", self.flood_table(&[1, 2]));
        if self.names.len() > 3 {
            println!("{}", self.flood_table(&[3, 4]));
        }
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header(["", "p50 µs", "×", "p99 µs", "×"]);
        for (at, name) in self.names.iter().enumerate() {
            let quantile = |of: fn(&PingPong) -> f64| {
                let value = median(self.pings.iter().map(|round| of(&round[at])));
                [
                    format!("{value:.0}"),
                    format!("{:.2}", median(self.pings.iter().map(|round| of(&round[at]) / of(&round[0])))),
                ]
            };
            let [p50, p50_times] = quantile(|ping| ping.p50);
            let [p99, p99_times] = quantile(|ping| ping.p99);
            table.add_row([(*name).to_owned(), p50, p50_times, p99, p99_times]);
        }
        println!("\n{PING} bytes there and back, one at a time:\n{table}");
    }

    /// The forwarder and these.
    fn flood_table(&self, targets: &[usize]) -> Table {
        let mut table = Table::new();
        let mut header = vec!["bytes × pairs".to_owned(), "forwarder k/s".to_owned(), "µs CPU".to_owned()];
        for at in targets {
            header.extend([format!("{} k/s", self.names[*at]), "×".into(), "µs CPU".into(), "×".into()]);
        }
        header.push("lost".to_owned());
        table.load_style(presets::ASCII_MARKDOWN).set_header(header);
        for (rounds, (size, pairs)) in self.floods.iter().zip(FLOODS) {
            let rate = |at: usize| median(rounds.iter().map(|round| round[at].per_second));
            let cost = |at: usize| median(rounds.iter().map(|round| round[at].cpu));
            let times = |at: usize| median(rounds.iter().map(|round| round[at].per_second / round[0].per_second));
            let dearer = |at: usize| median(rounds.iter().map(|round| round[at].cpu / round[0].cpu));
            let mut row = vec![format!("{size} × {pairs}"), format!("{:.0}", rate(0) / 1e3), format!("{:.2}", cost(0))];
            for &at in targets {
                row.push(format!("{:.0}", rate(at) / 1e3));
                row.push(format!("{:.2}", times(at)));
                row.push(format!("{:.2}", cost(at)));
                row.push(format!("{:.1}", dearer(at)));
            }
            let lost = |at: &usize| rounds.iter().map(|round| round[*at].lost).sum::<u64>();
            row.push(targets.iter().map(lost).sum::<u64>().to_string());
            table.add_row(row);
        }
        table
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}
