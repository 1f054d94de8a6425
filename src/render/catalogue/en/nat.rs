use crate::model::{Difficulty, NatType};
use crate::render::catalogue::{Catalogue as _, NatHeadline};

/// `Easy NAT (NAT3, port-restricted cone): direct paths work once both sides send.`
pub(super) fn headline(headline: &NatHeadline) -> String {
    let Some(difficulty) = headline.difficulty else {
        let why = headline.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        return format!("NAT undetermined{why}.") + &other(headline);
    };
    let names: Vec<&str> =
        headline.level.into_iter().chain(headline.nat_type.map(|kind| super::English.nat_type(kind))).collect();
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    let sentence = format!("{}{names}: {}.", name(difficulty), meaning(difficulty, headline.nat_type));
    let effective = headline
        .effective
        .map(|effective| format!(" With the router's port mapping: {}.", super::English.difficulty(effective)));
    sentence + &effective.unwrap_or_default() + &other(headline)
}

fn other(headline: &NatHeadline) -> String {
    let name = |difficulty| match difficulty {
        Difficulty::None => "no NAT",
        Difficulty::Easy => "easy NAT",
        Difficulty::Hard => "hard NAT",
        Difficulty::Blocked => "UDP is blocked",
    };
    headline.other.map(|(family, difficulty)| format!(" Over {family}: {}.", name(difficulty))).unwrap_or_default()
}

const fn name(difficulty: Difficulty) -> &'static str {
    match difficulty {
        Difficulty::None => "No NAT",
        Difficulty::Easy => "Easy NAT",
        Difficulty::Hard => "Hard NAT",
        Difficulty::Blocked => "UDP is blocked",
    }
}

/// What it is to whoever wants a direct path.
const fn meaning(difficulty: Difficulty, kind: Option<NatType>) -> &'static str {
    match (difficulty, kind) {
        (Difficulty::None, Some(NatType::OpenInternet)) => "this host has a public address that anybody can reach",
        (Difficulty::None, Some(NatType::SymmetricUdpFirewall)) => {
            "this host has a public address, behind a firewall that lets in answers only"
        }
        (Difficulty::None, _) => "this host has a public address of its own",
        (Difficulty::Easy, Some(NatType::FullCone)) => "anybody can reach an endpoint once it has sent something",
        (Difficulty::Easy, Some(_)) => "direct paths work once both sides send",
        (Difficulty::Easy, None) => "peers can use the endpoint that servers see",
        (Difficulty::Hard, _) => "each destination gets another endpoint, so peers cannot use the one servers see",
        (Difficulty::Blocked, _) => "connections go through relays",
    }
}
