use std::net::SocketAddr;

use super::pseudonym::Pseudonyms;
use crate::model::Nat64Prefix;
use crate::probe::{Cause, CertificateFault, Failure};
use crate::report::{ClassicStep, DoctorWhy, FilterWhy, FindingDetail, ModeWhy, NatWhy, ServerNote, Verdict, Why};

/// The reason of a verdict whose value identifies nobody.
pub(super) fn why<T: Clone>(verdict: &mut Verdict<T>, names: &mut Pseudonyms) {
    if let Some(why) = verdict.why().cloned() {
        *verdict = verdict.clone().because(redacted(why, names));
    }
}

/// A verdict on an endpoint.
pub(super) fn endpoint(verdict: &mut Verdict<SocketAddr>, names: &mut Pseudonyms) {
    *verdict = verdict.clone().map(|mut endpoint| {
        names.endpoint(&mut endpoint);
        endpoint
    });
    why(verdict, names);
}

/// A reason of the doctor's.
pub(super) fn doctor_why(why: &mut DoctorWhy, names: &mut Pseudonyms) {
    match why {
        DoctorWhy::KeyRefused
        | DoctorWhy::StrangersRelayed
        | DoctorWhy::StunOnlyNode
        | DoctorWhy::NoRoute { .. }
        | DoctorWhy::LayerFailed { .. } => {}
        DoctorWhy::NoExchange { failure: how }
        | DoctorWhy::RefusedOnce { failure: how }
        | DoctorWhy::Lost { failure: how }
        | DoctorWhy::NotLookedUp { failure: how } => failure(how, names),
    }
}

fn redacted(mut why: Why, names: &mut Pseudonyms) -> Why {
    match &mut why {
        Why::Doctor(why) => doctor_why(why, names),
        Why::NotMeasuredHere { .. }
        | Why::OnlyWith { .. }
        | Why::NotMeasuredYet
        | Why::NotAsked
        | Why::FromMappingAndFiltering
        | Why::LeftOut { .. }
        | Why::NoServers { .. }
        | Why::RanOutOfTime { .. }
        | Why::NoOsSupport { .. }
        | Why::NoRoute { .. }
        | Why::Offline
        | Why::UdpAnswered { .. }
        | Why::UdpSilent { .. }
        | Why::TooFewWitnesses { .. }
        | Why::OnlyNeighboursAnswered { .. }
        | Why::NothingAnswered
        | Why::BehindPortal
        | Why::FamilyAnswered { .. }
        | Why::FamilySilent { .. }
        | Why::NoMappedAddress { .. }
        | Why::MappingSame { .. }
        | Why::MappingSameButOddServers { .. }
        | Why::MappingSameButPortCollision { .. }
        | Why::MappingSameButLoneView { .. }
        | Why::MappingDiffers { .. }
        | Why::NoTranslation { .. }
        | Why::TooFewServers { .. }
        | Why::SocketsDisagree
        | Why::OneSocket
        | Why::SeenBy { .. }
        | Why::PortsKept { .. }
        | Why::TcpNotTried { .. }
        | Why::DependencyNotMeasured
        | Why::ServersNotOnInternet
        | Why::UdpIsBlocked
        | Why::FromMapping
        | Why::NoPortMappingVerified
        | Why::HomeNearest { .. }
        | Why::HomeKept { .. }
        | Why::NoHomeCandidate
        | Why::NoRelayAnswers
        | Why::IcmpAnswered { .. }
        | Why::IcmpNotPermitted
        | Why::IcmpSilent { .. }
        | Why::UdpWorks
        | Why::TlsVerified
        | Why::ChallengeEchoed
        | Why::ChallengeStripped
        | Why::PortalSilent
        | Why::NoPortalEndpoint
        | Why::RouterRefuses { .. }
        | Why::RouterSilent { .. }
        | Why::NoGateway
        | Why::DirectNotTried
        | Why::DirectNotOffered
        | Why::NoPong
        | Why::DirectFailed { .. }
        | Why::WanUnknown
        | Why::Pair(_) => {}
        Why::WitnessesOfOneOwner { servers: _, domain } => names.host(domain),
        Why::HomeRelayNotAsked { region: _, failure: how } => how.iter_mut().for_each(|how| failure(how, names)),
        Why::SendRefused { failure: how }
        | Why::NamesFailed { failure: how }
        | Why::DirectNoSocket { failure: how }
        | Why::HomeRelayDown { failure: how, .. }
        | Why::RouterUnreachable { failure: how, .. } => failure(how, names),
        Why::ServersDisagree { endpoints } => endpoints.iter_mut().for_each(|endpoint| names.endpoint(endpoint)),
        Why::DirectPong { endpoint, after: _ } => names.endpoint(endpoint),
        Why::Mode(why) => mode(why, names),
        Why::Filter(why) => filter(why, names),
        Why::Nat(why) => nat_why(why, names),
        Why::SeveralAddresses { addresses } => addresses.iter_mut().for_each(|address| names.address(address)),
        Why::PortalAnswered { status: _, location } => location.iter_mut().for_each(|text| names.text(text)),
        Why::RouterOffers { service: _, detail } | Why::RouterDeclines { service: _, detail } => {
            if let Some(text) = detail {
                names.text(text);
            }
        }
        Why::WanIsCarrierGrade { wan: address }
        | Why::OwnAddressIsCarrierGrade { address }
        | Why::WanIsMappedAddress { wan: address }
        | Why::WanIsPrivate { wan: address } => names.address(address),
        Why::WanIsAnother { wan, mapped } => {
            names.address(wan);
            names.address(mapped);
        }
    }
    why
}

