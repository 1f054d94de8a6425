//! Files of `packaging/` name what there is.

use std::path::Path;
use std::process::Command;

use natscope::cli::manual;

use crate::tools::not_run;
use crate::tools::program::{NATSCOPE, assert_valid, bare, installed};

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

const FILES: [&str; 7] = [
    "packaging/debian/natscope-relay.default",
    "packaging/docker/Dockerfile",
    "packaging/docker/compose.yaml",
    "packaging/natscope-relay.service",
    "packaging/natscope-relay.socket",
    "packaging/supervisor/natscope-relay.conf",
    "docs/relay.md",
];

/// The words of a text that begin so, in capitals.
fn variables<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    words.filter(|word| word.starts_with(prefix) && word.len() > prefix.len()).collect()
}

/// Whether a page has the flag itself, and not just one that begins like it.
fn has_flag(page: &str, flag: &str) -> bool {
    let written = format!("--{flag}");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    page.match_indices(&written).any(|(at, _)| !page[at + written.len()..].starts_with(is_part))
}

#[test]
fn a_flag_is_not_one_that_begins_like_it() {
    assert!(has_flag("[--addr-foo] [--addr]", "addr") && has_flag("--addr=X", "addr") && has_flag("--addr", "addr"));
    assert!(!has_flag("--addr-foo, --address", "addr") && !has_flag("", "addr"));
}

#[test]
fn wrong_arguments_are_not_tried_again() {
    for unit in ["packaging/natscope-relay.service", "packaging/natscope-exporter.service"] {
        let wanted = format!("RestartPreventExitStatus={}", natscope::cli::EXIT_USAGE);
        assert!(text(unit).lines().any(|line| line == wanted), "{unit}: {wanted}");
    }
}

#[test]
fn variables_are_those_of_flags() {
    let relay = manual::man_pages().into_iter().find(|(path, _)| path.ends_with("natscope-relay.1")).unwrap().1;
    let relay = relay.replace("\\-", "-");
    let derper = text("src/cmd/derp_env.rs");
    for file in FILES {
        let text = text(file);
        for variable in variables(&text, "NATSCOPE_") {
            let flag = variable.trim_start_matches("NATSCOPE_").to_lowercase().replace('_', "-");
            assert!(has_flag(&relay, &flag), "{file}: {variable} is no flag's");
        }
        for variable in variables(&text, "DERP_") {
            assert!(derper.contains(&format!("\"{variable}\"")), "{file}: {variable} is not understood");
        }
    }
}

#[test]
fn what_is_packed_is_there() {
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    assert!(assets.len() > 8);
    for asset in assets {
        let source = asset[0].as_str().unwrap();
        let directory = source.rsplit_once("/*").map(|(directory, _)| directory);
        let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory.unwrap_or(source)).exists();
        assert!(there || source.starts_with("target/"), "{source} is packed and not there");
    }
    for line in
        text("packaging/docker/Dockerfile").lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from"))
    {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        for source in &words[..words.len() - 1] {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(source).exists(), "{source} is copied and not there");
            let ignored = text("packaging/docker/Dockerfile.dockerignore");
            assert!(ignored.lines().any(|line| line == format!("!{source}")), "{source} is copied and left out");
        }
    }
}

#[test]
fn yaml_is_yaml() {
    let read = |file: &str| {
        let program = "import sys, yaml; yaml.safe_load(open(sys.argv[1]))";
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        Command::new("python3").args(["-c", program]).arg(file).output()
    };
    match Command::new("python3").args(["-c", "import yaml"]).output() {
        Ok(output) if output.status.success() => {}
        _ => return not_run("python3-yaml"),
    }
    let mut files = vec!["packaging/docker/compose.yaml", "packaging/prometheus/natscope.rules.yml"];
    // These are not part of the packed crate.
    files.extend([".github/workflows/ci.yml", ".github/workflows/release.yml"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in files.into_iter().filter(|file| root.join(file).exists()) {
        let output = read(file).unwrap();
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// `systemd-analyze verify` with the binary in the place of the one that is installed.
#[test]
fn systemd_takes_the_units() {
    if !installed("systemd-analyze") {
        return not_run("systemd-analyze");
    }
    let scratch = tempfile::tempdir().unwrap();
    for unit in ["natscope-relay.service", "natscope-relay.socket", "natscope-exporter.service"] {
        let text = text(&format!("packaging/{unit}")).replace("/usr/bin/natscope", NATSCOPE);
        // Manual pages are looked up among those installed.
        let text: String =
            text.lines().filter(|line| !line.starts_with("Documentation=")).flat_map(|line| [line, "\n"]).collect();
        std::fs::write(scratch.path().join(unit), text).unwrap();
    }
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(scratch.path().join("natscope-relay.service"))
        .arg(scratch.path().join("natscope-relay.socket"))
        .arg(scratch.path().join("natscope-exporter.service"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("natscope")).collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}

/// As in the image: nothing but the variables of a compose file for derper.
#[test]
fn variables_of_derper_start_a_relay() {
    let with = |variables: &[(&str, &str)]| {
        let mut command = bare(NATSCOPE);
        command.env("NATSCOPE_CONFIG", "derp-env").envs(variables.iter().copied());
        command.args(["config", "show", "--json", "relay"]).output().unwrap()
    };
    let output =
        with(&[("DERP_DOMAIN", "relay.example.com"), ("DERP_STUN_PORT", "3479"), ("DERP_VERIFY_CLIENTS", "true")]);
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_valid(&shown);
    let settings = shown["config"]["settings"].as_array().unwrap();
    let of = |key: &str| settings.iter().find(|setting| setting["key"] == key).unwrap();
    assert_eq!(of("hostname")["values"][0], "relay.example.com");
    assert_eq!(of("stun-addr")["values"][0], ":3479");
    assert_eq!(of("verify-tailscaled")["variable"], "DERP_VERIFY_CLIENTS");
    let output = with(&[("DERP_DOMAIN", "relay.example.com"), ("DERP_CERT_MODE", "letsencrypt")]);
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let settings = shown["config"]["settings"].as_array().unwrap();
    let mode = settings.iter().find(|setting| setting["key"] == "cert-mode").unwrap();
    assert_eq!((&mode["values"][0], &mode["variable"]), (&"acme".into(), &"DERP_CERT_MODE".into()));
}
