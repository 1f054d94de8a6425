//! Do the simulator's RFC 5780 servers do what they are told to, and do their changed answers pass what they should?

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use natscope::model::{Family, Filtering, Mapping};
use natscope::probe::{Outcome, ProbeId, Question, Slot, StunForm, StunReply};

use crate::run::{Run, run};
use crate::survey::{Survey, stun};
use crate::world::{Change, Middlebox, World};

/// The four endpoints of the first server: both addresses with the first port, both with the other.
const A: &str = "20.1.0.10:3478";
const A2: &str = "20.1.0.10:3479";
const B: &str = "20.1.0.110:3478";
const B2: &str = "20.1.0.110:3479";

fn at(endpoint: &str) -> SocketAddr {
    endpoint.parse().unwrap()
}

fn world(change: Change, boxes: Vec<Middlebox>) -> World {
    let mut world = World::default();
    world.v4.boxes = boxes;
    let server = &mut world.regions[0].nodes[0];
    server.v4 = Some("20.1.0.10".parse().unwrap());
    server.alternate = Some(B2.parse().unwrap());
    server.change = change;
    world
}

fn ask(index: u8, server: &str, form: StunForm) -> Question {
    Question::Stun { slot: Slot::Shared { family: Family::V4, index }, server: at(server), form }
}

/// What came in of each question, one second after the other.
fn answers(world: &World, questions: &[Question]) -> Vec<Option<StunReply>> {
    let run = run(&mut Survey::spaced(Duration::from_secs(1), questions.to_vec()), world);
    (0..).zip(questions).map(|(id, _)| answer(&run, ProbeId(id))).collect()
}

fn answer(run: &Run, probe: ProbeId) -> Option<StunReply> {
    run.record.observations.iter().filter(|heard| heard.probe == Some(probe)).find_map(|heard| match &heard.outcome {
        Outcome::Stun(reply) => Some(reply.clone()),
        _ => None,
    })
}

/// Who answered each question.
fn sources(world: &World, questions: &[Question]) -> Vec<Option<SocketAddr>> {
    answers(world, questions).into_iter().map(|answer| Some(answer?.from)).collect()
}

#[test]
fn every_endpoint_answers_and_tells_of_the_one_across() {
    let told = answers(&world(Change::Honours, vec![]), &[A, A2, B, B2].map(|to| stun(0, at(to))));
    for (reply, (asked, other)) in told.into_iter().zip([(A, B2), (A2, B), (B, A2), (B2, A)]) {
        let reply = reply.unwrap();
        assert_eq!((reply.from, reply.other_address), (at(asked), Some(at(other))));
    }
}

#[test]
fn a_change_is_relative_to_what_was_asked() {
    let world = world(Change::Honours, vec![]);
    for (asked, other_port, across) in [(A, A2, B2), (A2, A, B), (B, B2, A2), (B2, B, A)] {
        let questions = [StunForm::Plain, StunForm::ChangePort, StunForm::ChangeAddressAndPort];
        let heard = sources(&world, &questions.map(|form| ask(0, asked, form)));
        assert_eq!(heard, [asked, other_port, across].map(|from| Some(at(from))));
    }
}

#[test]
fn changed_answers_pass_the_strictest_filter_of_the_chain() {
    use Filtering::{AddressAndPortDependent as Apdf, AddressDependent as Adf, EndpointIndependent as Eif};
    let wan: IpAddr = "100.64.7.9".parse().unwrap();
    let nat = |filtering, mapping| Middlebox { mapping, filtering, ..Middlebox::default() };
    let direct = Mapping::EndpointIndependent;
    for (boxes, other_port, across) in [
        (vec![], true, true),
        (vec![Middlebox::firewall(Eif)], true, true),
        (vec![Middlebox::firewall(Adf)], true, false),
        (vec![Middlebox::firewall(Apdf)], false, false),
        (vec![nat(Eif, Mapping::AddressAndPortDependent)], true, true),
        (vec![nat(Adf, direct)], true, false),
        (vec![nat(Apdf, direct)], false, false),
        (vec![Middlebox::linux()], false, false),
        (vec![Middlebox { publics: vec![wan], ..nat(Adf, direct) }, nat(Eif, direct)], true, false),
        (vec![Middlebox { publics: vec![wan], ..nat(Eif, direct) }, nat(Apdf, direct)], false, false),
    ] {
        let world = world(Change::Honours, boxes);
        let heard = sources(
            &world,
            &[
                ask(10, A, StunForm::ChangePort),
                ask(10, A, StunForm::ChangeAddressAndPort),
                ask(10, A, StunForm::Plain),
            ],
        );
        let wanted = [other_port.then(|| at(A2)), across.then(|| at(B2)), Some(at(A))];
        assert_eq!(heard, wanted, "{:?}", world.v4.boxes);
        assert_eq!(world.v4.filtering() == Eif, across);
    }
}

