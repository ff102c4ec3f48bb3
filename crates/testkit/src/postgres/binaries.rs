//! Finding PostgreSQL's programs, installing them where that is ours to do, and the account the
//! server runs under.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use crate::place;

/// The directory with `initdb` and `postgres`, their version, and who runs them.
#[derive(Debug)]
pub(super) struct Binaries {
    pub initdb: PathBuf,
    pub postgres: PathBuf,
    /// As `postgres --version` prints it, reduced to letters fit for a file name: `15.14`.
    pub version: String,
    pub account: Account,
}

/// Who runs the server. PostgreSQL refuses to run as root, so root lends it another account.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// Whoever runs the tests.
    Own,
    /// The tests run as root, the server as this account.
    Lent {
        /// The account's name.
        name: &'static str,
        /// Its numeric user id.
        uid: u32,
        /// Its numeric group id.
        gid: u32,
    },
}

impl Binaries {
    /// Finds the programs, after installing them if there are none and this is root on a system
    /// with apt.
    ///
    /// # Errors
    /// One line that says what is missing and how to get it.
    pub fn find() -> Result<Binaries, String> {
        let dir = match search(&places()) {
            Some(dir) => dir,
            None => {
                install()?;
                search(&places()).ok_or("apt-get installed postgresql, but initdb and postgres are still not to be found")?
            }
        };
        let postgres = dir.join("postgres");
        let version = answer(Command::new(&postgres).arg("--version"))?;
        // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
        let version = version.split_whitespace().nth(2).unwrap_or("unknown");
        let version = version.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
        Ok(Binaries { initdb: dir.join("initdb"), postgres, version, account: Account::find()? })
    }
}

impl Account {
    fn find() -> Result<Account, String> {
        if !root()? {
            return Ok(Account::Own);
        }
        if answer(Command::new("setpriv").arg("--version")).is_err() {
            return Err("PostgreSQL does not run as root: run the tests as an ordinary user, or install setpriv (util-linux)".to_owned());
        }
        for name in ["postgres", "nobody"] {
            if let (Ok(uid), Ok(gid)) = (id("-u", Some(name)), id("-g", Some(name))) {
                return Ok(Account::Lent { name, uid, gid });
            }
        }
        Err("PostgreSQL does not run as root, and there is no account postgres or nobody to run it: run the tests as an ordinary user"
            .to_owned())
    }

    /// The account's name in file names; `own` for whoever runs the tests.
    pub fn name(&self) -> &'static str {
        match self {
            Account::Own => "own",
            Account::Lent { name, .. } => name,
        }
    }

    /// A command that runs `program` under this account. Nothing stands between the caller and
    /// the program: its process id is the command's.
    pub fn command(&self, program: &Path) -> Command {
        let words = self.words();
        let mut command = match words.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        // The account may not be able to enter the directory the tests run in.
        command.current_dir("/").env("LC_ALL", "C");
        command
    }

    /// The words before a program that make it run under this account.
    pub fn words(&self) -> Vec<String> {
        match self {
            Account::Own => Vec::new(),
            Account::Lent { uid, gid, .. } => {
                vec!["setpriv".to_owned(), format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned(), "--".to_owned()]
            }
        }
    }

    /// Gives the account the file or directory, which root has just made for it.
    ///
    /// # Errors
    /// One line, when the file system refuses.
    pub fn own(&self, path: &Path) -> Result<(), String> {
        match self {
            Account::Own => Ok(()),
            Account::Lent { uid, gid, .. } => std::os::unix::fs::chown(path, Some(*uid), Some(*gid))
                .map_err(|e| format!("cannot give {} to the account of PostgreSQL: {e}", path.display())),
        }
    }

    /// Whether the account can reach what is in the directory.
    pub fn reaches(&self, dir: &Path) -> bool {
        *self == Account::Own || self.command(Path::new("test")).arg("-x").arg(dir).status().is_ok_and(|status| status.success())
    }
}