fn mode(why: &mut ModeWhy, names: &mut Pseudonyms) {
    match why {
        ModeWhy::ThroughProxy
        | ModeWhy::StreamsAreNotFiltered
        | ModeWhy::OnlyOverUdp
        | ModeWhy::IdleMappings { .. }
        | ModeWhy::MappingsTried { .. }
        | ModeWhy::DeadAtFirstTry { .. }
        | ModeWhy::LifetimesContradict { .. }
        | ModeWhy::HelperSilent
        | ModeWhy::NobodyHelps { .. }
        | ModeWhy::NothingToExpire
        | ModeWhy::MeasuredOver { .. } => {}
        ModeWhy::ServerSilent { server } => names.endpoint(server),
        ModeWhy::AnsweredFromElsewhere { server, from } => {
            names.endpoint(server);
            names.endpoint(from);
        }
        ModeWhy::Classic { step } => match step {
            ClassicStep::SecondPassed { from } | ClassicStep::ThirdPassed { from } => names.endpoint(from),
            ClassicStep::MappedDiffers { first, other } => {
                names.endpoint(first);
                names.endpoint(other);
            }
            ClassicStep::SecondSilent { .. } | ClassicStep::ThirdSilent { .. } => {}
        },
    }
}

fn filter(why: &mut FilterWhy, names: &mut Pseudonyms) {
    match why {
        FilterWhy::OnlyTheAddresseePassed { .. }
        | FilterWhy::SendingNotProven
        | FilterWhy::TooFewCopies { .. }
        | FilterWhy::NoFilterServer => {}
        FilterWhy::StrangerPassed { from: endpoint }
        | FilterWhy::NeighbourPassed { from: endpoint, .. }
        | FilterWhy::AddressNotTested { from: endpoint }
        | FilterWhy::ChangeIgnored { server: endpoint }
        | FilterWhy::ChangeRefused { server: endpoint, .. }
        | FilterWhy::NoHelper { server: endpoint } => names.endpoint(endpoint),
    }
}

fn nat_why(why: &mut NatWhy, names: &mut Pseudonyms) {
    match why {
        NatWhy::OwnAddressIsClat { address } => names.address(address),
        NatWhy::HairpinCameBack { from, inside: _ } => names.endpoint(from),
        NatWhy::NothingTranslates
        | NatWhy::HairpinSilent { .. }
        | NatWhy::HairpinUnsettled { .. }
        | NatWhy::HairpinNoEndpoint
        | NatWhy::HairpinDependsOnDestination
        | NatWhy::PortsInSequence { .. }
        | NatWhy::PortsScattered { .. }
        | NatWhy::PortsUnclear { .. }
        | NatWhy::TooFewMappings { .. }
        | NatWhy::OneAddress { .. }
        | NatWhy::OneAddressSoFar { .. } => {}
    }
}

