//! That nothing English is left in the output with `--lang zh-CN`: not in the catalogue, not in what errors and logs say, and
//! not in what the built program prints.
//!
//! Read as they are: names, flags, variables, codes, units, what stands in backticks or quotes, and what others say (a
//! system's error that is not a common one, a server's words). Help pages are English in every language: the command line
//! parser takes one text for a flag, and its headings alone would make a page of two languages.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use natscope::render::{Lang, said};

use crate::stage::{Stage, has_ipv6};
use crate::tools::not_run;
use crate::words::{english, literals};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        if folder.is_file() {
            let text = fs::read_to_string(&folder).unwrap();
            found.push((folder.strip_prefix(root).unwrap().to_owned(), text));
            continue;
        }
        folders.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    found.retain(|(path, _)| path.extension().is_some_and(|extension| extension == "rs"));
    found.sort();
    found
}

/// Matches of the catalogue are exhaustive, so whatever there is to say has its arm there; here, that the arm is Chinese.
#[test]
fn the_catalogue_is_chinese() {
    let mut left = Vec::new();
    for (path, text) in sources("src/render/catalogue/zh_cn") {
        for (line, literal) in literals(&text) {
            // The English halves of pairs.
            let is_pair =
                path.starts_with("src/render/catalogue/zh_cn/said") && literal.replace(['…', '–'], "").is_ascii();
            if !is_pair && !english(&literal).is_empty() && !literal.contains("reason") && line > 0 {
                left.push(format!("{}:{line}: {:?} in {literal:?}", path.display(), english(&literal)));
            }
        }
    }
    left.retain(|left| {
        !left.contains("one arm a") && !left.contains("Chinese has one word") && !left.contains("two things may")
    });
    assert!(left.is_empty(), "English in the Chinese catalogue:\n{}", left.join("\n"));
}

/// Files whose sentences are no output of natscope to a person at a terminal: pages of help and of the relay's web server,
/// what is sent over the network, the catalogues themselves.
const ASIDE: &[&str] = &[
    "src/cli/manual.rs",
    "src/cli/pages.rs",
    "src/drive/exporter.rs",
    "src/drive/pages.rs",
    "src/drive/relay/metrics/",
    "src/drive/relay/routes.rs",
    "src/wire/stun/answer.rs",
    "src/wire/upnp/soap.rs",
];

/// Words that are none of a sentence to a person, by the line of the source they stand in, or by what they begin with.
fn is_aside(line: &str, literal: &str) -> bool {
    let attributes = ["reason = ", "help_heading = ", "expect("];
    attributes.iter().any(|attribute| line.contains(attribute))
        || ["Examples:", "Example:", "Exit status:", "A DERP map whose"].iter().any(|start| literal.starts_with(start))
        || literal.contains("\r\n")
        || literal.contains("Built-in servers:")
}

/// What is made in English, where no catalogue is known, is translated by what it says: each such sentence of the source must
/// be there. A fragment that others are put together of counts by itself.
#[test]
fn what_is_said_elsewhere_is_translated() {
    let mut left = Vec::new();
    assert_eq!(english(&said("it is empty", Lang::En)), ["it is empty"]);
    for folder in ["src/cli", "src/cmd", "src/derp", "src/derpmap", "src/drive", "src/model", "src/wire", "src/probe"] {
        for (path, text) in sources(folder) {
            let name = path.display().to_string();
            if ASIDE.iter().any(|aside| name.starts_with(aside))
                || name.contains("/tests")
                || name.ends_with("tests.rs")
            {
                continue;
            }
            let text = text.split("\n#[cfg(test)]").next().unwrap_or_default();
            for (line, literal) in literals(text) {
                let own = text.lines().nth(line - 1).unwrap_or_default();
                let sentence = sample(&literal);
                if !sentence.trim().contains(' ') || english(&sentence).is_empty() || is_aside(own, &literal) {
                    continue;
                }
                if NEVER_SHOWN.iter().any(|word| literal.contains(word)) {
                    continue;
                }
                let chinese = said(&sentence, Lang::ZhCn);
                if !english(&chinese).is_empty() {
                    left.push(format!("{name}:{line}: {literal:?} becomes {chinese:?}"));
                }
            }
        }
    }
    for text in [
        "this is one region; a map is {\"Regions\": {\"900\": …}} with the region inside",
        "this is one node; a map is {\"Regions\": {\"900\": {\"RegionID\": 900, \"Nodes\": […]}}} with the node inside",
        "it is not JSON as derper writes it, {\"PrivateKey\": \"privkey:…\"}; at a path where there is no file, a new key is made",
        "7 of 9 regions have answered",
        "no command has the setting `x`; the nearest is `y`",
        "`x` takes a value (FILE) or a list of them, not true or false",
        "clients known to the tailscaled at /run/x and https://a.example",
    ] {
        let chinese = said(text, Lang::ZhCn);
        assert!(english(&chinese).is_empty(), "{chinese}");
    }
    assert!(left.is_empty(), "not in src/render/catalogue/zh_cn/said:\n{}", left.join("\n"));
}

/// Compared with, sent, or written into files; not said to anybody.
const NEVER_SHOWN: &[&str] = &[
    "verify-tailscaled = true",
    "# By ACME from ",
    "natscope netcheck",
    "natscope relay ",
    "nodename nor servname",
    "No such host is known",
    "No address associated",
    "Name or service not known",
    "dns error",
    " at line ",
    "derp server disabled",
    "client must speak the derp subprotocol",
    "What its text begins with",
    "Socks5Proxy(",
    "expected binary messages",
    "<!doctype html",
    " in quotes",
    "no command",
    "does not have",
    "this is the clock",
    "{owner} {verb} the setting",
    " or a list of them",
    "{name}){list}",
    "{asked} have answered",
    // With braces of their own; below.
    "this is one region; a map is",
    "this is one node; a map is",
    "it is not JSON as derper writes it",
    " ms is longer than a day",
    "nothing else is left behind",
    "one draw is one hash",
    " and ",
];

