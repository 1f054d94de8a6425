//! Which words of a text are English, and which texts stand in a source.

/// Terms, names and units that are the same in Chinese: alone or beside one another they are not English.
const TERMS: &str = "
    natscope relay ping listen nat netcheck doctor predict derpmap selftest explain diff watch exporter config show lint convert completions
    tailscale headscale derper tailscaled tailnet clash sing-box surge cloudflare nginx caddy haproxy traefik docker podman
    linux unix windows macos opnsense pfsense openwrt openssl certbot lego let's encrypt chrony systemd timedatectl curl dig
    prometheus compose mesh derp stun turn http https tls tcp udp ip dns nat natpmp upnp pcp icmp igd ssdp soap xml json yaml
    toml hujson pem der url uri cdn acme sni alpn mtu ntp vpn wan lan dmz cgnat clat npt npt66 nat66 nat64 dns64 nptv6 ipv4
    ipv6 rfc ssh socks socks5 connect upgrade websocket cookie magic proxy protocol host hostname date server sha256 raw
    regionid regioncode regionname regions region nodes node name certname stunport derpport stunonly canport80 stuntestip
    nomeasurenohome omitdefaultregions homeparams regionscore insecurefortests avoid latitude longitude derpmap null none
    true false off full cone static port hairpin keep-alive fake-ip headers date common subjectaltname ingress docker-proxy
    ms s min h kib mib b kb mb gib ok warning info error debug trace seq time key peer reason because grounds file from for_s
    to node relay pin clients os env http1 h1 h2 allow open drop reject inet nft iptables ip6tables allow verify forward
    upstream server_name location proxy_pass default address block endpoint-independent endpoint xn tailscale-rs ts anyone
    utf utf-8 ascii id code http2 hkdf x509 fullchain any get post head user-agent nodekey privkey json-line markdown table
    a b c d e f i ii iii x y z u p v n lookup tailscale's derp's meta ports echo nominal a/aaaa aaaa srv cname txt mx ns
    acls grants origin magicsock disco one two three own relay-b embedded here there missing allow-list
    ufw our run tunnel timeout not-modified rand start end openssl stdin
";

/// Runs of English in a text: two words that follow one another and are not both terms, or one that only sentences have.
pub(crate) fn english(text: &str) -> Vec<String> {
    let terms: Vec<&str> = TERMS.split_whitespace().collect();
    let mut runs: Vec<String> = Vec::new();
    let mut run: Vec<&str> = Vec::new();
    let text = without_quotes(text);
    for word in text.split([' ', '\t', '\n']).chain(["。"]) {
        // What is no word of letters is a name, a flag, a number, an address.
        let bare = word.trim_matches(|c: char| ",.;:!?()（）".contains(c));
        let is_word = !bare.is_empty()
            && bare.chars().all(|c| c.is_ascii_alphabetic() || "'-".contains(c))
            && !bare.starts_with('-');
        if is_word {
            run.push(bare);
        }
        if !is_word || word.ends_with([',', ';', ':', '.', '!', '?']) {
            let unknown = run.iter().filter(|word| !is_known(word, &terms)).count();
            let is_sentence = run.iter().any(|word| SENTENCE.contains(&word.to_lowercase().as_str()));
            if (run.len() > 1 && unknown > 0) || is_sentence {
                runs.push(run.join(" "));
            }
            run.clear();
        }
    }
    runs
}

/// Words no name has.
const SENTENCE: &[&str] = &[
    "the", "is", "are", "was", "not", "and", "of", "with", "without", "this", "that", "it", "its", "has", "have",
    "cannot", "no", "an", "or", "by", "at", "where", "which", "answer", "answers", "answered", "found", "expected",
    "wrong", "invalid", "failed", "unknown", "must", "write", "give",
];

fn is_known(word: &str, terms: &[&str]) -> bool {
    let is_name = word.chars().filter(char::is_ascii_uppercase).count() > 1;
    is_name || terms.contains(&word.to_lowercase().as_str())
}

