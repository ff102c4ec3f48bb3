//! Where a service really listens: not every program does what it is told.
//!
//! Two things go wrong. It listens on another port, and nobody knows why it is never ready. Or it
//! listens on the right port of *every* address of the machine, as gunicorn and most programs for
//! Node do when they find `PORT`: then whoever reaches the machine reaches the service past the
//! host, with no credential and no limit. Both can be seen in `/proc`, and both are told.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
};

/// A socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listener {
    port: u16,
    /// Reached from this machine only.
    inside: bool,
    number: u64,
}

/// The ports on which processes of a group listen, as far as the system tells.
pub fn ports(group: i32) -> BTreeSet<u16> {
    listeners(group).map(|listener| listener.port).collect()
}

/// Whether a process of a group can be reached on this port from other machines.
pub fn exposed(group: i32, port: u16) -> bool {
    listeners(group).any(|listener| listener.port == port && !listener.inside)
}

fn listeners(group: i32) -> impl Iterator<Item = Listener> {
    let sockets: HashSet<u64> = members(group).flat_map(sockets).collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let found: Vec<Listener> = tables.iter().flat_map(|table| table.lines()).filter_map(listener).collect();
    found.into_iter().filter(move |listener| sockets.contains(&listener.number))
}

/// The processes of a group.
fn members(group: i32) -> impl Iterator<Item = i32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).filter(move |id| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // State, parent and group follow the name, which stands in parentheses and may contain anything.
        let found = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(2)?.parse::<i32>().ok());
        found == Some(group)
    })
}

/// The numbers of a process's sockets.
fn sockets(process: i32) -> Vec<u64> {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()?.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

/// A line of the system's table, if its socket listens (state 0A).
fn listener(line: &str) -> Option<Listener> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, port) = fields.get(1)?.rsplit_once(':')?;
    (*fields.get(3)? == "0A").then_some(())?;
    Some(Listener { port: u16::from_str_radix(port, 16).ok()?, inside: is_inside(address), number: fields.get(9)?.parse().ok()? })
}

/// Addresses stand there in words of 32 bits, each in the machine's own order of bytes.
fn is_inside(address: &str) -> bool {
    const ONE: [&str; 2] = ["00000000000000000000000001000000", "00000000000000000000000000000001"];
    let four =
        address.strip_prefix("0000000000000000FFFF0000").or_else(|| address.strip_prefix("00000000000000000000FFFF")).unwrap_or(address);
    let four_is_inside = four.len() == 8 && if cfg!(target_endian = "little") { four.ends_with("7F") } else { four.starts_with("7F") };
    four_is_inside || ONE.contains(&address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_line_is_told_from_a_connection() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        let listens = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0";
        let connected = listens.replace(" 0A ", " 01 ");
        assert_eq!(listener(listens), Some(Listener { port: 8080, inside: true, number: 4711 }));
        assert_eq!(listener(&connected), None);
        assert_eq!(listener(head), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn only_loopback_is_inside() {
        for inside in ["0100007F", "3500007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"] {
            assert!(is_inside(inside), "{inside}");
        }
        for outside in ["00000000", "0A00000A", "7F000001", "00000000000000000000000000000000", "0000000000000000FFFF00000A00000A"] {
            assert!(!is_inside(outside), "{outside}");
        }
    }
}
