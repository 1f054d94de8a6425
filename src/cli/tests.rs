use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command as Process;
use std::time::Duration;

use clap::CommandFactory as _;

use super::*;
use crate::model::MapSource;

fn parsed(arguments: &str) -> Cli {
    let words = std::iter::once("natscope").chain(arguments.split_whitespace());
    parse(words).unwrap_or_else(|exit| panic!("{}", exit.text))
}

fn refused(arguments: &str) -> ParseExit {
    let words = std::iter::once("natscope").chain(arguments.split_whitespace());
    parse(words).expect_err(arguments)
}

fn netcheck(arguments: &str) -> NetcheckArgs {
    match parsed(arguments).command {
        Command::Netcheck(netcheck) => netcheck,
        other => panic!("{other:?}"),
    }
}

/// The text without styles, blanks and line breaks made one: help is wrapped to the terminal.
fn plain(text: &str) -> String {
    let stripped = anstream::adapter::strip_str(text).to_string();
    stripped.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn defaults_are_those_of_the_contract() {
    let cli = parsed("netcheck");
    assert_eq!(cli.global.format, Format::Table);
    assert_eq!(cli.global.color, Color::Auto);
    assert_eq!(cli.global.fail_on, FailOn::Error);
    assert_eq!((cli.global.lang, cli.global.timeout, cli.global.verbose), (None, None, 0));
    let netcheck = netcheck("netcheck");
    assert_eq!((netcheck.every, netcheck.count), (None, None));
    assert!(netcheck.map.derp_maps.is_empty());
    assert_eq!(netcheck.probing, ProbingArgs::default());
    assert_eq!(netcheck.leave_out, LeaveOutArgs::default());
}

#[test]
fn global_flags_stand_before_or_after_the_command() {
    for line in [
        "--format markdown -vv --timeout 1m30s --lang zh-cn netcheck",
        "netcheck --format markdown -vv --timeout 1m30s --lang zh-CN",
        "--format markdown --timeout 1m30s netcheck --verbose --verbose --lang zh",
    ] {
        let global = parsed(line).global;
        assert_eq!(global.format, Format::Markdown, "{line}");
        assert_eq!(global.verbose, 2, "{line}");
        assert_eq!(global.timeout, Some(Duration::from_secs(90)), "{line}");
        assert_eq!(global.lang, Some(Lang::ZhCn), "{line}");
    }
}

#[test]
fn json_is_short_for_a_format() {
    assert_eq!(parsed("netcheck --json").global.format, Format::Json);
    assert_eq!(parsed("netcheck --json --format json").global.format, Format::Json);
    let text = plain(&refused("netcheck --json --format table").text);
    assert!(text.contains("'--json' cannot be used with '--format <FORMAT>'"), "{text}");
}

#[test]
fn netcheck_takes_what_the_contract_lists() {
    let netcheck = netcheck(
        "netcheck --derp-map a.json --derp-map - --region fra --region 901,902 -4 --bind-address 192.0.2.1 \
         --bind-port 41641 --interface eth0 --every 250ms --count 3 --save s.json --no-nat --no-portmap --no-https \
         --no-icmp --no-captive-portal --cache-dir c",
    );
    assert_eq!(netcheck.map.derp_maps, [MapSource::File("a.json".into()), MapSource::Stdin]);
    assert_eq!(netcheck.map.regions, ["fra", "901", "902"]);
    assert_eq!(netcheck.map.cache_dir.as_deref(), Some(Path::new("c")));
    let probing = netcheck.probing;
    assert!(probing.only_v4 && !probing.only_v6);
    assert_eq!(probing.bind_address, Some("192.0.2.1".parse().unwrap()));
    assert_eq!((probing.bind_port, probing.interface.as_deref()), (Some(41641), Some("eth0")));
    assert_eq!((netcheck.every, netcheck.count), (Some(Duration::from_millis(250)), Some(3)));
    assert_eq!(netcheck.save.as_deref(), Some(Path::new("s.json")));
    let LeaveOutArgs { no_nat, no_portmap, no_https, no_icmp, no_captive_portal } = netcheck.leave_out;
    assert!(no_nat && no_portmap && no_https && no_icmp && no_captive_portal);
}

#[test]
fn nat_takes_servers_as_words_flags_and_uris() {
    let nat = |arguments| match parsed(arguments).command {
        Command::Nat(nat) => nat,
        other => panic!("{other:?}"),
    };
    let none = nat("nat");
    assert!(none.named_servers().is_empty() && !none.wants_map());
    let some = nat(
        "nat a.example --stun-server b.example:443,c.example stun:a.example [::1]:5 --stun-server 192.0.2.1 --servers \
         --bind-port 7 --interface eth0 --no-portmap --no-https --save s.json",
    );
    let names: Vec<String> = some.named_servers().iter().map(ToString::to_string).collect();
    assert!(some.servers && some.no_portmap && some.no_https && !some.wants_map());
    assert_eq!((some.probing.bind_port, some.probing.interface.as_deref()), (Some(7), Some("eth0")));
    assert_eq!((some.save.as_deref(), some.replay), (Some(Path::new("s.json")), None));
    // Each once.
    assert_eq!(names, ["a.example:3478", "[::1]:5", "b.example:443", "c.example:3478", "192.0.2.1:3478"]);
}

#[test]
fn nat_asks_a_map_only_when_told_to() {
    for (arguments, wanted) in [("", false), ("a.example", false), ("--derp-map m", true), ("--region fra", true)] {
        let Command::Nat(nat) = parsed(&format!("nat {arguments}")).command else { panic!("{arguments}") };
        assert_eq!(nat.wants_map(), wanted, "{arguments}");
    }
    let help = plain(&refused("nat --help").text);
    for wanted in ["stun.cloudflare.com:3478", "2026-11-25", "[default: none]", "each destination gets another"] {
        assert!(help.contains(wanted), "{wanted}: {help}");
    }
    assert!(!help.contains("[default: the public Tailscale map]"), "{help}");
}

#[test]
fn bad_arguments_exit_64_on_standard_error() {
    for line in [
        "",
        "netchek",
        "nat stuns:stun.example.com stun.example.net",
        "nat --transport tcp --lifetime",
        "nat --socks5 http://a.example",
        "nat --replay a.json --lifetime",
        "nat stun.example.com:0",
        "nat --stun-server a..b",
        "nat -4 [::1]:3478",
        "nat -6 127.0.0.1",
        "nat -4 -6",
        "nat --bind-address 127.0.0.1 ::1",
        "nat --replay a.json stun.example.com",
        "nat --replay a.json --save b.json",
        "nat --every 30s",
        "nat --format tailscale-json",
        "listen --via fra --format html",
        "explain NET-010 --format html",
        "derpmap show a.json --format html",
        "relay --dev --format html",
        "config show --format html",
        "netcheck --dry-run --format html",
        "netcheck --watch --format html",
        "netcheck --every 5s --format html",
        "netcheck --count 2 --format html",
        "netcheck --bogus",
        "netcheck --timeout 5",
        "netcheck --every 0s",
        "netcheck --count 0",
        "netcheck --count -1",
        "netcheck --bind-port 65536",
        "netcheck --bind-address example.com",
        "netcheck --fail-on fatal",
        "netcheck --format yaml",
        "netcheck -4 -6",
        "netcheck -4 --bind-address ::1",
        "netcheck -6 --bind-address 127.0.0.1",
        "netcheck --replay a.json --derp-map b.json",
        "netcheck --replay a.json --dry-run",
        "netcheck --dry-run --every 5s",
        "selftest --format tailscale-json",
        "selftest --derp-map a.json",
        "completions tcsh",
        "completions",
    ] {
        let exit = refused(line);
        assert_eq!((exit.code, exit.to_stdout), (EXIT_USAGE, false), "{line}: {}", exit.text);
        assert!(exit.text.ends_with('\n'), "{line}");
    }
}

#[test]
fn errors_say_what_would_be_right() {
    for (line, wanted) in [
        ("netcheck --timeout 5", "as 5s, 1m30s or 250ms"),
        ("netcheck --timeout 99ms", "at least 100ms"),
        ("netcheck --dry-run --format tailscale-json", "use 'json' or 'table'"),
        ("netcheck --dry-run --format html", "use 'json' or 'table'"),
        ("netcheck --watch --format html", "is one report"),
        ("explain NET-010 --format html", "for `natscope explain` use 'table' or 'markdown'"),
        ("netchek", "a similar subcommand exists: 'netcheck'"),
        ("netcheck --format yaml", "json-line"),
        ("netcheck -4 -6", "'-4' cannot be used with '-6'"),
        ("netcheck -6 --bind-address 127.0.0.1", "--bind-address 127.0.0.1 is IPv4"),
        ("netcheck --replay a --region fra", "'--replay <FILE>' cannot be used with '--region <CODE|ID>'"),
        ("nat stuns:a.example b.example", "write --transport tls"),
        ("nat a.example:99999", "from 1 to 65535"),
        ("nat -4 [::1]:3478", "the server [::1]:3478 is not IPv4"),
        ("doctor --replay a b.example", "'--replay <FILE>' cannot be used with '[TARGET]'"),
        ("doctor --replay a --long", "'--replay <FILE>' cannot be used with '--long"),
        ("doctor a.example -4 -6", "'-4' cannot be used with '-6'"),
        ("relay --dev --addr :8080", "--addr :8080 can be reached from others: use an address as 127.0.0.1:8080"),
        ("relay --dev --addr 127.0.0.1:1,192.0.2.1:1", "--addr 192.0.2.1:1 can be reached"),
        ("relay --dev --stun-addr 0.0.0.0:3478", "--stun-addr 0.0.0.0:3478 can be reached"),
        ("relay --dev --stun-alternate-addr [::]:3479", "--stun-alternate-addr [::]:3479 can be reached"),
        ("relay --dev --metrics-addr :9090", "--metrics-addr :9090 can be reached"),
        ("relay --dev --http-addr :80", "--http-addr :80 can be reached"),
        ("relay --dev --cert-mode manual", "--dev is plain HTTP"),
        ("nat --format tailscale-json", "only `natscope netcheck` can write it"),
        ("--format tailscale-json selftest", "only `natscope netcheck` can write it"),
    ] {
        let text = plain(&refused(line).text);
        assert!(text.contains(wanted), "{line}: {text}");
        assert!(text.contains("--help"), "{line} does not say where to read on: {text}");
    }
}

#[test]
fn help_and_version_are_answers() {
    for line in ["--help", "-h", "--version", "-V", "netcheck --help", "netcheck -h", "help", "help netcheck"] {
        let exit = refused(line);
        assert_eq!((exit.code, exit.to_stdout), (0, true), "{line}");
    }
    assert_eq!(plain(&refused("--version").text), concat!("natscope ", env!("CARGO_PKG_VERSION")));
    let long = plain(&refused("netcheck --help").text);
    assert!(long.contains("Examples:") && long.contains("told apart by content"), "{long}");
    let short = plain(&refused("netcheck -h").text);
    assert!(!short.contains("told apart by content") && short.len() < long.len());
    assert!(plain(&refused("--help").text).contains("64 bad arguments"));
}

/// Every flag has a variable of its name, its own help text and, where it takes a value, a name for it.
#[test]
fn every_flag_has_its_variable() {
    let root = Cli::command();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for command in std::iter::once(&root).chain(root.get_subcommands()) {
        for arg in command.get_arguments().filter(|arg| !arg.is_positional()) {
            let flag = arg.get_long().map_or_else(|| arg.get_short().unwrap().to_string(), str::to_owned);
            let wanted = format!("NATSCOPE_{}", flag.to_uppercase().replace('-', "_"));
            assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(wanted.as_str()), "--{flag}");
            assert!(arg.get_help().is_some(), "--{flag} has no help");
            *seen.entry(wanted).or_default() += 1;
        }
    }
    assert!(seen.len() > 25, "{seen:?}");
}

