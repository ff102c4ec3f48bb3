//! A PostgreSQL server for these tests alone.
//!
//! A shell starts it and waits on a pipe for commands: when the tests end, however they end, the
//! pipe closes, and the shell stops the server and removes its folder.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

const SCRIPT: &str = r#"
bin="$1"; port="$2"; dir=$(mktemp -d); p=
end() { [ -z "$p" ] || { kill -INT $p; wait $p; p=; }; }
"$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 || { cat "$dir/log"; rm -rf "$dir"; exit 1; }
echo made
while read -r word more; do
  case "$word" in
    start) "$bin/postgres" -D "$dir/data" -c listen_addresses=127.0.0.1 -c port="$port" -c unix_socket_directories="$dir" \
             -c max_connections=200 $more >>"$dir/log" 2>&1 & p=$!; echo started ;;
    stop) end; echo stopped ;;
    put) printf '%b' "${more#* }" >"$dir/data/${more%% *}"; chmod 600 "$dir/data/${more%% *}"; echo put ;;
  esac
done
end; rm -rf "$dir"
"#;

/// A running server.
pub struct Server {
    shell: Mutex<(Child, BufReader<ChildStdout>)>,
    port: u16,
}

fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("postgres").exists())
        .collect();
    found.sort();
    found
        .pop()
        .or_else(|| {
            let out = Command::new("sh").args(["-c", "dirname \"$(command -v postgres)\""]).output().ok()?;
            let path = PathBuf::from(String::from_utf8(out.stdout).ok()?.trim());
            path.join("postgres").exists().then_some(path)
        })
        .expect("PostgreSQL's server programs; on Debian: apt-get install postgresql")
}

impl Server {
    /// The server that all tests share.
    pub fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(Server::start)
    }

    /// A server of one's own, ready for connections.
    pub fn start() -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // PostgreSQL refuses to run as root, so root becomes somebody else.
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0\n");
        let mut command = if is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", SCRIPT, "server"]).arg(binaries()).arg(port.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir("/").spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "made\n", "a data folder is made");
        let server = Server { shell: Mutex::new((child, out)), port };
        server.resume("");
        let app = "CREATE ROLE app LOGIN NOSUPERUSER NOBYPASSRLS";
        server.admin(|client| client.batch_execute(app).unwrap());
        server
    }

    fn say(&self, word: &str, answer: &str) {
        let mut shell = self.shell.lock().unwrap();
        writeln!(shell.0.stdin.as_mut().unwrap(), "{word}").unwrap();
        let mut line = String::new();
        shell.1.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), answer);
    }

    /// Stops the server; its data stays.
    pub fn stop(&self) {
        self.say("stop", "stopped");
    }

    /// Puts a text into a file of the data folder.
    pub fn put(&self, name: &str, text: &str) {
        self.say(&format!("put {name} {}", text.replace('\n', "\\n")), "put");
    }

    /// Starts it again with further options, and waits until it answers.
    pub fn resume(&self, options: &str) {
        self.say(&format!("start {options}"), "started");
        let (started, url) = (Instant::now(), self.url("postgres", "postgres"));
        while postgres_answers(&url).is_none() {
            assert!(started.elapsed() < Duration::from_secs(60), "the server starts");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// A new database that belongs to a role without special rights; its address.
    pub fn database(&self) -> String {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let name = format!("scratch_{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {name} OWNER app");
        self.admin(move |client| client.batch_execute(&sql).unwrap());
        self.url("app", &name)
    }

    pub fn admin<T: Send + 'static>(&self, f: impl FnOnce(&mut postgres::Client) -> T + Send + 'static) -> T {
        raw(&self.url("postgres", "postgres"), f)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let shell = self.shell.get_mut().unwrap();
        drop(shell.0.stdin.take());
        let _ = shell.0.wait();
    }
}

fn postgres_answers(url: &str) -> Option<()> {
    let url = url.to_string();
    thread::spawn(move || postgres::Client::connect(&url, postgres::NoTls).ok().map(drop)).join().unwrap()
}

/// A connection that knows nothing of the store. On a thread of its own, because the driver waits
/// with a runtime of its own.
pub fn raw<T: Send + 'static>(url: &str, f: impl FnOnce(&mut postgres::Client) -> T + Send + 'static) -> T {
    let url = url.to_string();
    let done = thread::spawn(move || f(&mut postgres::Client::connect(&url, postgres::NoTls).unwrap())).join();
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
