//! The `DERP_*` variables that popular images of derper take, as a configuration file would say it: so that a compose file
//! written for one of them starts natscope. An image from scratch has no shell to translate them in.

/// The settings as TOML. `Err`: what cannot be had.
pub(super) fn translated(variable: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let of = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let mut lines = vec!["[relay]".to_owned()];
    let mut set = |key: &str, value: &str| -> Result<(), String> {
        lines.push(format!("{key} = {}", quoted(key, value)?));
        Ok(())
    };
    if let Some(domain) = of("DERP_DOMAIN") {
        set("hostname", &domain)?;
    }
    if let Some(directory) = of("DERP_CERT_DIR") {
        set("cert-dir", &directory)?;
    }
    let address = of("DERP_ADDR");
    if let Some(address) = &address {
        set("addr", address)?;
    }
    // As derper has it: on another port than 443, TLS is only spoken with a certificate of one's own.
    let usual = address.as_ref().is_none_or(|address| address.ends_with(":443"));
    let mode = of("DERP_CERT_MODE");
    let mode = match (mode.as_deref(), usual) {
        (None | Some("letsencrypt"), false) => Some("none"),
        (Some("letsencrypt"), true) => {
            return Err(
                "DERP_CERT_MODE=letsencrypt: natscope does not get certificates by itself yet. Leave it out for a \
                        self-signed certificate, known to clients by the pin that is printed at the start; or have \
                        certbot or lego write HOSTNAME.crt and HOSTNAME.key to DERP_CERT_DIR, and set \
                        DERP_CERT_MODE=manual"
                    .to_owned(),
            );
        }
        (mode, _) => mode,
    };
    if let Some(mode) = mode {
        set("cert-mode", mode)?;
    }
    if let Some(port) = of("DERP_HTTP_PORT").filter(|_| mode != Some("none")) {
        set("http-addr", &if port == "-1" { "none".to_owned() } else { format!(":{port}") })?;
    }
    if !switch("DERP_STUN", of("DERP_STUN").as_deref())?.unwrap_or(true) {
        set("stun-addr", "none")?;
    } else if let Some(port) = of("DERP_STUN_PORT") {
        set("stun-addr", &format!(":{port}"))?;
    }
    if let Some(url) = of("DERP_VERIFY_CLIENT_URL") {
        set("verify-client-url", &url)?;
    }
    // Being told to verify nobody is not yet being told to serve anybody: that is NATSCOPE_OPEN=1.
    if switch("DERP_VERIFY_CLIENTS", of("DERP_VERIFY_CLIENTS").as_deref())? == Some(true) {
        lines.push("verify-tailscaled = true".to_owned());
    }
    Ok(lines.join("\n") + "\n")
}

fn switch(name: &str, value: Option<&str>) -> Result<Option<bool>, String> {
    match value {
        None => Ok(None),
        Some("true" | "1" | "t" | "TRUE" | "True" | "T") => Ok(Some(true)),
        Some("false" | "0" | "f" | "FALSE" | "False" | "F") => Ok(Some(false)),
        Some(other) => Err(format!("{name}={other}: write true or false")),
    }
}

fn quoted(key: &str, value: &str) -> Result<String, String> {
    if value.chars().any(char::is_control) {
        return Err(format!("the variable for {key} has a control character in it"));
    }
    Ok(format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translate(variables: &[(&str, &str)]) -> Result<String, String> {
        translated(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_compose_file_for_derper_is_understood() {
        let text = translate(&[
            ("DERP_DOMAIN", "derp.example.com"),
            ("DERP_CERT_MODE", "manual"),
            ("DERP_CERT_DIR", "/app/certs"),
            ("DERP_ADDR", ":443"),
            ("DERP_STUN", "true"),
            ("DERP_STUN_PORT", "3479"),
            ("DERP_HTTP_PORT", "-1"),
            ("DERP_VERIFY_CLIENTS", "true"),
            ("DERP_VERIFY_CLIENT_URL", ""),
            ("DERP_SERVICE_HOST", "10.0.0.1"),
        ]);
        let wanted = "[relay]\nhostname = \"derp.example.com\"\ncert-dir = \"/app/certs\"\naddr = \":443\"\n\
                      cert-mode = \"manual\"\nhttp-addr = \"none\"\nstun-addr = \":3479\"\nverify-tailscaled = true\n";
        assert_eq!(text.as_deref(), Ok(wanted));
        // And natscope takes it.
        let file = crate::cli::ConfigText { name: "DERP_*".to_owned(), text: text.unwrap() };
        assert!(crate::cli::parse_with_config(["natscope", "relay"], |_| Ok(Some(file))).is_ok());
    }

    #[test]
    fn what_derper_does_on_other_ports_is_done() {
        for (variables, wanted) in [
            (&[("DERP_ADDR", ":12345"), ("DERP_HTTP_PORT", "80")][..], "cert-mode = \"none\"\n"),
            (&[("DERP_ADDR", ":12345"), ("DERP_CERT_MODE", "letsencrypt")], "cert-mode = \"none\"\n"),
            (&[("DERP_ADDR", ":12345"), ("DERP_CERT_MODE", "manual")], "cert-mode = \"manual\"\n"),
            (&[("DERP_STUN", "false"), ("DERP_STUN_PORT", "3478")], "stun-addr = \"none\"\n"),
        ] {
            let text = translate(variables).unwrap();
            assert!(text.ends_with(wanted), "{text}");
        }
        assert_eq!(translate(&[]).as_deref(), Ok("[relay]\n"));
    }

    #[test]
    fn nothing_is_served_to_anybody_for_want_of_a_word() {
        let text = translate(&[("DERP_VERIFY_CLIENTS", "false")]).unwrap();
        let file = crate::cli::ConfigText { name: "DERP_*".to_owned(), text };
        let refused = crate::cli::parse_with_config(["natscope", "relay"], |_| Ok(Some(file))).unwrap_err();
        assert!(refused.text.contains("nothing says who may use it"), "{}", refused.text);
        assert!(translate(&[("DERP_CERT_MODE", "letsencrypt")]).unwrap_err().contains("manual"));
        assert!(translate(&[("DERP_VERIFY_CLIENTS", "yes!")]).is_err());
        assert!(translate(&[("DERP_DOMAIN", "a\nopen = true")]).is_err());
        assert_eq!(translate(&[("DERP_DOMAIN", "a\"b\\")]).as_deref(), Ok("[relay]\nhostname = \"a\\\"b\\\\\"\n"));
    }
}
