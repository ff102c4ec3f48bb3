//! `assess eval`: how right it is, beside a table of truths.

use crate::{project::Project, samples};

#[test]
fn truths_are_held_beside_what_is_said() {
    let project = Project::of(samples::PYTHON.1);
    let table = project.beside(
        "truths.tsv",
        "repo\tcommit\tpractice\ttruth\tcatalogue_id\n\
         shop\t\tlimits\timplemented\trate-limit\n\
         shop\t\tjson logs\tmissing\tlogs-json\n\
         shop\t\tmetrics\tmissing\tmetrics-prometheus\n\
         other\t\tlimits\tmissing\trate-limit\n",
    );
    let output = project.run(&["assess", "eval", &table, "--repo", "shop=shop", "--json"]).expect(0);
    let whole = &output.json()["whole"];
    assert_eq!((whole["rows"].as_u64(), whole["equal"].as_u64()), (Some(3), Some(2)), "{output}");
    assert_eq!((whole["said"].as_u64(), whole["right"].as_u64(), whole["grave"].as_u64()), (Some(2), Some(1), Some(1)), "{output}");
    assert!(output.stderr.contains("1 rows"), "{output}");
    let text = project.run(&["assess", "eval", &table, "--repo", "shop=shop", "--verbose"]).expect(0).stdout;
    assert!(text.contains("logs-json"), "each row that differs is shown: {text}");
    project.run(&["assess", "eval", &table, "--repo", "shop"]).expect(2);
    project.run(&["assess", "eval", "nowhere.tsv", "--repo", "shop=shop"]).expect(2);
}
