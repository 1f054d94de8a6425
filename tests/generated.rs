//! The files in `man/` and `completions/` are what the argument syntax makes of itself, byte for byte, and
//! `docs/findings.md` is what the catalogues say of each finding.
//!
//! After a change of `src/cli` or of the catalogues, refresh them with `NATSCOPE_REFRESH=1 cargo test --test generated`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod tools;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use natscope::cli::manual;
use natscope::render::{self, Format, Lang, Style};

const REFRESH: &str = "NATSCOPE_REFRESH=1 cargo test --test generated";

#[test]
fn manual_pages_are_fresh() {
    keep("man", manual::man_pages());
}

#[test]
fn completions_are_fresh() {
    keep("completions", manual::completions());
}

#[test]
fn the_catalogue_of_findings_is_fresh() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (name, lang, head) in [("findings.md", Lang::En, ENGLISH_HEAD), ("findings.zh-CN.md", Lang::ZhCn, CHINESE_HEAD)]
    {
        keep_file(&docs.join(name), &findings(lang, head));
    }
}

const ENGLISH_HEAD: &str = "# Findings

What natscope can find, each with a code that never changes its meaning. `natscope explain CODE` says the same offline, and
`natscope explain --list` lists all. [doctor.md](doctor.md) has the set-up that proves each finding of the doctor.

A finding is a note, a warning or an error; `--fail-on` says from which on the exit status is 1.
";

const CHINESE_HEAD: &str = "# 发现

natscope 可能报告的全部发现。每个代码的含义永不改变。`natscope explain CODE` 可离线查看同样的内容，
`natscope explain --list` 列出全部代码。[doctor.md](doctor.md) 列出了验证 doctor 每项发现的环境。

发现分为提示、警告和错误；`--fail-on` 决定从哪一级起退出码为 1。
";

/// The catalogue as a page: all codes in a table, then each with its long form.
fn findings(lang: Lang, head: &str) -> String {
    let style = Style { lang, ..Style::default() };
    let explained: Vec<String> = render::codes()
        .map(|code| render::explain(code, Format::Markdown, &style).unwrap().trim_end().to_owned())
        .collect();
    let table = render::explain_list(Format::Markdown, &style);
    format!("<!-- Written by tests/generated. Refresh: {REFRESH} -->\n\n{head}\n{table}\n{}\n", explained.join("\n\n"))
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

/// Pages are found by name where packages put them, the program's own and each command's.
#[test]
fn man_finds_every_page_by_name() {
    if !tool("man") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let section = scratch.path().join("man1");
    fs::create_dir(&section).unwrap();
    for (path, text) in manual::man_pages() {
        fs::write(section.join(path), text).unwrap();
    }
    for (path, _) in manual::man_pages() {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let output = Command::new("man")
            .args(["-P", "cat", &name])
            .env("MANPATH", scratch.path())
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let title = format!("{name}(1)");
        assert!(output.status.success() && text.starts_with(&title), "{name}: {text}");
    }
}

/// What is on the line of an interactive zsh after Tab was pressed.
#[test]
fn zsh_completes() {
    if !tool("zsh") {
        return;
    }
    for (typed, wanted) in [
        ("natscope netch", "natscope netcheck "),
        ("natscope netcheck --no-por", "natscope netcheck --no-portmap "),
        ("natscope config sh", "natscope config show "),
        ("natscope netcheck --format json-", "natscope netcheck --format json-line "),
    ] {
        assert_eq!(completed_by_zsh(typed), wanted);
    }
}

fn completed_by_zsh(typed: &str) -> String {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("_natscope"), manual::completion(natscope::cli::Shell::Zsh)).unwrap();
    let directory = scratch.path().display();
    // Ctrl-O prints the line as it stands.
    let program = format!(
        r#"zmodload zsh/zpty
           zpty shell env TERM=dumb HOME='{directory}' ZDOTDIR='{directory}' zsh -f -i
           zpty -w shell "PROMPT= ; unsetopt zle_bracketed_paste; fpath=('{directory}' \$fpath); autoload -U compinit"
           zpty -w shell "compinit -u -D; show() {{ print -r -- \"<\"\"<\$BUFFER>\"\">\" }}; zle -N show; bindkey '^O' show; print read\"\"y"
           zpty -r -m shell said '*ready*'
           zpty -w -n shell $'{typed}\t\x0f'
           zpty -r -m shell said '*<<*>>*'
           print -r -- "$said"
           zpty -d shell"#
    );
    let output = Command::new("timeout").args(["30", "zsh", "-f", "-c", &program]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let shown = said.rsplit_once("<<").and_then(|(_, rest)| rest.split_once(">>")).map(|(line, _)| line.to_owned());
    shown.unwrap_or_else(|| panic!("{said} {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn fish_completes() {
    if !tool("fish") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let script = scratch.path().join("natscope.fish");
    fs::write(&script, manual::completion(natscope::cli::Shell::Fish)).unwrap();
    for (typed, wanted) in [
        ("natscope netch", "netcheck"),
        ("natscope netcheck --no-por", "--no-portmap"),
        ("natscope netcheck --format json-", "json-line"),
        ("natscope config sh", "show"),
    ] {
        let program = format!("source '{}'; complete -C '{typed}'", script.display());
        let output =
            Command::new("fish").args(["--no-config", "-c", &program]).env("HOME", scratch.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // A word and, after a tab, what it is for.
        let words: Vec<&str> = said.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(words, [wanted], "{typed}: {said} {}", String::from_utf8_lossy(&output.stderr));
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
    assert_eq!(completed(&script, "natscope config sh"), ["show"]);
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

/// Compares a file with what it should be; with `NATSCOPE_REFRESH` set, writes it first.
fn keep_file(file: &Path, text: &str) {
    if std::env::var_os("NATSCOPE_REFRESH").is_some() {
        fs::write(file, text).unwrap();
    }
    let kept = fs::read_to_string(file).unwrap_or_default();
    assert!(kept == text, "{} is stale; run: {REFRESH}", file.display());
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
