//! What pings and their pongs amount to: statistics of round trips, and what kept a direct path from coming about.

use std::time::Duration;

use super::predict::{Cell, cell};
use crate::model::{Filtering, Mapping};
use crate::report::{Class, Nat, Obstacle, PathSide, Report, RoundTrips};

/// Statistics of round trips in the order they were measured; `None` of none.
#[must_use]
pub fn round_trips(times: &[Duration]) -> Option<RoundTrips> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    let steps = times.iter().zip(times.iter().skip(1)).map(|(one, next)| one.abs_diff(*next));
    let count = u32::try_from(times.len().saturating_sub(1)).unwrap_or(u32::MAX).max(1);
    Some(RoundTrips { min, median: (lower + upper) / 2, max, jitter: steps.sum::<Duration>() / count })
}

/// What a report of this host says of it as one side of a path.
#[must_use]
pub fn side_of(report: &Report) -> PathSide {
    let nat = report.nat_v4.as_ref();
    let netcheck = report.netcheck.as_ref();
    PathSide {
        udp: netcheck.and_then(|netcheck| netcheck.udp.value().copied()),
        mapping: nat.and_then(|nat| nat.mapping.value().copied()),
        mapping_varies: nat.and_then(mapping_varies),
        filtering: nat.and_then(|nat| nat.filtering.value().copied()),
        ipv6: netcheck.and_then(|netcheck| netcheck.ipv6.usable.value().copied()),
        endpoints: Vec::new(),
    }
}

fn mapping_varies(nat: &Nat) -> Option<bool> {
    let from_mapping = nat.mapping.value().map(|mapping| varies(*mapping));
    from_mapping.or_else(|| nat.mapping_varies.value().copied())
}

const fn varies(mapping: Mapping) -> bool {
    matches!(mapping, Mapping::AddressDependent | Mapping::AddressAndPortDependent)
}

/// What keeps two sides apart, as far as is known of them: by the table that predictions are made of.
#[must_use]
pub fn obstacle(ours: &PathSide, theirs: Option<&PathSide>) -> Obstacle {
    let nothing = PathSide::default();
    let theirs = theirs.unwrap_or(&nothing);
    let sides = [(ours, false), (theirs, true)];
    if let Some((_, theirs)) = sides.into_iter().find(|(side, _)| side.udp == Some(false)) {
        return Obstacle::UdpBlocked { theirs };
    }
    if let Some((_, theirs)) = sides.into_iter().find(|(side, _)| side.mapping_varies.is_none()) {
        return Obstacle::Undetermined { theirs };
    }
    let theirs_may_be = classes(theirs);
    let works: Vec<bool> = classes(ours)
        .iter()
        .flat_map(|one| theirs_may_be.iter().map(|other| matches!(cell(*one, *other), Cell::Direct | Cell::IfHit)))
        .collect();
    let is_hard = |side: &PathSide| side.mapping_varies == Some(true);
    match (works.contains(&true), works.contains(&false)) {
        (true, true) => Obstacle::Undetermined { theirs: ours.filtering.is_some() },
        (true, false) => Obstacle::Unexplained,
        (false, _) if is_hard(ours) && is_hard(theirs) => Obstacle::BothHard,
        (false, _) => Obstacle::HardAgainstStrict { theirs: is_hard(theirs) },
    }
}