/// Directories that may hold the programs, the preferred ones first.
fn places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(|path| env::split_paths(path).collect::<Vec<_>>()).collect();
    places.extend(versions("/usr/lib/postgresql", "bin"));
    places.push("/usr/local/pgsql/bin".into());
    for brew in ["/opt/homebrew/opt", "/usr/local/opt"] {
        places.extend(versions(brew, "bin").into_iter().filter(|dir| dir.to_string_lossy().contains("/postgresql")));
    }
    places
}

/// The directories `dir/*/leaf`, the highest version first.
fn versions(dir: &str, leaf: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let number = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.trim_start_matches(|c: char| !c.is_ascii_digit()).split('.').next().and_then(|major| major.parse::<u32>().ok())
    };
    found.sort_by_key(|path| std::cmp::Reverse(number(path)));
    found.into_iter().map(|path| path.join(leaf)).collect()
}

/// The first of `places` that has both programs.
fn search(places: &[PathBuf]) -> Option<PathBuf> {
    places.iter().find(|dir| dir.is_absolute() && dir.join("initdb").is_file() && dir.join("postgres").is_file()).cloned()
}

/// Installs Debian's package, once however many test processes ask at the same time.
fn install() -> Result<(), String> {
    const MISSING: &str = "PostgreSQL is not installed";
    let apt = env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|dir| dir.join("apt-get").is_file()));
    if !apt || !root()? {
        return Err(format!(
            "{MISSING}: install it (Debian: apt-get install postgresql; macOS: brew install postgresql) or set {} to a superuser's URL",
            super::EXISTING
        ));
    }
    let turn = File::create(place::shared().join("install.lock")).and_then(|file| file.lock().map(|()| file));
    let _turn = turn.map_err(|e| format!("{MISSING}, and the lock for installing it cannot be taken: {e}"))?;
    if search(&places()).is_some() {
        return Ok(());
    }
    for words in [&["update", "-q"][..], &["install", "-y", "-q", "postgresql"][..]] {
        answer(Command::new("apt-get").args(words).env("DEBIAN_FRONTEND", "noninteractive"))
            .map_err(|why| format!("{MISSING}, and installing it failed: {why}"))?;
    }
    Ok(())
}

fn root() -> Result<bool, String> {
    Ok(id("-u", None)? == 0)
}

/// A numeric id of an account, or of whoever runs this.
fn id(flag: &str, account: Option<&str>) -> Result<u32, String> {
    let text = answer(Command::new("id").arg(flag).args(account))?;
    text.trim().parse().map_err(|_| format!("`id {flag}` answered {text:?}"))
}

/// What a command prints; where it fails, one line with the last thing it complained about.
pub(super) fn answer(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(std::process::Stdio::null()).output().map_err(|e| format!("cannot run {name}: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let line = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(format!("{name} failed ({}): {}", output.status, line.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    #[test]
    fn a_directory_counts_only_with_both_programs() {
        let scratch = Scratch::new();
        for (dir, programs) in [("half", &["initdb"][..]), ("whole", &["initdb", "postgres"][..])] {
            fs::create_dir(scratch.join(dir)).unwrap();
            for program in programs {
                fs::write(scratch.join(dir).join(program), "").unwrap();
            }
        }
        assert_eq!(search(&[scratch.join("none"), scratch.join("half")]), None);
        assert_eq!(search(&[scratch.join("half"), scratch.join("whole")]), Some(scratch.join("whole")));
    }

    #[test]
    fn the_highest_version_comes_first() {
        let scratch = Scratch::new();
        for version in ["9.6", "15", "notes", "17"] {
            fs::create_dir(scratch.join(version)).unwrap();
        }
        let found = versions(scratch.path().to_str().unwrap(), "bin");
        assert_eq!(found, ["17", "15", "9.6", "notes"].map(|version| scratch.join(version).join("bin")));
    }

    #[test]
    fn a_failed_command_is_one_line_with_its_last_complaint() {
        let why = answer(Command::new("sh").args(["-c", "echo first >&2; echo the disk is full >&2; echo >&2; exit 3"])).unwrap_err();
        assert_eq!(why, "sh failed (exit status: 3): the disk is full");
    }
}
