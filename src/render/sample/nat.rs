use crate::model::{Difficulty, Filtering, Level, Mapping, NatType};
use crate::probe::{Cause, Failure, Stage};
use crate::report::{
    Bracket, Classic, ClassicStep, ClassicWarning, Command, FilterWhy, Finding, FindingDetail, Lifetime, ModeWhy, Nat,
    Report, ServerNote, StunServer, Verdict, Why,
};

use super::{endpoint, healthy, ip, known, micros, nat};

/// What `natscope nat` says behind a home router, asked of five servers of which three can be used.
pub(in crate::render) fn easy_nat() -> Report {
    let same = || Why::MappingSame { servers: 3, sockets: 3 };
    let mut it = nat(
        known(Difficulty::Easy, same(), &[1, 2, 3]),
        known(Mapping::EndpointIndependent, same(), &[1, 2, 3]),
        known(false, same(), &[1, 2, 3]),
    );
    it.nat_type = known(NatType::PortRestrictedCone, Why::FromMappingAndFiltering, &[1, 2, 3, 4]);
    it.level = Some(Level::Nat3);
    it.filtering = known(
        Filtering::AddressAndPortDependent,
        Why::Filter(FilterWhy::OnlyTheAddresseePassed { silent: 4 }),
        &[4, 5, 6, 7],
    );
    it.hairpinning = Verdict::unknown(Why::NotMeasuredYet);
    let bracket = |alive: u64, dead: Option<u64>| Bracket {
        alive: micros(alive * 1000),
        dead: dead.map(|dead| micros(dead * 1000)),
    };
    let (single, stream) = (bracket(27_480, Some(31_460)), bracket(109_390, None));
    let tried = |bracket| known(bracket, Why::Mode(ModeWhy::MappingsTried { mappings: 9 }), &[]);
    it.mapping_lifetime = known(single.alive, Why::Mode(ModeWhy::IdleMappings { single, stream: Some(stream) }), &[]);
    it.lifetime =
        Some(Lifetime { single: tried(single), stream: tried(stream), server: Some(endpoint("203.0.113.7:3478")) });
    let step = ClassicStep::MappedDiffers { first: endpoint("81.2.69.142:41700"), other: endpoint("81.2.69.142:2100") };
    it.classic = Some(Classic {
        nat_type: known(NatType::Symmetric, Why::Mode(ModeWhy::Classic { step }), &[]),
        server: endpoint("203.0.113.7:3478"),
        warning: Some(ClassicWarning::OrderMisleads),
    });
    it.mapped = vec![endpoint("81.2.69.142:41641"), endpoint("81.2.69.142:50213")];
    it.local = vec![endpoint("192.168.1.20:41641"), endpoint("192.168.1.20:50213")];
    let asked = |server: &str, at: &str, latency: Option<u64>, rfc5780: bool, note: Option<ServerNote>| StunServer {
        server: server.to_owned(),
        endpoint: endpoint(at),
        rfc5780,
        round_trip: latency.map(micros),
        trusted: note.is_none(),
        note,
    };
    let behind_nat = ServerNote::ServerSideNat { saw: ip("172.17.0.1") };
    it.servers = vec![
        asked("stun.example.com:3478", "203.0.113.7:3478", Some(12_300), true, None),
        asked("stun.example.net:443", "198.51.100.7:443", Some(9_870), false, None),
        asked("192.0.2.7:3478", "192.0.2.7:3478", Some(31_000), false, None),
        asked("stun.example.org:3478", "192.0.2.40:3478", Some(8_000), true, Some(behind_nat)),
        asked("intranet:3478", "10.1.2.3:3478", None, false, Some(ServerNote::Silent)),
    ];
    let silent = Failure::new(Stage::Stun, Cause::NoAnswer { copies: 4, waited: micros(700_000) });
    report(
        it,
        vec![
            Finding::new(FindingDetail::OddServer {
                server: "stun.example.org:3478".to_owned(),
                endpoint: endpoint("192.0.2.40:3478"),
                note: behind_nat,
            }),
            Finding::new(FindingDetail::ServerUnreachable { server: "intranet:3478".to_owned(), failure: silent }),
        ],
    )
}

/// What `natscope nat` says when one server is all there is.
pub(in crate::render) fn one_server() -> Report {
    fn too_few<T>() -> Verdict<T> {
        Verdict::unknown(Why::TooFewServers { have: 1, need: 2 })
    }
    let mut it = nat(too_few(), too_few(), too_few());
    it.effective = too_few();
    it.nat_type = too_few();
    it.filtering = known(
        Filtering::EndpointIndependent,
        Why::Filter(FilterWhy::StrangerPassed { from: endpoint("203.0.113.8:3479") }),
        &[2],
    );
    it.hairpinning = Verdict::unknown(Why::NotMeasuredYet);
    it.port_preservation = too_few();
    it.port_allocation = Verdict::unknown(Why::NotMeasuredYet);
    it.pooling = Verdict::unknown(Why::NotMeasuredYet);
    it.mapping_lifetime = Verdict::unknown(Why::OnlyWith { flag: "--lifetime" });
    it.carrier_grade = Verdict::unknown(Why::WanUnknown);
    it.mapped = vec![endpoint("81.2.69.142:41641")];
    it.local = vec![endpoint("192.168.1.20:41641")];
    it.servers = vec![StunServer {
        server: "stun.example.com:3478".to_owned(),
        endpoint: endpoint("203.0.113.7:3478"),
        rfc5780: true,
        round_trip: Some(micros(12_300)),
        trusted: true,
        note: None,
    }];
    report(it, Vec::new())
}

fn report(nat_v4: Nat, findings: Vec<Finding>) -> Report {
    Report { command: Command::Nat, netcheck: None, nat_v4: Some(nat_v4), nat_v6: None, findings, ..healthy() }
}
