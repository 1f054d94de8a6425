//! Relays in order.

use natscope::drive::relay::{Access, AccessRules};
use serde_json::json;

use crate::certificates::{self_signed, usual};
use crate::patient::{doctor, examined};
use crate::servers::{plain_relay, secure_relay, tls_before};
use crate::tools::{free_ports, start_coturn};
use crate::{Setup, setup};

pub(crate) const SETUPS: &[Setup] = &[
    setup("the embedded relay, certificate of an authority", &[], &["DERP-005"], || {
        Box::pin(async {
            let folder = tempfile::tempdir().unwrap();
            let (_relay, https, stun) = secure_relay(&usual(), folder.path());
            Some(examined(&json!({ "DERPPort": https.port(), "STUNPort": stun })).await)
        })
    }),
    setup("the embedded relay, self-signed certificate pinned in the map", &[], &["DERP-005"], || {
        Box::pin(async {
            let (folder, identity) = (tempfile::tempdir().unwrap(), self_signed(&["localhost"]));
            let (_relay, https, stun) = secure_relay(&identity, folder.path());
            let pin = identity.pin();
            Some(examined(&json!({ "DERPPort": https.port(), "STUNPort": stun, "CertName": pin })).await)
        })
    }),
    setup("the embedded relay over plain HTTP, named by its URL", &[], &["DERP-005"], || {
        Box::pin(async {
            let (_relay, http, stun) = plain_relay(Access::Anyone);
            Some(doctor([format!("http://{http}"), "--stun-port".to_owned(), stun.to_string()]).await)
        })
    }),
    setup("a relay with access control", &[], &["DERP-002"], || {
        Box::pin(async {
            let (_relay, http, stun) = plain_relay(Access::Rules(AccessRules::default()));
            let front = tls_before(&usual(), http).await;
            Some(examined(&json!({ "DERPPort": front.port(), "STUNPort": stun })).await)
        })
    }),
    setup("a relay whose map says InsecureForTests, with a certificate that nobody trusts", &["TLS-004"], &[], || {
        Box::pin(async {
            let folder = tempfile::tempdir().unwrap();
            let (_relay, https, stun) = secure_relay(&self_signed(&["localhost"]), folder.path());
            let fields = json!({ "DERPPort": https.port(), "STUNPort": stun, "InsecureForTests": true });
            let seen = examined(&fields).await;
            // Clients connect: it is worth a warning and no error.
            assert_eq!((seen.finding("TLS-004")["severity"].as_str(), seen.exit), (Some("warning"), 0));
            assert_eq!((seen.layer("tls"), seen.layer("derp")), ("ok", "ok"));
            Some(seen)
        })
    }),
    setup("coturn as the STUN server beside a relay", &[], &["DERP-005"], || {
        Box::pin(async {
            let ports = free_ports("127.0.0.1");
            let coturn = start_coturn(&["127.0.0.1"], ports)?;
            let folder = tempfile::tempdir().unwrap();
            let (_relay, https, _) = secure_relay(&usual(), folder.path());
            // It says nothing when it is ready.
            let mut seen = None;
            for _ in 0..20 {
                let fields = json!({ "DERPPort": https.port(), "STUNPort": ports[0] });
                seen = Some(examined(&fields).await).filter(|seen| seen.layer("stun") == "ok");
                if seen.is_some() {
                    break;
                }
            }
            drop(coturn);
            seen.or_else(|| panic!("coturn does not answer"))
        })
    }),
];
