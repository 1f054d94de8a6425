//! The DERP session, up to a packet relayed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Chart;
use crate::check::doctor::exam::{State, What};
use crate::probe::{Cause, DerpAnswer, DerpStart, Failure, Stage};
use crate::report::{Confidence, DoctorWhy, Layer, LayerState, RelayFault, Verdict, Why};

/// Relays say something every 60 to 65 seconds; proxies cut at 60 or 100.
const KEEP_ALIVE: Duration = Duration::from_secs(66);

pub(super) fn look(chart: &mut Chart<'_>) -> LayerState {
    let exam = chart.exam;
    let upgrade = exam.state(&What::Derp(DerpStart::Upgrade));
    let State::Ended(answer, probe) = upgrade else { return chart.skip(Layer::Derp) };
    let said = answer.derp.clone().unwrap_or_default();
    chart.facts.key = said.server_keys.first().cloned();
    let mut took = said.key_after;
    let failure = answer.ended.clone().unwrap_or(Failure::new(Stage::Derp, Cause::Closed));
    if said.server_keys.is_empty() {
        chart.open_relay = Verdict::unknown(Why::Doctor(DoctorWhy::LayerFailed { layer: Layer::Derp }));
        chart.fault(RelayFault::NoServerKey { failure });
    } else if let Some(greeting) = &said.admitted {
        took = Some(greeting.after);
        chart.facts.admitted = Some(true);
        exchange(chart);
    } else if failure.cause == Cause::NotAdmitted {
        chart.facts.admitted = Some(false);
        chart.open_relay = Verdict::known(false, Confidence::High, [probe]).because(Why::Doctor(DoctorWhy::KeyRefused));
        chart.fault(RelayFault::NotAdmitted);
    } else {
        chart.open_relay = Verdict::unknown(Why::Doctor(DoctorWhy::LayerFailed { layer: Layer::Derp }));
        chart.fault(RelayFault::NoGreeting { failure });
    }
    fast_start(chart, said.admitted.is_some());
    keys(chart);
    hold(chart);
    chart.layer(Layer::Derp, took)
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
    // Both keys in, and a packet lost between them: TCP loses none. Else it was the way there that failed.
    if said.admitted.is_some() && said.server_keys.len() <= 1 && failure.stage == Stage::Derp {
        chart.fault(RelayFault::NotDelivered { packets: said.packets, failure });
    }
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
        chart.fault(RelayFault::SeveralKeys { keys: keys.into_iter().collect() });
    }
}

fn hold(chart: &mut Chart<'_>) {
    let Some(answer) = chart.exam.state(&What::Hold).answer() else { return };
    let said = answer.derp.clone().unwrap_or_default();
    let Some(held) = said.held else { return };
    // A deadline of ours that struck while it was held says nothing of the relay.
    if matches!(answer.ended.as_ref().map(|failure| &failure.cause), Some(Cause::TimedOut { .. })) {
        return;
    }
    chart.facts.hold = Some((held, said.keep_alives, answer.ended.is_none()));
    match &answer.ended {
        Some(failure) => chart.fault(RelayFault::NotKept { held, failure: failure.clone() }),
        None if said.keep_alives == 0 && held > KEEP_ALIVE => chart.fault(RelayFault::NoKeepAlive { held }),
        None => {}
    }
}
