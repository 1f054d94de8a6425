//! `natscope netcheck`.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use super::exit::{CmdError, Exit};
use super::output::Output;
use super::progress::Progress;
use super::{inputs, maps, repeat, watch};
use crate::check::nat_servers::about_servers;
use crate::check::netcheck::{Input, NetcheckCheck, Options, analyze, plan};
use crate::cli::{GlobalArgs, LeaveOutArgs, MapArgs, NetcheckArgs, ProbingArgs};
use crate::drive::{host, network, wall_clock};
use crate::model::{DerpMap, Family, RegionId};
use crate::probe::{HostFacts, Moment, ProxyFacts, Record};
use crate::render;
use crate::report::{Command, Finding, ModeWhy, PortMappingReport, Report, Saved, Verdict, Why};

pub(super) async fn run(args: &NetcheckArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    if let Some(path) = &args.save {
        Output::check_writable(path)?;
    }
    let begun = tokio::time::Instant::now();
    let map = load_map(&args.map, global, output).await?;
    let options = options(args.leave_out, &args.probing, global, begun.elapsed());
    if args.dry_run {
        let input = Input { map: map.map, host: facts(&network_options(&args.probing)), options, previous_home: None };
        output.text(&render::plan(&plan(&input), output.format, &output.style))?;
        return Ok(Exit::Done);
    }
    let setup = Setup {
        command: Command::Netcheck,
        options,
        network: network_options(&args.probing),
        findings: map.findings,
        keep: args.save.is_some() || global.verbose > 0,
        socks5: None,
    };
    if args.watch && output.draws_dashboard() {
        return watch::run(args, global, output, &setup, &map.map).await;
    }
    repeat::run(args, global, output, &setup, &map.map).await
}

/// The host's facts, as far as the options let them matter.
pub(super) fn facts(options: &network::NetworkOptions) -> HostFacts {
    let mut facts = options.interface.as_deref().map_or_else(host::facts, host::facts_through);
    if matches!(options.proxies, network::Proxies::None) {
        facts.proxy = ProxyFacts::default();
    }
    if let Some(address) = options.bind_address {
        facts.route_v4 = facts.route_v4.map(|_| address).filter(IpAddr::is_ipv4);
        facts.route_v6 = facts.route_v6.map(|_| address).filter(IpAddr::is_ipv6);
    }
    facts
}

/// What stays the same from one run to the next.
pub(super) struct Setup {
    pub(super) command: Command,
    pub(super) options: Options,
    pub(super) network: network::NetworkOptions,
    /// Findings about the map.
    pub(super) findings: Vec<Finding>,
    /// Whether the report is to hold what it was concluded from.
    pub(super) keep: bool,
    /// The proxy all goes through: the NAT is the proxy's.
    pub(super) socks5: Option<String>,
}

/// One run, from host facts to report.
pub(super) async fn once(
    setup: &Setup,
    map: &DerpMap,
    previous_home: Option<RegionId>,
    output: &Output,
) -> Result<Report, CmdError> {
    let mut progress = Progress::new(output);
    let mut watch = |now: Moment, check: &NetcheckCheck| {
        progress.tell(now, || {
            let (answered, of) = check.progress();
            let asked = if setup.command == Command::Nat { "servers" } else { "regions" };
            format!("{answered} of {of} {asked} have answered")
        });
    };
    silently(setup, map, previous_home, Some(&mut watch)).await
}

/// The same without a word on the way, beside something else that has the terminal; that may look on.
pub(super) async fn silently(
    setup: &Setup,
    map: &DerpMap,
    previous_home: Option<RegionId>,
    watcher: Option<network::Watcher<'_, NetcheckCheck>>,
) -> Result<Report, CmdError> {
    let started_at = wall_clock::now();
    let host = facts(&setup.network);
    let input = Input { map: map.clone(), host, options: setup.options.clone(), previous_home };
    let mut check = NetcheckCheck::new(&input);
    let network = network::Network::new(setup.network.clone());
    let ended = network::run(&mut check, network, watcher).await?;
    conclude(setup, &input, check.record(), started_at, ended.since_start())
}

