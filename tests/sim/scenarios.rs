//! Scenario files: `tests/scenarios/*.toml`, a world and what a report of it must say.
//!
//! Each runs with many seeds. In every one the law holds (no claim is wrong); what is expected is said in all of them,
//! or in the share the file gives.

use std::path::{Path, PathBuf};

use natscope::check::netcheck::Analysis;
use natscope::model::{Difficulty, Filtering, Level, Mapping, NatType, Pooling, PortAllocation};
use natscope::report::{LatencyMethod, Nat, Verdict};
use serde::Deserialize;

use crate::netcheck::{Netchecked, netcheck};
use crate::random::mix;
use crate::world::World;

/// A scenario file. `about` is for humans.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[serde(rename = "about")]
    _about: String,
    /// How many seeds.
    #[serde(default = "usual_runs")]
    runs: u64,
    /// The share of them in which what is expected must be said.
    #[serde(default = "all")]
    share: f64,
    #[serde(default)]
    world: World,
    #[serde(default)]
    expect: Expect,
}

const fn usual_runs() -> u64 {
    30
}

const fn all() -> f64 {
    1.0
}

/// What a report must say. What is left out may be anything that is not wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Expect {
    udp: Option<bool>,
    ipv4_usable: Option<bool>,
    ipv6_usable: Option<bool>,
    icmp: Option<bool>,
    captive_portal: Option<bool>,
    upnp: Option<bool>,
    nat_pmp: Option<bool>,
    pcp: Option<bool>,
    wan_is_mapped_address: Option<bool>,
    difficulty: Option<Difficulty>,
    not_difficulty: Option<Difficulty>,
    difficulty_v6: Option<Difficulty>,
    mapping: Option<Mapping>,
    mapping_v6: Option<Mapping>,
    mapping_varies: Option<bool>,
    filtering: Option<Filtering>,
    filtering_v6: Option<Filtering>,
    nat_type: Option<NatType>,
    level: Option<Level>,
    port_preservation: Option<bool>,
    hairpinning: Option<bool>,
    port_allocation: Option<PortAllocation>,
    pooling: Option<Pooling>,
    carrier_grade: Option<bool>,
    home: Option<u64>,
    /// Verdicts that must be left undetermined, by the names above.
    undetermined: Vec<String>,
    /// Findings that must be there, and that must not.
    findings: Vec<String>,
    no_findings: Vec<String>,
    /// Servers whose IPv4 answers are not used, by name; all of them.
    odd_servers: Option<Vec<String>>,
    /// Regions that must have a latency; all of them.
    measured: Option<Vec<u64>>,
    /// How each region was measured.
    methods: Option<Vec<String>>,
    ends_within_ms: Option<u64>,
}

