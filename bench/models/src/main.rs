//! Scores and explains rows with one model and tells what it took, as one line of JSON.
//!
//!     models MODEL ROWS MANY EXPLAINED ANSWERS
//!
//! MODEL ends in `.json` (XGBoost) or `.txt` (LightGBM). ROWS is a file of f32, little endian, row by row; MANY of
//! them are scored together and EXPLAINED explained. ANSWERS receives the margins of the rows as f64, and then the
//! contributions and the base value of each explained row. A model of LightGBM is also written again, to
//! ANSWERS with `.txt`.

use std::error::Error;
use std::time::Instant;

use plimsoll_ai::tree::{Explainer, Forest, Scorer};

/// CPU seconds of this thread.
fn cpu() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse::<f64>()? / 1e9)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, rows, many, explained, answers] = arguments.as_slice() else {
        return Err("models MODEL ROWS MANY EXPLAINED ANSWERS".into());
    };
    let (many, explained) = (many.parse::<usize>()?, explained.parse::<usize>()?);
    let begun = cpu()?;
    let text = std::fs::read_to_string(model)?;
    let forest = if model.ends_with(".json") { Forest::from_xgboost(&text)? } else { Forest::from_lightgbm(&text)? };
    let read = cpu()?;
    let scorer = Scorer::new(&forest);
    let ready = cpu()?;
    let explainer = Explainer::new(&forest)?;
    let able = cpu()?;

    let width = forest.features().len();
    let rows: Vec<f32> =
        std::fs::read(rows)?.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect();
    let rows = rows.get(..many * width).filter(|_| explained <= many).ok_or("ROWS holds fewer rows than are asked for")?;

    // One row at a time: percentiles of the wall, and the CPU of all.
    let alone = 20_000.min(many);
    let mut walls = Vec::with_capacity(alone);
    let mut sum = 0.0;
    let single = cpu()?;
    for row in rows.chunks_exact(width).take(alone) {
        let start = Instant::now();
        sum += scorer.margin(row)?;
        walls.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let single = (cpu()? - single) / alone as f64 * 1e6;
    walls.sort_by(f64::total_cmp);

    let mut margins = Vec::with_capacity(many);
    let batch = cpu()?;
    scorer.margins(rows, &mut margins)?;
    let batch = cpu()? - batch;

    let mut shares = Vec::with_capacity(explained * width);
    let shap = cpu()?;
    explainer.explain(&rows[..explained * width], &mut shares)?;
    let shap = cpu()? - shap;

    let mut single_shap = cpu()?;
    for row in rows.chunks_exact(width).take(300) {
        sum += explainer.contributions(row)?[0];
    }
    single_shap = (cpu()? - single_shap) / 300.0 * 1e6;

    let bytes =
        margins.iter().copied().chain(shares.chunks_exact(width).flat_map(|shares| shares.iter().copied().chain([explainer.base()])));
    std::fs::write(answers, bytes.flat_map(f64::to_le_bytes).collect::<Vec<u8>>())?;
    if model.ends_with(".txt") {
        std::fs::write(format!("{answers}.txt"), forest.to_lightgbm()?)?;
    }
    println!(
        "{{\"read\": {}, \"ready\": {}, \"able\": {}, \"single\": {single}, \"p50\": {}, \"p99\": {}, \"batch\": {batch}, \"shap\": {shap}, \"single_shap\": {single_shap}, \"check\": {}}}",
        read - begun,
        ready - read,
        able - ready,
        walls[alone / 2],
        walls[alone * 99 / 100],
        sum.is_finite()
    );
    Ok(())
}
