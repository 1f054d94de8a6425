//! `docs/transcripts.md`: a recording of each command.

use std::fmt::Write as _;
use std::path::Path;

use natscope::cli::manual;

use crate::plain::plain;
use crate::stage::{Stage, has_ipv6};
use crate::tools::not_run;

const REFRESH: &str = "NATSCOPE_REFRESH=1 cargo test --test docs";

const HEAD: &str = "# Transcripts

Each command, as it was run on the embedded relay and on a relay on loopback, without the internet: so the NAT is none, and what
needs servers of strangers is not determined. Times, ports and keys are those of the run; everything else a test compares.
";

#[test]
fn transcripts_are_what_the_program_says() {
    if !has_ipv6() {
        not_run("IPv6 on loopback");
        return;
    }
    let scenes = scenes();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/transcripts.md");
    if std::env::var_os("NATSCOPE_REFRESH").is_some() {
        let mut page = format!("<!-- Recorded by tests/docs. Refresh: {REFRESH} -->\n\n{HEAD}");
        for (title, text) in &scenes {
            write!(page, "\n## {title}\n\n```console\n{text}```\n").unwrap();
        }
        std::fs::write(&file, page).unwrap();
    }
    let page = std::fs::read_to_string(&file).unwrap();
    for (title, text) in &scenes {
        let kept =
            page.split_once(&format!("\n## {title}\n\n```console\n")).and_then(|(_, rest)| rest.split_once("```\n"));
        let Some((kept, _)) = kept else { panic!("no transcript of {title}; run: {REFRESH}") };
        let (kept, now) = (plain(kept), plain(text));
        let differ = kept.split(' ').zip(now.split(' ')).position(|(one, other)| one != other);
        let from = differ.unwrap_or(0).saturating_sub(5);
        let around = |text: &str| text.split(' ').skip(from).take(15).collect::<Vec<_>>().join(" ");
        assert!(
            kept == now,
            "{title} is stale; run: {REFRESH}
kept: … {} …
now:  … {} …

{text}",
            around(&kept),
            around(&now)
        );
    }
    assert_eq!(page.matches("\n## ").count(), scenes.len(), "a transcript is not recorded any more; run: {REFRESH}");
}

/// A command without a transcript is one nobody has looked at.
#[test]
fn every_command_has_a_transcript() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/transcripts.md")).unwrap();
    let names: Vec<String> =
        manual::man_pages().iter().map(|(path, _)| path.display().to_string().replace(".1", "")).collect();
    for name in &names {
        let has_commands = names.iter().any(|other| other.starts_with(&format!("{name}-")));
        let typed = format!("$ {}", name.replace('-', " "));
        assert!(
            has_commands || page.contains(&typed),
            "no transcript of {name}: add a scene to tests/docs/transcripts.rs"
        );
    }
}

fn scenes() -> Vec<(&'static str, String)> {
    let stage = Stage::new();
    let mut scenes = vec![
        ("selftest", stage.run("natscope selftest")),
        ("netcheck", stage.run("natscope netcheck --derp-map embedded --save here.json")),
        ("netcheck, in Chinese", stage.run("natscope netcheck --derp-map embedded --lang zh-CN")),
        ("netcheck: what would be asked", stage.run("natscope netcheck --derp-map embedded --dry-run -4")),
        ("watch, in a pipe", stage.run("natscope watch --derp-map embedded --region one --count 2 --every 1s")),
        ("nat", stage.run("natscope nat --derp-map embedded -4 --no-portmap --save there.json")),
        ("predict", stage.run("natscope predict here.json there.json")),
        ("diff", stage.run("natscope diff here.json there.json")),
    ];

    let relay = stage.start("natscope relay --dev --addr 127.0.0.1:0 --stun-addr 127.0.0.1:0");
    let address = format!("http://{}", relay.told("\nDERP"));
    let stun = relay.told("\nSTUN");
    relay.told("serving");
    let listener = stage.start(&format!("natscope listen --via {address}"));
    let peer = listener.told("on the other side: natscope ping ");
    scenes.push(("ping", stage.run(&format!("natscope ping {peer} --via {address} -c 3 -i 100ms"))));
    scenes.push(("listen", listener.interrupted()));
    let port = stun.rsplit(':').next().unwrap();
    scenes.push(("doctor", stage.run(&format!("natscope doctor {address} --stun-port {port}"))));
    scenes.push((
        "doctor, one line for a monitor",
        stage.run(&format!("natscope doctor {address} --stun-port {port} -q")),
    ));
    let exporter = stage.start("natscope exporter --derp-map embedded --listen 127.0.0.1:0 --every 5s");
    exporter.told("serving");
    scenes.push(("exporter", exporter.interrupted()));
    scenes.push(("relay", relay.interrupted()));
    scenes.push((
        "doctor of a relay that is not there",
        stage.run(&format!("natscope doctor {address} --stun-port {port}")),
    ));

    scenes.extend([
        ("derpmap lint", stage.run("natscope derpmap lint derp.yaml")),
        ("derpmap show", stage.run("natscope derpmap show derp.yaml")),
        ("derpmap convert", stage.run("natscope derpmap convert derp.yaml --to json")),
        ("explain", stage.run("natscope explain NET-010")),
        ("config show", stage.run("natscope config show --config natscope.toml netcheck -4")),
        ("completions", first_lines(&stage.run("natscope completions fish"), 4)),
    ]);
    scenes
}

fn first_lines(text: &str, lines: usize) -> String {
    text.lines().take(lines).flat_map(|line| [line, "\n"]).chain(["…\n"]).collect()
}
