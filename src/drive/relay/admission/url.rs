//! A controller that knows the clients, asked as derper asks it (`-verify-client-url`).

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::Refusal;
use crate::drive::tls_roots;
use crate::model::{NodePublic, harmless_value};

/// For the whole exchange.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is looked at of an answer.
const LARGEST_ANSWER: usize = 4096;

#[derive(Debug)]
pub(super) struct UrlVerifier {
    client: Client,
    url: String,
}

impl UrlVerifier {
    pub(super) fn new(url: String) -> io::Result<Self> {
        let failed = |error: &dyn fmt::Display| {
            io::Error::other(format!("cannot ask {:?}: {error}", harmless_value(&url, false)))
        };
        let tls = tls_roots::client_config().map_err(|error| failed(&error))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("natscope/", env!("CARGO_PKG_VERSION")))
            .timeout(PATIENCE)
            .build()
            .map_err(|error| failed(&error))?;
        if let Err(error) = reqwest::Url::parse(&url) {
            return Err(failed(&error));
        }
        Ok(Self { client, url })
    }

    pub(super) async fn verify(&self, key: NodePublic, source: IpAddr) -> Result<(), Refusal> {
        match tokio::time::timeout(PATIENCE, self.ask(key, source)).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Refusal::Denied { by: self.to_string() }),
            Ok(Err(because)) => Err(Refusal::NotVerified { by: self.to_string(), because }),
            Err(_) => {
                let because = format!("no answer in {} s", PATIENCE.as_secs());
                Err(Refusal::NotVerified { by: self.to_string(), because })
            }
        }
    }

    async fn ask(&self, key: NodePublic, source: IpAddr) -> Result<bool, String> {
        let request = self.client.post(&self.url).body(question(key, source));
        let mut answer = request.send().await.map_err(|error| innermost(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answered {} instead of 200", answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while body.len() < LARGEST_ANSWER {
            let Some(chunk) = answer.chunk().await.map_err(|error| innermost(&error))? else { break };
            body.extend_from_slice(&chunk);
        }
        body.truncate(LARGEST_ANSWER);
        allows(&body).ok_or_else(|| "its answer is not JSON with Allow".to_owned())
    }
}

impl fmt::Display for UrlVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&harmless_value(&self.url, false))
    }
}

/// In the order and with the names of derper.
fn question(key: NodePublic, source: IpAddr) -> String {
    format!(r#"{{"NodePublic":"{key}","Source":"{}"}}"#, source.to_canonical())
}

/// The last `Allow` of whatever case counts, as Go's decoder has it; an object without one allows nobody.
fn allows(body: &[u8]) -> Option<bool> {
    // Whatever follows the first value is not looked at.
    let value = serde_json::Deserializer::from_slice(body).into_iter::<Value>().next()?.ok()?;
    let mut allows = false;
    for (name, value) in value.as_object()? {
        if name.eq_ignore_ascii_case("allow") && !value.is_null() {
            allows = value.as_bool()?;
        }
    }
    Some(allows)
}

/// reqwest's own words name the URL, which everybody around here knows; its source says what happened.
fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_derpers() {
        let key: NodePublic =
            "nodekey:274ab63aa57025e052bb138698ccc16ed8b8d0c85a7b1d7405f7b908abc40a6a".parse().unwrap();
        let wanted = format!(r#"{{"NodePublic":"{key}","Source":"192.0.2.7"}}"#);
        assert_eq!(question(key, "192.0.2.7".parse().unwrap()), wanted);
        assert_eq!(question(key, "::ffff:192.0.2.7".parse().unwrap()), wanted);
    }

    #[test]
    fn only_a_clear_yes_is_one() {
        for (body, answer) in [
            (r#"{"Allow":true}"#, Some(true)),
            (r#"{"allow":true,"x":[1]}"#, Some(true)),
            (r#"{"Allow":true} and more"#, Some(true)),
            (r#"{"Allow":true,"ALLOW":false}"#, Some(false)),
            (r#"{"Allow":false}"#, Some(false)),
            (r#"{"Allow":null}"#, Some(false)),
            ("{}", Some(false)),
            (r#"{"Allow":"true"}"#, None),
            (r#"{"Allow":1}"#, None),
            ("true", None),
            ("[]", None),
            ("<html>", None),
            ("", None),
            (r#"{"Allow":true"#, None),
        ] {
            assert_eq!(allows(body.as_bytes()), answer, "{body}");
        }
    }
}
