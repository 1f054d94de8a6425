use std::time::Duration;

use super::super::{Cli, Command as Parsed, DerpmapCommand, Format, Lang, parse_with_config, settings};
use super::ConfigText;
use crate::model::Origin;

fn config(text: &str) -> ConfigText {
    ConfigText { name: "natscope.toml".to_owned(), text: text.to_owned(), variables: &[] }
}

fn parse(text: &str, arguments: &str) -> Result<Cli, String> {
    let words = std::iter::once("natscope").chain(arguments.split_whitespace());
    let parsed = parse_with_config(words, |_| Ok(Some(config(text))));
    parsed.map_err(|exit| anstream::adapter::strip_str(&exit.text).to_string())
}

#[test]
fn a_file_says_what_flags_would_say() {
    let text = r#"
        lang = "zh-cn"
        verbose = 2
        derp-map = ["a.json", "b.json"]
        timeout = "20s"

        [netcheck]
        format = "markdown"
        no-icmp = true
        4 = true
        bind-port = 41641
        count = 3

        [doctor]
        long = true

        [relay]
        verify-tailscaled = true
        hostname = "relay.example.com"
        max-clients = 1_000
    "#;
    let cli = parse(text, "netcheck").unwrap();
    assert_eq!((cli.global.lang, cli.global.verbose), (Some(Lang::ZhCn), 2));
    assert_eq!((cli.global.format, cli.global.timeout), (Format::Markdown, Some(Duration::from_secs(20))));
    let Parsed::Netcheck(netcheck) = cli.command else { panic!() };
    assert_eq!((netcheck.map.derp_maps.len(), netcheck.count), (2, Some(3)));
    assert!(netcheck.leave_out.no_icmp && netcheck.probing.only_v4 && netcheck.probing.bind_port == Some(41641));

    // What is in a table is for that command alone.
    let cli = parse(text, "doctor").unwrap();
    assert_eq!(cli.global.format, Format::Table);
    let Parsed::Doctor(doctor) = cli.command else { panic!() };
    assert_eq!((doctor.long, doctor.map.derp_maps.len()), (Some(Duration::from_secs(110)), 2));
    let Parsed::Relay(relay) = parse(text, "relay").unwrap().command else { panic!() };
    assert_eq!((relay.max_clients, relay.verify_tailscaled.is_some()), (1000, true));
    let Parsed::Derpmap(derpmap) = parse(text, "derpmap show").unwrap().command else { panic!() };
    let DerpmapCommand::Show(show) = derpmap.command else { panic!() };
    assert_eq!(show.sources.len(), 2, "a positional argument with a variable is set by its name too");
}

#[test]
fn what_is_nearer_wins() {
    let text = "format = 'json'\n4 = true\nregion = ['fra']\n[netcheck]\nformat = 'markdown'\n[nat]\n6 = true\n";
    assert_eq!(parse(text, "netcheck --format table").unwrap().global.format, Format::Table);
    assert_eq!(parse(text, "--format table netcheck").unwrap().global.format, Format::Table);
    assert_eq!(parse(text, "netcheck").unwrap().global.format, Format::Markdown);
    assert_eq!(parse(text, "nat").unwrap().global.format, Format::Json);
    assert_eq!(parse(text, "netcheck --json").unwrap().global.format, Format::Json);
    // Of two that exclude each other too.
    let Parsed::Netcheck(netcheck) = parse(text, "netcheck -6 --region ams").unwrap().command else { panic!() };
    assert!(netcheck.probing.only_v6 && !netcheck.probing.only_v4);
    assert_eq!(netcheck.map.regions, ["ams"], "a list is replaced, not added to");
    let Parsed::Nat(nat) = parse(text, "nat").unwrap().command else { panic!() };
    assert!(nat.probing.only_v6 && !nat.probing.only_v4);
    let Parsed::Netcheck(replayed) = parse(text, "netcheck --replay a.json").unwrap().command else { panic!() };
    assert!(!replayed.probing.only_v4 && replayed.map.regions.is_empty());
    let text = "long = true\n[doctor]\nlong = false";
    let Parsed::Doctor(doctor) = parse(text, "doctor a.example").unwrap().command else { panic!() };
    assert_eq!(doctor.long, None, "a table may take back what stands above it");
    let text = "stun-server = 'a.example'";
    let Parsed::Nat(nat) = parse(text, "nat b.example").unwrap().command else { panic!() };
    assert!(nat.stun_servers.is_empty());
    let Parsed::Nat(nat) = parse(text, "nat").unwrap().command else { panic!() };
    assert_eq!(nat.stun_servers.len(), 1);
}

