//! Sample data: songs about stars, and how far away theirs is.

use plimsoll::{Result, bind, ledger::Change};

/// Names of the demo artists, all made up.
const ARTISTS: [&str; 12] = [
    "The Parallax Trio",
    "Mira Vance",
    "Dust Lane Orchestra",
    "Ola Ferrum",
    "Perihelion",
    "Small Hours Choir",
    "Juno Achterberg",
    "Slow Comet",
    "Tidal Lock",
    "Ada Corvus",
    "Redshift Brass",
    "The Night Assistants",
];

/// Title, artist (position above), release date, the star's distance in light years.
const SONGS: [(&str, usize, &str, Option<f64>); 40] = [
    ("Proxima Lullaby", 0, "2011-03-04", Some(4.25)),
    ("Letters to Alpha Centauri", 0, "2011-03-04", Some(4.37)),
    ("Barnard Runs", 0, "2013-09-20", Some(5.96)),
    ("Wolf 359", 1, "2016-05-13", Some(7.86)),
    ("Sirius at the Door", 1, "2016-05-13", Some(8.6)),
    ("Second Sirius", 1, "2018-01-26", Some(8.6)),
    ("Ross 154 Blues", 1, "2018-01-26", Some(9.69)),
    ("Eridani Morning", 2, "2004-10-08", Some(10.5)),
    ("Sixty-One Cygni", 2, "2004-10-08", Some(11.4)),
    ("Procyon Waltz", 2, "2007-02-16", Some(11.46)),
    ("Tau Ceti Station", 2, "2007-02-16", Some(11.9)),
    ("Kapteyn's Exile", 3, "2020-06-19", Some(12.8)),
    ("Seventy Ophiuchi", 3, "2020-06-19", Some(16.6)),
    ("Altair, Spinning", 3, "2022-11-11", Some(16.7)),
    ("Gliese by Heart", 4, "1999-08-11", Some(20.4)),
    ("Fomalhaut", 4, "1999-08-11", Some(25.1)),
    ("Vega in the Window", 4, "2001-07-06", Some(25.0)),
    ("Eclipse Season", 4, "2001-07-06", None),
    ("Pollux Alone", 5, "2014-12-05", Some(33.8)),
    ("Arcturus Going Home", 5, "2014-12-05", Some(36.7)),
    ("Low Winter Capella", 5, "2015-12-04", Some(42.9)),
    ("Castor and Others", 6, "2009-04-24", Some(51.0)),
    ("Aldebaran Drives", 6, "2009-04-24", Some(65.3)),
    ("Regulus Rising", 6, "2012-09-14", Some(79.3)),
    ("The Algol Minimum", 6, "2012-09-14", Some(90.0)),
    ("Alphard", 7, "1987-02-24", Some(177.0)),
    ("Spica Under Glass", 7, "1987-02-24", Some(250.0)),
    ("Mira Breathing", 7, "1990-04-27", Some(300.0)),
    ("Achernar Flat", 7, "1990-04-27", Some(139.0)),
    ("Canopus Pilots", 8, "2019-03-29", Some(310.0)),
    ("Polaris Does Not Move", 8, "2019-03-29", Some(433.0)),
    ("Antares Rival", 8, "2021-08-20", Some(550.0)),
    ("Betelgeuse Dimming", 9, "2020-02-14", Some(548.0)),
    ("When It Goes", 9, "2020-02-14", None),
    ("Rigel for Two", 9, "2023-05-26", Some(860.0)),
    ("Deneb Is Far", 10, "2006-08-24", Some(2600.0)),
    ("Eta Carinae March", 10, "2006-08-24", Some(7500.0)),
    ("Dark Adaptation", 11, "2017-10-16", None),
    ("First Light, Last Shift", 11, "2017-10-16", None),
    ("Clouded Out", 11, "2024-04-08", None),
];

/// Fills a tenant that has no artists yet.
pub(crate) fn fill(change: &mut Change<'_, '_>) -> Result<()> {
    if change.live("artist")? > 0 {
        return Ok(());
    }
    let now = change.now();
    let mut ids = Vec::with_capacity(ARTISTS.len());
    for name in ARTISTS {
        let id = change.born("artist")?;
        change.write(
            "INSERT INTO artist (tenant_id, id, name, version, created_at, updated_at) VALUES (:tenant, :id, :name, 1, :now, :now)",
            bind! { id: id, name: name, now: now },
        )?;
        ids.push(id);
    }
    for (title, artist, date, distance) in SONGS {
        let id = change.born("song")?;
        let slug: String = title
            .chars()
            .filter_map(|c| if c.is_ascii_alphanumeric() { Some(c.to_ascii_lowercase()) } else { (c == ' ').then_some('-') })
            .collect();
        change.write(
            "INSERT INTO song (tenant_id, id, title, artist_id, release_date, url, distance, version, created_at, updated_at) \
             VALUES (:tenant, :id, :title, :artist_id, :release_date, :url, :distance, 1, :now, :now)",
            bind! { id: id, title: title, artist_id: ids[artist], release_date: date, url: format!("https://example.org/listen/{slug}"), distance: distance, now: now },
        )?;
    }
    Ok(())
}
