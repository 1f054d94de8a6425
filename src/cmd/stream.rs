//! `natscope nat --transport tcp|tls`: the mapping of connections.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exit::{CmdError, Exit};
use super::inputs;
use super::netcheck::{self, probing_options};
use super::output::Output;
use super::progress::Progress;
use crate::check::stream::{Input, Server, StreamCheck};
use crate::cli::{GlobalArgs, NatArgs};
use crate::drive::network::{self, Network};
use crate::drive::wall_clock;
use crate::model::{PublicStunServer, StunServerName, Transport};
use crate::probe::{Moment, Record, Recorded, Tape};
use crate::render::json;
use crate::report::{Command, Finding, FindingDetail, Report, Saved};

pub(super) async fn run(
    args: &NatArgs,
    transport: Transport,
    global: &GlobalArgs,
    output: &Output,
) -> Result<Exit, CmdError> {
    if let Some(path) = &args.save {
        Output::check_writable(path)?;
    }
    let started_at = wall_clock::now();
    let input = input(args, transport, global);
    let mut check = Recorded::new(StreamCheck::new(&input));
    let mut progress = Progress::new(output);
    let mut watch = |now: Moment, check: &Recorded<StreamCheck>| {
        progress.tell(now, || {
            let (answered, of) = check.check().progress();
            format!("{answered} of {of} servers have answered over {transport}")
        });
    };
    let network = Network::new(netcheck::network_options(&args.probing));
    let ended = network::run(&mut check, network, Some(&mut watch)).await?;
    progress.clear();
    let (check, tape) = check.into_parts();
    let keep = args.save.is_some() || global.verbose > 0;
    let saved = if keep { Some(saved(&input, tape.record)?) } else { None };
    let (report, answered) = conclude(&check, started_at, ended.since_start(), saved);
    if let Some(path) = &args.save {
        output.save(path, &report)?;
    }
    output.report(&report)?;
    Ok(Exit::of_nat(&report, answered, global.fail_on))
}

/// What is kept of the inputs: in place of those of a netcheck, which have no such key.
#[derive(Serialize, Deserialize)]
struct Kept {
    stream: Input,
}

fn saved(input: &Input, record: Record) -> Result<Saved, CmdError> {
    let inputs = inputs::plain(&Kept { stream: input.clone() })?;
    Ok(Saved { inputs, record, further: Vec::new() })
}

/// Whether inputs are those of this check.
pub(super) fn is_of_connections(inputs: &Value) -> bool {
    inputs.get("stream").is_some()
}

/// The report of what was saved in a file called `name`, and whether anybody had answered; `None`: what is there is
/// another command's.
pub(super) fn again(
    command: Command,
    name: &str,
    value: &Value,
    keep: bool,
) -> Result<Option<(Report, bool)>, CmdError> {
    if command != Command::Nat || !value.get("inputs").is_some_and(is_of_connections) {
        return Ok(None);
    }
    let refuse = |error: &dyn std::fmt::Display| CmdError::Usage(format!("{name}: {error}"));
    let (started_at, mut heard) = json::saved_from(value).map_err(|error| refuse(&error))?;
    let Kept { stream } = Kept::deserialize(&heard.inputs).map_err(|error| refuse(&format!("inputs: {error}")))?;
    let tape = Tape::of(std::mem::take(&mut heard.record));
    let mut check = StreamCheck::new(&stream);
    tape.replay(&mut check).map_err(|error| refuse(&error))?;
    let took = tape.record.ended_at.since_start();
    let saved = if keep { Some(saved(&stream, tape.record)?) } else { None };
    let (mut report, answered) = conclude(&check, started_at, took, saved);
    // What was redacted stays so, whoever concludes from it.
    report.redacted = value.get("redacted").and_then(Value::as_bool).unwrap_or_default();
    Ok(Some((report, answered)))
}

/// The report, and whether anybody has answered.
fn conclude(check: &StreamCheck, started_at: SystemTime, took: Duration, saved: Option<Saved>) -> (Report, bool) {
    let analysis = check.analyze();
    let unreachable = |(server, failure)| Finding::new(FindingDetail::ServerUnreachable { server, failure });
    let report = Report {
        nat_v4: analysis.nat_v4,
        nat_v6: analysis.nat_v6,
        findings: analysis.failed.into_iter().map(unreachable).collect(),
        saved,
        ..Report::new(Command::Nat, started_at, took)
    };
    (report, analysis.answered)
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
    let options = probing_options(&args.probing, global, Duration::ZERO);
    Input {
        servers: named.iter().map(server).collect(),
        tls: transport == Transport::Tls,
        ipv4: options.ipv4,
        ipv6: options.ipv6,
        budget: options.budget,
    }
}
