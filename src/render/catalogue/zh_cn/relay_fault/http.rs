//! 从 HTTP 到 DERP。

use super::super::finding::text;
use super::{by, elsewhere, failure, pasted};
use crate::render::catalogue::{FindingText, snippet};
use crate::report::RelayFault;

#[allow(clippy::too_many_lines, reason = "one arm a fault, nothing else")]
pub(super) fn words(fault: &RelayFault) -> FindingText {
    match fault {
        RelayFault::NotDerp { disabled: true, status, .. } => text(
            "中继功能已关闭",
            format!("/derp 的升级请求得到 {status}，“derp server disabled”。"),
            &["derper 带 -derp=false 运行，只提供 STUN"],
            "去掉 -derp=false 再启动，或在地图中把该节点标为 STUNOnly。",
        ),
        RelayFault::NotDerp { status, server, wants_tls: true, .. } => text(
            "该端口使用 HTTPS，而请求是明文 HTTP",
            format!("/derp 的升级请求得到 {status}{}，并说明需要 TLS。", by(server.as_deref())),
            &["网址写成了 http:// 而不是 https://", "前面的代理用明文 HTTP 连接使用 TLS 的中继"],
            "改用 https://。在代理的配置中，到中继也用 https。",
        ),
        RelayFault::NotDerp { status, location, server, disabled: false, wants_tls: false } => text(
            "那里的应答看不出是 DERP 中继",
            format!(
                "/derp 的升级请求得到 {status}{}{}。",
                by(server.as_deref()),
                location.as_ref().map_or_else(String::new, |to| format!("，并重定向到 {to}"))
            ),
            &["那是另一个网站：域名、端口或虚拟主机不对", "前面的代理没有 /derp 的规则", "登录页或防火墙代为应答"],
            "确认域名和端口属于中继，并且前面的代理把 /derp 原样转给它，不要求登录。",
        ),
        RelayFault::NoUpgrade { status, location, server, relay_seen, host } => {
            let behind = if *relay_seen { "其后有中继：它应答其他请求。" } else { "" };
            let causes: &[&str] = match status {
                500..=599 => &[
                    "代理到不了中继：中继已停，或在另一个端口，或一方用 TLS 而另一方用明文 HTTP",
                    "代理不接受中继的证书",
                    "代理不认识升级到 DERP 的应答",
                ],
                _ => &["前面的代理没有转发 Upgrade 头", "代理只放行 WebSocket", "代理对中继使用 HTTP/1.0 或 HTTP/2"],
            };
            pasted(
                text(
                    "升级到 DERP 的请求到不了中继",
                    format!(
                        "Upgrade: DERP 得到 {status}{}{}。{behind}",
                        by(server.as_deref()),
                        location.as_ref().map_or_else(String::new, |to| format!("，并重定向到 {to}"))
                    ),
                    causes,
                    "让代理转发升级请求，如下（把 3340 换成中继的明文 HTTP 端口，8443 换成其 HTTPS 端口），或让它原样透传 TLS。",
                ),
                snippet::proxies(host),
            )
        }
        RelayFault::WebSocketOnly { status, server } => text(
            "只有 WebSocket 能通过，而 Tailscale 的客户端不用它",
            format!("Upgrade: DERP 得到 {status}{}；Upgrade: websocket 能到达中继。", by(server.as_deref())),
            &["前面的代理或 CDN 只放行 WebSocket（Cloudflare、某些 ingress 控制器）"],
            "原生客户端不会退回到 WebSocket。让代理转发任何 Upgrade，或原样透传 TLS，或让该域名不走 CDN（“仅 DNS”）。",
        ),
        RelayFault::Http2Only => text(
            "服务器只用 HTTP/2",
            "DERP 客户端握手时不列出协议，这样的客户端得不到 HTTP/1.1。".to_owned(),
            &["代理中关闭了 HTTP/1.1"],
            "允许 HTTP/1.1：DERP 不能在 HTTP/2 上运行。HAProxy 用 `alpn h2,http/1.1`，Caddy 用 `protocols h1 h2`。",
        ),
        RelayFault::Cdn { header, works: true } => text(
            "中继前面有 CDN",
            format!("{header}。升级请求仍能通过。"),
            &["该域名指向 CDN"],
            "目前可用；CDN 会切断空闲连接，也可能改变做法。中继最好不走 CDN（“仅 DNS”）。STUN 不经过它。",
        ),
        RelayFault::Cdn { header, works: false } => text(
            "中继前面有 CDN",
            format!("{header}。"),
            &["该域名指向 CDN，它至多放行 WebSocket"],
            "让该域名不走 CDN（在 Cloudflare 中为“仅 DNS”）：DERP 和 STUN 都不能经过它。",
        ),
        RelayFault::LatencyCheck { status } => text(
            "/derp/latency-check 的应答不对",
            match status {
                Some(status) => format!("得到 {status}，应为 200。"),
                None => "连接结束而没有应答。".to_owned(),
            },
            &["前面的代理只转发 /derp 本身"],
            "让代理转发 /derp 之下的一切：UDP 被封时，客户端靠它测量中继。",
        ),
        RelayFault::Port80 { status, failure: how } => text(
            "地图写了 CanPort80，而端口 80 的应答不对",
            match (status, how) {
                (Some(status), _) => format!("/generate_204 得到 {status}，或没有回应我们的质询。"),
                (None, Some(how)) => format!("{}。", failure(how)),
                (None, None) => "没有应答。".to_owned(),
            },
            &["端口 80 已关闭，或属于重定向到 HTTPS 的代理"],
            "对中继开放端口 80（derper -http-port 80），或从节点中去掉 CanPort80：否则客户端会以为有强制门户。",
        ),
        RelayFault::NoHttp { failure: how, others: true, tls: _ } => text(
            "升级到 DERP 的请求没有应答，其他请求有应答",
            format!("{}。", failure(how)),
            &["前面的代理接下升级请求后卡住或断开", "检查流量的防火墙切断了它不认识的内容", "中继在接管连接时卡住了"],
            "绕过代理，在中继本机上试一次，并查看中继的日志。让代理转发升级请求，或原样透传 TLS。",
        ),
        RelayFault::NoHttp { failure: how, others: false, tls } => text(
            if *tls { "TLS 正常，HTTP 没有应答" } else { "端口可以连接，HTTP 没有应答" },
            format!("{}。", failure(how)),
            &["那不是网页服务器", "中继或代理卡住了", "它先要 proxy protocol 头"],
            "在中继上查看 `curl -v https://主机:端口/derp/latency-check` 的结果，以及中继的日志。",
        ),
        other => elsewhere(other),
    }
}
