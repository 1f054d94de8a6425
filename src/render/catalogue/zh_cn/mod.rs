//! Simplified Chinese.

mod explain;
mod failure;
mod finding;
mod map;
mod nat;
mod ping;
mod plan;
mod predict;
mod why;

use super::{Catalogue, Change, FindingText, Headline, NatHeadline, PingHeadline, RegionNames, Told, Word};
use crate::model::{Difficulty, Family, Filtering, Mapping, NatType, NodePublic, Pooling, PortAllocation};
use crate::probe::Failure;
use crate::render::number::round_trip;
use crate::report::{
    Advice, Class, Confidence, Fact, FindingDetail, LatencyMethod, Likelihood, Mechanism, Missing, PingEvent, PlanWhat,
    PlanWhen, Predict, RegionSkip, RelayReport, RoundTrips, ServerNote, Severity, Tunnel, Why,
};

/// The Chinese catalogue.
pub(super) struct Chinese;

#[allow(clippy::match_same_arms, reason = "Chinese has one word for the singular and the plural")]
impl Catalogue for Chinese {
    fn why(&self, why: &Why, names: &RegionNames<'_>) -> String {
        why::why(why, names)
    }

    fn failure(&self, failure: &Failure) -> String {
        failure::failure(failure)
    }

    fn finding(&self, detail: &FindingDetail) -> FindingText {
        finding::finding(detail)
    }

