use crate::model::Family;
use crate::report::{Advice, Class, Fact, Likelihood, Mechanism, Missing, PairWhy, Predict, Which};

/// `A 与 B 可以直连（IPv6）。`
pub(super) fn headline(predict: &Predict) -> String {
    match predict.direct.value() {
        Some(true) => match predict.family {
            Some(family) => format!("A 与 B 可以直连（{family}）。"),
            None => "A 与 B 可以在共同的网络内直连。".to_owned(),
        },
        Some(false) if predict.likelihood == Likelihood::Guessing => {
            "A 与 B 无法直连，除非程序会猜测端口：全部流量经中继转发。".to_owned()
        }
        Some(false) => "A 与 B 无法直连：全部流量经中继转发。".to_owned(),
        None if predict.likelihood == Likelihood::Likely => "A 与 B 很可能可以直连，但不能肯定。".to_owned(),
        None => "未能确定 A 与 B 能否直连。".to_owned(),
    }
}

pub(super) fn why(why: &PairWhy) -> String {
    match why {
        PairWhy::SameNetwork => "双方在同一个网络中".to_owned(),
        PairWhy::AnybodyReaches { side: Some(side), family } => {
            format!("任何人都能通过 {family} 访问 {} 的端点", letter(*side))
        }
        PairWhy::AnybodyReaches { side: None, family } => format!("任何人都能通过 {family} 访问任意一方"),
        PairWhy::BothSend { family } => format!("通过 {family}，双方都会发包，并放行来自已联系端点的包"),
        PairWhy::SharedNatHairpins => "双方共用的 NAT 支持回环".to_owned(),
        PairWhy::OnlyByGuessing { side: Some(side) } => format!(
            "{} 的 NAT 对每个目标使用不同的端口，而对端只放行它联系过的端口：只能靠猜测端口，natscope 和 Tailscale 都不这样做",
            letter(*side)
        ),
        PairWhy::OnlyByGuessing { side: None } => {
            "双方的 NAT 对每个目标都使用不同的端点：只能靠猜测端口，natscope 和 Tailscale 都不这样做".to_owned()
        }
        PairWhy::BothHard => "双方的 NAT 对每个目标都使用不同的端点，并且只放行联系过的端点".to_owned(),
        PairWhy::NoUdp { side: Some(side) } => format!("{} 的 UDP 到不了互联网", letter(*side)),
        PairWhy::NoUdp { side: None } => "双方的 UDP 都到不了互联网".to_owned(),
        PairWhy::NoCommonFamily => "一方的 UDP 只能走 IPv4，另一方只能走 IPv6".to_owned(),
        PairWhy::SharedNatDoesNotHairpin => "双方共用一个公网地址，而那里的 NAT 不支持回环".to_owned(),
        PairWhy::DependsOnHitMapping { side: Some(side) } => format!(
            "如果 {} 的 NAT 从被访问的映射发出应答（许多 NAT 如此），就可以直连；报告无法说明这一点",
            letter(*side)
        ),
        PairWhy::DependsOnHitMapping { side: None } => {
            "如果 NAT 从被访问的映射发出应答（许多 NAT 如此），就可以直连；报告无法说明这一点".to_owned()
        }
        PairWhy::OneHost => "从地址看，两份报告来自同一台主机".to_owned(),
        PairWhy::Missing(missing) if missing.is_empty() => "报告提供的信息不足".to_owned(),
        PairWhy::Missing(missing) => {
            let facts: Vec<String> = missing.iter().copied().map(self::missing).collect();
            format!("尚不清楚：{}", facts.join("；"))
        }
    }
}

/// `B：NAT 或防火墙放行什么（IPv4）`.
pub(super) fn missing(missing: Missing) -> String {
    let over = missing.family.map(|family| format!("（{family}）")).unwrap_or_default();
    let side = missing.side.map(|side| format!("{}：", letter(side))).unwrap_or_default();
    format!("{side}{}{over}", fact(missing.fact))
}

