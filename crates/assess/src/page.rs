//! The text of a practice: a TOML head between `+++` lines, then prose.

use serde::Deserialize;

/// One page, taken apart.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Its name, such as `rate-limit`.
    pub id: String,
    /// A short label.
    pub title: String,
    /// Where it belongs.
    pub category: Category,
    /// How much its absence hurts.
    pub priority: Priority,
    /// Where the priority comes from.
    pub basis: Basis,
    /// How much work it is to add.
    pub effort: Effort,
    /// Its share in a score: 8, 4, 2, 1 by priority, halved where the basis is not the item itself.
    pub weight: f64,
    /// What sort of thing it is, which decides what evidence it needs.
    pub kind: Kind,
    /// The practice this one is a part of.
    pub facet_of: Option<String>,
    /// Which of the five readiness reviews behind the catalogue ask for it.
    pub reviews: Vec<String>,
    /// Who can fix its absence.
    pub repair: Repair,
    /// Where it has a meaning.
    pub applies: Applies,
    /// How it can be checked today.
    pub checked: Checked,
    /// What to do where it is missing, in one sentence.
    pub recommend: String,
    /// The clauses that make it true.
    #[serde(rename = "check")]
    pub checks: Vec<Check>,
    /// How it is found in a repository; absent where nobody can yet.
    #[serde(default)]
    pub detect: Option<crate::detect::Detect>,
    /// The prose below the head, Markdown.
    #[serde(skip)]
    pub body: String,
}

/// A clause of a practice that can be found true or false.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name, unique on the page.
    pub id: String,
    /// What is true when it holds.
    pub says: String,
    /// Why nobody finds out yet, on a page whose other checks have a probe.
    #[serde(default)]
    pub open: Option<String>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize)]
        pub enum $name { $($(#[$about])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The word in pages and reports.
            pub const fn name(self) -> &'static str { match self { $($name::$variant => $word),+ } }
        }
    };
}

words! {
    /// The twelve parts of the catalogue, in the order of reports.
    Category {
        /// Tables, transactions, migrations, backups.
        Data = "Data layer",
        /// Failure, health, recovery.
        Reliability = "Reliability",
        /// Limits, load, instances.
        Scale = "Scale and performance",
        /// Who may do what.
        Security = "Security and auth",
        /// Whose data it is.
        Privacy = "Privacy and compliance",
        /// Logs, metrics, traces.
        Observability = "Observability",
        /// From a commit to a running service.
        Operations = "Deployment and operations",
        /// The code itself.
        Quality = "Code quality and testing",
        /// What callers see.
        Api = "API and networking",
        /// Models and retrieval.
        Ai = "AI infrastructure",
        /// Tenants, money, people.
        Governance = "Cost and governance",
        /// What is written down.
        Documentation = "Documentation",
    }
}

impl Category {
    /// The folder of its pages.
    pub const fn folder(self) -> &'static str {
        match self {
            Category::Data => "data",
            Category::Reliability => "reliability",
            Category::Scale => "scale",
            Category::Security => "security",
            Category::Privacy => "privacy",
            Category::Observability => "observability",
            Category::Operations => "operations",
            Category::Quality => "quality",
            Category::Api => "api",
            Category::Ai => "ai",
            Category::Governance => "governance",
            Category::Documentation => "documentation",
        }
    }
}

words! {
    /// How much the absence of a practice hurts.
    Priority {
        /// Nothing should run without it.
        Critical = "critical",
        /// It will be missed soon.
        High = "high",
        /// It will be missed.
        Medium = "medium",
        /// Good to have.
        Low = "low",
    }
}

impl Priority {
    /// The weight of a row whose priority is stated on the item itself.
    pub const fn weight(self) -> f64 {
        match self {
            Priority::Critical => 8.0,
            Priority::High => 4.0,
            Priority::Medium => 2.0,
            Priority::Low => 1.0,
        }
    }
}

