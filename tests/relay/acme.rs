//! Certificates by ACME, from authorities that others wrote: Caddy's `acme_server` and Pebble, the one Let's Encrypt tests
//! clients with. They look for the proof on ports 443 and 80 of the name, so each test has a network and a file of hosts of
//! its own, made with unshare and gone with it.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use natscope::drive::wall_clock;

use crate::tools::not_run;

/// The authority at ca.test, the relay's name, and what is waited for. `$folder` is removed at the end.
const BEGIN: &str = r#"set -e
ip link set lo up
ip addr add 203.0.113.7/32 dev lo
folder=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null || true; rm -rf $folder' EXIT
export XDG_DATA_HOME=$folder/data XDG_CONFIG_HOME=$folder/config HOME=$folder
echo 'nameserver 127.0.0.9' >$folder/resolv; mount --bind $folder/resolv /etc/resolv.conf
printf '127.0.0.1 localhost\n127.0.0.1 ca.test\n203.0.113.7 relay.test\n' >$folder/hosts
mount --bind $folder/hosts /etc/hosts
root=$folder/data/caddy/pki/authorities/local/root.crt
cat >$folder/Caddyfile <<'C'
{
	admin off
	skip_install_trust
	auto_https disable_redirects
	http_port 8080
}
https://ca.test:9443 {
	tls internal
	acme_server
}
C
# Until a line of a file has it.
until_said() {
  for i in $(seq 600); do grep -qs -- "$2" $1 && return; sleep 0.05; done
  echo "no '$2' in $1:" >&2
  cat $1 >&2
  exit 9
}
authority() {
  : >$folder/caddy
  caddy run --config $folder/Caddyfile --adapter caddyfile >$folder/caddy 2>&1 &
  caddy=$!
  pids="$pids $caddy"
  until_said $folder/caddy 'serving initial configuration'
  for i in $(seq 200); do [ -s $root ] && return; sleep 0.05; done
  exit 9
}
# It keeps nothing: started again it knows nobody. What it gives is good for half a minute.
pebble_authority() {
  : >$folder/pebble.log
  PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 pebble -strict -config $folder/pebble.json >$folder/pebble.log 2>&1 &
  pebble=$!
  pids="$pids $pebble"
  until_said $folder/pebble.log 'Listening on: 127.0.0.1:9443'
}
relay() {
  $NATSCOPE relay --key $folder/key --cert-dir $folder/certs --hostname relay.test --stun-addr none --cert-mode acme \
    --acme-directory https://ca.test:9443/${path:-acme/local/directory} --acme-ca $root --open "$@" >/dev/null 2>>$folder/log &
  relay=$!
  pids="$pids $relay"
  until_said $folder/log '^serving'
}
stop() { kill $1; wait $1 || true; }
# How often the authority was asked for a certificate.
orders() { grep -c 'new-order' $folder/caddy || true; }
# As a client that trusts the authority sees it.
doctor() { SSL_CERT_FILE=$root $NATSCOPE doctor "$@"; }
"#;

/// Runs a script in namespaces of its own. `None`: it cannot be made here.
fn alone(authority: &str, script: &str) -> Option<String> {
    for tool in ["unshare", "ip", "mount", "bash", authority] {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            not_run(tool);
            return None;
        }
    }
    let able = Command::new("unshare").args(["-rnmp", "--fork", "--kill-child", "true"]).stderr(Stdio::null()).status();
    if !able.is_ok_and(|status| status.success()) {
        not_run("the right to make namespaces");
        return None;
    }
    let mut command = Command::new("unshare");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NATSCOPE_")) {
        command.env_remove(name);
    }
    let Output { status, stdout, stderr } = command
        .args(["-rnmp", "--fork", "--kill-child", "sh", "-c", &format!("{BEGIN}{script}")])
        .env("NATSCOPE", env!("CARGO_BIN_EXE_natscope"))
        .env("NATSCOPE_CONFIG", "none")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr).into_owned());
    assert!(status.success(), "{status}: {stdout}\n{stderr}");
    Some(stdout)
}

/// What a line of the script begins with that name.
fn told<'a>(said: &'a str, name: &str) -> &'a str {
    let line = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {name} in {said}"))
}