const fn fact(fact: Fact) -> &'static str {
    match fact {
        Fact::Udp => "UDP 能否发出",
        Fact::Mapping => "NAT 是否对每个目标使用不同的端点",
        Fact::Filtering => "NAT 或防火墙放行什么",
        Fact::Allocation => "NAT 如何选择端口",
        Fact::Pooling => "公网地址是否固定",
        Fact::Hairpinning => "NAT 是否支持回环",
        Fact::NetworkRedacted => "双方是否在同一 NAT 之后或同一网络中（地址已被隐去）",
        Fact::NetworkUnknown => "双方是否在同一 NAT 之后或同一网络中",
        Fact::PrivatePath => "共用一个公网地址的双方之间是否有内部通路",
    }
}

pub(super) const fn how_to_learn(fact: Fact) -> &'static str {
    match fact {
        Fact::Udp => "在该主机上运行 `natscope netcheck`（不加 -4 或 -6）并保存报告",
        Fact::Mapping => "在该主机上用多个运营者的服务器运行 `natscope nat`",
        Fact::Filtering => "在该主机上用支持 RFC 5780 的服务器运行 `natscope nat`；在难穿透 NAT 之后可能仍无法得知",
        Fact::Allocation | Fact::Pooling => "在该主机上用更多服务器运行 `natscope nat`",
        Fact::Hairpinning => "让双方实际尝试：目前没有报告能说明这一点",
        Fact::NetworkRedacted => "保存两份报告时不要使用 --redact",
        Fact::NetworkUnknown => "保存能说明双方公网地址的 `natscope netcheck` 报告",
        Fact::PrivatePath => "从一方 ping 另一方的内网地址",
    }
}

pub(super) const fn advice(advice: Advice) -> &'static str {
    match advice {
        Advice::AllowUdp => "放行出站 UDP 及其应答",
        Advice::LeaveVpn => "退出承载全部流量的 VPN，或让对端流量绕过它",
        Advice::PortMapping => "在路由器上启用 UPnP、NAT-PMP 或 PCP，或把一个 UDP 端口（Tailscale 为 41641）转发到本机",
        Advice::EndpointIndependentNat => "把路由器的 NAT 设为保留端口（静态端口、与目标无关的映射或全锥形 NAT）",
        Advice::EnableIpv6 => "启用 IPv6",
        Advice::OpenFirewallPort => "在公网地址前的防火墙上开放一个 UDP 端口",
    }
}

/// A change with what it would do.
pub(super) fn advised(text: &str, enough: bool) -> String {
    if enough { format!("{text}：仅此一项即可") } else { format!("{text}：可能有帮助") }
}

pub(super) fn mechanism(mechanism: Mechanism, family: Option<Family>) -> String {
    let how = match mechanism {
        Mechanism::Lan => "在共同的网络内",
        Mechanism::PublicEndpoint => "一方对任何人开放，由另一方先发包",
        Mechanism::HolePunch => "双方同时发包（打洞）",
        Mechanism::HitMapping => "双方同时发包，难穿透的一方从被访问的映射应答",
        Mechanism::Hairpin => "经双方共用的 NAT 回环",
        Mechanism::Relay => "经中继转发",
    };
    family.map_or_else(|| how.to_owned(), |family| format!("{how}（{family}）"))
}

pub(super) const fn likelihood(likelihood: Likelihood) -> &'static str {
    match likelihood {
        Likelihood::None => "不可能",
        Likelihood::Guessing => "只能靠猜测数百个端口",
        Likelihood::Uncertain => "未定：可能成功，也可能失败",
        Likelihood::Likely => "很可能：大多数 NAT 都满足条件",
        Likelihood::High => "高：报告中没有任何不利因素",
    }
}

pub(super) const fn class(class: Class) -> &'static str {
    match class {
        Class::Open => "开放",
        Class::Nat1 => "NAT1",
        Class::Nat2 => "NAT2",
        Class::Nat3 => "NAT3",
        Class::HardEif => "难穿透，放行任何人",
        Class::HardAdf => "难穿透，按地址过滤",
        Class::HardPredictable => "难穿透，按端口过滤，端口可预测",
        Class::HardRandom => "难穿透，按端口过滤",
        Class::Blocked => "无 UDP",
    }
}

const fn letter(side: Which) -> &'static str {
    match side {
        Which::A => "A",
        Which::B => "B",
    }
}
