//! The DERP session, up to a packet relayed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Chart;
use crate::check::doctor::copies::State;
use crate::check::doctor::exam::{Entry, What};
use crate::probe::{Cause, DerpAnswer, DerpStart, Failure, ProbeId, RelayAnswer, Stage};
use crate::report::{Confidence, DoctorWhy, Layer, LayerState, RelayFault, Verdict, Why};

/// Relays say something every 60 to 65 seconds; proxies cut at 60 or 100.
const KEEP_ALIVE: Duration = Duration::from_secs(66);

pub(super) fn look(chart: &mut Chart<'_>) -> LayerState {
    let exam = chart.exam;
    let upgrade = exam.state(&What::Derp(DerpStart::Upgrade));
    let State::Ended(answer, probe) = upgrade else { return chart.skip(Layer::Derp) };
    if chart.facts.upgrade != Some(true) {
        return chart.skip(Layer::Derp);
    }
    let said = answer.derp.clone().unwrap_or_default();
    chart.facts.key = said.server_keys.first().cloned();
    let mut took = said.key_after;
    let failure = answer.ended.clone().unwrap_or(Failure::new(Stage::Derp, Cause::Closed));
    let silent = matches!(failure.cause, Cause::TimedOut { .. });
    if silent && !exam.is_silent_at(&What::Derp(DerpStart::Upgrade), Stage::Derp) {
        return chart.undetermined(Layer::Derp, DoctorWhy::Lost { failure });
    }
    if said.server_keys.is_empty() {
        chart.open_relay = Verdict::unknown(Why::Doctor(DoctorWhy::LayerFailed { layer: Layer::Derp }));
        chart.fault(RelayFault::NoServerKey { failure });
    } else if let Some(greeting) = &said.admitted {
        took = Some(greeting.after);
        chart.facts.admitted = Some(true);
        exchange(chart);
    } else if failure.cause == Cause::NotAdmitted {
        if let Some(why) = refused(chart, probe) {
            return chart.undetermined(Layer::Derp, why);
        }
    } else {
        chart.open_relay = Verdict::unknown(Why::Doctor(DoctorWhy::LayerFailed { layer: Layer::Derp }));
        chart.fault(RelayFault::NoGreeting { failure });
    }
    fast_start(chart, said.admitted.is_some());
    keys(chart);
    hold(chart);
    chart.layer(Layer::Derp, took)
}

/// A session that ended in place of a greeting: what it means is known by whether others end likewise, since a connection can
/// end at any time. Why it is not known, where it is not.
fn refused(chart: &mut Chart<'_>, probe: ProbeId) -> Option<DoctorWhy> {
    let State::Ended(answer, second) = chart.exam.state(&What::Exchange) else {
        return Some(DoctorWhy::RefusedOnce { failure: Failure::new(Stage::Derp, Cause::NotAdmitted) });
    };
    let said = answer.derp.clone().unwrap_or_default();
    if said.let_in > 0 {
        chart.facts.admitted = Some(true);
        exchange(chart);
        return None;
    }
    if said.turned_away == 0 {
        let failure = answer.ended.clone().unwrap_or(Failure::new(Stage::Derp, Cause::Closed));
        return Some(DoctorWhy::RefusedOnce { failure });
    }
    chart.facts.admitted = Some(false);
    chart.open_relay =
        Verdict::known(false, Confidence::High, [probe, second]).because(Why::Doctor(DoctorWhy::KeyRefused));
    chart.fault(RelayFault::NotAdmitted);
    None
}

fn exchange(chart: &mut Chart<'_>) {
    let State::Ended(answer, probe) = chart.exam.state(&What::Exchange) else {
        chart.open_relay = Verdict::unknown(Why::NotAsked);
        return;
    };
    let said = answer.derp.clone().unwrap_or_default();
    if said.packets == 2 {
        chart.facts.exchange = said.exchange;
        chart.open_relay =
            Verdict::known(true, Confidence::High, [probe]).because(Why::Doctor(DoctorWhy::StrangersRelayed));
        chart.fault(RelayFault::OpenRelay);
        return;
    }
    let failure = answer.ended.clone().unwrap_or(Failure::new(Stage::Derp, Cause::Closed));
    chart.open_relay =
        Verdict::unknown(Why::Doctor(DoctorWhy::NoExchange { failure: failure.clone() })).with_evidence([probe]);
    // Both keys in, and a packet lost between them: TCP loses none. Else it was the way there that failed, or silence that may
    // be a loss, unless every copy ends in it.
    let is_seen = match failure.cause {
        Cause::Unsupported { .. } => false,
        Cause::TimedOut { .. } => {
            // TCP repeats itself for seconds, and still may not be done where every third packet is lost.
            let ended: Vec<_> = chart.exam.copies(&What::Exchange).filter_map(Entry::answer).collect();
            ended.len() >= 2 && ended.iter().all(|answer| is_undelivered(answer)) && !chart.exam.saw_loss()
        }
        _ => is_undelivered(answer),
    };
    if is_seen && said.server_keys.len() <= 1 {
        chart.fault(RelayFault::NotDelivered { packets: said.packets, failure });
    }
}

