//! Connection URLs: the same server, another role, another database.

/// `url` with the role, password and database replaced; host, port and parameters stay.
/// The three words go in as they are, so they must not need escaping.
pub(super) fn with(url: &str, role: &str, password: &str, database: &str) -> String {
    let (host, parameters) = server(url);
    format!("postgres://{role}:{password}@{host}/{database}{parameters}")
}

/// `url` with the database replaced and everything else kept.
pub(super) fn at(url: &str, database: &str) -> String {
    let (host, parameters) = server(url);
    match credentials(url) {
        Some(credentials) => format!("postgres://{credentials}@{host}/{database}{parameters}"),
        None => format!("postgres://{host}/{database}{parameters}"),
    }
}

/// Host with port, and the parameters with their question mark.
fn server(url: &str) -> (&str, &str) {
    let (authority, parameters) = split(url);
    (authority.rsplit_once('@').map_or(authority, |(_, host)| host), parameters)
}

fn credentials(url: &str) -> Option<&str> {
    split(url).0.rsplit_once('@').map(|(credentials, _)| credentials)
}

fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (before, parameters) = match rest.find('?') {
        Some(mark) => rest.split_at(mark),
        None => (rest, ""),
    };
    (before.split('/').next().unwrap_or_default(), parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_password_and_database_are_replaced_and_the_rest_stays() {
        let full = "postgresql://admin:p%40ss@db.example:5433/main?application_name=x/y";
        assert_eq!(with(full, "r", "s", "d"), "postgres://r:s@db.example:5433/d?application_name=x/y");
        assert_eq!(at(full, "d"), "postgres://admin:p%40ss@db.example:5433/d?application_name=x/y");
    }

    #[test]
    fn short_urls_work_too() {
        assert_eq!(with("postgres://localhost", "r", "s", "d"), "postgres://r:s@localhost/d");
        assert_eq!(at("postgres://localhost?user=admin", "d"), "postgres://localhost/d?user=admin");
        assert_eq!(at("postgres://admin@[::1]:5432/", "d"), "postgres://admin@[::1]:5432/d");
    }
}
