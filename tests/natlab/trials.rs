//! The trials: two of each scenario, and those of the lab itself.

use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use super::lab::Lab;
use super::scenario::Scenario;
use super::{enclosure, truth, verdicts};

const BINARY: &str = env!("CARGO_BIN_EXE_natscope");
/// No run of the binary in a lab may take longer.
const LONGEST_RUN: Duration = Duration::from_secs(20);

/// Runs what the arguments select. `ready` says why the lab cannot be had, if it cannot.
pub fn run(ready: Result<(), String>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Labs mostly wait; but time limits are part of the verdicts.
    arguments.test_threads.get_or_insert(4);
    if let (Err(reason), false) = (&ready, arguments.list) {
        eprintln!("\nNOT RUN: the NAT lab: {reason}\n");
    }
    let mut trials = Vec::new();
    let mut add = |name: String, missing: Option<String>, trial: Box<dyn FnOnce() -> Result<(), Failed> + Send>| {
        let missing = ready.clone().err().or(missing);
        trials.push(Trial::ignorable_test(name, move || not_run_or(missing, trial)));
    };
    for (name, scenario) in Scenario::all() {
        match scenario {
            Err(wrong) => add(format!("file::{name}"), None, Box::new(move || Err(wrong.into()))),
            Ok(scenario) => {
                let tools: Vec<_> = scenario.tools().into_iter().filter(|tool| !enclosure::has(tool)).collect();
                let missing = (!tools.is_empty()).then(|| format!("missing: {}", tools.join(", ")));
                if !scenario.run.is_empty() {
                    let scenario = scenario.clone();
                    let missing =
                        missing.clone().or_else(|| speechless().then(|| "natscope has no commands yet".to_owned()));
                    add(format!("natscope::{name}"), missing, Box::new(move || concludes(&scenario)));
                }
                add(format!("lab::{name}"), missing, Box::new(move || is_as_described(&scenario)));
            }
        }
    }
    add("lab::side_by_side".to_owned(), None, Box::new(side_by_side));
    add("lab::leaves_nothing".to_owned(), None, Box::new(leaves_nothing));
    add("file::unknown_keys_are_errors".to_owned(), None, Box::new(unknown_keys_are_errors));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn not_run_or(
    missing: Option<String>,
    trial: Box<dyn FnOnce() -> Result<(), Failed> + Send>,
) -> Result<Completion, Failed> {
    match missing {
        None => trial().map(|()| Completion::Completed),
        Some(reason) if std::env::var("NATSCOPE_REQUIRE_LAB").as_deref() == Ok("1") => {
            Err(format!("NOT RUN: {reason}").into())
        }
        Some(reason) => {
            eprintln!("NOT RUN: {reason}");
            Ok(Completion::ignored_with(format!("NOT RUN: {reason}")))
        }
    }
}

fn is_as_described(scenario: &Scenario) -> Result<(), Failed> {
    let lab = Lab::new(scenario)?;
    truth::check(scenario, &lab).map_err(|wrong| format!("{}: {wrong}", scenario.about))?;
    Ok(())
}

/// Runs natscope as the scenario says and compares what it says.
fn concludes(scenario: &Scenario) -> Result<(), Failed> {
    let lab = Lab::new(scenario)?;
    for run in &scenario.run {
        let home = lab.folder().join("home");
        std::fs::create_dir_all(&home).map_err(|e| e.to_string())?;
        let mut command = lab.client(BINARY);
        for argument in &run.args {
            command.arg((0..scenario.server.len()).fold(argument.clone(), |text, n| {
                text.replace(&format!("{{s{}}}", n + 1), &format!("{}:3478", lab.plan.server(n)))
            }));
        }
        command.args(["--json", "--derp-map"]).arg(lab.map());
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", home).envs(&run.env);
        let (exit, stdout, stderr) = finish(&mut command, lab.folder())?;
        let wrong = verdicts::check(scenario, lab.plan.public(scenario), &run.expect, exit, &stdout);
        if !wrong.is_empty() {
            let list = wrong.join("\n  ");
            let Scenario { name, about, .. } = scenario;
            return Err(
                format!("{name}: {about}\n{:?}:\n  {list}\nstdout: {stdout}\nstderr: {stderr}", run.args).into()
            );
        }
    }
    Ok(())
}

fn finish(command: &mut Command, folder: &std::path::Path) -> Result<(Option<i32>, String, String), String> {
    let [out, err] = ["stdout", "stderr"].map(|name| folder.join(name));
    let file = |path: &std::path::Path| std::fs::File::create(path).map_err(|e| e.to_string());
    let mut child =
        command.stdin(Stdio::null()).stdout(file(&out)?).stderr(file(&err)?).spawn().map_err(|e| e.to_string())?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status,
            None if start.elapsed() > LONGEST_RUN => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{command:?} did not end within {LONGEST_RUN:?}"));
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let read = |path: &std::path::Path| std::fs::read_to_string(path).map_err(|e| e.to_string());
    Ok((status.code(), read(&out)?, read(&err)?))
}

/// Whether the binary was built before it had anything to say.
fn speechless() -> bool {
    Command::new(BINARY)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.stdout.is_empty() && output.status.success())
}

/// Labs of different kinds at the same time, with the same addresses, do not disturb one another.
fn side_by_side() -> Result<(), Failed> {
    let scenarios: Vec<_> = ["open", "port-restricted", "symmetric", "full-cone", "udp-blocked", "double-nat"]
        .iter()
        .map(|wanted| Scenario::all().into_iter().find(|(name, _)| name == wanted).expect("a scenario").1)
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

/// A lab that ends by a panic takes its namespaces and its processes with it.
fn leaves_nothing() -> Result<(), Failed> {
    let (_, scenario) = Scenario::all().into_iter().find(|(name, _)| name == "port-restricted").expect("a scenario");
    let scenario = scenario?;
    let (sender, receiver) = std::sync::mpsc::channel();
    let ended = thread::Builder::new().name("a panic on purpose".to_owned()).spawn(move || {
        let lab = Lab::new(&scenario).unwrap();
        let inside = lab.client("true").status().unwrap().success();
        sender.send((inside, lab.name(""), lab.folder().to_owned())).unwrap();
        panic!("on purpose: the lab must end all the same");
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
