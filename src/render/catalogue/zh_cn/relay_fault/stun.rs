//! STUN。

use super::super::finding::text;
use super::{elsewhere, failure, pasted};
use crate::probe::Cause;
use crate::render::catalogue::{FindingText, snippet};
use crate::report::RelayFault;

pub(super) fn words(fault: &RelayFault) -> FindingText {
    match fault {
        RelayFault::NoStun { server, failure: how, relay_works, plain } => {
            let causes: &[&str] = match how.cause {
                Cause::Refused => &[
                    "那里没有 STUN 服务器：derper 绑定失败而不提示，或带 -stun=false 运行",
                    "在容器中，该端口没有以 UDP 发布",
                ],
                _ => &[
                    "云服务商的防火墙（安全组）或主机的防火墙没有开放 UDP",
                    "在容器中，该端口只以 TCP 发布（-p 需要 /udp）",
                    "UDP 出不了本机所在的网络",
                ],
            };
            let mut observed = format!("{server}：{}。", failure(how));
            if *plain {
                observed.push_str("不带属性的请求有应答。");
            }
            if *relay_works {
                observed.push_str("中继本身正常。");
            }
            pasted(
                text(
                    format!("{server} 的 STUN 没有应答"),
                    observed,
                    causes,
                    "把通往中继的 UDP 端口一路开放；否则客户端测不到中继，也不会选择它。如果其他网络能得到应答（见 --compare），\
                     问题就在本网络。没有 STUN 的中继应在地图中写明 STUNPort -1。",
                ),
                snippet::open_udp(server.port()),
            )
        }
        RelayFault::TailnodeOnly { server } => text(
            "STUN 只应答 Tailscale 形式的请求",
            format!("{server} 应答 Tailscale 客户端的请求，不应答不带属性的请求。"),
            &["derper 和 Headscale 有意如此"],
            "无需处理。其他 STUN 测试工具会说它没有应答，其实不然。",
        ),
        RelayFault::MappedOdd { server, mapped, near: _ } => pasted(
            text(
                "STUN 报告的地址不可能是本机在那里的地址",
                format!("{server} 看到本机为 {mapped}。"),
                &[
                    "服务器在容器中，容器网络转换了来源地址（docker 的用户态代理或地址伪装）",
                    "前面有负载均衡",
                    "本机与中继在同一个路由器之后，请求经路由器回环（hairpin）：外面的主机可能看到正确的地址",
                ],
                "如果外面的主机也得到这类地址，客户端会把它告诉对端，却毫无用处：请让服务器直接使用主机的网络。",
            ),
            snippet::host_network(),
        ),
        RelayFault::NoStunOver { family, server, failure: how } => pasted(
            text(
                format!("{family} 上的 STUN 没有应答"),
                format!("{server}：{}。{family} 上的 TCP 能通，另一个地址族的 STUN 有应答。", failure(how)),
                &["防火墙只有一个地址族的规则", "STUN 服务器只绑定了一个地址族"],
                "为两个地址族都开放 UDP 端口（ip6tables 有自己的规则；nft 的 inet 族兼有两者）。",
            ),
            snippet::open_udp(server.port()),
        ),
        RelayFault::StunFromElsewhere { server, from } => text(
            "STUN 的应答来自另一个地址",
            format!("询问的是 {server}，应答的是 {from}。"),
            &["服务器有多个地址，从另一个地址应答"],
            "客户端和 NAT 会丢弃这样的应答。让服务器绑定被询问的地址（derper -a 地址:443）。",
        ),
        other => elsewhere(other),
    }
}
