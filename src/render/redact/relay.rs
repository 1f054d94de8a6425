//! What relays were asked and what they answered.

use super::pseudonym::Pseudonyms;
use super::record::target;
use super::verdict::failure;
use crate::probe::{Cause, Failure, Stage};
use crate::probe::{CertificateFault, CertificateSeen, HttpReply, RelayAnswer, RelayAsk, RelayQuestion, Sni};

pub(super) fn question(question: &mut RelayQuestion, names: &mut Pseudonyms) {
    target(&mut question.target, names);
    if let RelayAsk::Handshake { sni: Sni::Name(name), alpn: _ } = &mut question.ask {
        names.host(name);
    }
}

pub(super) fn answer(answer: &mut RelayAnswer, names: &mut Pseudonyms) {
    let RelayAnswer { remote, via_proxy, connect: _, tls, http, derp, ended } = answer;
    if let Some(remote) = remote {
        names.endpoint(remote);
    }
    if let Some(proxy) = via_proxy {
        names.text(proxy);
    }
    if let Some(tls) = tls {
        for seen in &mut tls.certificates {
            certificate(seen, names);
        }
        for fault in [&mut tls.by_map, &mut tls.by_roots].into_iter().flatten() {
            certificate_fault(fault, names);
        }
    }
    if let Some(HttpReply { took: _, status: _, headers, body, challenge_echoed: _, date_ahead_s: _ }) = http {
        for (_, value) in headers {
            names.text(value);
        }
        // Whose page it is may be read in it.
        body.clear();
    }
    if let Some(derp) = derp {
        for key in &mut derp.server_keys {
            *key = names.hash(key);
        }
    }
    if let Some(ended) = ended {
        failure(ended, names);
    }
}

pub(super) fn certificate(seen: &mut CertificateSeen, names: &mut Pseudonyms) {
    let CertificateSeen {
        sha256,
        common_name,
        issuer,
        self_issued,
        dns_names,
        addresses,
        not_before: _,
        not_after: _,
        meta_key,
    } = seen;
    *sha256 = names.hash(sha256);
    names.host(common_name);
    if *self_issued {
        names.host(issuer);
    }
    for name in dns_names {
        names.host(name);
    }
    for address in addresses {
        names.address(address);
    }
    if let Some(key) = meta_key {
        *key = names.hash(key);
        common_name.clear();
        issuer.clear();
    }
}

/// As in a failure.
fn certificate_fault(fault: &mut CertificateFault, names: &mut Pseudonyms) {
    let mut wrapped = Failure::new(Stage::Tls, Cause::Certificate { fault: fault.clone() });
    failure(&mut wrapped, names);
    if let Cause::Certificate { fault: redacted } = wrapped.cause {
        *fault = redacted;
    }
}
