//! How often a server is asked.

use std::time::Duration;

/// A server that fails is asked at least this often: it is back within about a second of its return.
const SLOWEST: Duration = Duration::from_secs(1);

/// The pause between two questions to one server.
pub(super) fn every(bound: Duration) -> Duration {
    bound / 8
}

/// How long an answer is waited for.
pub(super) fn patience(bound: Duration) -> Duration {
    bound / 4
}

/// The pause after so many failures: doubled each time, and drawn, so that a thousand verifiers that lost the same
/// server do not come back to it in one moment.
pub(super) fn after_failures(bound: Duration, failures: u32, random: u128) -> Duration {
    let longest = every(bound).saturating_mul(1 << failures.saturating_sub(1).min(10)).min(SLOWEST);
    drawn(longest / 2, longest, random)
}

/// The pause before a stream is opened again.
pub(super) fn before_stream(random: u128) -> Duration {
    drawn(Duration::from_millis(50), SLOWEST, random)
}

/// A duration between the two.
fn drawn(least: Duration, most: Duration, random: u128) -> Duration {
    let part = (random & 0xFFFF) as u32;
    least + (most - least) * part / 0xFFFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_slow_it_down_to_a_second_and_no_further() {
        let bound = Duration::from_secs(2);
        assert_eq!(after_failures(bound, 1, 0), Duration::from_millis(125));
        assert_eq!(after_failures(bound, 1, u128::MAX), Duration::from_millis(250));
        assert_eq!(after_failures(bound, 2, u128::MAX), Duration::from_millis(500));
        for failures in [3, 10, 100, u32::MAX] {
            assert_eq!(after_failures(bound, failures, u128::MAX), SLOWEST);
            assert_eq!(after_failures(bound, failures, 0), SLOWEST / 2);
        }
        assert!(before_stream(0) >= Duration::from_millis(50) && before_stream(u128::MAX) <= SLOWEST);
    }
}
