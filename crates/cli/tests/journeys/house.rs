//! A running server, its tenants, and those who call it.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use http::Method;
use plimsoll_testkit::{
    Db,
    both::Ground,
    http::{Client, Reply, Request},
    postgres,
    process::{Plimsoll, Running},
};
use serde_json::{Value, json};

/// A page of this origin may call the shared server.
pub const FRIEND: &str = "https://friend.example";
/// With this in the environment every server keeps a change log, so that a statement which the
/// log cannot record fails the journey that runs it.
const LOGGED: &str = "PLIMSOLL_TEST_POINT_IN_TIME";
/// A password that every rule accepts.
pub const PASSWORD: &str = "nine grey lanterns drift";

static COUNT: AtomicU32 = AtomicU32::new(1);

/// A number that no other test of this process has.
pub fn unique() -> u32 {
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// A server, the command line beside it, and the ground both stand on.
pub struct House {
    pub running: Running,
    pub plimsoll: Plimsoll,
    pub ground: Ground,
}

/// The server that tests of one database share. Limits that would make tests meet are off, and
/// callers say in `X-Forwarded-For` who they are, so that each has an address of its own.
pub fn house(db: Db) -> &'static House {
    static SQLITE: OnceLock<House> = OnceLock::new();
    static POSTGRES: OnceLock<House> = OnceLock::new();
    let shared = match db {
        Db::Sqlite => &SQLITE,
        Db::Postgres => &POSTGRES,
    };
    // On a thread of its own: a test's runtime cannot block on another one.
    shared.get_or_init(|| {
        std::thread::scope(|scope| {
            let start = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(House::open(db, &[("PLIMSOLL_CORS__ORIGINS", FRIEND)], &[]))
            });
            start.join().unwrap()
        })
    })
}

impl House {
    /// Starts a server on fresh ground, with further settings and arguments.
    pub async fn open(db: Db, settings: &[(&str, &str)], arguments: &[&str]) -> House {
        House::on(db.ground(), settings, arguments).await
    }

    /// Starts a server on this ground.
    pub async fn on(ground: Ground, settings: &[(&str, &str)], arguments: &[&str]) -> House {
        let mut plimsoll = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).on(&ground).env("PLIMSOLL_SERVER__TRUSTED_PROXIES", "127.0.0.1");
        for policy in ["ADDRESS", "PRINCIPAL", "TENANT", "WRITE", "AUTH"] {
            plimsoll = plimsoll.env(format!("PLIMSOLL_LIMITS__{policy}"), "off");
        }
        if std::env::var_os(LOGGED).is_some() {
            plimsoll = plimsoll.env("PLIMSOLL_ARCHIVE__POINT_IN_TIME", "true").env("PLIMSOLL_ARCHIVE__SHIP_EVERY", "500ms");
        }
        for (name, value) in settings {
            plimsoll = plimsoll.env(name, value);
        }
        // A server may apply migrations on PostgreSQL only when it is told to.
        let plimsoll = plimsoll.args(["--migrate"]).args(arguments);
        let running = plimsoll.start().await;
        House { running, plimsoll, ground }
    }

    /// A caller without credential, from an address nobody else uses.
    pub fn stranger(&self) -> Caller {
        let n = unique();
        Caller { client: self.running.client(), address: format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255) }
    }

    /// Runs a command that must succeed, and gives back what it prints as JSON.
    pub async fn command(&self, words: &[&str]) -> Value {
        self.plimsoll.run(words.iter().copied().chain(["--json"])).await.expect(0).json()
    }

    /// A new tenant with an owner's key, both made with the command line.
    pub async fn tenant(&self) -> Tenant<'_> {
        // Long enough not to be found by chance in an entity tag or an id.
        let slug = format!("own-{}-tenant", unique());
        let made = self.command(&["tenant", "create", &slug]).await;
        let key = self.command(&["key", "create", "--tenant", &slug, "--role", "owner"]).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let owner = self.stranger().with(key["key"].as_str().unwrap());
        Tenant { house: self, slug, id, owner }
    }

    /// Asks the database behind the server's back; every column as text, null as `~`.
    pub fn look(&self, sql: &str) -> Vec<Vec<String>> {
        match &self.ground.database {
            None => {
                let database = self.sqlite();
                let mut statement = database.prepare(sql).unwrap();
                let width = statement.column_count();
                let rows = statement.query_map([], |row| (0..width).map(|at| Ok(text_of(row.get_ref(at)?))).collect());
                rows.unwrap().collect::<Result<_, _>>().unwrap()
            }
            Some(database) => postgres::query(&database.superuser_url, |client| {
                let found = client.simple_query(sql)?;
                Ok(found
                    .iter()
                    .filter_map(|message| match message {
                        ::postgres::SimpleQueryMessage::Row(row) => {
                            Some((0..row.len()).map(|at| row.get(at).unwrap_or("~").to_owned()).collect())
                        }
                        _ => None,
                    })
                    .collect())
            }),
        }
    }

    /// Changes the database behind the server's back; how many rows.
    pub fn meddle(&self, sql: &str) -> u64 {
        match &self.ground.database {
            None => self.sqlite().execute(sql, []).unwrap() as u64,
            Some(database) => postgres::query(&database.superuser_url, |client| client.execute(sql, &[])),
        }
    }

    fn sqlite(&self) -> rusqlite::Connection {
        let database = rusqlite::Connection::open(self.ground.data.join("plimsoll.db")).unwrap();
        database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        database
    }
}

