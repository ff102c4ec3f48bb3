//! Escalation rules: what becomes of an alert besides what the configuration says.

use plimsoll::{
    Code, Ctx, FromRow, Read, Result, Row, Time, Tx, bind,
    ledger::Change,
    route::{Json, Path},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Retention, models::Level};

/// An active rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub id: i64,
    pub alert_type: Option<String>,
    pub min_severity: Option<Level>,
    pub from_level: f64,
    pub facility: Option<String>,
    pub set_severity: Option<Level>,
    pub assign_to: Option<String>,
    pub next_in_hours: Option<f64>,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked<'a> {
    pub alert_type: &'a str,
    pub severity: Level,
    pub level: i64,
    pub facility: Option<&'a str>,
}

/// What rules make of an alert.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub(super) struct Effect {
    /// At least this severe.
    pub severity: Option<Level>,
    /// Given to this person.
    pub assign_to: Option<String>,
    /// Escalates after so many hours.
    pub next_in_hours: Option<f64>,
}

const RULES: &str = "SELECT id, alert_type, min_severity, from_level, facility, set_severity, assign_to, next_in_hours FROM escalation_rule \
     WHERE tenant_id = :tenant AND deleted_at IS NULL";

impl FromRow for Rule {
    fn from_row(row: &Row<'_>) -> Result<Rule> {
        let level = |column: usize| -> Result<Option<Level>> { Ok(row.get::<Option<String>>(column)?.as_deref().and_then(Level::named)) };
        Ok(Rule {
            id: row.get(0)?,
            alert_type: row.get(1)?,
            min_severity: level(2)?,
            from_level: row.get::<Option<f64>>(3)?.unwrap_or(0.0),
            facility: row.get(4)?,
            set_severity: level(5)?,
            assign_to: row.get(6)?,
            next_in_hours: row.get(7)?,
        })
    }
}

impl Rule {
    /// What keeps it from acting on an alert; nothing if it acts.
    pub fn refuses(&self, alert: Looked<'_>) -> Option<&'static str> {
        if self.alert_type.as_deref().is_some_and(|wanted| wanted != alert.alert_type) {
            Some("another kind of alert")
        } else if self.min_severity.is_some_and(|least| alert.severity < least) {
            Some("not severe enough")
        } else if (alert.level as f64) < self.from_level {
            Some("not escalated often enough")
        } else if self.facility.as_deref().is_some_and(|wanted| alert.facility != Some(wanted)) {
            Some("another facility")
        } else {
            None
        }
    }

    fn effect(&self) -> Effect {
        Effect { severity: self.set_severity, assign_to: self.assign_to.clone(), next_in_hours: self.next_in_hours }
    }
}

/// The active rules, those that count most first.
pub(super) fn active(tx: &Tx<'_>) -> Result<Vec<Rule>> {
    let mut sql = plimsoll::Sql::from(RULES);
    sql.push(" AND active = 'yes' ORDER BY CASE priority WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END, id");
    tx.rows(sql, bind! {})
}

/// What all rules together make of an alert, and which of them had a part in it.
pub(super) fn effect(rules: &[Rule], alert: Looked<'_>) -> (Effect, Vec<i64>) {
    let (mut all, mut by) = (Effect::default(), Vec::new());
    for rule in rules.iter().filter(|rule| rule.refuses(alert).is_none()) {
        let one = rule.effect();
        all.severity = all.severity.max(one.severity);
        all.assign_to = all.assign_to.or(one.assign_to);
        all.next_in_hours = all.next_in_hours.or(one.next_in_hours);
        by.push(rule.id);
    }
    // A rule makes graver, never lighter.
    all.severity = all.severity.filter(|severity| *severity > alert.severity);
    (all, by)
}

/// Keeps count of what rules have done.
pub(super) fn count(change: &mut Change<'_, '_>, by: &[i64]) -> Result<()> {
    let day = crate::score::today(change.now()).to_string();
    for id in by {
        change.write(
            "UPDATE escalation_rule SET trigger_count = trigger_count + 1, last_triggered = :day WHERE tenant_id = :tenant AND id = :id",
            bind! { id: *id, day: day },
        )?;
    }
    Ok(())
}

/// On what a rule is tried.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    /// On this alert; on every open one unless said.
    #[serde(default)]
    #[schemars(range(min = 1))]
    alert_id: Option<i64>,
}

