//! Secrets, wherever they might get to. The search is that of `tests/secrets`, which is run as it is, on the program that is measured.

use std::process::Command;

use crate::{Figure, Scale, control};

/// How many of its searches found nothing, and how many something.
fn searches(filter: &str) -> (usize, usize) {
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--locked", "--test", "secrets", "--", filter]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let result = said.lines().find_map(|line| line.split_once("test result: ")).map(|(_, result)| result.to_owned());
    let result = result.unwrap_or_else(|| panic!("the searches did not begin:\n{said}"));
    let counts = ["passed", "failed"].map(|word| number_before(&result, word));
    if counts[1] > 0 {
        eprintln!("{said}");
    }
    counts.into()
}

fn number_before(text: &str, word: &str) -> usize {
    let before = text.split(word).next().unwrap().trim_end();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Every kind of secret, in whatever disguise, wherever one might get to.
pub fn found(scale: Scale) -> Vec<Figure> {
    let places = searches("the_search_finds_a_canary_in_each_place");
    control("a canary in each place", places == (1, 0));
    let (without, with) = searches(scale.of("everywhere::what_goes_well", "everywhere::"));
    assert!(without + with > 0, "there are searches");
    vec![Figure::none("searches that found a secret", with, format!("{} searches", without + with), "one planted in each place: found")]
}