/// A failure.
pub(super) fn failure(failure: &mut Failure, names: &mut Pseudonyms) {
    match &mut failure.cause {
        Cause::TimedOut { .. }
        | Cause::NoAnswer { .. }
        | Cause::Refused
        | Cause::Unreachable
        | Cause::NotPermitted
        | Cause::Reset
        | Cause::Closed
        | Cause::NoSuchName
        | Cause::NoAddress
        | Cause::NoResolver
        | Cause::NotTls
        | Cause::NotAdmitted
        | Cause::Status { .. }
        | Cause::TooLarge { .. }
        | Cause::StunError { .. } => {}
        Cause::Certificate { fault } => match fault {
            CertificateFault::UnknownIssuer
            | CertificateFault::Expired
            | CertificateFault::NotYetValid
            | CertificateFault::NotAlone { .. } => {}
            CertificateFault::NameMismatch { expected } => names.host(expected),
            CertificateFault::PinMismatch { expected, presented } => {
                names.text(expected);
                names.text(presented);
            }
            CertificateFault::Other { said } => names.text(said),
        },
        Cause::Resolver { said: text }
        | Cause::TlsAlert { alert: text }
        | Cause::Proxy { said: text }
        | Cause::Malformed { problem: text }
        | Cause::Unsupported { what: text }
        | Cause::Os { message: text } => names.text(text),
    }
}

/// Why a server was left out.
pub(super) fn note(note: &mut ServerNote, names: &mut Pseudonyms) {
    match note {
        ServerNote::Silent | ServerNote::NotOnInternet | ServerNote::ThroughNat64 | ServerNote::NoMappedAddress => {}
        ServerNote::WrongSource { from: endpoint } | ServerNote::Outlier { saw: endpoint } => names.endpoint(endpoint),
        ServerNote::ServerSideNat { saw } => names.address(saw),
    }
}

/// A finding.
pub(super) fn finding(detail: &mut FindingDetail, names: &mut Pseudonyms) {
    match detail {
        FindingDetail::Relay(finding) => super::doctor::finding(finding, names),
        FindingDetail::UdpBlocked
        | FindingDetail::HardNat
        | FindingDetail::Ipv6BlackHole
        | FindingDetail::PacketLoss { .. } => {}
        FindingDetail::RelayDown { region: _, code, failure: how }
        | FindingDetail::RegionUnreachable { region: _, code, failure: how }
        | FindingDetail::StunDown { region: _, code, method: _, relay_answers: _, failure: how } => {
            names.region_code(code, false);
            failure(how, names);
        }
        FindingDetail::CaptivePortal { location } => location.iter_mut().for_each(|text| names.text(text)),
        FindingDetail::FakeDns { host, address } => {
            names.host(host);
            names.address(address);
        }
        FindingDetail::Ipv6Translated { prefix_only: _, local, mapped } => {
            names.address(local);
            names.address(mapped);
        }
        FindingDetail::Ipv4OverIpv6 { address, prefix } => {
            names.address(address);
            // It tells whose network this is, unless it is everybody's.
            *prefix = prefix.filter(|prefix| *prefix == Nat64Prefix::WELL_KNOWN);
        }
        FindingDetail::ThroughTunnel { interface } => names.interface(interface),
        FindingDetail::OddServer { server, endpoint, note: why } => {
            names.server(server);
            names.endpoint(endpoint);
            note(why, names);
        }
        FindingDetail::ServerUnreachable { server, failure: how } => {
            names.server(server);
            failure(how, names);
        }
        FindingDetail::DnsFailing { names: _, example, failure: how } => {
            names.host(example);
            failure(how, names);
        }
        FindingDetail::StaleMap { url, age: _, because } => {
            names.text(url);
            failure(because, names);
        }
        FindingDetail::DoubleNat { wan } => names.address(wan),
        FindingDetail::ProxyOnly { proxy } => names.text(proxy),
        // A map's lint has no redacted form; what says too much is left out should one be redacted all the same.
        FindingDetail::MapMistake(placed) => {
            names.text(&mut placed.place.file);
            placed.place.excerpt = None;
            placed.mistake = crate::report::MapMistake::Misplaced;
        }
        FindingDetail::Map { code: _, place, message, severity: _ } => {
            names.map_place(place);
            names.text(message);
        }
    }
}
