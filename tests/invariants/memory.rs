//! The most memory that any process has had, with bodies and outputs that would not fit into it.

use std::fs;
use std::process::{Command, ExitCode};

use crate::support::hostile;
use crate::support::{Issuer, Test};
use crate::{Figure, Scale, control};

/// Before the file for the peak and a command, this asks for the peak of that command. It is a process of its own, and a small one: what
/// the kernel tells of a child counts from the memory of its parent.
pub const WRAPPER: &str = "--peak-of";

/// Runs a command and writes down the peak of it and of what it has waited for, in KiB.
pub fn wrap(arguments: &[String]) -> ExitCode {
    let [file, program, rest @ ..] = arguments else { return ExitCode::from(2) };
    let status = Command::new(program).args(rest).status();
    fs::write(file, peak_of_children().to_string()).unwrap();
    status.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[allow(unsafe_code, reason = "getrusage is in no safe crate that is here")]
fn peak_of_children() -> i64 {
    // SAFETY: the structure is plain numbers, and getrusage fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    usage.ru_maxrss
}

/// The peak of a run, in MiB, and how it ended.
fn peak(test: Test, args: &[&str]) -> (f64, Option<i32>) {
    let (own, file) = (std::env::current_exe().unwrap(), test.path("peak"));
    let test = test.wrapped(&[own.to_str().unwrap(), WRAPPER, file.to_str().unwrap()]);
    let code = test.run(args).code;
    (fs::read_to_string(file).unwrap().parse::<f64>().unwrap() / 1024.0, code)
}

pub fn peaks(scale: Scale) -> Vec<Figure> {
    let (mut largest, mut runs) = (0.0_f64, 0);
    let mut look = |test, args: &[&str]| {
        let (peak, code) = peak(test, args);
        assert!(matches!(code, Some(4 | 5)), "{code:?}");
        largest = largest.max(peak);
        runs += 1;
    };
    let measureless = hostile::measureless();
    for kind in scale.kinds() {
        for answer in &measureless {
            let issuer = Issuer::answering(answer.reply.clone());
            look(kind.at(&issuer.endpoint()), &["get", "--timeout", "20s"]);
        }
    }
    for script in ["head -c 1000000000 /dev/zero | tr '\\0' a", "head -c 1000000000 /dev/zero >&2; exit 1"] {
        look(Test::bare(), &["get", "--timeout", "20s", "--max-retries", "1", "--name", "cmd", "--", "sh", "-c", script]);
    }
    vec![Figure::most("memory on hostile bodies, largest", largest, "MiB", 64.0, hog()).telling(&format!(" ({runs} runs)"))]
}

/// The control: a process that holds 100 MiB.
fn hog() -> String {
    let test = Test::bare();
    let file = test.path("peak");
    let line = "head -c 104857600 /dev/zero | tail -c 104857600 >/dev/null";
    let status = Command::new(std::env::current_exe().unwrap()).arg(WRAPPER).arg(&file).args(["sh", "-c", line]).status().unwrap();
    let peak = fs::read_to_string(file).unwrap().parse::<f64>().unwrap() / 1024.0;
    control("100 MiB", status.success() && peak >= 100.0);
    format!("a hog of 100 MiB: {peak:.0} MiB")
}
