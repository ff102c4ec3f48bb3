//! Where a service listens when it is not where it was told to: for the sentence that says so.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
};

/// The ports on which processes of a group listen, as far as the system tells (`/proc`).
pub fn ports(group: i32) -> BTreeSet<u16> {
    let sockets: HashSet<u64> = members(group).flat_map(sockets).collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    tables
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(listener)
        .filter(|(_, socket)| sockets.contains(socket))
        .map(|(port, _)| port)
        .collect()
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

/// Port and socket number of a line of the system's table, if the socket listens (state 0A).
fn listener(line: &str) -> Option<(u16, u64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let port = fields.get(1)?.rsplit_once(':')?.1;
    (*fields.get(3)? == "0A").then_some(())?;
    Some((u16::from_str_radix(port, 16).ok()?, fields.get(9)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_line_is_told_from_a_connection() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        let listens = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0";
        let connected = listens.replace(" 0A ", " 01 ");
        assert_eq!(listener(listens), Some((8080, 4711)));
        assert_eq!(listener(&connected), None);
        assert_eq!(listener(head), None);
    }
}