/// What a rule would do; nothing was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tried {
    /// Alerts looked at.
    looked_at: usize,
    /// Those it would act on, at most a thousand.
    matched: Vec<i64>,
    /// What it would make of them.
    effect: Effect,
    /// Why it would not act, where one alert was asked for.
    because: Option<&'static str>,
}

pub(super) async fn dry_run(ctx: Ctx<Retention, Read>, (Path(id), Json(trial)): (Path<i64>, Json<Trial>)) -> Result<Json<Tried>> {
    type Line = (i64, String, String, i64, Option<String>);
    const OPEN: &str = "SELECT a.id, a.alert_type, a.severity, a.escalation_level, p.facility FROM alert a \
         JOIN patient p ON p.tenant_id = :tenant AND p.id = a.patient_id AND p.deleted_at IS NULL \
         WHERE a.tenant_id = :tenant AND a.status IN ('active', 'acknowledged') AND (:id = 0 OR a.id = :id) ORDER BY a.id LIMIT 1000";
    let one = trial.alert_id;
    let (rule, alerts): (Rule, Vec<Line>) = ctx
        .read(move |tx| {
            let mut sql = plimsoll::Sql::from(RULES);
            sql.push(" AND id = :id");
            let rule =
                tx.maybe(sql, bind! { id: id })?.ok_or_else(|| Code::NotFound.because(format!("there is no escalation rule {id}")))?;
            Ok((rule, tx.rows(OPEN, bind! { id: one.unwrap_or(0) })?))
        })
        .await?;
    if let (Some(id), true) = (one, alerts.is_empty()) {
        return Err(Code::NotFound.because(format!("there is no open alert {id}")));
    }
    let (mut matched, mut because) = (Vec::new(), None);
    for (id, alert_type, severity, level, facility) in &alerts {
        let severity = Level::named(severity).unwrap_or(Level::Low);
        match rule.refuses(Looked { alert_type, severity, level: *level, facility: facility.as_deref() }) {
            None => matched.push(*id),
            Some(why) => because = one.map(|_| why),
        }
    }
    ctx.seen("alerts", json!({ "dry_run": id, "ids": matched })).await?;
    Ok(Json(Tried { looked_at: alerts.len(), matched, effect: rule.effect(), because }))
}

/// When an alert escalates next.
pub(super) fn next(now: Time, effect: &Effect, usually: std::time::Duration) -> Time {
    now.plus(effect.next_in_hours.map_or(usually, |hours| std::time::Duration::from_secs_f64(hours.clamp(0.25, 8760.0) * 3600.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: i64) -> Rule {
        Rule {
            id,
            alert_type: None,
            min_severity: None,
            from_level: 0.0,
            facility: None,
            set_severity: None,
            assign_to: None,
            next_in_hours: None,
        }
    }
    const ALERT: Looked<'_> = Looked { alert_type: "missed_visit", severity: Level::High, level: 1, facility: Some("F-1") };

    #[test]
    fn a_rule_acts_only_where_all_it_asks_for_is_so() {
        assert_eq!(rule(1).refuses(ALERT), None);
        assert!(Rule { alert_type: Some("clinical_alert".into()), ..rule(1) }.refuses(ALERT).is_some());
        assert!(Rule { min_severity: Some(Level::Critical), ..rule(1) }.refuses(ALERT).is_some());
        assert!(Rule { from_level: 2.0, ..rule(1) }.refuses(ALERT).is_some());
        assert!(Rule { facility: Some("F-2".into()), ..rule(1) }.refuses(ALERT).is_some());
        let all = Rule {
            alert_type: Some("missed_visit".into()),
            min_severity: Some(Level::High),
            from_level: 1.0,
            facility: Some("F-1".into()),
            ..rule(1)
        };
        assert_eq!(all.refuses(ALERT), None);
    }

    #[test]
    fn of_several_rules_the_first_counts_and_none_makes_an_alert_lighter() {
        let first = Rule { assign_to: Some("usr_a".into()), set_severity: Some(Level::Medium), ..rule(1) };
        let second = Rule { assign_to: Some("usr_b".into()), next_in_hours: Some(4.0), ..rule(2) };
        let (made, by) = effect(&[first.clone(), second.clone()], ALERT);
        assert_eq!(made, Effect { severity: None, assign_to: Some("usr_a".into()), next_in_hours: Some(4.0) });
        assert_eq!(by, [1, 2]);
        let graver = Rule { set_severity: Some(Level::Critical), ..rule(3) };
        assert_eq!(effect(&[first, second, graver], ALERT).0.severity, Some(Level::Critical));
    }
}
