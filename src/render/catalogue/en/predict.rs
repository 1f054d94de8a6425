use crate::model::Family;
use crate::report::{Advice, Class, Fact, Likelihood, Mechanism, Missing, PairWhy, Predict, Which};

/// `They connect directly, over IPv6.`
pub(super) fn headline(predict: &Predict) -> String {
    match predict.direct.value() {
        Some(true) => match predict.family {
            Some(family) => format!("A and B connect directly, over {family}."),
            None => "A and B connect directly, over the network they share.".to_owned(),
        },
        Some(false) if predict.likelihood == Likelihood::Guessing => {
            "A and B do not connect directly, unless a program guesses ports: everything is relayed.".to_owned()
        }
        Some(false) => "A and B do not connect directly: everything is relayed.".to_owned(),
        None if predict.likelihood == Likelihood::Likely => {
            "A and B probably connect directly, but that is not certain.".to_owned()
        }
        None => "Whether A and B connect directly is undetermined.".to_owned(),
    }
}

pub(super) fn why(why: &PairWhy) -> String {
    match why {
        PairWhy::SameNetwork => "both are in one network".to_owned(),
        PairWhy::AnybodyReaches { side: Some(side), family } => {
            format!("anybody reaches {}'s endpoint over {family}", letter(*side))
        }
        PairWhy::AnybodyReaches { side: None, family } => format!("anybody reaches either side over {family}"),
        PairWhy::BothSend { family } => {
            format!("over {family}, each lets in what comes from where it has sent to, and both send")
        }
        PairWhy::SharedNatHairpins => "the NAT they share turns packets around".to_owned(),
        PairWhy::OnlyByGuessing { side: Some(side) } => format!(
            "{}'s NAT takes another port for each destination, and the peer lets in only the ports it has sent to: somebody \
             would have to guess, which neither natscope nor Tailscale does",
            letter(*side)
        ),
        PairWhy::OnlyByGuessing { side: None } => {
            "both NATs take another endpoint for each destination: somebody would have to guess ports, which neither natscope \
             nor Tailscale does"
                .to_owned()
        }
        PairWhy::BothHard => {
            "both NATs take another endpoint for each destination and let in only what they have sent to".to_owned()
        }
        PairWhy::NoUdp { side: Some(side) } => format!("{} has no UDP to the internet", letter(*side)),
        PairWhy::NoUdp { side: None } => "neither has UDP to the internet".to_owned(),
        PairWhy::NoCommonFamily => "UDP works over IPv4 on one side only, and over IPv6 on the other only".to_owned(),
        PairWhy::SharedNatDoesNotHairpin => {
            "both are behind one public address, and the NAT there does not turn packets around".to_owned()
        }
        PairWhy::DependsOnHitMapping { side: Some(side) } => format!(
            "it works if the answers of {}'s NAT leave by the mapping they were asked through, as those of many NATs do; no \
             report tells",
            letter(*side)
        ),
        PairWhy::DependsOnHitMapping { side: None } => {
            "it works if a NAT's answers leave by the mapping they were asked through, as those of many NATs do; no report \
             tells"
                .to_owned()
        }
        PairWhy::OneHost => "both reports are of one host, as far as addresses tell".to_owned(),
        PairWhy::Missing(missing) if missing.is_empty() => "the reports do not tell enough".to_owned(),
        PairWhy::Missing(missing) => {
            let facts: Vec<String> = missing.iter().copied().map(self::missing).collect();
            format!("not known: {}", facts.join("; "))
        }
    }
}

/// `B: what its NAT lets in, over IPv4`.
pub(super) fn missing(missing: Missing) -> String {
    let over = missing.family.map(|family| format!(", over {family}")).unwrap_or_default();
    let side = missing.side.map(|side| format!("{}: ", letter(side))).unwrap_or_default();
    format!("{side}{}{over}", fact(missing.fact))
}

