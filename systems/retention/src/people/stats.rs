//! How many people there are, in numbers that name nobody.

use plimsoll::{Ctx, Read, Result, Tx, bind, route::Json};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Retention, record::Day, score};

/// Bands of age: the first year of each and its name.
const BANDS: [(i32, &str); 5] = [(0, "0-17"), (18, "18-34"), (35, "35-54"), (55, "55-74"), (75, "75+")];

/// People by something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Count {
    /// By which value; null where it is not known.
    pub value: Option<String>,
    /// How many people.
    pub people: i64,
}

/// How many people.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Stats {
    /// All of them.
    pub total: i64,
    /// Those with a number to call.
    pub with_phone: i64,
    /// By sex.
    pub by_gender: Vec<Count>,
    /// By age in whole years.
    pub by_age: Vec<Count>,
    /// By state or province.
    pub by_state: Vec<Count>,
    /// By facility.
    pub by_facility: Vec<Count>,
}

macro_rules! by {
    ($column:literal) => {
        concat!(
            "SELECT ",
            $column,
            ", COUNT(*) FROM patient WHERE tenant_id = :tenant AND deleted_at IS NULL GROUP BY ",
            $column,
            " ORDER BY 2 DESC, 1"
        )
    };
}
const AGES: &str = "SELECT CASE WHEN birthdate IS NULL THEN -1 WHEN birthdate > :b1 THEN 0 WHEN birthdate > :b2 THEN 1 \
     WHEN birthdate > :b3 THEN 2 WHEN birthdate > :b4 THEN 3 ELSE 4 END AS band, COUNT(*) FROM patient \
     WHERE tenant_id = :tenant AND deleted_at IS NULL GROUP BY 1 ORDER BY 1";

fn by(tx: &Tx<'_>, sql: &'static str) -> Result<Vec<Count>> {
    let rows: Vec<(Option<String>, i64)> = tx.rows(sql, bind! {})?;
    Ok(rows.into_iter().map(|(value, people)| Count { value, people }).collect())
}

/// Whoever was born after this day is younger than so many years. As text it need not be a day of the
/// calendar: who was born on a 29th of February grows older on the 1st of March.
pub(crate) fn border(today: Day, years: i32) -> String {
    let text = today.to_string();
    format!("{:04}{}", today.year() - years, &text[4..])
}

pub async fn stats(ctx: Ctx<Retention, Read>, (): ()) -> Result<Json<Stats>> {
    let today = score::today(ctx.now());
    ctx.read(move |tx| {
        let (total, with_phone): (i64, i64) =
            tx.row("SELECT COUNT(*), COUNT(phone) FROM patient WHERE tenant_id = :tenant AND deleted_at IS NULL", bind! {})?;
        let [_, b1, b2, b3, b4] = BANDS.map(|(years, _)| border(today, years));
        let ages: Vec<(i64, i64)> = tx.rows(AGES, bind! { b1: b1, b2: b2, b3: b3, b4: b4 })?;
        let band = |at: i64| usize::try_from(at).ok().and_then(|at| BANDS.get(at)).map(|(_, name)| (*name).to_owned());
        Ok(Stats {
            total,
            with_phone,
            by_gender: by(tx, by!("gender"))?,
            by_age: ages.into_iter().map(|(at, people)| Count { value: band(at), people }).collect(),
            by_state: by(tx, by!("state"))?,
            by_facility: by(tx, by!("facility"))?,
        })
    })
    .await
    .map(Json)
}
