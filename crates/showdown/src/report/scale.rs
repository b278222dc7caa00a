//! Where a value lies on an axis, in percent of its length, and where the axis is labelled.

/// An axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    /// From 0.
    Linear {
        /// Its far end.
        max: f64,
    },
    /// Equal ratios are equally long.
    Log {
        /// Its near end, more than 0.
        min: f64,
        /// Its far end.
        max: f64,
    },
}

impl Scale {
    /// From 0 to what is just above all of these.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>) -> Self {
        let max = finite(values).fold(0.0, f64::max);
        let max = if max > 0.0 { max } else { 1.0 };
        let step = step(max);
        Self::Linear { max: (max / step).ceil() * step }
    }

    /// From just below to just above these, as far as they are more than 0.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let (min, max) = finite(values)
            .filter(|&value| value > 0.0)
            .fold((f64::MAX, 0.0), |(min, max): (f64, f64), value| (min.min(value), max.max(value)));
        if max <= 0.0 {
            return Self::Log { min: 1.0, max: 10.0 };
        }
        let min = round(min, false);
        let max = round(max, true);
        Self::Log { min, max: if max > min { max } else { min * 10.0 } }
    }

    /// Percent of the length; what lies outside is put at the end.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let part = match *self {
            Self::Linear { max } => value / max,
            Self::Log { min, max } => (value.max(min) / min).ln() / (max / min).ln(),
        };
        if part.is_finite() { part.clamp(0.0, 1.0) * 100.0 } else { 0.0 }
    }

    /// Where labels stand.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        match *self {
            Self::Linear { max } => {
                let step = step(max);
                (0..=8).map(|at| f64::from(at) * step).filter(|&tick| tick <= max * 1.001).collect()
            }
            Self::Log { min, max } => {
                let decades = steps(min, max, &[1.0]);
                match decades.len() {
                    0..=2 => steps(min, max, &[1.0, 2.0, 5.0]),
                    3..=6 => decades,
                    more => decades.into_iter().step_by(more.div_ceil(6)).collect(),
                }
            }
        }
    }
}

fn finite(values: impl IntoIterator<Item = f64>) -> impl Iterator<Item = f64> {
    values.into_iter().filter(|value| value.is_finite())
}

/// 1, 2 or 5 times a power of ten, so that an axis has three to five of them.
fn step(max: f64) -> f64 {
    let power = 10f64.powf((max / 5.0).log10().floor());
    let rest = max / 5.0 / power;
    power
        * match rest {
            _ if rest <= 1.0 => 1.0,
            _ if rest <= 2.0 => 2.0,
            _ if rest <= 5.0 => 5.0,
            _ => 10.0,
        }
}

/// The next 1, 2 or 5 times a power of ten, up or down.
fn round(value: f64, up: bool) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let rest = value / power;
    let near = [1.0, 2.0, 5.0, 10.0];
    let found = if up {
        near.into_iter().find(|&step| step >= rest * 0.999)
    } else {
        near.into_iter().rev().find(|&step| step <= rest * 1.001)
    };
    power * found.unwrap_or(1.0)
}

fn steps(min: f64, max: f64, of: &[f64]) -> Vec<f64> {
    let mut ticks = Vec::new();
    let mut power = 10f64.powf(min.log10().floor());
    while power <= max * 1.001 {
        ticks.extend(of.iter().map(|step| step * power));
        power *= 10.0;
    }
    ticks.retain(|&tick| tick >= min * 0.999 && tick <= max * 1.001);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(ticks: &[f64]) -> Vec<f64> {
        ticks.iter().map(|tick| (tick * 1000.0).round() / 1000.0).collect()
    }

    #[test]
    fn a_linear_axis_begins_at_nothing_and_ends_on_a_tick() {
        let scale = Scale::linear([3.0, 41.0]);
        assert_eq!(rounded(&scale.ticks()), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        assert_eq!((scale.at(0.0), scale.at(25.0), scale.at(50.0)), (0.0, 50.0, 100.0));
        assert_eq!(Scale::linear([]).at(f64::NAN), 0.0);
    }

    #[test]
    fn a_log_axis_gives_equal_room_to_equal_ratios() {
        let scale = Scale::log([1.0, 10_000.0]);
        assert_eq!(rounded(&scale.ticks()), [1.0, 10.0, 100.0, 1000.0, 10_000.0]);
        assert!((scale.at(100.0) - 50.0).abs() < 1e-9);
        assert_eq!((scale.at(0.0), scale.at(1e9)), (0.0, 100.0));
    }

    #[test]
    fn a_short_log_axis_has_ticks_between_the_powers() {
        assert_eq!(rounded(&Scale::log([70.0, 130.0]).ticks()), [50.0, 100.0, 200.0]);
        assert_eq!(Scale::log([]).ticks().first(), Some(&1.0));
        assert!(Scale::log([5.0]).ticks().len() > 1);
    }

    #[test]
    fn a_long_log_axis_is_not_crowded() {
        assert!(Scale::log([0.001, 1e12]).ticks().len() <= 6);
    }
}
