//! The trials: two of each scenario, and those of the lab itself.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::process::{Command, ExitCode};
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use super::conclusions;
use super::lab::Lab;
use super::scenario::Scenario;
use super::truth::Truth;
use super::{beside, enclosure, helped, pairs, truth, verdicts};

const NATDISCOVERY: &str = "turnutils_natdiscovery";
pub type Body = Box<dyn FnOnce() -> Result<(), Failed> + Send>;

/// Held alone by a trial that holds natscope to a time, and shared by all others: on a machine of two cores four labs
/// delay one another's packets, by more than such a limit leaves.
static QUIET: RwLock<()> = RwLock::new(());

/// Runs what the arguments select. `ready` says why the lab cannot be had, if it cannot.
pub fn run(ready: Result<(), String>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Labs mostly wait; but time limits are part of the verdicts.
    arguments.test_threads.get_or_insert(4);
    let mut list = List { ready, arguments: arguments.clone(), trials: Vec::new(), not_run: BTreeMap::new() };
    for (name, scenario) in Scenario::all() {
        match scenario {
            Err(wrong) => list.trials.push(Trial::test(format!("file::{name}"), move || Err(wrong.into()))),
            Ok(scenario) => {
                let missing = missing(&scenario);
                if !scenario.run.is_empty() {
                    let scenario = scenario.clone();
                    let (name, missing) = (format!("natscope::{name}"), missing.clone());
                    let is_timed = scenario.run.iter().any(|run| run.expect.max_ms.is_some());
                    let body: Body = Box::new(move || conclusions::are_right(&scenario));
                    if is_timed { list.add_alone(name, missing, body) } else { list.add(name, missing, body) }
                }
                list.add(format!("lab::{name}"), missing, Box::new(move || is_as_described(&scenario)));
            }
        }
    }
    let stranger: Vec<_> = ["turnserver", NATDISCOVERY].into_iter().filter(|tool| !enclosure::has(tool)).collect();
    let stranger = (!stranger.is_empty()).then(|| format!("missing: {}", stranger.join(", ")));
    list.add("lab::a_stranger_agrees".to_owned(), stranger, Box::new(a_stranger_agrees));
    list.add_alone("lab::is_up_at_once".to_owned(), None, Box::new(is_up_at_once));
    list.add_alone("lab::side_by_side".to_owned(), None, Box::new(side_by_side));
    list.add("lab::next_door".to_owned(), None, Box::new(next_door));
    list.add("lab::leaves_nothing".to_owned(), None, Box::new(leaves_nothing));
    conclusions::add(&mut list);
    pairs::add(&mut list);
    beside::add(&mut list);
    helped::add(&mut list);
    // These need no lab.
    list.trials.push(Trial::test("file::unknown_keys_are_errors", unknown_keys_are_errors));
    list.trials.push(Trial::test("file::verdicts_are_compared", verdicts::are_compared));
    list.trials.push(Trial::test("file::pairs_are_of_scenarios", pairs::are_those_of_the_scenarios));
    list.trials.push(Trial::test("file::pairs_are_written_down", pairs::are_written_down));
    list.trials.push(Trial::test("file::testers_are_written_down", beside::is_kept));
    for (reason, names) in &list.not_run {
        eprintln!("\nNOT RUN: {reason}: {} trials of the NAT lab: {}", names.len(), names.join(", "));
    }
    let conclusion = libtest_mimic::run(&arguments, list.trials);
    pairs::conclude();
    beside::conclude();
    conclusion.exit_code()
}

pub struct List {
    ready: Result<(), String>,
    arguments: Arguments,
    trials: Vec<Trial>,
    /// Names by reason, of those asked for.
    not_run: BTreeMap<String, Vec<String>>,
}

impl List {
    pub fn add(&mut self, name: String, missing: Option<String>, body: Body) {
        let beside_others: Body = Box::new(move || {
            let _shared = QUIET.read().unwrap_or_else(PoisonError::into_inner);
            body()
        });
        self.add_trial(name, missing, beside_others);
    }