/// What is missing in a report.
fn missing(expect: &Expect, netcheck: &Netchecked) -> Vec<String> {
    let Analysis { netcheck: report, nat_v4, nat_v6, findings } = &netcheck.analysis;
    let mut missing = Missing { expect, list: Vec::new() };
    missing.verdict("udp", expect.udp.as_ref(), Some(&report.udp));
    missing.verdict("ipv4_usable", expect.ipv4_usable.as_ref(), Some(&report.ipv4.usable));
    missing.verdict("ipv6_usable", expect.ipv6_usable.as_ref(), Some(&report.ipv6.usable));
    missing.verdict("ipv4_global", None, Some(&report.ipv4.global));
    missing.verdict("icmp", expect.icmp.as_ref(), Some(&report.icmp));
    missing.verdict("captive_portal", expect.captive_portal.as_ref(), Some(&report.captive_portal));
    missing.verdict("upnp", expect.upnp.as_ref(), Some(&report.port_mapping.upnp));
    missing.verdict("nat_pmp", expect.nat_pmp.as_ref(), Some(&report.port_mapping.nat_pmp));
    missing.verdict("pcp", expect.pcp.as_ref(), Some(&report.port_mapping.pcp));
    let home = expect.home.map(natscope::model::RegionId);
    missing.verdict("home", home.as_ref(), Some(&report.home_region));
    let v4 = nat_v4.as_ref();
    missing.verdict("difficulty", expect.difficulty.as_ref(), v4.map(|nat| &nat.difficulty));
    missing.verdict("hairpinning", expect.hairpinning.as_ref(), v4.map(|nat| &nat.hairpinning));
    missing.verdict("port_allocation", expect.port_allocation.as_ref(), v4.map(|nat| &nat.port_allocation));
    missing.verdict("pooling", expect.pooling.as_ref(), v4.map(|nat| &nat.pooling));
    missing.verdict("mapping", expect.mapping.as_ref(), v4.map(|nat| &nat.mapping));
    missing.verdict("mapping_varies", expect.mapping_varies.as_ref(), v4.map(|nat| &nat.mapping_varies));
    missing.verdict("filtering", expect.filtering.as_ref(), v4.map(|nat| &nat.filtering));
    missing.verdict("nat_type", expect.nat_type.as_ref(), v4.map(|nat| &nat.nat_type));
    let level = v4.and_then(|nat| nat.level);
    missing.unless(expect.level.is_none() || expect.level == level, || format!("level is {level:?}"));
    missing.verdict("port_preservation", expect.port_preservation.as_ref(), v4.map(|nat| &nat.port_preservation));
    missing.verdict("carrier_grade", expect.carrier_grade.as_ref(), v4.map(|nat| &nat.carrier_grade));
    let v6 = nat_v6.as_ref();
    missing.verdict("difficulty_v6", expect.difficulty_v6.as_ref(), v6.map(|nat| &nat.difficulty));
    missing.verdict("mapping_v6", expect.mapping_v6.as_ref(), v6.map(|nat| &nat.mapping));
    missing.verdict("filtering_v6", expect.filtering_v6.as_ref(), v6.map(|nat| &nat.filtering));
    let difficulty = v4.and_then(|nat| nat.difficulty.value());
    missing.unless(difficulty.is_none() || difficulty != expect.not_difficulty.as_ref(), || {
        format!("difficulty is {difficulty:?}")
    });
    let compared = report.router.wan_is_mapped_address;
    missing.unless(expect.wan_is_mapped_address.is_none_or(|wanted| compared == Some(wanted)), || {
        format!("wan_is_mapped_address is {compared:?}")
    });
    let codes: Vec<_> = findings.iter().map(natscope::report::Finding::code).collect();
    for code in &expect.findings {
        missing.unless(codes.contains(&code.as_str()), || format!("{code} is missing of {codes:?}"));
    }
    for code in &expect.no_findings {
        missing.unless(!codes.contains(&code.as_str()), || format!("{code} is there"));
    }
    missing.same("odd_servers", expect.odd_servers.as_ref(), &odd_servers(v4));
    let measured: Vec<u64> =
        report.regions.iter().filter(|region| region.latency.is_some()).map(|region| region.id.0).collect();
    missing.same("measured", expect.measured.as_ref(), &measured);
    let methods: Vec<String> = report.regions.iter().map(|region| name_of(region.method)).collect();
    missing.same("methods", expect.methods.as_ref(), &methods);
    let ended = netcheck.run.record.ended_at;
    missing
        .unless(expect.ends_within_ms.is_none_or(|most| ended.since_start().as_millis() <= u128::from(most)), || {
            format!("it ends at {ended}")
        });
    missing.list
}

fn odd_servers(nat: Option<&Nat>) -> Vec<String> {
    let servers = nat.map(|nat| nat.servers.as_slice()).unwrap_or_default();
    servers.iter().filter(|server| !server.trusted).map(|server| server.server.clone()).collect()
}

