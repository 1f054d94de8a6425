//! The same relay seen from two hosts.

use crate::report::{Doctor, Finding, FindingDetail, Layer, LayerState, RelayFault, RelayFinding};

/// What another report says of a relay's layers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenElsewhere {
    /// The relay's name.
    pub name: String,
    /// Its layers.
    pub layers: Vec<(Layer, LayerState)>,
}

/// Where UDP gets through from one of two hosts alone, and TCP from both: then it is no fault of the relay's.
#[must_use]
pub fn compare(doctor: &Doctor, elsewhere: &[SeenElsewhere]) -> Vec<Finding> {
    let one_sided = |node: &crate::report::NodeExam| {
        let other = elsewhere.iter().find(|other| other.name == node.name)?;
        let there = |wanted| other.layers.iter().find(|(layer, _)| *layer == wanted).map(|(_, state)| *state);
        let both_connect = node.layer(Layer::Tcp) == LayerState::Ok && there(Layer::Tcp) == Some(LayerState::Ok);
        let here = match (node.layer(Layer::Stun), there(Layer::Stun)?) {
            (LayerState::Failed, LayerState::Ok) => true,
            (LayerState::Ok, LayerState::Failed) => false,
            _ => return None,
        };
        let fault = RelayFault::OneSided { here };
        both_connect
            .then(|| Finding::new(FindingDetail::Relay(Box::new(RelayFinding { node: node.name.clone(), fault }))))
    };
    doctor.nodes.iter().filter_map(one_sided).collect()
}