#[test]
fn a_relay_for_development_stays_on_loopback() {
    let text = "addr = ':443'\nhttp-addr = ':80'\nstun-addr = ['0.0.0.0:3478', '127.0.0.1:3478']\nhostname = 'a.example'\n\
                stun-alternate-addr = '192.0.2.1:3479'\nmetrics-addr = '10.0.0.1:9090'\ncert-mode = 'manual'";
    let Parsed::Relay(relay) = parse(&format!("[relay]\n{text}"), "relay --dev").unwrap().command else { panic!() };
    assert!(relay.addresses().iter().all(|address| address.is_loopback()) && relay.http_addrs.is_empty());
    assert!(relay.stun_addrs.is_empty() && relay.stun_alternate_addrs.is_empty() && relay.metrics_addr.is_none());
    assert_eq!(relay.hostname.as_deref(), Some("a.example"));
    // What is on loopback already is kept, and what is nearer than --dev wins over it.
    let Parsed::Relay(relay) = parse("[relay]\nmetrics-addr = '[::1]:9'", "relay --dev").unwrap().command else {
        panic!()
    };
    assert!(relay.metrics_addr.is_some());
    let Parsed::Relay(relay) = parse("[relay]\ndev = true", "relay --addr :80 --open").unwrap().command else {
        panic!()
    };
    assert!(!relay.dev);
    let error = parse("[relay]\ndev = true\nmetrics-addr = ':9'", "relay").unwrap_err();
    assert!(error.contains("--metrics-addr :9 can be reached") && error.contains("natscope.toml:3"), "{error}");
}

#[test]
fn a_replay_of_the_doctor_takes_no_notice_of_how_to_ask() {
    let text = "derp-map = 'a.json'\n4 = true\n[doctor]\nlong = true\nstun-port = 9\nlocal = true";
    let Parsed::Doctor(doctor) = parse(text, "doctor --replay a.json").unwrap().command else { panic!() };
    assert!(doctor.long.is_none() && doctor.stun_port.is_none() && !doctor.local && !doctor.probing.only_v4);
    assert!(doctor.map.derp_maps.is_empty() && doctor.replay.is_some());
    assert!(parse(text, "doctor --replay a.json --stun-port 5").is_err());
}

#[test]
fn what_must_be_given_may_be_in_the_file() {
    let Parsed::Derpmap(_) = parse("[derpmap.convert]\nto = 'yaml'", "derpmap convert a.json").unwrap().command else {
        panic!()
    };
    let error = parse("", "derpmap convert a.json").unwrap_err();
    assert!(error.contains("--to"), "{error}");
}

#[test]
fn mistakes_have_their_place_and_what_is_near() {
    for (text, wanted) in [
        ("\nderp-mapp = 'a'", "natscope.toml:2:1: no command has the setting `derp-mapp`; the nearest is `derp-map`"),
        ("derp_map = 'a'", "the nearest is `derp-map`"),
        ("[netchek]\n4 = true", "natscope.toml:1:2: no command is named `netchek`; the nearest is `netcheck`"),
        (
            "[nat]\nevery = '5s'",
            "natscope.toml:2:1: `nat` does not have the setting `every`; of netcheck, watch, exporter it is one",
        ),
        ("[derpmap.sho]\n4 = true", "no command is named `sho`; the nearest is `show`"),
        ("timeout = '5'", "natscope.toml:1:11: `timeout` is set to \"5\": time unit needed"),
        ("timeout = 5", "as 5s, 1m30s or 250ms"),
        ("lang = 'xh'", "write one of en, zh-CN"),
        ("format = 'jsn'", "the nearest is json"),
        ("quiet = 'yes'", "natscope.toml:1:9: `quiet` takes true or false, not a string"),
        ("lang = true", "`lang` takes a value (LANG), not true"),
        ("lang = ['en']", "`lang` takes a value (LANG), not a list"),
        ("lang = 1.5", "not a number with a point"),
        ("lang = 2026-01-01", "not a date"),
        ("verbose = -1", "from 0 to 255"),
        ("verbose = 'a'", "takes a number, not a string"),
        ("region = [1, [2]]", "a list of strings, and one of them is a list"),
        ("bind-port = 70000", "70000 is not in 0..=65535"),
        ("bind-address = 'here'", "`bind-address` is set to \"here\": invalid IP address"),
        ("save = 'a.json'", "`save` is about a single run: write --save on the command line"),
        ("config = 'a'", "about a single run"),
        ("lang.a = 1", "`lang` takes a value (LANG), not a table"),
        ("[[netcheck]]\n4 = true", "write [netcheck] instead of [[netcheck]]"),
        ("count = 0", "`count` is set to \"0\": 0 is not in 1.."),
        ("4 = true\n4 = false", "natscope.toml:2:1: duplicate key"),
        ("lang = ", "natscope.toml:1:"),
        ("[man]\n", "no command is named `man`"),
        ("4 = true\n6 = true", "cannot be used with '-6' (natscope.toml, lines 1 and 2)"),
    ] {
        let error = parse(text, "netcheck").unwrap_err();
        assert!(error.contains(wanted), "{text}: {error}");
    }
    // Whichever command is run; but for those that do not look at the file.
    assert!(parse("[relay]\nxyz = 1", "explain --list").is_err());
    assert!(parse("[relay]\nxyz = 1", "completions bash").is_ok());
    assert!(parse("[relay]\nxyz = 1", "netcheck --help").unwrap_err().contains("Usage"));
    // What only shows together is told with where it comes from.
    let error = parse("[nat]\ntransport = 'tcp'", "nat --lifetime").unwrap_err();
    assert!(error.contains("natscope.toml:2: transport = tcp"), "{error}");
}

