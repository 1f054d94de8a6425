//! The files in `man/` and `completions/` are what the argument syntax makes of itself, byte for byte.
//!
//! After a change of `src/cli`, refresh them with `NATSCOPE_REFRESH=1 cargo test --test generated`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod tools;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use natscope::cli::manual;

const REFRESH: &str = "NATSCOPE_REFRESH=1 cargo test --test generated";

#[test]
fn manual_pages_are_fresh() {
    keep("man", manual::man_pages());
}

#[test]
fn completions_are_fresh() {
    keep("completions", manual::completions());
}

/// Nothing of the machine may get into a generated file: it would be stale elsewhere.
#[test]
fn nothing_names_this_machine() {
    let root = env!("CARGO_MANIFEST_DIR");
    for (path, text) in manual::man_pages().into_iter().chain(manual::completions()) {
        assert!(!text.contains(root), "{} names the directory it was made in", path.display());
    }
}

#[test]
fn man_renders_every_page_without_warnings() {
    if !tool("man") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    for (path, text) in manual::man_pages() {
        let page = scratch.path().join(path);
        fs::write(&page, text).unwrap();
        let output = Command::new("man")
            .args(["--warnings", "--local-file"])
            .arg(&page)
            .envs([("MANWIDTH", "100"), ("LC_ALL", "C.UTF-8")])
            .output()
            .unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && stderr.is_empty(), "{}: {stderr}", page.display());
        assert!(stdout.contains("SYNOPSIS") && stdout.contains("SEE ALSO"), "{}: {stdout}", page.display());
    }
}

#[test]
fn bash_completes() {
    if !tool("bash") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let script = scratch.path().join("natscope.bash");
    fs::write(&script, manual::completion(natscope::cli::Shell::Bash)).unwrap();
    assert_eq!(completed(&script, "natscope netch"), ["netcheck"]);
    assert_eq!(completed(&script, "natscope netcheck --no-por"), ["--no-portmap"]);
    assert_eq!(completed(&script, "natscope netcheck --format json-"), ["json-line"]);
    let commands = completed(&script, "natscope ''");
    assert!(commands.contains(&"selftest".to_owned()), "{commands:?}");
    assert!(!commands.contains(&"man".to_owned()), "a hidden command is offered: {commands:?}");
}

/// What bash itself does when Tab is pressed: call the registered function, look at COMPREPLY.
fn completed(script: &Path, line: &str) -> Vec<String> {
    let program = format!(
        r#"set -e
           source '{}'
           complete -p natscope >&2
           COMP_WORDS=({line}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
           _natscope natscope "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
           printf '%s\n' "${{COMPREPLY[@]}}""#,
        script.display()
    );
    let output = Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && stderr.contains("_natscope"), "{line}: {stderr}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Compares the files of a directory with what they should be; with `NATSCOPE_REFRESH` set, writes them first.
fn keep(name: &str, wanted: Vec<(PathBuf, String)>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let refresh = std::env::var_os("NATSCOPE_REFRESH").is_some();
    if refresh {
        fs::create_dir_all(&directory).unwrap();
    }
    let mut names = BTreeSet::new();
    for (path, text) in wanted {
        let file = directory.join(&path);
        if refresh {
            fs::write(&file, &text).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == text, "{} is stale; run: {REFRESH}", file.display());
        names.insert(path.into_os_string());
    }
    for entry in fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap();
        if names.contains(&entry.file_name()) {
            continue;
        }
        assert!(refresh, "{} is not generated any more; run: {REFRESH}", entry.path().display());
        fs::remove_file(entry.path()).unwrap();
    }
}

/// Whether a program is there. A test that cannot run without it says so, and fails where the tools must be there
/// (`NATSCOPE_REQUIRE_TOOLS=1`, as in `.ci/run`).
fn tool(name: &str) -> bool {
    let there = Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        tools::not_run(name);
    }
    there
}
