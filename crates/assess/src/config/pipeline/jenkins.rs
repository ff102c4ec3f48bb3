//! Jenkins pipelines: stages by their braces, commands of `sh` and the steps by their names.

use super::{
    super::{
        sheet::{self, Sheet},
        shell,
    },
    Job,
};

/// Steps that say something by themselves.
const STEPS: &[&str] = &[
    "junit",
    "archiveArtifacts",
    "publishHTML",
    "recordIssues",
    "withSonarQubeEnv",
    "waitForQualityGate",
    "input",
    "timeout",
    "retry",
    "dependencyCheck",
    "slackSend",
    "emailext",
    "mail",
    "withCredentials",
    "cobertura",
    "jacoco",
    "publishCoverage",
    "checkout",
    "cron",
    "pollSCM",
    "githubPush",
    "lock",
];

/// Reads a Jenkinsfile.
pub fn read(sheet: &mut Sheet, text: &str) {
    let mut blocks: Vec<(String, bool)> = Vec::new();
    let mut lines = (1_u32..).zip(text.lines());
    let mut comment = false;
    while let Some((number, raw)) = lines.next() {
        let line = sheet::cut(raw.trim(), 4_000);
        if comment || line.starts_with("/*") {
            comment = !line.contains("*/");
            continue;
        }
        if line.starts_with("//") {
            continue;
        }
        let word: String = line.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let tolerant = matches!(word.as_str(), "catchError" | "warnError");
        let mut job =
            Job::new("jenkins", blocks.iter().rev().map(|(name, _)| name.as_str()).find(|name| !name.is_empty()).unwrap_or_default());
        job.tolerated = tolerant || blocks.iter().any(|(_, tolerant)| *tolerant);
        let mut scripts = None;
        for step in ["sh", "bat", "powershell", "pwsh"] {
            // Also behind a brace: `steps { sh 'make' }`.
            let Some(at) = position(line, step) else { continue };
            let rest = &line[at + step.len()..];
            let rest = rest.trim_start_matches(['(', ' ']).trim_start_matches("script:").trim_start();
            scripts = ["'''", "\"\"\"", "'", "\""].iter().find_map(|quote| rest.strip_prefix(quote).map(|inner| (*quote, inner)));
        }
        if let Some((quote, inner)) = scripts {
            let (mut script, mut end) = (String::new(), number);
            match inner.split_once(quote) {
                Some((one, _)) => script.push_str(one),
                None if quote.len() == 3 => {
                    script.push_str(inner);
                    for (next, more) in lines.by_ref() {
                        end = next;
                        script.push('\n');
                        match more.split_once(quote) {
                            Some((last, _)) => {
                                script.push_str(last);
                                break;
                            }
                            None => script.push_str(more),
                        }
                    }
                }
                None => script.push_str(inner),
            }
            let returned = line.contains("returnStatus: true");
            for command in shell::commands(&script, number) {
                let tolerated = returned || command.tolerated;
                sheet.push(job.step(&command.name, command.line, command.end.min(end), tolerated).with("run", command.run));
            }
        } else if STEPS.contains(&word.as_str()) {
            sheet.push(job.step(&word, number, number, false).with("uses", word.clone()).with("value", sheet::value(line)));
        }
        brace(line, tolerant, &mut blocks);
    }
}

fn position(line: &str, step: &str) -> Option<usize> {
    line.match_indices(step).map(|(at, _)| at).find(|at| {
        let before = line[..*at].chars().next_back();
        let after = line[*at + step.len()..].chars().next();
        before.is_none_or(|c| c.is_whitespace() || c == '{' || c == '(') && after.is_some_and(|c| matches!(c, ' ' | '(' | '\'' | '"'))
    })
}

/// Follows the braces of a line; a block is called after its stage.
fn brace(line: &str, tolerant: bool, blocks: &mut Vec<(String, bool)>) {
    let stage = line.strip_prefix("stage").and_then(|rest| rest.split(['\'', '"']).nth(1)).unwrap_or_default();
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '{') if blocks.len() < 500 => blocks.push((sheet::value(stage), tolerant)),
            (None, '}') => {
                blocks.pop();
            }
            _ => {}
        }
    }
}
