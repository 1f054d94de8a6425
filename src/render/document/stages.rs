//! What stands between this host and a relay's service, layer by layer: the lanes of `natscope doctor`.

use super::{Lane, Scribe, Stop, StopKind, Tone};
use crate::render::catalogue::{DoctorNote, Word};
use crate::render::number::round_trip;
use crate::report::{Doctor, Layer, LayerExam, LayerState, NodeExam};

/// Relays that have lanes; more would be a wall.
const DRAWN: usize = 6;

/// What a relay's service rests on.
const SERVICE: [Layer; 6] = [Layer::Map, Layer::Dns, Layer::Tcp, Layer::Tls, Layer::Http, Layer::Derp];
/// What its STUN rests on.
const STUN: [Layer; 3] = [Layer::Map, Layer::Dns, Layer::Stun];

impl Scribe<'_> {
    /// Two lanes for each relay, and whether there are more relays.
    pub(super) fn relay_lanes(&self, doctor: &Doctor) -> (Vec<Lane>, bool) {
        let lanes = doctor.nodes.iter().take(DRAWN).flat_map(|node| self.lanes_of(node)).collect();
        (lanes, doctor.nodes.len() > DRAWN)
    }

    fn lanes_of(&self, node: &NodeExam) -> Vec<Lane> {
        let service = (!node.stun_only).then(|| self.stages(node, &SERVICE, "TCP"));
        let stun = (!node.facts.no_stun).then(|| self.stages(node, &STUN, "UDP"));
        service.into_iter().chain(stun).collect()
    }

    fn stages(&self, node: &NodeExam, layers: &[Layer], over: &str) -> Lane {
        let mut stops = vec![Stop::new(StopKind::Host, self.words.word(Word::ThisHost))];
        let exams = layers.iter().filter_map(|layer| node.layers.iter().find(|exam| exam.layer == *layer));
        stops.extend(exams.filter(|exam| applies(node, exam)).map(|exam| self.stage(node, exam)));
        let reached = layers.last().map_or(LayerState::Skipped, |layer| node.layer(*layer));
        let works = reached == LayerState::Ok;
        let relay = Stop {
            certain: works,
            tone: if works { Tone::Good } else { Tone::Unknown },
            lines: vec![format!("{}:{}", node.host, node.port)],
            ..Stop::new(StopKind::Relay, if works { node.name.clone() } else { format!("{} ?", node.name) })
        };
        stops.push(relay.reached(if works { Tone::Good } else { Tone::Unknown }, ""));
        Lane { label: format!("{} · {over}", node.name), stops, group: None }
    }

    fn stage(&self, node: &NodeExam, exam: &LayerExam) -> Stop {
        let took = exam.took.filter(|_| exam.state == LayerState::Ok).map(round_trip);
        let (mark, certain) = match exam.state {
            LayerState::Ok => ("✓", true),
            LayerState::Failed => ("✗", true),
            LayerState::Skipped => ("?", false),
        };
        let title = format!("{} {mark}", self.words.layer(exam.layer));
        let why = node.undetermined(exam.layer).map(|why| self.words.doctor_note(&DoctorNote::Undetermined(why)));
        let stop = Stop { certain, tone: tone(exam.state), ..Stop::new(StopKind::Layer, title) };
        Stop { lines: took.into_iter().chain(why).collect(), ..stop }.reached(tone(exam.state), "")
    }
}

/// Whether a relay has that layer at all: an address needs no name, plain HTTP no certificate, a URL no map.
fn applies(node: &NodeExam, exam: &LayerExam) -> bool {
    match exam.layer {
        Layer::Map => node.region.is_some() || exam.state == LayerState::Failed,
        Layer::Dns => exam.state != LayerState::Skipped || node.host.parse::<std::net::IpAddr>().is_err(),
        Layer::Tls => node.tls,
        _ => true,
    }
}

const fn tone(state: LayerState) -> Tone {
    match state {
        LayerState::Ok => Tone::Good,
        LayerState::Failed => Tone::Bad,
        LayerState::Skipped => Tone::Unknown,
    }
}
