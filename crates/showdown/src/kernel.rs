//! What the kernel counts of processes: CPU time and memory. `None` where there is no `/proc`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A process and all that descend from it.
pub(crate) fn family(root: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
        if let Some(stat) = Stat::read(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let (mut found, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(pid) = open.pop() {
        if found.insert(pid) {
            open.extend(children.remove(&pid).unwrap_or_default());
        }
    }
    found.into_iter().collect()
}

/// CPU time used so far.
///
/// The kernel counts whole processes in ticks of a hundredth of a second, and single threads to the nanosecond, but only
/// while they live. Where the two agree the finer one is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cpu {
    ticks: Duration,
    living: Duration,
    /// How far the two may differ by the coarseness of the ticks alone.
    coarse: Duration,
}

/// Of these processes. One that is gone counts for nothing.
pub(crate) fn cpu(pids: &[u32]) -> Option<Cpu> {
    let read: Vec<_> = pids.iter().filter_map(|pid| Some((Stat::read(*pid)?, threads(*pid)))).collect();
    let one = |(stat, living): &(Stat, Duration)| Cpu {
        ticks: in_time(stat.own),
        living: *living,
        coarse: in_time(2),
    };
    (!read.is_empty()).then(|| read.iter().map(one).fold(Cpu::default(), Cpu::plus))
}

/// Of the children of a process which have ended, and of itself.
pub(crate) fn cpu_with_the_dead(pid: u32) -> Option<Cpu> {
    let stat = Stat::read(pid)?;
    let reaped = in_time(stat.reaped);
    Some(Cpu { ticks: in_time(stat.own) + reaped, living: threads(pid) + reaped, coarse: in_time(2) })
}

impl Cpu {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            ticks: self.ticks + other.ticks,
            living: self.living + other.living,
            coarse: self.coarse + other.coarse,
        }
    }

    /// A figure that somebody else has counted.
    pub(crate) const fn exactly(used: Duration) -> Self {
        Self { ticks: used, living: used, coarse: Duration::ZERO }
    }

    /// What was used since.
    pub(crate) fn since(self, before: Self) -> Option<Duration> {
        let ticks = self.ticks.checked_sub(before.ticks)?;
        let agreeing = |living: &Duration| living.abs_diff(ticks) <= self.coarse.max(before.coarse);
        Some(self.living.checked_sub(before.living).filter(agreeing).unwrap_or(ticks))
    }
}

fn threads(pid: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

fn in_time(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// The memory that these processes hold, in bytes.
pub(crate) fn resident(pids: &[u32]) -> Option<u64> {
    let one = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    };
    let found: Vec<u64> = pids.iter().filter_map(one).collect();
    (!found.is_empty()).then(|| found.iter().sum::<u64>() * 1024)
}

/// What a process is called.
pub(crate) fn name(pid: u32) -> Option<String> {
    Some(std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned())
}

/// Who started a process.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    Stat::read(pid).map(|stat| stat.parent)
}

/// The part of `/proc/PID/stat` that is wanted, in ticks.
struct Stat {
    parent: u32,
    own: u64,
    reaped: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name may hold spaces and parentheses: what follows the last one counts.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: number(11)? + number(12)?,
            reaped: number(13)? + number(14)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_misleads_nobody() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 110 20 3000 400 20 0 1 0 5 6";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.parent, stat.own, stat.reaped), (7, 130, 3400));
        assert!(Stat::parse("42 (cut").is_none() && Stat::parse("").is_none());
    }

    #[test]
    fn the_finer_count_is_believed_where_both_agree() {
        let millis = Duration::from_millis;
        let at = |ticks, living| Cpu { ticks: millis(ticks), living: millis(living), coarse: millis(20) };
        assert_eq!(at(110, 119).since(at(10, 13)), Some(millis(106)));
        // A thread that ended took its count with it.
        assert_eq!(at(110, 50).since(at(10, 13)), Some(millis(100)));
        assert_eq!(at(110, 5).since(at(10, 13)), Some(millis(100)));
        assert_eq!(at(10, 13).since(at(110, 119)), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_in_its_own_family_and_has_memory() {
        let (pid, parent) = (std::process::id(), parent(std::process::id()).unwrap());
        assert!(family(pid).contains(&pid) && family(parent).contains(&pid));
        assert!(!family(pid).contains(&parent));
        assert!(resident(&[pid]).unwrap() > 64 * 1024 && cpu(&[pid]).is_some());
        assert_eq!((cpu(&[]), resident(&[])), (None, None));
    }
}
