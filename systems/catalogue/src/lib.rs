//! Catalogue: artists and songs.
//!
//! The smallest system and the template for every other: two nouns in production form are two
//! declarations and a schema file. Everything else (who may, how much, paging, entity tags,
//! the ledger) is the host's.

mod demo;

use std::time::Duration;

use plimsoll::{
    Access, Migration, Result, Role, System,
    host::Boot,
    ledger::Change,
    resource::{Child, Field, Resource},
    retention::{Class, Step},
    route::Routes,
    subject::{Key, Subject, With},
};
use serde_json::json;

/// The system.
pub struct Catalogue;

plimsoll::section! {
    /// The catalogue of artists and songs.
    pub struct Config["catalogue"] {
        /// Tenant (by slug) whose artists and songs anyone may read without a credential; nobody's unless set.
        pub public_read: Option<String> = none,
    }
}

/// Who made the songs.
pub static ARTISTS: Resource = Resource {
    noun: "artist",
    plural: "artists",
    title: "Artist",
    table: "artist",
    fields: &[Field::text("name", 1, 64, "The name as it is printed.").required().sorted().filtered().searched()],
    children: &[Child {
        table: "song",
        column: "artist_id",
        plural: "songs",
        noun: "song",
        read: Access::needs("songs:read", Role::Viewer),
    }],
    read: Access::needs("artists:read", Role::Viewer),
    write: Access::needs("artists:write", Role::Editor),
    cascade: ("artists:cascade", Role::Admin),
    watched: false,
    example: || json!({ "name": "Nina Simone" }),
};

/// The songs.
pub static SONGS: Resource = Resource {
    noun: "song",
    plural: "songs",
    title: "Song",
    table: "song",
    fields: &[
        Field::text("title", 1, 64, "The title as it is printed.").required().sorted().filtered().searched(),
        Field::reference("artist_id", &ARTISTS, "Who made it; null when unknown.").filtered(),
        Field::date("release_date", "When it was first released.").sorted().filtered(),
        Field::url("url", 1024, "Where it can be heard."),
        Field::number("distance", "How far away its star is, in light years.").sorted().filtered(),
    ],
    children: &[],
    read: Access::needs("songs:read", Role::Viewer),
    write: Access::needs("songs:write", Role::Editor),
    cascade: ("songs:cascade", Role::Admin),
    watched: false,
    example: || json!({ "title": "Stars", "artist_id": null, "release_date": "1976-07-03", "url": "https://example.org/stars", "distance": 4.24 }),
};

const YEAR: Duration = Duration::from_secs(365 * 86_400);
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page and what it loads.
const PAGE: &[(&str, &str, &[u8])] = &[
    ("/", "text/html; charset=utf-8", include_bytes!("../page/index.html")),
    ("/assets/catalogue/catalogue.css", "text/css; charset=utf-8", include_bytes!("../page/catalogue.css")),
    ("/assets/catalogue/catalogue.js", SCRIPT, include_bytes!("../page/catalogue.js")),
    ("/assets/catalogue/artist-picker.js", SCRIPT, include_bytes!("../page/artist-picker.js")),
    ("/assets/catalogue/song-form.js", SCRIPT, include_bytes!("../page/song-form.js")),
    ("/assets/catalogue/songs.js", SCRIPT, include_bytes!("../page/songs.js")),
    ("/assets/catalogue/table.js", SCRIPT, include_bytes!("../page/table.js")),
];

impl System for Catalogue {
    const NAME: &'static str = "catalogue";
    const SCHEMA: &'static [Migration] = &[Migration {
        id: "0001_catalogue",
        up: include_str!("../schema/0001_catalogue.up.sql"),
        down: include_str!("../schema/0001_catalogue.down.sql"),
    }];
    type Config = Config;
    /// An artist is a person: the name goes, what the person made stays with its numbers.
    const SUBJECTS: &'static [Subject] = &[Subject::blank("artist", "artist", Key::Number("id"), &[("name", With::Mark)])];
    /// What was deleted can be brought back for a year, and is gone then.
    const RETENTION: &'static [Class] = &[
        Class {
            name: "deleted-songs",
            about: "songs, from their deletion",
            period: YEAR,
            steps: &[Step { table: "song", row: "id", over: "deleted_at < :limit", blank: &[] }],
        },
        Class {
            name: "deleted-artists",
            about: "artists to whom no song refers any more, from their deletion",
            period: YEAR,
            steps: &[Step {
                table: "artist",
                row: "id",
                over: "deleted_at < :limit AND NOT EXISTS \
                       (SELECT 1 FROM song s WHERE s.tenant_id = artist.tenant_id AND s.artist_id = artist.id)",
                blank: &[],
            }],
        },
    ];

    async fn start(_: Config, _: &Boot) -> Result<Catalogue> {
        Ok(Catalogue)
    }

    fn routes(r: &mut Routes<'_, Self>) {
        r.resource(&ARTISTS);
        r.resource(&SONGS);
        for (path, media, bytes) in PAGE {
            r.page(path, media, bytes);
        }
    }

    fn public_read(config: &Config) -> Option<String> {
        config.public_read.clone()
    }

    fn demo(&self, change: &mut Change<'_, '_>) -> Result<()> {
        demo::fill(change)
    }
}