    pub fn add_alone(&mut self, name: String, missing: Option<String>, body: Body) {
        let alone: Body = Box::new(move || {
            let _alone = QUIET.write().unwrap_or_else(PoisonError::into_inner);
            body()
        });
        self.add_trial(name, missing, alone);
    }

    fn add_trial(&mut self, name: String, missing: Option<String>, body: Body) {
        let Some(reason) = self.ready.clone().err().or(missing) else {
            self.trials.push(Trial::test(name, body));
            return;
        };
        let said = format!("NOT RUN: {reason}");
        let required = std::env::var("NATSCOPE_REQUIRE_LAB").as_deref() == Ok("1");
        let trial = Trial::ignorable_test(name.clone(), move || {
            if required { Err(said.into()) } else { Ok(Completion::ignored_with(said)) }
        });
        if !self.arguments.list && !self.arguments.is_filtered_out(&trial) {
            self.not_run.entry(reason).or_default().push(name);
        }
        self.trials.push(trial);
    }
}

/// What this machine lacks for a scenario.
pub fn missing(scenario: &Scenario) -> Option<String> {
    let mut missing: Vec<_> = scenario.tools().into_iter().filter(|tool| !enclosure::has(tool)).collect();
    let tun = "/dev/net/tun";
    if scenario.has_wire() && OpenOptions::new().read(true).write(true).open(tun).is_err() {
        missing.push(tun);
    }
    (!missing.is_empty()).then(|| format!("missing: {}", missing.join(", ")))
}

fn is_as_described(scenario: &Scenario) -> Result<(), Failed> {
    let lab = Lab::new(scenario)?;
    truth::check(scenario, &lab).map_err(|wrong| format!("{}: {wrong}", scenario.about))?;
    Ok(())
}

/// coturn's own tester says of each NAT what the scenario says: the lab does not only agree with itself.
fn a_stranger_agrees() -> Result<(), Failed> {
    let sayings = [
        ("port-restricted", "Endpoint Independent Mapping", "Address and Port Dependent Filtering"),
        ("restricted", "Endpoint Independent Mapping", "Address Dependent Filtering"),
        ("full-cone", "Endpoint Independent Mapping", "Endpoint Independent Filtering"),
        ("symmetric", "Address and Port Dependent Mapping", "Address and Port Dependent Filtering"),
    ];
    // Each silence costs the tester seconds: all at once, and each of its two tests in a lab of its own.
    let questions =
        sayings.into_iter().flat_map(|(name, mapping, filtering)| [(name, "-m", mapping), (name, "-f", filtering)]);
    let ask = |(name, flag, saying): (&str, &str, &str)| -> Result<(), String> {
        let lab = Lab::new(&named(name)?)?;
        let output = lab.client(NATDISCOVERY).args([flag, &lab.plan.server(0).to_string()]).output();
        let said = output.map_err(|e| e.to_string())?.stdout;
        let said = String::from_utf8_lossy(&said);
        if said.contains(&format!("NAT with {saying}!")) {
            Ok(())
        } else {
            Err(format!("{name}: no {saying:?} in {said}"))
        }
    };
    thread::scope(|scope| {
        let all: Vec<_> = questions.map(|question| scope.spawn(move || ask(question))).collect();
        all.into_iter().try_for_each(|one| one.join().expect("no panic"))
    })?;
    Ok(())
}

/// Labs of different kinds at the same time, with the same addresses, do not disturb one another.
fn side_by_side() -> Result<(), Failed> {
    let scenarios: Vec<_> = ["open", "port-restricted", "symmetric", "full-cone", "udp-53-443", "double-nat"]
        .iter()
        .map(|name| named(name))
        .collect::<Result<_, _>>()?;
    thread::scope(|scope| {
        let all: Vec<_> = scenarios
            .iter()
            .map(|scenario| {
                scope.spawn(move || {
                    let mut scenario = scenario.clone();
                    // Six coturns would take longer to start than all the rest; the lab's own server says the same.
                    scenario.coturn = false;
                    let start = Instant::now();
                    let lab = Lab::new(&scenario)?;
                    let took = start.elapsed();
                    truth::check(&scenario, &lab)?;
                    if took > Duration::from_millis(1500) { Err(format!("up after {took:?}")) } else { Ok(()) }
                })
            })
            .collect();
        all.into_iter().try_for_each(|one| one.join().expect("no panic"))
    })?;
    Ok(())
}

