//! The `DERP_*` variables that popular images of derper take, as a configuration file would say it: so that a compose file
//! written for one of them starts natscope. An image from scratch has no shell to translate them in.

/// Which variable a setting comes from.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("hostname", "DERP_DOMAIN"),
    ("cert-dir", "DERP_CERT_DIR"),
    ("cert-mode", "DERP_CERT_MODE"),
    ("addr", "DERP_ADDR"),
    ("http-addr", "DERP_HTTP_PORT"),
    ("stun-addr", "DERP_STUN_PORT"),
    ("verify-client-url", "DERP_VERIFY_CLIENT_URL"),
    ("verify-tailscaled", "DERP_VERIFY_CLIENTS"),
];

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
        (Some("letsencrypt"), true) => Some("acme"),
        (mode, _) => mode,
    };
    if let Some(mode) = mode {
        set("cert-mode", mode)?;
    }
    if let Some(port) = of("DERP_HTTP_PORT").filter(|_| mode != Some("none")) {
        set(
            "http-addr",
            &if port == "-1" { "none".to_owned() } else { self::port("DERP_HTTP_PORT", &port, ", or -1 for none")? },
        )?;
    }
    if !switch("DERP_STUN", of("DERP_STUN").as_deref())?.unwrap_or(true) {
        set("stun-addr", "none")?;
    } else if let Some(port) = of("DERP_STUN_PORT") {
        set("stun-addr", &self::port("DERP_STUN_PORT", &port, "")?)?;
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

fn port(name: &str, value: &str, otherwise: &str) -> Result<String, String> {
    match value.parse::<u16>() {
        Ok(port) => Ok(format!(":{port}")),
        Err(_) => Err(format!("{name}={value}: write a port from 0 to 65535{otherwise}")),
    }
}

fn quoted(key: &str, value: &str) -> Result<String, String> {
    if value.chars().any(char::is_control) {
        let name = KEYS.iter().find(|(known, _)| *known == key).map_or(key, |(_, name)| name);
        return Err(format!("{name} has a control character in it"));
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
        let file = crate::cli::ConfigText { name: "DERP_*".to_owned(), text: text.unwrap(), variables: KEYS };
        assert!(crate::cli::parse_with_config(["natscope", "relay"], |_| Ok(Some(file))).is_ok());
    }

    #[test]
    fn what_derper_does_on_other_ports_is_done() {
        for (variables, wanted) in [
            (&[("DERP_ADDR", ":12345"), ("DERP_HTTP_PORT", "80")][..], "cert-mode = \"none\"\n"),
            (&[("DERP_ADDR", ":12345"), ("DERP_CERT_MODE", "letsencrypt")], "cert-mode = \"none\"\n"),
            (&[("DERP_ADDR", ":12345"), ("DERP_CERT_MODE", "manual")], "cert-mode = \"manual\"\n"),
            (&[("DERP_ADDR", ":443"), ("DERP_CERT_MODE", "letsencrypt")], "cert-mode = \"acme\"\n"),
            (&[("DERP_CERT_MODE", "letsencrypt")], "cert-mode = \"acme\"\n"),
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
        let file = crate::cli::ConfigText { name: "DERP_*".to_owned(), text, variables: KEYS };
        let refused = crate::cli::parse_with_config(["natscope", "relay"], |_| Ok(Some(file))).unwrap_err();
        assert!(refused.text.contains("nothing says who may use it"), "{}", refused.text);
        assert!(translate(&[("DERP_VERIFY_CLIENTS", "yes!")]).is_err());
        assert!(translate(&[("DERP_DOMAIN", "a\nopen = true")]).is_err());
        assert_eq!(translate(&[("DERP_DOMAIN", "a\"b\\")]).as_deref(), Ok("[relay]\nhostname = \"a\\\"b\\\\\"\n"));
    }

    /// Whoever has written them has never heard of our flags.
    #[test]
    fn mistakes_are_those_of_the_variables() {
        for (variables, wanted) in [
            (&[("DERP_ADDR", "here")][..], "`DERP_ADDR` is set to \"here\""),
            (&[("DERP_DOMAIN", "https://a.example")], "`DERP_DOMAIN` is set to \"https://a.example\""),
            (&[("DERP_CERT_MODE", "lego")], "`DERP_CERT_MODE` is set to \"lego\": write one of"),
            (&[("DERP_VERIFY_CLIENT_URL", "u:p@a")], "`DERP_VERIFY_CLIENT_URL` is set to"),
            (&[("DERP_HTTP_PORT", "http")], "DERP_HTTP_PORT=http: write a port from 0 to 65535, or -1 for none"),
            (&[("DERP_STUN_PORT", "70000")], "DERP_STUN_PORT=70000: write a port"),
            (&[("DERP_STUN", "maybe")], "DERP_STUN=maybe: write true or false"),
            (&[("DERP_DOMAIN", "a\nb")], "DERP_DOMAIN has a control character in it"),
            (&[("DERP_ADDR", ":8443")], "set by variables:\n  DERP_ADDR (addr = :8443)"),
        ] {
            let error = translate(variables).and_then(|text| {
                let file = crate::cli::ConfigText { name: "DERP_*".to_owned(), text, variables: KEYS };
                let parsed = crate::cli::parse_with_config(["natscope", "relay"], |_| Ok(Some(file)));
                parsed.map_err(|exit| exit.text).map(drop)
            });
            let error = error.unwrap_err();
            assert!(error.contains(wanted), "{variables:?}: {error}");
        }
    }
}