    fn severity(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Info => "提示",
            Severity::Warning => "警告",
            Severity::Error => "错误",
        }
    }

    fn confidence(&self, confidence: Confidence) -> &'static str {
        match confidence {
            Confidence::Low => "低",
            Confidence::Medium => "中",
            Confidence::High => "高",
        }
    }

    fn server_note(&self, note: &ServerNote) -> String {
        match note {
            ServerNote::Silent => "始终没有应答".to_owned(),
            ServerNote::WrongSource { from } => format!("应答来自另一个端点 {from}"),
            ServerNote::ServerSideNat { saw } => {
                format!("它看到的本机地址是私有地址 {saw}，说明该服务器前面有 NAT 或代理")
            }
            ServerNote::Outlier { saw } => format!("在每个套接字上看到的端点都与其他服务器不同：{saw}"),
            ServerNote::NotOnInternet => "它在本网络之内，无法说明通往互联网途中的 NAT".to_owned(),
            ServerNote::NoMappedAddress => "应答里没有本机的端点".to_owned(),
        }
    }

    fn plan_header(&self) -> [&'static str; 3] {
        plan::HEADER
    }

    fn plan_when(&self, when: PlanWhen) -> String {
        plan::when(when)
    }

    fn plan_what(&self, what: &PlanWhat) -> String {
        plan::what(what, |skip| self.region_skip(skip))
    }

    fn region_skip(&self, skip: RegionSkip) -> &'static str {
        match skip {
            RegionSkip::NoMeasure => "已跳过：地图中标记为 NoMeasureNoHome",
            RegionSkip::NoNodes => "地图中没有给出节点",
            RegionSkip::NotAsked => "运行结束时尚未询问",
            RegionSkip::NothingToAsk => "没有可询问的节点（缺少地址、STUN 端口或中继）",
        }
    }

    fn method(&self, method: LatencyMethod) -> &'static str {
        match method {
            LatencyMethod::Stun => "STUN",
            LatencyMethod::Https => "HTTPS",
            LatencyMethod::Icmp => "ICMP",
        }
    }

    fn tunnel(&self, tunnel: &Tunnel) -> &'static str {
        match tunnel {
            Tunnel::ByName => "按名称判断是隧道",
            Tunnel::ByAddress => "按地址判断属于覆盖网络",
            Tunnel::PointToPoint => "点对点接口",
        }
    }

    fn difficulty(&self, difficulty: Difficulty) -> &'static str {
        match difficulty {
            Difficulty::None => "无 NAT",
            Difficulty::Easy => "易穿透",
            Difficulty::Hard => "难穿透",
            Difficulty::Blocked => "被阻断",
        }
    }

    fn nat_type(&self, nat_type: NatType) -> &'static str {
        match nat_type {
            NatType::OpenInternet => "公网直连",
            NatType::SymmetricUdpFirewall => "对称型 UDP 防火墙",
            NatType::FullCone => "全锥形",
            NatType::RestrictedCone => "受限锥形",
            NatType::PortRestrictedCone => "端口受限锥形",
            NatType::Symmetric => "对称型",
            NatType::UdpBlocked => "UDP 被阻断",
            NatType::Unnamed => "RFC 3489 未命名的组合",
        }
    }

    fn mapping(&self, mapping: Mapping) -> &'static str {
        match mapping {
            Mapping::Direct => "无转换",
            Mapping::EndpointIndependent => "与目标无关",
            Mapping::AddressDependent => "随目标地址变化",
            Mapping::AddressAndPortDependent => "随目标地址和端口变化",
        }
    }

    fn filtering(&self, filtering: Filtering) -> &'static str {
        match filtering {
            Filtering::EndpointIndependent => "与来源无关",
            Filtering::AddressDependent => "只放行已联系过的地址",
            Filtering::AddressAndPortDependent => "只放行已联系过的地址和端口",
        }
    }

    fn allocation(&self, allocation: PortAllocation) -> &'static str {
        match allocation {
            PortAllocation::Preserving => "保留本地端口",
            PortAllocation::Sequential => "按顺序分配",
            PortAllocation::Random => "随机分配",
        }
    }

    fn pooling(&self, pooling: Pooling) -> &'static str {
        match pooling {
            Pooling::Paired => "固定同一地址",
            Pooling::Arbitrary => "地址不固定",
        }
    }

    fn headline(&self, headline: &Headline<'_>) -> String {
        let mut sentences = Vec::new();
        if headline.portal {
            sentences.push("网络被强制门户拦截。".to_owned());
        }
        if headline.offline {
            sentences.push("没有收到任何应答：本机似乎处于离线状态。".to_owned());
            return sentences.concat();
        }
        match headline.udp {
            Told::Known(true) => sentences.push("UDP 可用。".to_owned()),
            Told::Known(false) => sentences.push("UDP 被阻断：连接只能经中继转发。".to_owned()),
            Told::Undetermined => sentences.push("无法确定 UDP 是否可用。".to_owned()),
            Told::Absent => {}
        }
        match headline.nat {
            Told::Known(Difficulty::Blocked) if headline.udp != Told::Absent => {}
            Told::Known(difficulty) => {
                let mut text = vec![format!("NAT：{}", self.difficulty(difficulty))];
                if let Some(nat_type) = headline.nat_type {
                    text.push(format!("（{}）", self.nat_type(nat_type)));
                }
                if let Some(effective) = headline.effective {
                    text.push(format!("，计入路由器的端口映射后为{}", self.difficulty(effective)));
                }
                sentences.push(text.concat() + "。");
            }
            Told::Undetermined => sentences.push("NAT：未能确定。".to_owned()),
            Told::Absent => {}
        }
        match headline.home {
            Told::Known((code, Some(latency))) => {
                sentences.push(format!("主区域：{code}，{}。", round_trip(latency)));
            }
            Told::Known((code, None)) => sentences.push(format!("主区域：{code}。")),
            Told::Undetermined => sentences.push("没有主区域。".to_owned()),
            Told::Absent => {}
        }
        sentences.concat()
    }

    fn nat_headline(&self, headline: &NatHeadline) -> String {
        nat::headline(headline)
    }

    fn ping_event(&self, event: &PingEvent) -> String {
        ping::event(event)
    }

    fn ping_headline(&self, headline: &PingHeadline) -> String {
        ping::headline(headline)
    }

    fn listen_headline(&self, answered: u64, peers: usize) -> String {
        format!("应答了 {peers} 个对端的 {answered} 次 ping。")
    }

    fn round_trips(&self, times: &RoundTrips) -> String {
        ping::round_trips(times)
    }

    fn relay(&self, relay: &RelayReport) -> String {
        ping::relay(relay)
    }

    fn answered(&self, peer: NodePublic, relayed: u64, direct: u64) -> String {
        ping::answered(peer, relayed, direct)
    }

    fn predict_headline(&self, predict: &Predict) -> String {
        predict::headline(predict)
    }

    fn mechanism(&self, mechanism: Mechanism, family: Option<Family>) -> String {
        predict::mechanism(mechanism, family)
    }

    fn likelihood(&self, likelihood: Likelihood) -> &'static str {
        predict::likelihood(likelihood)
    }

    fn class(&self, class: Class) -> &'static str {
        predict::class(class)
    }

    fn missing(&self, missing: Missing) -> String {
        predict::missing(missing)
    }

    fn how_to_learn(&self, fact: Fact) -> &'static str {
        predict::how_to_learn(fact)
    }

    fn advice(&self, advice: Advice) -> &'static str {
        predict::advice(advice)
    }

    fn advised(&self, text: &str, enough: bool) -> String {
        predict::advised(text, enough)
    }

    fn servers_used(&self, used: usize, asked: usize) -> String {
        format!("共询问 {asked} 台，采用 {used} 台")
    }

    fn change(&self, change: &Change<'_>) -> String {
        match change {
            Change::Became(what, before, after) => format!("{}：{before} → {after}", self.word(*what)),
            Change::Lost(what) => format!("{} 不再可用", self.word(*what)),
            Change::Back(what) => format!("{} 恢复可用", self.word(*what)),
            Change::Unclear(what) => format!("{} 现在无法确定", self.word(*what)),
            Change::RegionAppeared(code) => format!("区域 {code} 恢复应答"),
            Change::RegionLost(code) => format!("区域 {code} 不再应答"),
        }
    }

    fn word(&self, word: Word) -> &'static str {
        match word {
            Word::Udp => "UDP",
            Word::Ipv4 => "IPv4",
            Word::Ipv6 => "IPv6",
            Word::Icmp => "ICMP",
            Word::Nat => "NAT",
            Word::NatIpv4 => "IPv4 上的 NAT",
            Word::NatIpv6 => "IPv6 上的 NAT",
            Word::Effective => "计入端口映射",
            Word::NatType => "类型",
            Word::Mapping => "映射行为",
            Word::MappingVaries => "映射随目标变化",
            Word::Filtering => "过滤行为",
            Word::Hairpinning => "回环（hairpin）",
            Word::PortPreservation => "保留端口",
            Word::PortAllocation => "端口分配",
            Word::Pooling => "地址池",
            Word::MappingLifetime => "映射寿命",
            Word::CarrierGrade => "运营商级 NAT",
            Word::MappedEndpoints => "外部端点",
            Word::MappedAddress => "外部地址",
            Word::MappedPort => "外部端口",
            Word::LocalEndpoints => "本地端点",
            Word::UnknownToo => "同样未能确定",
            Word::PortMapping => "端口映射",
            Word::Router => "路由器",
            Word::OuterAddress => "外侧地址",
            Word::CaptivePortal => "强制门户",
            Word::HomeRegion => "主区域",
            Word::Path => "出口路径",
            Word::Proxy => "代理",
            Word::Relay => "中继",
            Word::Peer => "对端",
            Word::Key => "公钥",
            Word::RoundTrip => "往返",
            Word::DirectPath => "直连",
            Word::ThisSide => "本机一侧",
            Word::PeersSide => "对端一侧",
            Word::Offered => "提供了",
            Word::Regions => "区域",
            Word::NotMeasured => "未测得",
            Word::Findings => "发现",
            Word::Nodes => "节点",
            Word::Servers => "服务器",
            Word::Region => "区域",
            Word::Name => "名称",
            Word::Latency => "延迟",
            Word::Loss => "丢包",
            Word::Jitter => "抖动",
            Word::Method => "方式",
            Word::Reason => "原因",
            Word::Host => "主机名",
            Word::Server => "服务器",
            Word::Endpoint => "端点",
            Word::Rfc5780 => "RFC 5780",
            Word::Note => "说明",
            Word::Observed => "现象",
            Word::PossibleCauses => "可能的原因",
            Word::Fix => "处理办法",
            Word::Yes => "是",
            Word::No => "否",
            Word::Works => "可用",
            Word::Blocked => "被阻断",
            Word::NoneFound => "无",
            Word::InTheWay => "被拦截",
            Word::RelayAnswers => "其中继有 TCP 应答",
            Word::RelayFails => "中继 ✗",
            Word::FakeDns => "域名被解析为虚假地址（198.18.0.0/15）",
            Word::NoGateway => "没有默认网关",
            Word::Ok => "正常",
            Word::TookTime => "用时",
            Word::SameReason => "原因相同",
            Word::LeftOut => "未采用",
            Word::NotTold => "没有告知",
            Word::Unknown => "未知",
            Word::Direct => "直连",
            Word::How => "方式",
            Word::Likelihood => "可能性",
            Word::SideA => "A 方",
            Word::SideB => "B 方",
            Word::SideACould => "A 可以",
            Word::SideBCould => "B 可以",
            Word::Missing => "未知",
            Word::WouldDecide => "还需要知道",
            Word::ThroughTunnel => "经隧道（VPN）测得",
            Word::SomeEasyNat => "NAT1、NAT2 或 NAT3",
            Word::SomeHardNat => "难穿透 NAT",
            Word::SomeFirewall => "公网地址，防火墙未知",
            Word::SomeNat => "UDP 可用，NAT 未知",
            Word::NotKnown => "未知",
        }
    }

    fn aside(&self, text: &str, aside: &str) -> String {
        format!("{text}（{aside}）")
    }

    fn labelled(&self, label: &str, text: &str) -> String {
        format!("{label}：{text}")
    }

    fn clauses(&self, items: &[String]) -> String {
        items.join("；")
    }

    fn list(&self, items: &[String]) -> String {
        items.join("，")
    }
}