words! {
    /// Where a priority comes from.
    Basis {
        /// A review states it for this very item.
        Item = "item",
        /// A review states it for the section the item stands in.
        Inherited = "inherited",
        /// Nobody states it.
        Inferred = "inferred",
    }
}

words! {
    /// How much work it is to add a practice.
    Effort {
        /// 1 to 4 days.
        S = "S",
        /// 5 to 10 days.
        M = "M",
        /// 9 to 12 days.
        L = "L",
        /// 24 days and more.
        Xl = "XL",
        /// Nobody says.
        Unstated = "unstated",
    }
}

words! {
    /// What sort of thing a practice is.
    Kind {
        /// A running service shows it.
        Runtime = "runtime",
        /// The data layer shows it.
        Data = "data",
        /// Deployment files show it.
        Deploy = "deploy",
        /// A team's habits and files show it.
        Process = "process",
        /// A system with models shows it.
        Ai = "ai",
        /// The product as a whole shows it.
        Product = "product",
    }
}

words! {
    /// Who can fix the absence of a practice.
    Repair {
        /// Mounting the service behind Plimsoll.
        Edge = "edge",
        /// Building on the host's data layer.
        Kernel = "kernel",
        /// Its owners, in their code, pipeline or papers.
        Yours = "yours",
    }
}

words! {
    /// The condition under which a practice has a meaning.
    Applies {
        /// Everywhere.
        Always = "always",
        /// It serves HTTP.
        Http = "http",
        /// People or keys sign in.
        Accounts = "accounts",
        /// It serves pages to browsers.
        Pages = "pages",
        /// It keeps data in a database.
        Data = "data",
        /// It serves several tenants.
        Tenants = "tenants",
        /// It holds data about people.
        PersonalData = "personal-data",
        /// It calls other services.
        Outbound = "outbound",
        /// It works outside of requests.
        Jobs = "jobs",
        /// It keeps copies of answers.
        Cache = "cache",
        /// It predicts with trained models.
        Models = "models",
        /// It calls a language model.
        Llm = "llm",
        /// It answers from documents.
        Retrieval = "retrieval",
        /// It ships as an image.
        Containers = "containers",
        /// It runs on Kubernetes.
        Kubernetes = "kubernetes",
        /// It uses cloud resources.
        Cloud = "cloud",
        /// More than one instance runs.
        Replicas = "replicas",
        /// A team works on it.
        Team = "team",
        /// It switches features by flags.
        Flags = "flags",
        /// It publishes events.
        Events = "events",
    }
}

words! {
    /// How a practice can be checked today.
    Checked {
        /// A probe attacks a running service.
        Probe = "probe",
        /// Nobody can yet; a report counts it as unknown.
        NotYet = "not yet checked",
    }
}

impl Page {
    /// Takes a page apart.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub fn parse(text: &str) -> Result<Page, String> {
        let rest = text.strip_prefix("+++\n").ok_or("a page begins with a line `+++`")?;
        let (head, body) = rest.split_once("\n+++\n").ok_or("the head of a page ends with a line `+++`")?;
        let page: Page = toml::from_str(head).map_err(|error| error.to_string())?;
        let body = body.trim_start_matches('\n').to_owned();
        if !body.starts_with("# ") {
            return Err("the prose begins with `# ` and the promise in one sentence".into());
        }
        Ok(Page { body, ..page })
    }

    /// The promise: the first heading.
    pub fn promise(&self) -> &str {
        self.body.lines().next().unwrap_or("").trim_start_matches("# ").trim()
    }

    /// Whether a missing row of this sort blocks a release: critical, and stated for this very item.
    pub fn blocks(&self) -> bool {
        self.priority == Priority::Critical && self.basis == Basis::Item
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn a_page_that_breaks_the_form_says_where() {
        for (text, told) in [("# Title\n", "begins"), ("+++\nid = 1\n", "ends"), ("+++\nid = 1\n+++\n# x\n", "invalid type")] {
            let error = Page::parse(text).unwrap_err();
            assert!(error.contains(told), "{text:?}: {error}");
        }
    }
}
