//! What a process has used, from the kernel's own books (Linux `proc(5)`).

use std::io;
use std::time::Duration;

/// CPU time and memory of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) resident_kib: u64,
}

/// Nanoseconds on the CPU are the first number of `schedstat`, for each thread.
impl Usage {
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let mut nanos = 0;
        for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            nanos += text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0u64);
        }
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident_kib = resident
            .and_then(|value| value.trim().strip_suffix("kB"))
            .and_then(|number| number.trim().parse().ok())
            .ok_or_else(|| io::Error::other("no VmRSS"))?;
        Ok(Self { cpu: Duration::from_nanos(nanos), resident_kib })
    }
}