/// What a side may be to its peer. What a hard NAT lets in cannot be proven from outside, mostly, and is taken for little.
fn classes(side: &PathSide) -> &'static [Class] {
    match (side.mapping_varies == Some(true), side.filtering) {
        (false, Some(Filtering::EndpointIndependent)) => &[Class::Nat1],
        (false, Some(Filtering::AddressDependent)) => &[Class::Nat2],
        (false, Some(Filtering::AddressAndPortDependent)) => &[Class::Nat3],
        (false, None) => &[Class::Nat1, Class::Nat2, Class::Nat3],
        (true, Some(Filtering::EndpointIndependent)) => &[Class::HardEif],
        (true, Some(Filtering::AddressDependent)) => &[Class::HardAdf],
        (true, _) => &[Class::HardRandom],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_the_list() {
        let times = |millis: &[u64]| millis.iter().map(|millis| Duration::from_millis(*millis)).collect::<Vec<_>>();
        let of = |millis: &[u64]| round_trips(&times(millis)).unwrap();
        assert_eq!(round_trips(&[]), None);
        let one = of(&[7]);
        assert_eq!((one.min, one.median, one.max, one.jitter.as_millis()), (one.max, one.max, one.min, 0));
        let four = of(&[10, 40, 20, 30]);
        assert_eq!([four.min, four.median, four.max].map(|time| time.as_millis()), [10, 25, 40]);
        assert_eq!(four.jitter.as_millis(), 20);
    }

    #[test]
    fn what_is_in_the_way() {
        let side = |mapping, filtering| PathSide {
            udp: Some(true),
            mapping: Some(mapping),
            mapping_varies: Some(varies(mapping)),
            filtering,
            ..PathSide::default()
        };
        let strict = Some(Filtering::AddressAndPortDependent);
        let easy = side(Mapping::EndpointIndependent, strict);
        let hard = side(Mapping::AddressAndPortDependent, strict);
        let cone = side(Mapping::EndpointIndependent, Some(Filtering::AddressDependent));
        let blocked = PathSide { udp: Some(false), ..PathSide::default() };
        let unknown = PathSide { udp: Some(true), ..PathSide::default() };
        for (ours, theirs, found) in [
            (&hard, &hard, Obstacle::BothHard),
            (&easy, &easy, Obstacle::Unexplained),
            (&easy, &hard, Obstacle::HardAgainstStrict { theirs: true }),
            (&hard, &easy, Obstacle::HardAgainstStrict { theirs: false }),
            (&hard, &cone, Obstacle::Unexplained),
            (&blocked, &hard, Obstacle::UdpBlocked { theirs: false }),
            (&easy, &blocked, Obstacle::UdpBlocked { theirs: true }),
            (&easy, &unknown, Obstacle::Undetermined { theirs: true }),
            (&unknown, &hard, Obstacle::Undetermined { theirs: false }),
        ] {
            assert_eq!(obstacle(ours, Some(theirs)), found, "{ours:?} {theirs:?}");
        }
        assert_eq!(obstacle(&easy, None), Obstacle::Undetermined { theirs: true });
    }

    /// What is predicted to work is not explained away, and what is not is explained.
    #[test]
    fn the_obstacle_agrees_with_the_prediction() {
        let (easy, hard) = (Mapping::EndpointIndependent, Mapping::AddressAndPortDependent);
        let (open, by_address) = (Filtering::EndpointIndependent, Filtering::AddressDependent);
        let strict = Filtering::AddressAndPortDependent;
        let kinds = [
            (easy, open, Class::Nat1),
            (easy, by_address, Class::Nat2),
            (easy, strict, Class::Nat3),
            (hard, open, Class::HardEif),
            (hard, by_address, Class::HardAdf),
            (hard, strict, Class::HardRandom),
        ];
        let side = |(mapping, filtering, _): (Mapping, Filtering, Class)| PathSide {
            udp: Some(true),
            mapping: Some(mapping),
            mapping_varies: Some(varies(mapping)),
            filtering: Some(filtering),
            ..PathSide::default()
        };
        for a in kinds {
            for b in kinds {
                let explained = obstacle(&side(a), Some(&side(b))) != Obstacle::Unexplained;
                match cell(a.2, b.2) {
                    Cell::Direct => assert!(!explained, "{a:?} {b:?}"),
                    Cell::IfHit => {}
                    Cell::Relay | Cell::Guess | Cell::Predict => assert!(explained, "{a:?} {b:?}"),
                }
            }
        }
    }
}
