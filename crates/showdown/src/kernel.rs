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

/// The CPU time that these processes have used so far. One that is gone counts for nothing.
pub(crate) fn cpu(pids: &[u32]) -> Option<Duration> {
    sum(pids, |stat| stat.own)
}

/// The same with that of their children which have ended.
pub(crate) fn cpu_with_the_dead(pid: u32) -> Option<Duration> {
    sum(&[pid], |stat| stat.own + stat.reaped)
}

fn sum(pids: &[u32], ticks: impl Fn(&Stat) -> u64) -> Option<Duration> {
    let read: Vec<_> = pids.iter().filter_map(|pid| Stat::read(*pid)).collect();
    let per_second = rustix::param::clock_ticks_per_second();
    let ticks: u64 = read.iter().map(ticks).sum();
    (!read.is_empty()).then(|| Duration::from_secs_f64(ticks as f64 / per_second as f64))
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
