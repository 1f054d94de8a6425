use super::failure::failure;
use crate::render::catalogue::{Catalogue as _, FindingText, MapWords as _};
use crate::render::number::{percent, span};
use crate::report::{FindingDetail, PlacedMistake};

/// A finding in Chinese.
#[allow(clippy::too_many_lines, reason = "one arm a finding, nothing else")]
pub(super) fn finding(detail: &FindingDetail) -> FindingText {
    match detail {
        FindingDetail::UdpBlocked => text(
            "UDP 没有应答，而中继的 TCP 有应答",
            "向多个中继发出的 STUN 包没有应答；同样的中继 TCP 有应答。".to_owned(),
            &[
                "这些中继没有开放 STUN 端口",
                "途中的防火墙丢弃了出站 UDP 或其应答",
                "本机防火墙丢弃了 UDP",
                "网络只允许 TCP 经代理外出",
            ],
            "放行出站 UDP（至少到 3478 端口和对端的 41641 端口）及其应答。在此之前，所有连接都经中继转发。",
        ),
        FindingDetail::RelayDown { code, failure: how, .. } => text(
            format!("区域 {code} 的 STUN 有应答，但中继没有应答"),
            format!("STUN 正常；中继的情况：{}。", failure(how)),
            &["中继程序没有运行或配置有误", "途中的防火墙或代理阻断了它的 TCP 端口"],
            "延迟低不代表该中继可用：延迟走 UDP，中继走 TCP 上的 TLS。请放行中继的 TCP 端口，并查看 \
             `curl -v https://主机:端口/derp/latency-check` 的结果。",
        ),
        FindingDetail::RegionUnreachable { code, failure: how, .. } => text(
            format!("区域 {code} 无法测量"),
            format!("{}。", failure(how)),
            &["该区域的中继没有运行", "从这里到它的路径被阻断", "地图中的地址已过时"],
            "请确认中继正在运行，并且本机防火墙和云服务商都放行了它的 UDP 3478（或地图中的 STUNPort）。\
             在它恢复之前，以它为主区域的对端只能直连。",
        ),
        FindingDetail::CaptivePortal { location } => text(
            "网络被强制门户拦截",
            match location {
                Some(location) => format!("发往中继的明文 HTTP 请求被跳转到 {location}。"),
                None => "发往中继的明文 HTTP 请求由其他程序应答。".to_owned(),
            },
            &["该网络要求先登录或同意条款"],
            "在浏览器中打开任意 http:// 页面完成登录，然后重新运行。",
        ),
        FindingDetail::FakeDns { host, address } => text(
            "域名被解析为虚假地址",
            format!("{host} 解析为 {address}，属于 198.18.0.0/15。"),
            &["本机或路由器上有处于 fake-IP 模式的代理（Clash、sing-box、Surge 等）在应答 DNS"],
            "把中继的域名排除在 fake-IP 之外，并让其 UDP 直连；在此之前，测得的延迟和 NAT 属于代理而不是网络。",
        ),
        FindingDetail::ThroughTunnel { interface } => text(
            "所有测量都经过隧道",
            format!("数据包从 {interface} 发出，它像是 VPN 或覆盖网络。"),
            &["VPN 或出口节点占用了默认路由"],
            "要测量底层网络，请关闭 VPN，或用 --interface 指定物理接口。",
        ),
        FindingDetail::OddServer { server, endpoint, note } => text(
            format!("STUN 服务器 {server} 的应答未被采用"),
            format!("{server}（{endpoint}）：{}。", super::Chinese.server_note(note)),
            &["该服务器前面有 NAT、容器网桥或代理", "该服务器本身有问题", "本网络的 VPN 或另一条上行线路只通向它"],
            "判定没有依据它。其维护者应让它运行在没有地址转换的主机网络上。",
        ),
        FindingDetail::DnsFailing { names, example, failure: how } => text(
            "服务器的域名无法解析",
            format!("{names} 个域名，例如 {example}：{}。", failure(how)),
            &["DNS 服务器不可达或做了过滤", "域名不存在（或已被删除）"],
            "检查系统的 DNS 服务器，或直接写明服务器的地址（在地图中即节点的 IPv4 和 IPv6）。",
        ),
        FindingDetail::StaleMap { url, age, because } => text(
            "DERP 地图是旧副本",
            format!("无法获取 {url}（{}）；使用了 {} 前的副本。", failure(because), span(*age)),
            &["从这里无法访问地图服务器"],
            "检查到地图服务器的路径，或使用 --derp-map FILE。",
        ),
        FindingDetail::HardNat => text(
            "NAT 难穿透：它为每个目标分配不同的端点",
            "同一个套接字被 STUN 服务器看到了不同的端点。".to_owned(),
            &["路由器按目标映射（对称型 NAT）", "运营商的 NAT 按目标映射"],
            "对端有公网地址、映射的端口，或处于 NAT1、NAT2 之后，才能直连；与其他对端大多只能经中继转发。可在路由器上开启 \
             UPnP、NAT-PMP 或 PCP，或转发该 UDP 端口；在防火墙上查找“静态端口”或“端点无关 NAT”选项；使用 IPv6 也能避开。",
        ),
        FindingDetail::DoubleNat { wan } => text(
            "存在两层 NAT",
            format!("路由器自己的 WAN 口地址 {wan} 不是公网地址。"),
            &["前面还有另一台路由器", "运营商使用运营商级 NAT"],
            "把其中一台路由器改为桥接模式，或向运营商申请公网地址；只在这台路由器上转发端口，从互联网无法访问。",
        ),
        FindingDetail::Ipv6BlackHole => text(
            "配置了 IPv6，但没有任何 IPv6 应答",
            "本机有 IPv6 地址和路由；没有服务器通过 IPv6 应答，而 IPv4 有应答。".to_owned(),
            &["路由器通告了运营商并不承载的 IPv6", "防火墙丢弃了 IPv6"],
            "修复路由器上的 IPv6，或将其关闭：优先使用 IPv6 的程序会白白等待。",
        ),
        FindingDetail::Ipv6Translated { prefix_only: true, local, mapped } => text(
            "IPv6 前缀被转换（NPTv6）",
            format!("本机地址为 {local}；服务器看到的是 {mapped}，只有前缀不同。"),
            &["路由器分配私有前缀并加以转换"],
            "没有故障：服务器看到的地址为本机独有。防火墙仍可能挡住陌生来源。",
        ),
        FindingDetail::Ipv6Translated { prefix_only: false, local, mapped } => text(
            "IPv6 地址和端口被转换（NAT66）",
            format!("本机地址为 {local}；服务器看到的是 {mapped}。"),
            &["路由器或容器网络共用一个 IPv6 地址", "VPN 进行了转换"],
            "IPv6 不需要这种 NAT：请为本网络申请可路由的前缀，或关闭转换。",
        ),
        FindingDetail::Ipv4OverIpv6 { address, prefix } => text(
            "IPv4 承载在 IPv6 之上，由运营商转换",
            match prefix {
                Some(prefix) => format!("解析器表明 {prefix} 之后是 NAT64；{address} 已连通。"),
                None => format!("{address} 是这类网络（464XLAT、DS-Lite 或 NAT64）的地址。"),
            },
            &["运营商网络只有 IPv6"],
            "没有故障，但 IPv4 上无法转发端口：请让对端通过 IPv6 连接。",
        ),
        FindingDetail::PacketLoss { loss, of } => text(
            format!("UDP 有丢包（{}）", percent(*loss)),
            format!("{of} 次往返中丢失了 {}。", percent(*loss)),
            &["无线信号弱", "上行线路拥塞", "中间设备限制 UDP"],
            "换用网线，或在线路空闲时再试；若仍然如此，请联系运营商。",
        ),
        FindingDetail::ProxyOnly { proxy } => text(
            "HTTPS 只能经代理访问",
            format!("到中继的 HTTPS 经过了 {proxy}；UDP 无法经过它。"),
            &["网络只允许其代理外出"],
            "连接将经代理由中继转发。若要直连，请放行出站 UDP。",
        ),
        FindingDetail::ServerUnreachable { server, failure: how } => text(
            format!("STUN 服务器 {server} 没有应答"),
            format!("{}。", failure(how)),
            &["该服务器没有运行或已迁移", "名称或端口写错了", "从这里到它的路径被阻断"],
            "只要还有足够多的其他服务器应答，就无需处理：它已被排除。否则请换一台服务器。",
        ),
        FindingDetail::Relay(finding) => super::relay_fault::relay_fault(finding),
        FindingDetail::StunDown { region: _, code, method, relay_answers, failure: how } => text(
            format!("区域 {code} 的 STUN 没有可用的应答，而其他区域有"),
            {
                let relay = match relay_answers {
                    Some(true) => "其中继有 TCP 应答。",
                    Some(false) => "其中继的 TCP 也没有应答。",
                    None => "",
                };
                let method = super::Chinese.method(*method);
                format!("{}；其延迟由 {method} 测得。{relay}", failure(how))
            },
            &[
                "它的 STUN 服务没有运行，或端口与地图中的 STUNPort 不同",
                "那边主机或云服务商的防火墙没有放行该 UDP 端口",
                "从这里到它的路径被阻断，或丢包很多",
            ],
            "请确认 STUN 服务正在运行，并且主机防火墙和云服务商都放行了它的 UDP 3478（或地图中的 STUNPort）。没有 STUN，\
             没有人能从它得知自己的端点。",
        ),
        FindingDetail::MapMistake(placed) => {
            let PlacedMistake { place, path, mistake } = placed.as_ref();
            let (title, fix) = super::Chinese.map_mistake(mistake);
            let at = format!("{}:{}:{}", place.file, place.line, place.column);
            let observed = if path.is_empty() { at } else { format!("{at}: {path}") };
            FindingText { title, observed, causes: Vec::new(), fix, snippets: Vec::new() }
        }
        FindingDetail::Map { code: _, place, message, severity: _ } => {
            let message = super::said::said(message);
            text(format!("DERP 地图有误：{message}"), format!("{place}：{message}"), &[], "请在该处修正地图。")
        }
    }
}

pub(super) fn text(title: impl Into<String>, observed: String, causes: &[&str], fix: &str) -> FindingText {
    FindingText {
        title: title.into(),
        observed,
        causes: causes.iter().map(|cause| (*cause).to_owned()).collect(),
        fix: fix.to_owned(),
        snippets: Vec::new(),
    }
}
