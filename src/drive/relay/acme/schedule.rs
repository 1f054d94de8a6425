//! When the authority is asked: never more often than it has to bear.

use std::time::{Duration, SystemTime};

use super::failure::Kind;

/// Authorities count failed validations: Let's Encrypt bears five an hour for a name. The second failure in a row is
/// followed by three times the first pause, and so on.
const AFTER_REFUSAL: Duration = Duration::from_secs(5 * 60);
const LONGEST_AFTER_REFUSAL: Duration = Duration::from_secs(6 * 3600);

/// An authority that was not even reached counts nothing; a network that is not there yet at boot often is a little
/// later.
const AFTER_SILENCE: Duration = Duration::from_secs(30);
const LONGEST_AFTER_SILENCE: Duration = Duration::from_secs(3600);

/// What an authority may ask for by Retry-After.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(24 * 3600);

/// When a certificate is to be replaced: with a third of its lifetime left, as Let's Encrypt advises.
pub(super) fn renewal(not_before: SystemTime, not_after: SystemTime) -> SystemTime {
    let lifetime = not_after.duration_since(not_before).unwrap_or_default();
    not_after - lifetime / 3
}

/// How long to wait after the last of so many failures in a row. `random` is any number; `asked_for` is the
/// authority's own wish.
pub(super) fn pause(failures: u32, kind: Kind, asked_for: Option<Duration>, random: u8) -> Duration {
    let (first, factor, longest) = match kind {
        Kind::Network => (AFTER_SILENCE, 2, LONGEST_AFTER_SILENCE),
        Kind::Validation | Kind::Refused | Kind::Local => (AFTER_REFUSAL, 3_u32, LONGEST_AFTER_REFUSAL),
    };
    let factor = factor.saturating_pow(failures.saturating_sub(1));
    let pause = first.saturating_mul(factor).min(longest);
    // Relays that failed together are not to come again together: up to a fifth more.
    let jitter = pause.mul_f64(f64::from(random) / 255.0 / 5.0);
    let asked_for = asked_for.unwrap_or_default().min(LONGEST_ASKED_FOR);
    (pause + jitter).max(asked_for)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_is_left_at_renewal() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(renewal(at(1_000), at(1_000 + 90 * 86_400)), at(1_000 + 60 * 86_400));
        assert_eq!(renewal(at(100), at(400)), at(300));
        assert_eq!(renewal(at(400), at(100)), at(100), "one that ends before it begins");
    }

    #[test]
    fn pauses_grow_and_end_growing() {
        let minutes = |failures, kind| pause(failures, kind, None, 0).as_secs() / 60;
        let after: Vec<_> = (1..=6).map(|failures| minutes(failures, Kind::Validation)).collect();
        assert_eq!(after, [5, 15, 45, 135, 360, 360]);
        let after: Vec<_> = (1..=9).map(|failures| minutes(failures, Kind::Network)).collect();
        assert_eq!(after, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(minutes(u32::MAX, Kind::Refused), 360);
        assert_eq!(pause(1, Kind::Validation, None, 255), Duration::from_secs(360));
    }

    #[test]
    fn what_the_authority_asks_for_is_kept_within_reason() {
        let asked = |seconds| pause(1, Kind::Refused, Some(Duration::from_secs(seconds)), 0).as_secs();
        assert_eq!((asked(10), asked(3600), asked(u64::MAX)), (300, 3600, 86_400));
    }

    /// Let's Encrypt bears five failed validations an hour for a name. The first attempt tries both ways.
    #[test]
    fn no_more_than_five_validations_fail_in_an_hour() {
        let mut at = 0;
        let mut within = 2;
        for failures in 1.. {
            at += pause(failures, Kind::Validation, None, 0).as_secs();
            if at >= 3600 {
                break;
            }
            within += 1;
        }
        assert!(within <= 5, "{within}");
    }
}