const fn fact(fact: Fact) -> &'static str {
    match fact {
        Fact::Udp => "whether UDP gets out",
        Fact::Mapping => "whether its NAT takes another endpoint for each destination",
        Fact::Filtering => "what its NAT or firewall lets in",
        Fact::Allocation => "how its NAT picks ports",
        Fact::Pooling => "whether its public address stays the same",
        Fact::Hairpinning => "whether the NAT turns packets to its own address around",
        Fact::NetworkRedacted => "whether both are behind one NAT or in one network, since addresses are redacted",
        Fact::NetworkUnknown => "whether both are behind one NAT or in one network",
        Fact::PrivatePath => "whether a private path joins the two, which have one public address",
    }
}

pub(super) const fn how_to_learn(fact: Fact) -> &'static str {
    match fact {
        Fact::Udp => "run `natscope netcheck` there, without -4 or -6, and save that report",
        Fact::Mapping => "run `natscope nat` there with servers of several operators",
        Fact::Filtering => {
            "run `natscope nat` there with a server that offers RFC 5780; behind a hard NAT it may stay unknown"
        }
        Fact::Allocation | Fact::Pooling => "run `natscope nat` there with more servers",
        Fact::Hairpinning => "try it with both at work: no report tells it yet",
        Fact::NetworkRedacted => "save both reports without --redact",
        Fact::NetworkUnknown => "save reports of `natscope netcheck` that tell the public address of both",
        Fact::PrivatePath => "ping one's private address from the other",
    }
}

pub(super) const fn advice(advice: Advice) -> &'static str {
    match advice {
        Advice::AllowUdp => "allow outgoing UDP, and its answers back in",
        Advice::LeaveVpn => "leave the VPN that everything goes through, or keep peers out of it",
        Advice::PortMapping => {
            "turn on UPnP, NAT-PMP or PCP in the router, or forward a UDP port to this host, as 41641 for Tailscale"
        }
        Advice::EndpointIndependentNat => {
            "set the router's NAT to keep ports (static port, endpoint-independent or full-cone NAT)"
        }
        Advice::EnableIpv6 => "turn on IPv6",
        Advice::OpenFirewallPort => "open a UDP port in the firewall before the public address",
    }
}

/// A change with what it would do.
pub(super) fn advised(text: &str, enough: bool) -> String {
    if enough { format!("{text}: that alone is enough") } else { format!("{text}: that may help") }
}

pub(super) fn mechanism(mechanism: Mechanism, family: Option<Family>) -> String {
    let how = match mechanism {
        Mechanism::Lan => "inside the network they share",
        Mechanism::PublicEndpoint => "one side is open to anybody, the other sends first",
        Mechanism::HolePunch => "both send at once (hole punching)",
        Mechanism::HitMapping => "both send at once, and the hard side answers through the mapping that was hit",
        Mechanism::Hairpin => "through the NAT they share (hairpinning)",
        Mechanism::Relay => "through a relay",
    };
    family.map_or_else(|| how.to_owned(), |family| format!("{how}, over {family}"))
}

pub(super) const fn likelihood(likelihood: Likelihood) -> &'static str {
    match likelihood {
        Likelihood::None => "none",
        Likelihood::Guessing => "only by guessing hundreds of ports",
        Likelihood::Uncertain => "open: it may or may not work",
        Likelihood::Likely => "likely: most NATs have right what it takes",
        Likelihood::High => "high: nothing in the reports stands against it",
    }
}

pub(super) const fn class(class: Class) -> &'static str {
    match class {
        Class::Open => "open",
        Class::Nat1 => "NAT1",
        Class::Nat2 => "NAT2",
        Class::Nat3 => "NAT3",
        Class::HardEif => "hard, lets anybody in",
        Class::HardAdf => "hard, filters by address",
        Class::HardPredictable => "hard, filters by port, predictable",
        Class::HardRandom => "hard, filters by port",
        Class::Blocked => "no UDP",
    }
}

const fn letter(side: Which) -> &'static str {
    match side {
        Which::A => "A",
        Which::B => "B",
    }
}
