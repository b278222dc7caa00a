//! Where it ran. What cannot be found out is said to be unknown.

use std::process::Command;

use crate::result::Machine;

/// This machine, with these parts on it.
pub fn this(versions: Vec<(String, String)>) -> Machine {
    let cpuinfo = read("/proc/cpuinfo");
    let processor = cpuinfo.as_deref().and_then(|text| after(text, "model name"));
    let memory = read("/proc/meminfo").as_deref().and_then(|text| after(text, "MemTotal"));
    let kilobytes = memory.and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok());
    let load = read("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok());
    Machine {
        processor: processor.unwrap_or_else(|| format!("unknown ({})", std::env::consts::ARCH)),
        cores: std::thread::available_parallelism()
            .map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        memory: kilobytes.unwrap_or_default() * 1024,
        system: system(),
        versions,
        load_before: load.unwrap_or_default(),
    }
}

/// The version of Node, where it is installed.
pub(crate) fn node() -> Option<String> {
    let output =
        Command::new("node").arg("--version").output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().trim_start_matches('v').to_owned())
}

fn system() -> String {
    let kernel = rustix::system::uname();
    let (name, release) = (kernel.sysname().to_string_lossy(), kernel.release().to_string_lossy());
    let distribution = read("/etc/os-release").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(line.trim_matches('"').to_owned())
    });
    match distribution {
        Some(distribution) => format!("{distribution}, {name} {release}"),
        None => format!("{name} {release}"),
    }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The value of a line `NAME : VALUE`.
fn after(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_name() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2: GHz\n";
        assert_eq!(after(text, "model name").as_deref(), Some("Some CPU @ 2: GHz"));
        assert_eq!(after(text, "model"), None);
        assert!(this(Vec::new()).cores >= 1);
    }
}