/// Whether two keys were in, and the session ended before both packets came.
fn is_undelivered(answer: &RelayAnswer) -> bool {
    let both_in = answer.derp.as_ref().is_some_and(|said| said.let_in == 2 && said.packets < 2);
    both_in && answer.ended.as_ref().is_some_and(|failure| failure.stage == Stage::Derp)
}

fn fast_start(chart: &mut Chart<'_>, admitted: bool) {
    let state = chart.exam.state(&What::Derp(DerpStart::Fast));
    let Some(answer) = state.answer() else { return };
    let got_in = answer.derp.as_ref().is_some_and(|said| said.admitted.is_some());
    let turned_away = answer.ended.as_ref().is_some_and(|failure| failure.cause == Cause::NotAdmitted);
    let unsupported = matches!(answer.ended.as_ref().map(|failure| &failure.cause), Some(Cause::Unsupported { .. }));
    if unsupported {
        return;
    }
    if got_in {
        chart.facts.fast_start = Some(true);
    } else if let Some(failure) = answer.ended.clone()
        && admitted
        && !matches!(failure.cause, Cause::TimedOut { .. })
        && (failure.stage == Stage::Derp || failure.stage == Stage::Http)
    {
        chart.facts.fast_start = Some(false);
        chart.fault(RelayFault::FastStartBroken { failure });
    } else if turned_away {
        chart.facts.fast_start = None;
    }
}

/// Several relays behind one name: each connection may meet another, and its clients do not see each other.
fn keys(chart: &mut Chart<'_>) {
    let asked = [What::Derp(DerpStart::Upgrade), What::Derp(DerpStart::Fast), What::Exchange, What::Hold];
    let exam = chart.exam;
    let said = |what: &What| -> Vec<DerpAnswer> {
        exam.copies(what).filter_map(|entry| entry.answer()?.derp.clone()).collect()
    };
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for what in &asked {
        keys.extend(said(what).into_iter().flat_map(|said| said.server_keys));
    }
    // The key of a certificate is one that a fast start would use.
    let metas = exam.primary().and_then(|(_, touched, _)| touched.tls.as_ref());
    keys.extend(metas.iter().flat_map(|tls| &tls.certificates).filter_map(|seen| seen.meta_key.clone()));
    if keys.len() > 1 {
        let met = exam.state(&What::Exchange).answer().and_then(|answer| answer.derp.as_ref());
        let meshed = met.is_some_and(|said| said.server_keys.len() > 1 && said.packets == 2);
        chart.fault(RelayFault::SeveralKeys { keys: keys.into_iter().collect(), meshed });
    }
}

fn hold(chart: &mut Chart<'_>) {
    chart.facts.hold_cut_short = chart.exam.input.hold.is_some() && chart.facts.admitted == Some(true);
    let Some(answer) = chart.exam.state(&What::Hold).answer() else { return };
    let said = answer.derp.clone().unwrap_or_default();
    let Some(held) = said.held else { return };
    // A deadline of ours that struck while it was held says nothing of the relay.
    if matches!(answer.ended.as_ref().map(|failure| &failure.cause), Some(Cause::TimedOut { .. })) {
        return;
    }
    chart.facts.hold_cut_short = false;
    chart.facts.hold = Some((held, said.keep_alives, answer.ended.is_none()));
    match &answer.ended {
        Some(failure) => {
            chart.fault(RelayFault::NotKept { held, keep_alives: said.keep_alives, failure: failure.clone() });
        }
        None if said.keep_alives == 0 && held > KEEP_ALIVE => chart.fault(RelayFault::NoKeepAlive { held }),
        None => {}
    }
}