#[test]
fn hostile_files_are_refused_without_a_panic() {
    let long = "x".repeat(100_000);
    for text in [
        "[".repeat(100_000),
        "a=".to_owned() + &"[".repeat(100_000),
        "a=".to_owned() + &"{a=".repeat(50_000),
        long.clone() + " = 1",
        format!("[{long}]"),
        format!("lang = '{long}'"),
        "a.".repeat(50_000) + "a = 1",
        "\u{0}".to_owned(),
        "\"\\u001b[31m\" = 1".to_owned(),
        "lang = \"\\u001b[31m\"".to_owned(),
        "verbose = 0xffffffffffffffffffffffffffffffffffffffff".to_owned(),
        "derp-map = 0xffffffffffffffffffffffffffffffffffffffff".to_owned(),
        "é = 1".to_owned(),
    ] {
        let error = parse(&text, "netcheck").unwrap_err();
        assert!(error.contains("natscope.toml:1:") && !error.contains('\u{1b}'), "{error}");
        assert!(error.len() < 1_000, "{} bytes", error.len());
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"([a-z4-]{0,8}|\[|\]|"|'|=|\n|#|\{|\}|[0-9.:-]{1,4}|true|,|\PC){0,40}"#) {
        let _ = parse(&text, "netcheck");
    }
}

#[test]
fn settings_tell_where_they_come_from() {
    let file = config("lang = 'en'\n[netcheck]\nderp-map = 'https://me:secret@maps.example/a@b'\nformat = 'json'");
    let line = ["netcheck", "-4"].map(Into::into);
    let (shown, redact) = settings(&line, Some(&file)).unwrap();
    assert!(!redact);
    let of = |key: &str| shown.iter().find(|setting| setting.key == key).unwrap();
    assert_eq!((of("4").values.as_slice(), &of("4").origin), (&["true".to_owned()][..], &Origin::Flag));
    assert_eq!(of("derp-map").values, ["https://***@maps.example/a@b"]);
    assert_eq!(of("derp-map").origin, Origin::File { name: "natscope.toml".to_owned(), line: 3 });
    assert_eq!((&of("lang").command, &of("format").command), (&None, &Some("netcheck".to_owned())));
    assert!(of("every").values.is_empty() && of("every").origin == Origin::Default);
    assert!(shown.iter().all(|setting| setting.key != "save" && setting.key != "config"));

    let (all, _) = settings(&[], Some(&file)).unwrap();
    for command in ["netcheck", "nat", "relay", "doctor", "ping", "derpmap show"] {
        assert!(all.iter().any(|setting| setting.command.as_deref() == Some(command)), "{command}");
    }
    assert_eq!(all.iter().filter(|setting| setting.key == "lang").count(), 1);
    assert!(settings(&["netcheck".into(), "--bogus".into()], None).is_err());
}

#[test]
fn redaction_asked_for_behind_the_command_is_redaction() {
    for line in [&["netcheck", "--redact"][..], &["nat", "-4", "--redact"]] {
        let line: Vec<_> = line.iter().map(Into::into).collect();
        assert!(settings(&line, None).unwrap().1, "{line:?}");
    }
    assert!(settings(&["netcheck".into()], Some(&config("redact = true"))).unwrap().1);
}

#[test]
fn secrets_are_in_no_message() {
    for (text, arguments) in [
        ("", "nat --socks5 socks5://u:hunter2@proxy.example:0"),
        ("", "nat --socks5 u:hunter2@proxy.example:0"),
        ("", "nat --socks5 socks4://u:hun/ter2@proxy.example"),
        ("", "nat --socks5 u:hun/ter2@proxy.example:port"),
        ("", "netcheck --derp-map ftp://u:hunter2@maps.example"),
        ("", "netcheck --derp-map ftp://maps.example/?token=hunter2"),
        ("", "doctor ftp://u:hunter2@a.example"),
        ("", "doctor http://a.example/x?token=hunter2"),
        ("[nat]\nsocks5 = 'u:hunter2@proxy.example:0'", "nat"),
        ("[nat]\nsocks5 = 'u:hun/ter2@proxy.example'\ntransport = 'tcp'", "nat"),
        ("[netcheck]\nderp-map = 'ftp://u:hunter2@a.example'", "netcheck"),
        (
            "[relay]\nverify-client-url = 'https://u:hunter2@a.example/v?t=hunter2'\naddr = ':1'\ncert-mode = 'acme'",
            "relay",
        ),
    ] {
        let error = parse(text, arguments).unwrap_err();
        assert!(!error.contains("hun"), "{text} {arguments}: {error}");
    }
    let file = config(
        "[netcheck]\nderp-map = ['https://a.example/m?token=hunter2', 'http://u:hun/ter2@b.example/m']\n\
                       [nat]\nsocks5 = 'u:hun/ter2@proxy.example'",
    );
    let (shown, _) = settings(&[], Some(&file)).unwrap();
    assert!(!format!("{shown:?}").contains("hun"), "{shown:?}");
    assert!(format!("{shown:?}").contains("***@proxy.example"));
}
