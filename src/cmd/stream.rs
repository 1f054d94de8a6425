//! `natscope nat --transport tcp|tls`: the mapping of connections.

use super::exit::{CmdError, Exit};
use super::netcheck::{self, probing_options};
use super::output::Output;
use super::progress::Progress;
use crate::check::stream::{Input, Server, StreamCheck};
use crate::cli::{GlobalArgs, NatArgs};
use crate::drive::network::{self, Network};
use crate::drive::wall_clock;
use crate::model::{PublicStunServer, StunServerName, Transport};
use crate::probe::Moment;
use crate::report::{Command, Finding, FindingDetail, Report};

pub(super) async fn run(
    args: &NatArgs,
    transport: Transport,
    global: &GlobalArgs,
    output: &Output,
) -> Result<Exit, CmdError> {
    let started_at = wall_clock::now();
    let mut check = StreamCheck::new(&input(args, transport, global));
    let mut progress = Progress::new(output);
    let mut watch = |now: Moment, check: &StreamCheck| {
        progress.tell(now, || {
            let (answered, of) = check.progress();
            format!("{answered} of {of} servers have answered over {transport}")
        });
    };
    let network = Network::new(netcheck::network_options(&args.probing));
    let ended = network::run(&mut check, network, Some(&mut watch)).await?;
    progress.clear();
    let analysis = check.analyze();
    let unreachable = |(server, failure)| Finding::new(FindingDetail::ServerUnreachable { server, failure });
    let report = Report {
        nat_v4: analysis.nat_v4,
        nat_v6: analysis.nat_v6,
        findings: analysis.failed.into_iter().map(unreachable).collect(),
        ..Report::new(Command::Nat, started_at, ended.since_start())
    };
    output.report(&report)?;
    Ok(Exit::of_nat(&report, analysis.answered, global.fail_on))
}

fn input(args: &NatArgs, transport: Transport, global: &GlobalArgs) -> Input {
    let mut named = args.named_servers();
    if named.is_empty() {
        named = PublicStunServer::POOL.map(StunServerName::from).into();
    }
    let server = |name: &StunServerName| {
        let port = name.port_over(transport);
        let host = name.host().to_owned();
        let text = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Server { name: text, host, port }
    };
    let options = probing_options(&args.probing, global, std::time::Duration::ZERO);
    Input {
        servers: named.iter().map(server).collect(),
        tls: transport == Transport::Tls,
        ipv4: options.ipv4,
        ipv6: options.ipv6,
        budget: options.budget,
    }
}