/// The sentence as it might be said, each placeholder with a word.
fn sample(literal: &str) -> String {
    let (mut text, mut rest) = (String::new(), literal);
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        if let Some(behind) = after.strip_prefix('{') {
            text.push('{');
            rest = behind;
            continue;
        }
        match after.split_once('}') {
            Some((name, behind)) if !name.contains(['"', '\n', ' ']) => {
                text.push_str("X7");
                rest = behind;
            }
            _ => {
                text.push('{');
                rest = after;
            }
        }
    }
    (text + rest).replace("}}", "}")
}

/// The lines with English in them.
fn left(line: &str, text: &str) -> Vec<String> {
    let said = text.lines().filter(|text| !text.starts_with('$'));
    said.flat_map(|said| english(said).into_iter().map(move |english| format!("{line}: {english:?} in {said}")))
        .collect()
}

/// The commands of the transcripts, and some that go wrong.
#[test]
fn the_program_speaks_chinese() {
    if !has_ipv6() {
        return not_run("IPv6 on loopback");
    }
    let stage = Stage::new();
    let english = RefCell::new(Vec::new());
    let run = |line: &str| {
        let said = stage.run(&format!("natscope --lang zh-CN {line}"));
        english.borrow_mut().extend(left(line, &said));
        said
    };
    for line in [
        "selftest -v",
        "netcheck --derp-map embedded --save here.json",
        "netcheck --derp-map embedded --dry-run",
        "netcheck --derp-map embedded --format markdown -v",
        "netcheck --derp-map derp.yaml --timeout 300ms",
        "nat --derp-map embedded -4 --no-portmap --servers --save there.json",
        "nat --derp-map embedded -4 --rfc3489 --transport udp",
        "predict here.json there.json",
        "netcheck --replay here.json",
        "derpmap lint derp.yaml",
        "derpmap show derp.yaml",
        "explain NET-010",
        "explain --list",
        "config show netcheck -4",
    ] {
        run(line);
    }
    let relay = stage.start("natscope --lang zh-CN relay --dev --addr 127.0.0.1:0 --stun-addr 127.0.0.1:0");
    let address = format!("http://{}", relay.told("\nDERP").split('（').next().unwrap());
    let stun = relay.told("\nSTUN");
    let port = stun.split('（').next().unwrap().rsplit(':').next().unwrap().to_owned();
    relay.told("开始服务");
    let listener = stage.start(&format!("natscope --lang zh-CN listen --via {address} --direct"));
    let peer = listener.told("在另一侧运行：natscope ping ");
    run(&format!("ping {peer} --via {address} -c 2 -i 100ms --direct"));
    english.borrow_mut().extend(left("listen", &listener.interrupted()));
    run(&format!("doctor {address} --stun-port {port} -v"));
    run(&format!("doctor {address} --stun-port {port} -q"));
    english.borrow_mut().extend(left("relay", &relay.interrupted()));
    run(&format!("doctor {address} --stun-port {port}"));
    run(&format!("ping {peer} --via {address} -c 1 --timeout 1s"));
    for line in [
        "netcheck --timeout 5",
        "netcheck --timeout 0s",
        "netchek",
        "netcheck --bogus",
        "netcheck -4 -6",
        "netcheck --format yaml",
        "netcheck --format jso",
        "netcheck --bind-port 99999",
        "netcheck --bind-address x",
        "netcheck --region zz --derp-map embedded",
        "netcheck --derp-map missing.json",
        "netcheck --derp-map https://127.0.0.1:1/map",
        "netcheck --interface nope0 --derp-map embedded",
        "netcheck --replay derp.yaml",
        "nat --socks5 u:p@a:0",
        "nat -4 [::1]:3478",
        "nat --transport tcp --lifetime",
        "nat a..b",
        "ping x",
        "ping",
        "ping --via",
        "relay",
        "relay --dev --metrics-addr :9090",
        "relay --addr 127.0.0.1:0 --hostname a:b",
        "relay --cert-mode acme",
        "relay --cert-mode acme --hostname 192.0.2.1 --open",
        "relay --acme-email a@b.example --open --hostname a.example",
        "relay --acme-email a --acme-directory http://a.example",
        "relay --addr 127.0.0.1:0 --stun-addr none,:1 --key k --cert-dir c",
        "relay --addr 127.0.0.1:0 --key derp.yaml",
        "relay --addr 203.0.113.1:1 --stun-addr none --open --key k --cert-dir c",
        "relay --dev --allow derp.yaml",
        "relay --dev --rate-limit missing",
        "doctor",
        "doctor ftp://a.example",
        "doctor nowhere --derp-map derp.yaml",
        "derpmap",
        "derpmap convert derp.yaml",
        "derpmap lint natscope.toml",
        "explain NET-999",
        "config show --config missing.toml",
        "netcheck --config derp.yaml",
        "predict here.json",
        "predict derp.yaml derp.yaml",
        "completions tcsh",
    ] {
        assert!(run(line).contains("[exit status "), "{line} was to go wrong");
    }
    let english = english.into_inner();
    assert!(english.is_empty(), "{}", english.join("\n"));
}