#[test]
fn a_certificate_is_had_on_the_port_of_tls_and_kept() {
    let Some(said) = alone(
        "caddy",
        r#"authority
relay --http-addr none --addr 203.0.113.7:443 --acme-email admin@relay.example
until_said $folder/log 'a new certificate is served'
echo proofs=$(grep -o '[a-z]*-[a-z0-9-]*\\",\\"status\\":\\"valid' $folder/caddy | sort -u | cut -d'\' -f1)
echo modes=$(stat -c %a $folder/certs $folder/certs/relay.test.crt $folder/certs/relay.test.key $folder/certs/acme-account-*)
echo pinned=$(grep -c 'certname\|CertName\|^Pin' $folder/log)
echo refused=$(grep -c 'refuses handshakes until there is a certificate' $folder/log)
doctor relay.test --json >$folder/seen || true
echo tls=$(grep -c '"TLS-' $folder/seen)
echo admitted=$(grep -c '"admitted": true' $folder/seen)
before=$(cksum <$folder/certs/relay.test.crt)
stop $relay
: >$folder/log
echo asked=$(orders)
relay --http-addr none --addr 203.0.113.7:443 --acme-email admin@relay.example
sleep 2
echo again=$(orders)
[ "$before" = "$(cksum <$folder/certs/relay.test.crt)" ]
echo asking=$(grep -c 'asking for a certificate' $folder/log)
echo until=$(grep -c '^TLS  *for relay.test, until 2' $folder/log)
echo done=1"#,
    ) else {
        return;
    };
    assert_eq!(told(&said, "proofs"), "tls-alpn-01");
    assert_eq!(told(&said, "modes"), "700 644 600 600");
    assert_eq!((told(&said, "pinned"), told(&said, "refused")), ("0", "1"));
    // TLS-006: a certificate of Caddy's is good for twelve hours.
    assert_eq!((told(&said, "tls"), told(&said, "admitted")), ("1", "1"), "{said}");
    assert_eq!(told(&said, "asked"), "1");
    assert_eq!((told(&said, "again"), told(&said, "asking"), told(&said, "until")), ("1", "0", "1"));
    assert_eq!(told(&said, "done"), "1");
}

/// Nothing listens on port 443, so that one way fails and the other is taken at once; then a relay whose name leads
/// nowhere.
#[test]
fn a_certificate_is_had_on_the_port_of_http_and_a_failure_is_told_in_the_authoritys_words() {
    let Some(said) = alone(
        "caddy",
        r#"authority
relay --addr 203.0.113.7:8443 --http-addr 203.0.113.7:80 --metrics-addr 127.0.0.1:9090
until_said $folder/log 'a new certificate is served'
echo first=$(grep -c 'tls-alpn-01 failed: urn:ietf:params:acme:error:connection: .*; trying http-01' $folder/log)
echo proofs=$(grep -o '[a-z]*-[a-z0-9-]*\\",\\"status\\":\\"valid' $folder/caddy | sort -u | cut -d'\' -f1)
doctor relay.test:8443 --json >$folder/seen || true
echo trusted=$(grep -c '"TLS-004' $folder/seen)
stop $relay
printf '127.0.0.1 localhost ca.test\n203.0.113.8 relay.test\n' >$folder/hosts
# Go's resolver looks at the file every five seconds.
sleep 6
rm $folder/certs/relay.test.*
: >$folder/log
relay --addr 203.0.113.7:443 --metrics-addr 127.0.0.1:9090
until_said $folder/log 'no certificate yet, and handshakes are refused: the proof: http-01 failed: urn:ietf:params:acme:error:connection: .*; trying again in [56]m'
page() { bash -c "exec 3<>/dev/tcp/127.0.0.1/9090; printf 'GET $1 HTTP/1.0\r\nHost: a\r\n\r\n' >&3; cat <&3"; }
echo counted=$(page /metrics | grep -c '^natscope_acme_failures{kind="validation"} 1\|^natscope_acme_failing 1\|^natscope_acme_certificates 0')
echo page=$(page / | grep -c 'ACME.*failed.*http-01 failed: urn:ietf:params:acme:error:connection.*asked next at 20')
doctor 203.0.113.7 --json >$folder/seen || true
echo tls=$(grep -o '"TLS-[0-9]*"' $folder/seen | sort -u)
"#,
    ) else {
        return;
    };
    assert_eq!((told(&said, "counted"), told(&said, "page")), ("3", "1"));
    assert_eq!(told(&said, "tls"), "\"TLS-002\"", "there is no certificate");
    assert_eq!((told(&said, "first"), told(&said, "proofs"), told(&said, "trusted")), ("1", "http-01", "0"));
}

/// A certificate with a fifth of its lifetime left is due at once. The authority is away at first.
#[test]
fn a_certificate_is_renewed_while_the_old_one_is_served() {
    let old = old_certificate();
    let Some(said) = alone(
        "caddy",
        &format!(
            r#"authority
stop $caddy
mkdir -m 700 $folder/certs
cat >$folder/certs/relay.test.crt <<'C'
# By ACME from https://ca.test:9443/acme/local/directory
{}C
cat >$folder/certs/relay.test.key <<'C'
{}C
chmod 600 $folder/certs/relay.test.key
relay --addr 203.0.113.7:443 --http-addr none --metrics-addr 127.0.0.1:9090
until_said $folder/log 'WARN.* the certificate is not renewed, and is good for 11m.*: the directory: .*refused.*; trying again in 3[0-9]s'
doctor 203.0.113.7 --json >$folder/seen || true
echo admitted=$(grep -c '"admitted": true' $folder/seen)
old=$(cksum <$folder/certs/relay.test.crt)
authority
kill -HUP $relay
until_said $folder/log 'a new certificate is served'
echo orders=$(orders)
[ "$old" != "$(cksum <$folder/certs/relay.test.crt)" ]
doctor relay.test --json >$folder/seen || true
echo trusted=$(grep -c '"TLS-004"' $folder/seen)
page() {{ bash -c "exec 3<>/dev/tcp/127.0.0.1/9090; printf 'GET $1 HTTP/1.0\r\nHost: a\r\n\r\n' >&3; cat <&3"; }}
echo counted=$(page /metrics | grep -c '^natscope_acme_failures{{kind="network"}} 1\|^natscope_acme_failing 0\|^natscope_acme_certificates 1')
echo pid=$(kill -0 $relay && echo same)
"#,
            old.0, old.1
        ),
    ) else {
        return;
    };
    assert_eq!(told(&said, "admitted"), "1", "the old one is served while the authority is away");
    assert_eq!((told(&said, "orders"), told(&said, "trusted")), ("1", "0"));
    assert_eq!((told(&said, "counted"), told(&said, "pid")), ("3", "same"));
}

/// For relay.test, begun 48 minutes ago and good for 12 more; with its key, as PEM.
fn old_certificate() -> (String, String) {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["relay.test".to_owned()]).unwrap();
    params.not_before = (wall_clock::now() - minutes(48)).into();
    params.not_after = (wall_clock::now() + minutes(12)).into();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// With Pebble as the authority, to be started.
fn alone_with_pebble(script: &str) -> Option<String> {
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(["ca.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (own, key) = (own.pem(), key.serialize_pem());
    let begin = format!(
        r#"path=dir
root=$folder/ca.crt
cat >$folder/ca.crt <<'C'
{own}C
cat >$folder/ca.key <<'C'
{key}C
cat >$folder/pebble.json <<C
{{"pebble":{{"listenAddress":"127.0.0.1:9443","managementListenAddress":"127.0.0.1:15000",
"certificate":"$folder/ca.crt","privateKey":"$folder/ca.key","httpPort":80,"tlsPort":443,"ocspResponderURL":"",
"externalAccountBindingRequired":false,"certificateValidityPeriod":30}}}}
C
"#
    );
    alone("pebble", &(begin + script))
}

/// An authority that gives certificates for half a minute, and then forgets the account.
#[test]
fn certificates_are_renewed_by_the_clock_and_an_account_that_is_gone_is_made_again() {
    let Some(said) = alone_with_pebble(
        r#"pebble_authority
relay --addr 203.0.113.7:443 --http-addr 203.0.113.7:80
until_said $folder/log 'a new certificate is served'
account=$(cksum <$(echo $folder/certs/acme-account-*))
first=$(cksum <$folder/certs/relay.test.crt)
for i in $(seq 600); do [ $(grep -c 'a new certificate is served' $folder/log) -ge 2 ] && break; sleep 0.05; done
[ "$first" != "$(cksum <$folder/certs/relay.test.crt)" ]
[ "$account" = "$(cksum <$(echo $folder/certs/acme-account-*))" ]
echo issued=$(grep -c 'Issued certificate' $folder/pebble.log)
echo complaints=$(grep -c 'WARN\|ERROR' $folder/log)
stop $pebble
pebble_authority
for i in $(seq 600); do [ $(grep -c 'a new certificate is served' $folder/log) -ge 3 ] && break; sleep 0.05; done
echo third=$(grep -c 'a new certificate is served' $folder/log)
echo gone=$(grep -c 'urn:ietf:params:acme:error:accountDoesNotExist: .*; a new account is made' $folder/log)
[ "$account" != "$(cksum <$(echo $folder/certs/acme-account-*))" ]
doctor 203.0.113.7 --json >$folder/seen || true
echo admitted=$(grep -c '"admitted": true' $folder/seen)
"#,
    ) else {
        return;
    };
    assert_eq!((told(&said, "issued"), told(&said, "third"), told(&said, "gone")), ("2", "3", "1"));
    assert_eq!((told(&said, "admitted"), told(&said, "complaints")), ("1", "0"));
}

/// It looks when it comes to it, and tells later what it found; Caddy answers at once.
#[test]
fn an_authority_that_looks_later_is_waited_for_and_quoted() {
    let Some(said) = alone_with_pebble(
        r"pebble_authority
relay --addr 203.0.113.7:8443 --http-addr 203.0.113.7:80
until_said $folder/log 'a new certificate is served'
echo first=$(grep -c 'tls-alpn-01 failed: urn:ietf:params:acme:error:unauthorized: .*; trying http-01' $folder/log)
stop $relay
rm -r $folder/certs
: >$folder/log
relay --addr 203.0.113.7:8443 --http-addr none
until_said $folder/log 'ERROR no certificate yet, and handshakes are refused: the proof: tls-alpn-01 failed: urn:ietf:params:acme:error:unauthorized: Failed to connect .*; trying again in [56]m'
echo warned=$(grep -c 'looks for its proof on ports 443 and 80 of relay.test, and the relay listens on neither' $folder/log)
",
    ) else {
        return;
    };
    assert_eq!((told(&said, "first"), told(&said, "warned")), ("1", "1"));
}