fn text_of(value: rusqlite::types::ValueRef<'_>) -> String {
    use rusqlite::types::ValueRef::{Blob, Integer, Null, Real, Text};
    match value {
        Null => "~".to_owned(),
        Integer(number) => number.to_string(),
        Real(number) => number.to_string(),
        Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Blob(bytes) => format!("{bytes:?}"),
    }
}

/// Somebody with an address, and perhaps a credential.
#[derive(Clone)]
pub struct Caller {
    client: Client,
    pub address: String,
}

impl Caller {
    /// The same caller with this key or access token.
    pub fn with(&self, credential: &str) -> Caller {
        Caller { client: self.client.with_bearer(credential), address: self.address.clone() }
    }
    /// The same caller at another server.
    pub fn at(&self, client: Client) -> Caller {
        Caller { client, address: self.address.clone() }
    }
    pub fn request(&self, method: Method, path: &str) -> Request {
        self.client.request(method, path).header("x-forwarded-for", &self.address)
    }
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }
    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }
    pub fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }
    pub fn patch(&self, path: &str) -> Request {
        self.request(Method::PATCH, path)
    }
    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Makes a song or an artist that must be accepted; its id.
    pub async fn make(&self, plural: &str, body: Value) -> i64 {
        self.post(&format!("/v1/{plural}")).json(body).await.expect(201).at("/id").as_i64().unwrap()
    }

    /// Makes many that must all be accepted; their ids.
    pub async fn make_many(&self, plural: &str, bodies: Vec<Value>) -> Vec<i64> {
        let made = self.post(&format!("/v1/{plural}/bulk")).json(json!({ "items": bodies })).await.expect(201).json();
        made["results"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
    }

    /// The ids in a list's answer.
    pub async fn ids(&self, path: &str) -> Vec<i64> {
        ids(&self.get(path).await.expect(200))
    }
}

/// The ids of the items of a list.
#[track_caller]
pub fn ids(reply: &Reply) -> Vec<i64> {
    reply.at("/items").as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

/// The pointers of a problem's faults.
#[track_caller]
pub fn pointers(reply: &Reply) -> Vec<String> {
    let problem = reply.json();
    problem["errors"].as_array().into_iter().flatten().map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect()
}

/// A tenant and its owner's key.
pub struct Tenant<'h> {
    pub house: &'h House,
    pub slug: String,
    pub id: String,
    pub owner: Caller,
}

/// A member of a tenant.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub tenant: String,
}

/// A login: the tokens, and a caller that shows the access token.
pub struct Login {
    pub caller: Caller,
    pub access: String,
    pub refresh: String,
}

impl Tenant<'_> {
    /// A key with this role.
    pub async fn key(&self, role: &str) -> Caller {
        self.key_of(json!({ "name": role, "role": role })).await.1
    }

    /// A key as the body asks for; its id and a caller that shows it.
    pub async fn key_of(&self, body: Value) -> (String, Caller) {
        let made = self.owner.post("/v1/keys").json(body).await.expect(201);
        (made.str("/id"), self.house.stranger().with(&made.str("/secret")))
    }

    /// A member with this role and [`PASSWORD`].
    pub async fn person(&self, role: &str) -> Person {
        let email = format!("p{}@example.org", unique());
        let made = self.owner.post("/v1/users").json(json!({ "email": email, "role": role, "password": PASSWORD })).await.expect(201);
        Person { id: made.str("/id"), email, tenant: self.slug.clone() }
    }

    /// Logs a member in.
    pub async fn login(&self, person: &Person) -> Login {
        let from = self.house.stranger();
        let reply = from.post("/v1/auth/login").json(person.credentials()).await.expect(200);
        Login::of(&from, &reply)
    }
}

impl Person {
    /// The body of a login.
    pub fn credentials(&self) -> Value {
        json!({ "email": self.email, "password": PASSWORD, "tenant": self.tenant })
    }
}

impl Login {
    /// The tokens in an answer of login or refresh.
    pub fn of(from: &Caller, reply: &Reply) -> Login {
        let access = reply.str("/access_token");
        Login { caller: from.with(&access), access, refresh: reply.str("/refresh_token") }
    }
}

/// The root of the repository.
pub fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