/// From record to report.
pub(super) fn conclude(
    setup: &Setup,
    input: &Input,
    record: &Record,
    started_at: SystemTime,
    took: Duration,
) -> Result<Report, CmdError> {
    let mut analysis = analyze(input, record);
    if setup.command == Command::Selftest {
        // No flag left the router out; it is just not what a selftest is about.
        let elsewhere = || Verdict::unknown(Why::NotMeasuredHere { ask: "natscope netcheck" });
        analysis.netcheck.port_mapping =
            PortMappingReport { upnp: elsewhere(), nat_pmp: elsewhere(), pcp: elsewhere() };
    }
    let [mut nat_v4, mut nat_v6] = analysis.take_nats(setup.command, input, record);
    if let (Command::Selftest, Some(nat)) = (setup.command, &mut nat_v4) {
        nat.carrier_grade = Verdict::unknown(Why::NotMeasuredHere { ask: "natscope netcheck" });
    }
    if let Some(proxy) = &setup.socks5 {
        for nat in [&mut nat_v4, &mut nat_v6].into_iter().flatten() {
            nat.carrier_grade = Verdict::unknown(Why::Mode(ModeWhy::ThroughProxy));
            nat.proxy = Some(proxy.clone());
        }
    }
    let mut findings = analysis.findings;
    findings.extend(setup.findings.iter().cloned());
    if setup.command == Command::Nat {
        findings = about_servers(findings, &input.map);
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let saved = if setup.keep {
        Some(Saved { inputs: inputs::to_json(input, setup)?, record: record.clone(), further: Vec::new() })
    } else {
        None
    };
    Ok(Report {
        netcheck: Some(analysis.netcheck),
        nat_v4,
        nat_v6,
        findings,
        saved,
        ..Report::new(setup.command, started_at, took)
    })
}

/// Loads the map, and says so when it takes a while.
pub(super) async fn load_map(args: &MapArgs, global: &GlobalArgs, output: &Output) -> Result<maps::InForce, CmdError> {
    waited_for(maps::load(args, wall_clock::now(), global.timeout), output).await
}

/// Waits for a map, and says so when it takes a while.
pub(super) async fn waited_for(
    load: impl Future<Output = Result<maps::InForce, CmdError>>,
    output: &Output,
) -> Result<maps::InForce, CmdError> {
    let mut progress = Progress::new(output);
    tokio::pin!(load);
    let mut waited = Duration::ZERO;
    let tick = Duration::from_millis(250);
    loop {
        tokio::select! {
            loaded = &mut load => return loaded,
            () = tokio::time::sleep(tick) => {
                waited += tick;
                progress.tell(Moment::after_start(waited), || "fetching the DERP map".to_owned());
            }
        }
    }
}

/// The options of a netcheck. `spent` is what the map has taken of the time there is.
pub(super) fn options(leave_out: LeaveOutArgs, probing: &ProbingArgs, global: &GlobalArgs, spent: Duration) -> Options {
    Options {
        nat: !leave_out.no_nat,
        filtering: !leave_out.no_nat,
        hairpin: !leave_out.no_nat,
        port_mapping: !leave_out.no_portmap,
        https: !leave_out.no_https,
        icmp: !leave_out.no_icmp,
        captive_portal: !leave_out.no_captive_portal,
        ..probing_options(probing, global, spent)
    }
}

/// The options that every command with probes takes from the same flags. `spent` is what the map has taken of the time
/// there is.
pub(super) fn probing_options(args: &ProbingArgs, global: &GlobalArgs, spent: Duration) -> Options {
    let defaults = Options::default();
    // Everything leaves from the address that is bound to, so the other family is as good as not asked for. It is not
    // the system that lacks it.
    let bound_to = |family| args.bind_address.is_none_or(|address| Family::of(address) == family);
    Options {
        ipv4: !args.only_v6 && bound_to(Family::V4),
        ipv6: !args.only_v4 && bound_to(Family::V6),
        budget: global.timeout.map_or(defaults.budget, |timeout| timeout.saturating_sub(spent)),
        ..defaults
    }
}

/// From where probes are to be sent.
pub(super) fn network_options(args: &ProbingArgs) -> network::NetworkOptions {
    network::NetworkOptions {
        bind_address: args.bind_address,
        bind_port: args.bind_port,
        interface: args.interface.clone(),
        recent_ports: network::RecentPorts::of_user(),
        ..network::NetworkOptions::default()
    }
}
