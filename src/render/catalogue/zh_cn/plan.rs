use crate::render::catalogue::service;
use crate::render::number::span;
use crate::report::{PlanWhat, PlanWhen};

pub(super) const HEADER: [&str; 3] = ["时机", "份数", "内容"];

pub(super) fn when(when: PlanWhen) -> String {
    match when {
        PlanWhen::AtOnce => "立即".to_owned(),
        PlanWhen::OnceResolved => "解析完成后".to_owned(),
        PlanWhen::Offered => "有服务器支持时".to_owned(),
        PlanWhen::Seen => "得知外部端点后".to_owned(),
        PlanWhen::UdpSilent { after } => format!("{} 时 UDP 仍无应答", span(after)),
        PlanWhen::HomeCandidateOrSilent { after } => format!("可能成为主区域，或 {} 时仍无应答", span(after)),
        PlanWhen::Never => "不测".to_owned(),
    }
}

pub(super) fn what(what: &PlanWhat, skip: impl Fn(crate::report::RegionSkip) -> &'static str) -> String {
    match what {
        PlanWhat::Resolve { host, family } => format!("DNS：{host} 的 {family} 地址"),
        PlanWhat::Stun { region, node, server } => format!("STUN：区域 {region}，节点 {node}，{server}"),
        PlanWhat::StunByName { region, node, host, family, port } => {
            format!("STUN：区域 {region}，节点 {node}，{host} 端口 {port}（{family}）")
        }
        PlanWhat::Mapping { socket, server } => format!("STUN：从 {socket} 号套接字测 NAT 映射，{server}"),
        PlanWhat::Filtering => "STUN：每台服务器用两个套接字测过滤，请其从另一端口和地址应答".to_owned(),
        PlanWhat::FilterScout { server } => format!("STUN：询问中继 {server} 能否测过滤"),
        PlanWhat::BeyondNat64 { server } => format!("STUN：若有 NAT64，经 IPv6 询问 {server}"),
        PlanWhat::Hairpin => "STUN：两个套接字互发到对方的外部端点，测 NAT 是否回环".to_owned(),
        PlanWhat::StunStream { server } => format!("STUN（TCP）：{server}"),
        PlanWhat::Https { region, host, port } => format!("HTTPS：区域 {region}，{host} 端口 {port}"),
        PlanWhat::Icmp => "ICMP：向各区域的首个节点发送 echo".to_owned(),
        PlanWhat::CaptivePortal { address } => format!("HTTP：向 {address} 发送强制门户检测请求"),
        PlanWhat::PortMapping { service: asked, gateway } => {
            format!("{}：询问路由器 {gateway} 是否提供（不创建映射）", service(*asked))
        }
        PlanWhat::Skip { region, reason } => format!("区域 {region}：{}", skip(*reason)),
    }
}
