//! What the operating system knows about this process. Read when asked, from `/proc`; elsewhere
//! than on Linux the figures are left out rather than guessed.

use super::exposition::Page;

/// Clock ticks a second in `/proc/self/stat`: fixed by Linux' interface to programs.
const TICKS: f64 = 100.0;

/// Writes memory, processor time and open files.
pub fn write(page: &mut Page) {
    if let Some(bytes) = resident() {
        page.gauge("process_resident_memory_bytes", "Memory in use.", bytes);
    }
    if let Some(seconds) = cpu() {
        page.family("process_cpu_seconds_total", "counter", "Processor time spent, in the process and for it.");
        page.sample("process_cpu_seconds_total", &[], seconds);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        // Reading the directory holds it open itself.
        page.gauge("process_open_fds", "Open files and connections.", open.count().saturating_sub(1));
    }
}

fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

fn cpu() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything, spaces and parentheses included.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<f64>().ok()?, fields.next()?.parse::<f64>().ok()?);
    Some((user + system) / TICKS)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_has_memory_time_and_files() {
        assert!(resident().unwrap() > 1 << 20);
        assert!(cpu().is_some());
        let mut page = Page::default();
        write(&mut page);
        assert!(page.text().contains("process_open_fds "));
    }
}
