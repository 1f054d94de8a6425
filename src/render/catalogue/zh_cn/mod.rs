//! Simplified Chinese.

mod doctor;
mod explain;
mod failure;
mod finding;
mod map;
mod mode_why;
mod nat;
mod nat_why;
mod ping;
mod plan;
mod predict;
mod relay_fault;
mod said;
mod watch;
mod why;
mod word;

use super::{Catalogue, Change, FindingText, Headline, NatHeadline, PingHeadline, RegionNames, Told, Word};
use crate::model::{Difficulty, Family, Filtering, Mapping, NatType, NodePublic, Pooling, PortAllocation};
use crate::probe::Failure;
use crate::render::catalogue::{DoctorHeadline, DoctorNote};
use crate::render::number::round_trip;
use crate::report::Layer;
use crate::report::{
    Advice, Class, ClassicWarning, Confidence, Fact, FindingDetail, LatencyMethod, Likelihood, Mechanism, Missing,
    PingEvent, PlanWhat, PlanWhen, Predict, RegionSkip, RelayReport, RoundTrips, ServerNote, Severity, Tunnel, Why,
};

/// The Chinese catalogue.
pub(super) struct Chinese;

#[allow(clippy::match_same_arms, reason = "Chinese has one word for the singular and the plural")]
impl Catalogue for Chinese {
    fn said(&self, english: &str) -> String {
        said::said(english)
    }

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

    fn classic_warning(&self, warning: ClassicWarning) -> &'static str {
        match warning {
            ClassicWarning::OrderMisleads => {
                "此处其发包顺序会误导：测试 II 引来的包在路由器中留下痕迹，路由器随后换了端口；新的套接字在服务器的两个地址看来是同一个端点"
            }
            ClassicWarning::MappingOverlooked => {
                "测试 II 通过后它不再检查映射；新的套接字在服务器的两个地址看来是不同的端点"
            }
            ClassicWarning::Differs => "用独立的套接字询问多台服务器得到的结论不同，应以后者为准",
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
            ServerNote::ThroughNat64 => "经 NAT64 到达，反映的是 IPv4 的情况".to_owned(),
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

    fn layer(&self, layer: Layer) -> &'static str {
        doctor::layer_name(layer)
    }

    fn doctor_headline(&self, headline: &DoctorHeadline<'_>) -> String {
        doctor::headline(headline)
    }

    fn doctor_note(&self, note: &DoctorNote<'_>) -> String {
        doctor::note(note)
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

    fn diff_headline(&self, changes: usize, compared: usize) -> String {
        match changes {
            0 => format!("两份报告共有的内容没有变化（比较了 {compared} 项）"),
            _ => format!("两份报告共有的内容中有 {changes} 处变化（比较了 {compared} 项）"),
        }
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
        word::word(word)
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
