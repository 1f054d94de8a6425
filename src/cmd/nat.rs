//! `natscope nat`: the netcheck's probes sent to STUN servers, and only what they say of the NAT.

use std::path::Path;
use std::time::Duration;

use super::exit::{CmdError, Exit};
use super::maps::InForce;
use super::netcheck::{self, Setup};
use super::output::Output;
use super::{classic, lifetime, or_interrupted, stream};
use crate::check::nat_servers::map_of_servers;
use crate::check::netcheck::Options;
use crate::cli::{GlobalArgs, NatArgs};
use crate::drive::network::{self, NetworkOptions, Proxies};
use crate::model::{DerpMap, Family, PublicStunServer, StunServerName, Transport};
use crate::probe::Cause;
use crate::render::{self, Lang};
use crate::report::{Command, Nat, Report};

pub(super) async fn run(args: &NatArgs, global: &GlobalArgs, output: &Output) -> Result<Exit, CmdError> {
    match args.transport() {
        Transport::Udp => {}
        transport => return or_interrupted(stream::run(args, transport, global, output)).await,
    }
    let begun = tokio::time::Instant::now();
    let network = network_options(args);
    or_interrupted(try_proxy(&network)).await?;
    let (mut report, _embedded) = or_interrupted(ask_servers(args, global, output)).await?;
    let since = tokio::time::Instant::now();
    if args.rfc3489 {
        or_interrupted(classic::ask(&mut report, args, &network)).await?;
    }
    let mut whole = true;
    if args.lifetime {
        let left = global.timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
        whole &= lifetime::measure(&mut report, &network, left, output).await?;
    }
    if args.rfc3489 || args.lifetime {
        report.took += since.elapsed();
    }
    let exit = finish(report, args.save.as_deref(), global, output)?;
    Ok(if whole { exit } else { Exit::Interrupted })
}

/// The family the report speaks of where there is room for one, its NAT, and the other family's.
pub(super) fn by_family(report: &mut Report) -> (Family, Option<&mut Nat>, Option<&mut Nat>) {
    let v6 = report.nat().is_some_and(|nat| report.nat_v6.as_ref().is_some_and(|v6| std::ptr::eq(nat, v6)));
    let (v4_nat, v6_nat) = (report.nat_v4.as_mut(), report.nat_v6.as_mut());
    if v6 { (Family::V6, v6_nat, v4_nat) } else { (Family::V4, v4_nat, v6_nat) }
}

/// What servers say of the NAT in one round.
/// With it comes the map, whose embedded relays serve as long as it lives.
async fn ask_servers(
    args: &NatArgs,
    global: &GlobalArgs,
    output: &Output,
) -> Result<(Report, Option<InForce>), CmdError> {
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
        network: network_options(args),
        findings: given.as_ref().map(|given| given.findings.clone()).unwrap_or_default(),
        keep: args.save.is_some() || global.verbose > 0,
        socks5: args.socks5.as_ref().map(ToString::to_string),
    };
    let report = netcheck::once(&setup, &map, None, output).await?;
    Ok((report, given))
}

/// From where, and through what, everything is asked.
fn network_options(args: &NatArgs) -> NetworkOptions {
    let options = netcheck::network_options(&args.probing);
    match args.socks5.clone() {
        None => options,
        // What proves that UDP is blocked is to take the same way.
        Some(proxy) => NetworkOptions {
            proxies: Proxies::Explicit { https: proxy.url(), except: String::new() },
            socks5: Some(proxy),
            ..options
        },
    }
}

/// A proxy that relays no datagrams is told at once, not as a network that blocks UDP.
async fn try_proxy(options: &NetworkOptions) -> Result<(), CmdError> {
    match network::try_socks5(options).await? {
        Ok(()) => Ok(()),
        Err(failure) => {
            let said = match &failure.cause {
                Cause::Proxy { said } => said.clone(),
                _ => format!("the proxy: {}", render::failure(&failure, Lang::En)),
            };
            let hint = "--socks5 takes a proxy that relays UDP (UDP ASSOCIATE of RFC 1928)";
            Err(CmdError::Proxy(format!("cannot ask through {said}; {hint}")))
        }
    }
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
        hairpin: !args.gentle && args.socks5.is_none(),
        sockets: args.sockets,
        port_mapping: !args.no_portmap && args.socks5.is_none(),
        // Whoever answers over TCP is up, and that is what proves that UDP is blocked.
        https: !args.no_https,
        // An echo reply says nothing of a NAT.
        icmp: false,
        // A portal stands before this host, not behind its proxy.
        captive_portal: args.socks5.is_none(),
        ..netcheck::probing_options(&args.probing, global, spent)
    }
}
