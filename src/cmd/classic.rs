//! `natscope nat --rfc3489`: the classic procedure against one server, told beside the verdicts.

use serde::Deserialize as _;

use super::exit::CmdError;
use super::inputs;
use crate::check::classic::{ClassicCheck, Input};
use crate::cli::NatArgs;
use crate::drive::network::{self, Network, NetworkOptions};
use crate::probe::Recorded;
use crate::report::{Nat, Report, SavedCheck, StunServer};

/// What it is called in a saved report.
pub(super) const CHECK: &str = "rfc3489";

/// Runs it over the family the report speaks of, and adds what it says.
pub(super) async fn ask(report: &mut Report, args: &NatArgs, options: &NetworkOptions) -> Result<(), CmdError> {
    let (_, nat, _) = super::nat::by_family(report);
    let Some(nat) = nat else { return Ok(()) };
    let Some(server) = choose(nat, args) else { return Ok(()) };
    let input =
        Input { server: server.endpoint, round_trip: server.round_trip, verdict: nat.nat_type.value().copied() };
    let mut check = Recorded::new(ClassicCheck::new(&input));
    network::run(&mut check, Network::new(options.clone()), None).await?;
    let (check, tape) = check.into_parts();
    nat.classic = Some(check.classic());
    if let Some(saved) = &mut report.saved {
        saved.further.push(SavedCheck { check: CHECK.to_owned(), inputs: inputs::plain(&input)?, tape });
    }
    Ok(())
}

/// The same from what was saved; an error says what is wrong with that.
pub(super) fn again(report: &mut Report, saved: &SavedCheck) -> Result<(), String> {
    let input = Input::deserialize(&saved.inputs).map_err(|error| format!("inputs: {error}"))?;
    let mut check = ClassicCheck::new(&input);
    saved.tape.replay(&mut check).map_err(|error| error.to_string())?;
    if let (_, Some(nat), _) = super::nat::by_family(report) {
        nat.classic = Some(check.classic());
    }
    Ok(())
}

/// The first server named that offers what it takes; else any that does; else whoever there is.
fn choose<'a>(nat: &'a Nat, args: &NatArgs) -> Option<&'a StunServer> {
    let named: Vec<String> = args.named_servers().iter().map(ToString::to_string).collect();
    let place = |server: &StunServer| named.iter().position(|name| *name == server.server).unwrap_or(named.len());
    nat.servers.iter().min_by_key(|server| (!(server.trusted && server.rfc5780), place(server)))
}