/// Without what is quoted as it is: in backticks, in quotes, and what the brackets of a usage hold.
fn without_quotes(text: &str) -> String {
    let mut text = text.to_owned();
    for (open, close) in [('`', '`'), ('"', '"'), ('“', '”'), ('<', '>'), ('[', ']'), ('{', '}')] {
        let (mut plain, mut rest) = (String::new(), text.as_str());
        while let Some((before, after)) = rest.split_once(open) {
            plain.push_str(before);
            let Some((_, behind)) = after.split_once(close) else {
                plain.push_str(after);
                rest = "";
                break;
            };
            plain.push_str(" 引 ");
            rest = behind;
        }
        text = plain + rest;
    }
    // A quote that is no apostrophe.
    let mut plain = String::new();
    let mut inside = false;
    let mut before = ' ';
    for c in text.chars() {
        if c == '\'' && (inside || !before.is_alphanumeric()) {
            inside = !inside;
            plain.push_str(" 引 ");
        } else if !inside {
            plain.push(c);
        }
        before = c;
    }
    plain
        .chars()
        .flat_map(|c| if ('\u{2e80}'..='\u{ffef}').contains(&c) { vec![' ', c, ' '] } else { vec![c] })
        .collect()
}

/// The string literals of a source with the lines they begin on, escapes resolved; not those of comments.
pub(crate) fn literals(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let characters: Vec<char> = source.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or('\0');
    let (mut index, mut line) = (0, 1);
    while index < characters.len() {
        match at(index) {
            '\n' => line += 1,
            '/' if at(index + 1) == '/' => {
                while index < characters.len() && at(index) != '\n' {
                    index += 1;
                }
                continue;
            }
            // A character, not a lifetime.
            '\'' if at(index + 1) == '\\' => {
                index += 3;
                while index < characters.len() && at(index) != '\'' {
                    index += 1;
                }
            }
            '\'' if at(index + 2) == '\'' => index += 2,
            'r' if (at(index + 1) == '"' || (at(index + 1) == '#' && at(index + 2) == '"'))
                && !at(index.wrapping_sub(1)).is_alphanumeric() =>
            {
                let hash = at(index + 1) == '#';
                index += if hash { 3 } else { 2 };
                let (began, mut text) = (line, String::new());
                while index < characters.len() && !(at(index) == '"' && (!hash || at(index + 1) == '#')) {
                    line += usize::from(at(index) == '\n');
                    text.push(at(index));
                    index += 1;
                }
                found.push((began, text));
            }
            '"' => {
                let (began, mut text) = (line, String::new());
                index += 1;
                while index < characters.len() && at(index) != '"' {
                    if at(index) == '\\' {
                        index += 1;
                        match at(index) {
                            'n' => text.push('\n'),
                            't' => text.push('\t'),
                            'r' => text.push('\r'),
                            '\n' => {
                                line += 1;
                                while at(index + 1).is_whitespace() {
                                    index += 1;
                                    line += usize::from(at(index) == '\n');
                                }
                            }
                            other => text.push(other),
                        }
                    } else {
                        line += usize::from(at(index) == '\n');
                        text.push(at(index));
                    }
                    index += 1;
                }
                found.push((began, text));
            }
            _ => {}
        }
        index += 1;
    }
    found
}

#[test]
fn english_is_told_from_terms_and_names() {
    for (text, wanted) in [
        ("STUN 有应答，但 the relay is down。", 1),
        ("HTTPS 只能经代理访问", 0),
        ("用 derper -certmode manual 运行", 0),
        ("Let's Encrypt 也为 IP 地址签发", 0),
        ("`this is quoted as it is` 与 \"this too\"", 0),
        ("无法连接：connection refused", 1),
        ("--addr 127.0.0.1:80", 0),
        ("answers", 1),
        ("eth0 lo wlan0", 0),
    ] {
        assert_eq!(english(text).len(), wanted, "{text}: {:?}", english(text));
    }
    let source = "// \"no\"\nlet a = \"one \\\n   two\"; let b = '\"'; let c = r#\"three\"#;";
    assert_eq!(literals(source), [(2, "one two".to_owned()), (3, "three".to_owned())]);
}
