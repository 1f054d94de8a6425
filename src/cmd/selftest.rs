//! `natscope selftest`: relays on loopback, a netcheck against them, and two peers that ping each other through one. Needs no network, sends nothing beyond
//! loopback, and knows the truth: when the report is not it, natscope is broken on this machine.

use super::exit::{CmdError, Exit};
use super::maps;
use super::netcheck::{Setup, once};
use super::output::Output;
use super::{relay_doctor, selftest_ping};
use crate::check::netcheck::Options;
use crate::cli::{GlobalArgs, SelftestArgs};
use crate::drive::network::{NetworkOptions, Proxies};
use crate::report::{Command, Finding, Report, Severity};

pub(super) async fn run(args: &SelftestArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    if let Some(path) = &args.save {
        Output::check_writable(path)?;
    }
    let (map, relays) = maps::embedded()?;
    let defaults = Options::default();
    let setup = Setup {
        command: Command::Selftest,
        // The router is beyond loopback.
        options: Options { port_mapping: false, budget: global.timeout.unwrap_or(defaults.budget), ..defaults },
        network: NetworkOptions { proxies: Proxies::None, ..NetworkOptions::default() },
        findings: Vec::new(),
        keep: args.save.is_some() || global.verbose > 0,
        socks5: None,
    };
    let mut report = once(&setup, &map, None, output).await?;
    report.ping = selftest_ping::run(&map).await?;
    if let Some(region) = map.regions.values().next() {
        let examined = relay_doctor::examine(relay_doctor::patients_of(region)).await?;
        report.doctor = examined.doctor;
        // The relays are meant to be as they are; whether something is wrong with them is what is asked here.
        report.findings.extend(examined.findings.into_iter().filter(|finding| finding.severity > Severity::Info));
    }
    if let Some(path) = &args.save {
        output.save(path, &report)?;
    }
    output.report(&report)?;
    for relay in relays {
        relay.stop().await.map_err(|error| CmdError::Own(format!("the embedded relay broke: {error}")))?;
    }
    match amiss(&report) {
        None => Ok(Exit::of(&report, global.fail_on)),
        Some(what) => Err(CmdError::Own(format!(
            "the selftest failed: {what}. Something on this machine keeps programs from talking to each other over \
             loopback (a firewall?), or natscope is broken here"
        ))),
    }
}

/// What the report gets wrong, if anything.
fn amiss(report: &Report) -> Option<String> {
    let netcheck = report.netcheck.as_ref()?;
    if !netcheck.udp.is_true() {
        return Some("UDP did not get through".to_owned());
    }
    if let Some(region) = netcheck.regions.iter().find(|region| region.ipv4.is_none()) {
        return Some(format!("region {} did not answer over IPv4", region.code));
    }
    if netcheck.home_region.value().is_none() {
        return Some("no relay answered over HTTPS".to_owned());
    }
    let sick = |finding: &&Finding| finding.severity > Severity::Info && finding.detail.is_of_relay();
    if let Some(finding) = report.findings.iter().find(sick) {
        return Some(format!("the doctor found fault with the relay ({})", finding.code()));
    }
    match &report.ping {
        Some(ping) if ping.received == 0 => Some("no ping through a relay was answered".to_owned()),
        Some(ping) if !ping.direct.is_true() => Some("two peers found no direct path".to_owned()),
        Some(_) => None,
        None => Some("there was no relay to ping through".to_owned()),
    }
}