fn name_of(method: Option<LatencyMethod>) -> String {
    match method {
        Some(LatencyMethod::Stun) => "stun",
        Some(LatencyMethod::Https) => "https",
        Some(LatencyMethod::Icmp) => "icmp",
        None => "none",
    }
    .into()
}

struct Missing<'e> {
    expect: &'e Expect,
    list: Vec<String>,
}

impl Missing<'_> {
    fn unless(&mut self, so: bool, problem: impl FnOnce() -> String) {
        if !so {
            self.list.push(problem());
        }
    }

    fn verdict<T: PartialEq + std::fmt::Debug>(
        &mut self,
        name: &str,
        wanted: Option<&T>,
        verdict: Option<&Verdict<T>>,
    ) {
        let value = verdict.and_then(Verdict::value);
        let undetermined = self.expect.undetermined.iter().any(|field| field == name);
        let right = if undetermined { value.is_none() } else { wanted.is_none() || value == wanted };
        self.unless(right, || {
            let wanted = if undetermined { "undetermined".into() } else { format!("{wanted:?}") };
            format!("{name} is {value:?}, because {:?}; wanted: {wanted}", verdict.and_then(Verdict::why))
        });
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, name: &str, wanted: Option<&T>, is: &T) {
        self.unless(wanted.is_none_or(|wanted| wanted == is), || format!("{name} is {is:?}, wanted: {wanted:?}"));
    }
}

const NAMES: [&str; 22] = [
    "udp",
    "ipv4_usable",
    "ipv6_usable",
    "ipv4_global",
    "icmp",
    "captive_portal",
    "upnp",
    "nat_pmp",
    "pcp",
    "home",
    "difficulty",
    "mapping",
    "mapping_varies",
    "filtering",
    "filtering_v6",
    "nat_type",
    "port_preservation",
    "hairpinning",
    "port_allocation",
    "pooling",
    "carrier_grade",
    "difficulty_v6",
];

fn load(path: &Path) -> Scenario {
    let text = std::fs::read_to_string(path).unwrap();
    let mut scenario: Scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    scenario.world.complete();
    for name in &scenario.expect.undetermined {
        assert!(NAMES.contains(&name.as_str()), "{}: no verdict is called {name}", path.display());
    }
    scenario
}

/// The world of a scenario file.
pub(crate) fn world_of(text: &str) -> World {
    let mut scenario: Scenario = toml::from_str(text).unwrap();
    scenario.world.complete();
    scenario.world
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

#[test]
fn every_scenario_is_reported_as_expected() {
    let mut problems = Vec::new();
    let files = files();
    assert!(files.len() > 50, "the scenarios are there");
    for path in files {
        let scenario = load(&path);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut complete = 0;
        let mut example = None;
        for run in 0..scenario.runs {
            // The file's own seed first, so that a failing seed comes back exactly.
            let seed = if run == 0 { scenario.world.seed } else { mix(scenario.world.seed + run) >> 1 };
            let world = World { seed, ..scenario.world.clone() };
            let netcheck = netcheck(&world);
            for wrong in netcheck.judge(&world).wrong {
                problems.push(format!("{name}: WRONG {}: {} (seed {seed})", wrong.field, wrong.problem));
            }
            let missing = missing(&scenario.expect, &netcheck);
            if missing.is_empty() {
                complete += 1;
            } else {
                example.get_or_insert((seed, missing));
            }
        }
        let share = f64::from(complete) / scenario.runs as f64;
        if share < scenario.share {
            let (seed, missing) = example.unwrap_or_default();
            problems
                .push(format!("{name}: as expected in {share:.2} of the runs; seed {seed}: {}", missing.join("; ")));
        }
    }
    problems.dedup();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn a_key_nobody_knows_is_an_error() {
    for text in ["about = ''\ncolour = 1", "about = ''\n[expect]\nudpp = true", "about = ''\n[world.host]\nv5 = 'x'"] {
        assert!(toml::from_str::<Scenario>(text).is_err(), "{text}");
    }
}