const CHILD: &str = "cli::tests::variables_as_a_child_process_sees_them";

/// Variables are read once for a process, so each case runs this very test again in a process of its own.
fn in_environment(variables: &[(&str, &str)], arguments: &str) -> String {
    let mut process = Process::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NATSCOPE_")) {
        process.env_remove(name);
    }
    process.args([CHILD, "--exact", "--nocapture"]).envs(variables.iter().copied());
    let output = process.env("CLI_TEST_ARGUMENTS", arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let answer = stdout.lines().find_map(|line| line.split_once("parsed: ").map(|(_, answer)| answer.to_owned()));
    answer.unwrap_or_else(|| panic!("{stdout}"))
}

#[test]
fn variables_as_a_child_process_sees_them() {
    if let Ok(arguments) = std::env::var("CLI_TEST_ARGUMENTS") {
        let words = std::iter::once("natscope").chain(arguments.split_whitespace());
        println!("\nparsed: {:?}", parse(words).map_err(|exit| plain(&exit.text)));
        return;
    }
    let all = [
        ("NATSCOPE_FORMAT", "markdown"),
        ("NATSCOPE_VERBOSE", "2"),
        ("NATSCOPE_QUIET", "0"),
        ("NATSCOPE_REDACT", "yes"),
        ("NATSCOPE_DERP_MAP", "map.json"),
        ("NATSCOPE_REGION", "1,2"),
        ("NATSCOPE_4", "1"),
        ("NATSCOPE_NO_NAT", "true"),
        ("NATSCOPE_NO_ICMP", ""),
    ];
    let answer = in_environment(&all, "netcheck");
    for wanted in [
        "format: Markdown",
        "verbose: 2",
        "quiet: false",
        "redact: true",
        r#"derp_maps: [File("map.json")]"#,
        r#"regions: ["1", "2"]"#,
        "only_v4: true",
        "no_nat: true",
        "no_icmp: false",
    ] {
        assert!(answer.contains(wanted), "{wanted}: {answer}");
    }

    for (variables, arguments, wanted) in [
        // The command line wins over the environment.
        (&[("NATSCOPE_4", "1")][..], "netcheck -6", "only_v4: false, only_v6: true"),
        (&[("NATSCOPE_FORMAT", "table")], "netcheck --json", "format: Json"),
        (&[("NATSCOPE_JSON", "1")], "netcheck --format json-line", "format: JsonLine"),
        (&[("NATSCOPE_DERP_MAP", "m")], "netcheck --replay r", "derp_maps: []"),
        (&[("NATSCOPE_COUNT", "3")], "netcheck --dry-run", "count: None"),
        (&[("NATSCOPE_STUN_SERVER", "a.example,b.example")], "nat", r#"host: "b.example", port: 3478"#),
        (&[("NATSCOPE_STUN_SERVER", "a.example")], "nat b.example", "stun_servers: []"),
        (&[("NATSCOPE_STUN_SERVER", "a.example")], "nat b.example", r#"host: "b.example", port: 3478"#),
        (&[("NATSCOPE_STUN_SERVER", "a.example")], "nat --replay r", "stun_servers: []"),
        (&[("NATSCOPE_4", "1")], "nat -6", "only_v4: false, only_v6: true"),
        (&[("NATSCOPE_DERP_MAP", "m")], "netcheck --derp-map n", r#"derp_maps: [File("n")]"#),
        // With --dev everything stays on loopback, whatever was set elsewhere for a relay that others reach.
        (&[("NATSCOPE_METRICS_ADDR", ":9090")], "relay --dev", "metrics_addr: None"),
        (&[("NATSCOPE_STUN_ADDR", "0.0.0.0:3478")], "relay --dev", "stun_addrs: []"),
        (&[("NATSCOPE_STUN_ADDR", "127.0.0.1:9")], "relay --dev", "stun_addrs: [On(At(127.0.0.1:9))]"),
        (&[("NATSCOPE_STUN_ADDR", "none")], "relay --dev", "stun_addrs: [Off]"),
        (&[("NATSCOPE_DEV", "1"), ("NATSCOPE_ADDR", ":80")], "relay", "--addr :80 can be reached from others"),
        (&[("NATSCOPE_DEV", "1")], "relay --addr :80", "nothing says who may use it"),
        (&[("NATSCOPE_DEV", "1")], "relay --addr :80 --open", "dev: false"),
        // What has lost to something stronger excludes nothing any more.
        (&[("NATSCOPE_REPLAY", "r"), ("NATSCOPE_BIND_PORT", "7")], "netcheck --dry-run", "bind_port: Some(7)"),
        // A switch turned off excludes nothing, and neither do two ways to say the same.
        (&[("NATSCOPE_4", "0")], "netcheck -6", "only_v6: true"),
        (&[("NATSCOPE_JSON", "1"), ("NATSCOPE_FORMAT", "json")], "netcheck", "format: Json"),
        // Two of the same origin exclude each other, and a bad value is an error that names the flag.
        (&[("NATSCOPE_4", "1"), ("NATSCOPE_6", "1")], "netcheck", "cannot be used with"),
        (&[("NATSCOPE_TIMEOUT", "5")], "netcheck", "for '--timeout <DUR>'"),
        (&[("NATSCOPE_NO_NAT", "maybe")], "netcheck", "a switch is 1, true, yes or on"),
    ] {
        let answer = in_environment(variables, arguments);
        assert!(answer.contains(wanted), "{variables:?} {arguments}: {wanted} not in {answer}");
    }
}

/// `watch` is another name for `netcheck --watch`, and takes what that takes.
#[test]
fn watch_is_netcheck_that_watches() {
    let line =
        "--derp-map a.json --region fra -4 --bind-port 41641 --every 5m --count 3 --save s.json --no-nat --no-icmp";
    let Command::Watch(watch) = parsed(&format!("watch {line}")).command else { panic!() };
    assert_eq!(NetcheckArgs::from(&watch), netcheck(&format!("netcheck --watch {line}")));
    for line in ["watch --replay a.json", "watch --dry-run", "watch --watch"] {
        assert!(refused(line).text.contains("unexpected argument"), "{line}");
    }
    assert!(refused("watch -4 -6").text.contains("cannot be used with"));
    assert!(refused("watch -6 --bind-address 192.0.2.1").text.contains("is IPv4"));
}
