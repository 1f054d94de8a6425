//! `natscope nat`: the netcheck's probes sent to STUN servers, and only what they say of the NAT.

use std::path::Path;
use std::time::Duration;

use super::exit::{CmdError, Exit};
use super::netcheck::{self, Setup};
use super::output::Output;
use crate::check::nat_servers::map_of_servers;
use crate::check::netcheck::Options;
use crate::cli::{GlobalArgs, NatArgs};
use crate::model::{DerpMap, PublicStunServer, StunServerName};
use crate::report::{Command, Report};

pub(super) async fn run(args: &NatArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    if let Some(path) = &args.save {
        Output::check_writable(path)?;
    }
    let begun = tokio::time::Instant::now();
    let given = if args.wants_map() { Some(netcheck::load_map(&args.map, global, output).await?) } else { None };
    let mut servers = args.named_servers();
    if servers.is_empty() && given.is_none() {
        servers = PublicStunServer::POOL.map(StunServerName::from).into();
    }
    let nothing = DerpMap::default();
    let map = map_of_servers(&servers, given.as_ref().map_or(&nothing, |given| &given.map));
    let setup = Setup {
        command: Command::Nat,
        options: options(args, global, begun.elapsed()),
        network: netcheck::network_options(&args.probing),
        findings: given.as_ref().map(|given| given.findings.clone()).unwrap_or_default(),
        keep: args.save.is_some() || global.verbose > 0,
    };
    let report = netcheck::once(&setup, &map, None, output).await?;
    finish(report, args.save.as_deref(), global, output)
}

/// Tells what of the report is about the NAT. The rest was measured on the way and decides the exit code.
pub(super) fn finish(
    mut report: Report,
    save: Option<&Path>,
    global: &GlobalArgs,
    output: &Output,
) -> Result<Exit, CmdError> {
    let exit = Exit::of(&report, global.fail_on);
    report.netcheck = None;
    if let Some(path) = save {
        output.save(path, &report)?;
    }
    output.report(&report)?;
    Ok(exit)
}

fn options(args: &NatArgs, global: &GlobalArgs, spent: Duration) -> Options {
    Options {
        nat: true,
        filtering: true,
        port_mapping: !args.no_portmap,
        // Relays that answer over it are what proves that UDP is blocked.
        https: !args.no_https,
        // An echo reply says nothing of a NAT.
        icmp: false,
        captive_portal: true,
        ..netcheck::probing_options(&args.probing, global, spent)
    }
}
