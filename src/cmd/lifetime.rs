//! `natscope nat --lifetime`: how long idle mappings live, found out after everything else and put into the report.
//! Minutes long, so it says how long it may still take, and on Ctrl-C concludes from what it knows.

use std::time::Duration;

use serde::Deserialize as _;

use super::exit::CmdError;
use super::inputs;
use super::output::Output;
use super::progress::Progress;
use crate::check::lifetime::{Input, LIMIT, LifetimeCheck};
use crate::drive::network::{self, Network, NetworkOptions};
use crate::model::{Family, Filtering, Mapping};
use crate::probe::{Moment, Recorded, Tape};
use crate::report::{Bracket, ModeWhy, Nat, Report, SavedCheck, Verdict, Why};

/// Servers that may be asked to help.
const SERVERS: usize = 3;

/// What it is called in a saved report.
pub(super) const CHECK: &str = "lifetime";

/// Measures over the family the report speaks of. `false`: it was broken off by Ctrl-C.
pub(super) async fn measure(
    report: &mut Report,
    options: &NetworkOptions,
    left: Option<Duration>,
    output: &Output,
) -> Result<bool, CmdError> {
    let (family, nat, _) = super::nat::by_family(report);
    let Some(nat) = nat else { return Ok(true) };
    let input = input(nat, family, left.unwrap_or(LIMIT));
    if nothing_expires(nat) {
        tell(report, None);
        return keep(report, &input, Tape::default()).map(|()| true);
    }
    let mut check = Recorded::new(LifetimeCheck::new(&input));
    let mut progress = Progress::new(output);
    let mut watch = |now: Moment, check: &Recorded<LifetimeCheck>| progress.tell(now, || line(check.check()));
    let running = network::run(&mut check, Network::new(options.clone()), Some(&mut watch));
    let whole = tokio::select! {
        ended = running => {
            ended?;
            true
        }
        _ = tokio::signal::ctrl_c() => false,
    };
    progress.clear();
    let (check, tape) = check.into_parts();
    tell(report, Some(&check));
    keep(report, &input, tape)?;
    Ok(whole)
}

/// The same from what was saved; an error says what is wrong with that.
pub(super) fn again(report: &mut Report, saved: &SavedCheck) -> Result<(), String> {
    let input = Input::deserialize(&saved.inputs).map_err(|error| format!("inputs: {error}"))?;
    if saved.tape.record.launches.is_empty() {
        tell(report, None);
        return Ok(());
    }
    let mut check = LifetimeCheck::new(&input);
    saved.tape.replay(&mut check).map_err(|error| error.to_string())?;
    tell(report, Some(&check));
    Ok(())
}

/// `None`: nothing was asked, since nothing expires.
fn tell(report: &mut Report, check: Option<&LifetimeCheck>) {
    let (family, nat, other) = super::nat::by_family(report);
    if let Some(other) = other {
        other.mapping_lifetime = Verdict::unknown(Why::Mode(ModeWhy::MeasuredOver { family }));
    }
    let Some(nat) = nat else { return };
    let Some(check) = check else {
        nat.mapping_lifetime = Verdict::unknown(Why::Mode(ModeWhy::NothingToExpire));
        return;
    };
    let (lifetime, safe) = check.lifetime();
    nat.lifetime = Some(lifetime);
    nat.mapping_lifetime = safe;
}

/// Adds it to what is saved, if anything is.
fn keep(report: &mut Report, input: &Input, tape: Tape) -> Result<(), CmdError> {
    let Some(saved) = &mut report.saved else { return Ok(()) };
    let inputs = inputs::plain(input)?;
    saved.further.push(SavedCheck { check: CHECK.to_owned(), inputs, tape });
    Ok(())
}

fn nothing_expires(nat: &Nat) -> bool {
    nat.mapping.value() == Some(&Mapping::Direct) && nat.filtering.value() == Some(&Filtering::EndpointIndependent)
}

fn input(nat: &Nat, family: Family, limit: Duration) -> Input {
    let mut servers: Vec<_> = nat.servers.iter().filter(|server| server.trusted).collect();
    // Those that offer RFC 5780 first, and of those the nearest.
    servers.sort_by_key(|server| (!server.rfc5780, server.round_trip.unwrap_or(Duration::MAX)));
    Input {
        family,
        servers: servers.into_iter().take(SERVERS).map(|server| (server.endpoint, server.round_trip)).collect(),
        filters: nat.filtering.value().is_some_and(|filtering| *filtering != Filtering::EndpointIndependent),
        same_mapping: nat.mapping_varies.is_false(),
        limit,
    }
}

/// `mapping lifetime: 12 s to 17 s after one exchange, over 25 s after a stream; 3 min left at most`.
fn line(check: &LifetimeCheck) -> String {
    let progress = check.progress();
    let seconds = |duration: Duration| format!("{} s", duration.as_secs());
    let known = |bracket: Bracket| match bracket.dead {
        Some(dead) => format!("{} to {}", seconds(bracket.alive), seconds(dead)),
        None => format!("over {}", seconds(bracket.alive)),
    };
    let left = progress.left.as_secs();
    let left = if left < 120 { format!("{left} s") } else { format!("{} min", left.div_ceil(60)) };
    format!(
        "mapping lifetime: {} after one exchange, {} after a stream; {left} left at most",
        known(progress.single),
        known(progress.stream)
    )
}