/// The neighbour's NAT does there what its scenario says, too.
fn next_door() -> Result<(), Failed> {
    let open = Scenario { coturn: false, ..named("open")? };
    let measure = &|name: &str| -> Result<(), String> {
        let mut scenario = named(name)?;
        let Truth { mapping, filtering, .. } = scenario.truth;
        scenario.truth = Truth { mapping, filtering, ..Truth::default() };
        let mut lab = Lab::new(&open)?;
        let plan = lab.settle(&scenario)?;
        truth::check_in("cli2", &plan, &scenario, &lab).map_err(|wrong| format!("{name}: {wrong}"))
    };
    // Silences take their time: all at once.
    thread::scope(|scope| {
        let all: Vec<_> = pairs::nats().map(|name| scope.spawn(move || measure(name))).collect();
        all.into_iter().try_for_each(|one| one.join().expect("no panic"))
    })?;
    Ok(())
}

/// The best of a few: other programs may run beside it.
fn is_up_at_once() -> Result<(), Failed> {
    let scenario = named("firewall")?;
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let lab = Lab::new(&scenario)?;
        best = best.min(start.elapsed());
        drop(lab);
    }
    if best > Duration::from_millis(500) { Err(format!("up after {best:?}").into()) } else { Ok(()) }
}

/// A lab that ends by a panic takes its namespaces and its processes with it.
fn leaves_nothing() -> Result<(), Failed> {
    let scenario = named("port-restricted")?;
    let (sender, receiver) = std::sync::mpsc::channel();
    let ended = thread::Builder::new().name("a panic on purpose".to_owned()).spawn(move || {
        let lab = Lab::new(&scenario).unwrap();
        let inside = lab.client("true").status().unwrap().success();
        sender.send((inside, lab.name(""), lab.folder().to_owned())).unwrap();
        // As a panic, without its message.
        std::panic::resume_unwind(Box::new(lab.name("")));
    });
    if ended.map_err(|e| e.to_string())?.join().is_ok() {
        return Err("no panic".into());
    }
    let (inside, prefix, folder) = receiver.recv().map_err(|e| e.to_string())?;
    if !inside {
        return Err("the client's namespace could not be used".into());
    }
    let names = Command::new("ip").args(["netns", "list"]).output().map_err(|e| e.to_string())?;
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    if names.lines().any(|name| name.starts_with(&prefix)) || folder.exists() {
        return Err(format!("left behind: {names} {}", folder.display()).into());
    }
    let processes = std::fs::read_dir("/proc").map_err(|e| e.to_string())?;
    let folder = folder.to_string_lossy().into_owned();
    for process in processes.flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        if line.contains(&folder) {
            return Err(format!("still running: {line}").into());
        }
    }
    Ok(())
}

pub fn named(name: &str) -> Result<Scenario, String> {
    Scenario::all()
        .into_iter()
        .find(|(one, _)| one == name)
        .map_or_else(|| Err(format!("no scenario {name}")), |(_, it)| it)
}

fn unknown_keys_are_errors() -> Result<(), Failed> {
    let sound = "about = 'x'\nnat = 'open'\n[truth]\nmapping = 'direct'\n[[run]]\nargs = ['netcheck']\n[run.expect]\nexit_code = 0\nudp = true\n";
    Scenario::parse("sound", sound)?;
    for (from, to) in
        [("about", "abuot = 1\nabout"), ("mapping", "maping"), ("udp", "upd"), ("'open'", "'opne'"), ("args", "argz")]
    {
        if Scenario::parse("broken", &sound.replacen(from, to, 1)).is_ok() {
            return Err(format!("{to} passed").into());
        }
    }
    Ok(())
}