#[test]
fn what_was_sent_to_opens_the_filter_where_the_mapping_is_shared() {
    for (mapping, other_port, across) in [
        (Mapping::EndpointIndependent, true, true),
        (Mapping::AddressDependent, true, false),
        (Mapping::AddressAndPortDependent, false, false),
    ] {
        let world = world(Change::Honours, vec![Middlebox { mapping, ..Middlebox::default() }]);
        let heard = sources(
            &world,
            &[
                ask(11, A2, StunForm::Plain),
                ask(11, B2, StunForm::Plain),
                ask(11, A, StunForm::ChangePort),
                ask(11, A, StunForm::ChangeAddressAndPort),
            ],
        );
        let proofs = [other_port.then(|| at(A2)), across.then(|| at(B2))];
        assert_eq!(heard[..2], [Some(at(A2)), Some(at(B2))]);
        assert_eq!(heard[2..], proofs, "{mapping:?}");
    }
}

#[test]
fn mapping_sockets_see_on_what_the_mapping_depends() {
    for (mapping, port, address) in [
        (Mapping::EndpointIndependent, false, false),
        (Mapping::AddressDependent, false, true),
        (Mapping::AddressAndPortDependent, true, true),
    ] {
        let world = world(Change::Honours, vec![Middlebox { mapping, ..Middlebox::default() }]);
        let seen: Vec<_> = answers(&world, &[A, A2, B].map(|to| stun(0, at(to))));
        let seen: Vec<_> = seen.into_iter().map(|reply| reply.unwrap().mapped.unwrap()).collect();
        assert_eq!((seen[0] != seen[1], seen[0] != seen[2]), (port, address), "{mapping:?}");
    }
}

#[test]
fn faults_are_as_they_are_named() {
    let across = |change| {
        let world = world(change, vec![]);
        let forms = [StunForm::Plain, StunForm::ChangePort, StunForm::ChangeAddressAndPort];
        let questions = [forms.map(|form| ask(0, A, form)), [A2, B, B2].map(|to| stun(0, at(to)))].concat();
        let heard = answers(&world, &questions);
        let code = heard[2].as_ref().and_then(|reply| reply.error_code);
        let from: Vec<_> = heard.into_iter().map(|reply| Some(reply?.from.to_string())).collect();
        (from, code)
    };
    let (a, a2, b, b2) = (Some(A), Some(A2), Some(B), Some(B2));
    for (change, wanted) in [
        (Change::Honours, [a, a2, b2, a2, b, b2]),
        (Change::Ignores, [a, a, a, a2, b, b2]),
        (Change::Drops, [a, None, None, a2, b, b2]),
        (Change::Refuses, [a, a, a, a2, b, b2]),
        (Change::PortOnly, [a, a2, a2, a2, b, b2]),
        (Change::DeadAddress, [a, a2, None, a2, None, None]),
        (Change::MuteAddress, [a, a2, None, a2, b, b2]),
        (Change::DeadPort, [a, None, None, None, b, None]),
        (Change::MutePort, [a, None, None, a2, b, b2]),
        (Change::WrongPort(2), [a, Some("20.1.0.10:3481"), Some("20.1.0.110:3481"), a2, b, b2]),
    ] {
        let (from, code) = across(change);
        assert_eq!(from, wanted.map(|from| from.map(ToOwned::to_owned)), "{change:?}");
        assert_eq!(code, (change == Change::Refuses).then_some(420));
    }
    // OTHER-ADDRESS that is no other address.
    let mut same = world(Change::Honours, vec![]);
    same.regions[0].nodes[0].alternate = Some(A2.parse().unwrap());
    let heard = answers(&same, &[stun(0, at(A)), ask(0, A, StunForm::ChangeAddressAndPort)]);
    assert_eq!(heard[0].as_ref().unwrap().other_address, Some(at(A2)));
    assert_eq!(heard[1].as_ref().unwrap().from, at(A2));
    // A server of one endpoint.
    same.regions[0].nodes[0].alternate = None;
    let heard = answers(&same, &[stun(0, at(A)), ask(0, A, StunForm::ChangePort)]);
    assert_eq!(heard[0].as_ref().unwrap().other_address, None);
    assert_eq!(heard[1].as_ref().unwrap().error_code, Some(420));
}

#[test]
fn changed_answers_get_lost_like_others() {
    let mut world = world(Change::Honours, vec![]);
    world.regions[0].nodes[0].link.loss_back = 0.5;
    let questions: Vec<_> = (0..1000).map(|_| ask(0, A, StunForm::ChangeAddressAndPort)).collect();
    let run = run(&mut Survey::spaced(Duration::from_millis(10), questions), &world);
    let heard = run.record.observations.len();
    assert!((440..560).contains(&heard), "{heard}");
}
