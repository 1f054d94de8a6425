//! Where in a document the map is.

use std::collections::VecDeque;

use super::error::NotAMap;
use super::fields::Dialect;
use super::read::MAP_KEYS;
use super::tree::{Node, Value, shorten};

/// The map inside a document.
pub(super) struct Located<'t, 'a> {
    pub(super) map: &'t Node<'a>,
    /// The keys above it, as written.
    pub(super) path: Vec<&'t str>,
}

/// Finds the map: the document itself, or the value of the outermost key `derpMap`, in any case, wherever it sits
/// (a policy has it at the top, a netmap as `DERPMap`).
pub(super) fn locate<'t, 'a>(root: &'t Node<'a>) -> Result<Located<'t, 'a>, NotAMap> {
    let Some(members) = root.members() else {
        return Err(NotAMap::NotAnObject { found: root.value.to_string() });
    };
    if members.iter().any(|member| is_any(&member.key.text, MAP_KEYS)) {
        return Ok(Located { map: root, path: Vec::new() });
    }
    outermost(root, "derpmap").ok_or_else(|| looks_like(root))
}

/// Whether a document has keys of a Tailscale policy.
pub(super) fn is_policy(root: &Node<'_>) -> bool {
    const POLICY_KEYS: &[&str] = &[
        "acls",
        "grants",
        "groups",
        "tagOwners",
        "autoApprovers",
        "nodeAttrs",
        "ssh",
        "postures",
        "ACLTests",
        "sshTests",
        "ipsets",
    ];
    root.members().is_some_and(|members| members.iter().any(|member| is_any(&member.key.text, POLICY_KEYS)))
}

fn outermost<'t, 'a>(root: &'t Node<'a>, name: &str) -> Option<Located<'t, 'a>> {
    let mut queue = VecDeque::from([(root, Vec::new())]);
    while let Some((node, path)) = queue.pop_front() {
        for member in node.members().unwrap_or_default() {
            let is_it = member.key.text.eq_ignore_ascii_case(name);
            if !is_it && member.value.members().is_none() {
                continue;
            }
            let mut path = path.clone();
            path.push(member.key.text.as_ref());
            if is_it {
                return Some(Located { map: &member.value, path });
            }
            queue.push_back((&member.value, path));
        }
    }
    None
}

fn looks_like(root: &Node<'_>) -> NotAMap {
    if let Some(config) = headscale_config(root) {
        return config;
    }
    if is_policy(root) {
        return NotAMap::Policy;
    }
    let members = root.members().unwrap_or_default();
    let has = |names: &[&str]| members.iter().any(|member| is_any(&member.key.text, names));
    if has(&["Nodes"]) {
        return NotAMap::BareRegion;
    }
    if has(&["HostName"]) {
        return NotAMap::BareNode;
    }
    if !members.is_empty() && members.iter().all(|member| member.key.text.parse::<i64>().is_ok()) {
        return NotAMap::BareRegions;
    }
    NotAMap::OtherObject { keys: members.iter().take(5).map(|member| shorten(&member.key.text)).collect() }
}

/// Headscale's `config.yaml` has a section `derp` with `server`, `urls` and `paths`.
fn headscale_config(root: &Node<'_>) -> Option<NotAMap> {
    let derp = value_of(root, "derp")?;
    let (server, urls, paths) = (value_of(derp, "server"), value_of(derp, "urls"), value_of(derp, "paths"));
    if server.is_none() && urls.is_none() && paths.is_none() {
        return None;
    }
    let has_embedded_relay =
        server.and_then(|server| value_of(server, "enabled")).is_some_and(|on| matches!(on.value, Value::Bool(true)));
    Some(NotAMap::HeadscaleConfig { urls: strings(urls), paths: strings(paths), has_embedded_relay })
}

fn value_of<'t, 'a>(node: &'t Node<'a>, key: &str) -> Option<&'t Node<'a>> {
    node.members()?.iter().find(|member| member.key.text == key).map(|member| &member.value)
}

fn strings(list: Option<&Node<'_>>) -> Vec<String> {
    const MOST: usize = 10;
    let Some(Node { value: Value::Array(elements), .. }) = list else { return Vec::new() };
    let texts = elements.iter().filter_map(|element| match &element.value {
        Value::String(text) => Some(text.chars().filter(|c| !c.is_control()).take(200).collect()),
        _ => None,
    });
    texts.take(MOST).collect()
}

fn is_any(key: &str, names: &[&str]) -> bool {
    names.iter().any(|name| key.eq_ignore_ascii_case(name))
}

/// The dialect a document is written in, from its first characters that are not blank: JSON begins
/// with a bracket; `//` and `/*` are comments to HuJSON only, `#` to YAML only.
pub(super) fn dialect(text: &str) -> Dialect {
    let text = text.trim_start();
    let begins_json = text.starts_with(['{', '[']) || text.starts_with("//") || text.starts_with("/*");
    if begins_json { Dialect::Json } else { Dialect::Yaml }
}
