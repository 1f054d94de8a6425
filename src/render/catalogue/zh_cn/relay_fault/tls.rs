//! TLS 会话和证书。

use std::time::Duration;

use super::super::finding::text;
use super::{elsewhere, failure, pasted};
use crate::render::catalogue::{FindingText, snippet};
use crate::render::number::span;
use crate::report::{RelayFault, Unpinnable};

#[allow(clippy::too_many_lines, reason = "one arm a fault, nothing else")]
pub(super) fn words(fault: &RelayFault) -> FindingText {
    match fault {
        RelayFault::PlainHttp { address, status } => text(
            format!("{address} 不是 TLS"),
            match status {
                Some(status) => format!("{address} 对 TLS 的应答不是 TLS，对明文 HTTP 请求应答 {status}。"),
                None => format!("{address} 对 TLS 的应答不是 TLS。"),
            },
            &[
                "derper 只在端口 443 上或带 -certmode manual 时使用 TLS，其他情况是明文 HTTP",
                "该端口属于别的服务，或是代理的明文端口",
            ],
            "用 -a :443 运行 derper，或在其他端口上用 -certmode manual -certdir 目录 -hostname 名称；或在地图中写 TLS 一侧的\
             端口（DERPPort）。",
        ),
        RelayFault::Alert { alert, sni } => text(
            format!("服务器终止了 TLS 握手：{alert}"),
            match sni {
                Some(name) => format!("以名称 {name} 握手，收到警报 {alert}。"),
                None => format!("中继以地址给出，握手不带名称，收到警报 {alert}。"),
            },
            &[
                "它没有该名称的证书：derper 的 -hostname 或代理的站点是另一个名称",
                "证书应由 ACME 机构签发而没有拿到（端口 443 和 80 必须可达）",
                "它要求更新的 TLS 版本，或客户端证书",
            ],
            "让 derper 的 -hostname（或代理的站点）与地图中的 HostName 完全一致。使用 Let's Encrypt 时查看其日志，并确认端口 443 \
             和 80 对互联网开放。以地址给出的中继需用 -certmode manual 的证书。",
        ),
        RelayFault::NameMismatch { expected, names, overlooked } => {
            let found = if names.is_empty() {
                "没有任何名称".to_owned()
            } else {
                format!("是签给 {} 的", names.join("、"))
            };
            let fix = if *overlooked {
                "对以地址给出的中继，Tailscale 自己的客户端不核对名称，能连接；其他客户端会拒绝。请使用含该地址的证书，或在地图中写\
                 名称（HostName，并写 IPv4）。"
            } else {
                "使用该名称的证书（以 subjectAltName 为准，common name 不算），或把证书上的名称写进地图：作为 HostName，或在另一个 \
                 HostName 之外作为 CertName。"
            };
            pasted(
                text(
                    format!("证书不是签给 {expected} 的"),
                    format!("证书{found}。"),
                    &["用了另一台主机的证书文件", "中继换了名称", "代理以默认站点应答"],
                    fix,
                ),
                snippet::renew(),
            )
        }
        RelayFault::Untrusted { self_signed, issuer, node, unpinnable, insecure } => {
            let title = match (*self_signed, *insecure) {
                (_, true) => "地图不要求验证（InsecureForTests），而该证书通不过验证",
                (true, false) => "证书是自签名的，而地图没有固定它",
                (false, false) => "证书不是由本机信任的机构签发的",
            };
            let fix = unpinnable.as_ref().map_or_else(
                || {
                    "固定它：把下面的条目写进地图，换上自己的名称和编号，客户端就只接受这一张证书。或使用公共机构的证书：derper \
                     -certmode letsencrypt 需要端口 443 和 80。tailscale-rs 不认识指纹。"
                        .to_owned()
                },
                |why| {
                    format!(
                        "使用公共机构的证书（derper -certmode letsencrypt 需要端口 443 和 80），或让客户端的系统信任签发它的机构。\
                         这张证书无法按现状固定：{}。",
                        cannot_pin(why)
                    )
                },
            );
            let words = text(
                title,
                format!("由 {issuer} 签发。"),
                &[
                    "中继自己制作证书：derper 和 natscope 对以地址给出的中继都这样做",
                    "没有一并发送中间证书（应使用 fullchain.pem）",
                    "自建的签发机构，客户端不认识",
                    "途中有设备拆开了 TLS（公司代理、杀毒软件）",
                ],
                &fix,
            );
            if unpinnable.is_none() { pasted(words, snippet::map_node(node)) } else { words }
        }
        RelayFault::PinMismatch { expected, presented, node } => pasted(
            text(
                "证书与地图固定的不同",
                format!("地图固定 {expected}；中继出示 {presented}。"),
                &[
                    "证书已重新制作：derper 自己的有效一年，其他的会续期",
                    "指纹含大写字母，或抄自另一个中继",
                    "有人冒充中继",
                ],
                "如果新证书确是你的（在中继上核对），把它的指纹写进地图。",
            ),
            snippet::map_node(node),
        ),
        RelayFault::NotAlone { count } => text(
            "固定了证书，而出示的不止一张",
            format!("除 derper 的元证书外，中继出示了 {count} 张证书；固定时只允许一张。"),
            &["固定的是单张自签名证书，却使用了证书链（fullchain.pem）"],
            "让中继只出示这一张证书，或去掉指纹：通往公共机构的证书链不需要它。",
        ),
        RelayFault::Expired { ago_s } => pasted(
            text(
                "证书已过期",
                format!("已过期 {}。", span(Duration::from_secs(*ago_s))),
                &[
                    "续期失败（端口 80 或 443 关闭，DNS 变更）",
                    "已续期，但中继仍在用旧文件：derper 的 -certmode manual 只在启动时读取",
                    "本机的时钟不对",
                ],
                "续期证书，并重启中继或让它重新读取文件。在此之前客户端会拒绝它。",
            ),
            snippet::renew(),
        ),
        RelayFault::ExpiresSoon { in_s, lifetime_s } => pasted(
            text(
                format!("证书将在 {} 后过期", span(Duration::from_secs(*in_s))),
                format!("有效期共 {}。", span(Duration::from_secs(*lifetime_s))),
                &["续期失败或没有设置续期", "已续期，但中继仍在用旧文件"],
                "查明为何尚未续期；若中继只在启动时读取文件，续期后请重启它。",
            ),
            snippet::renew(),
        ),
        RelayFault::NotYetValid { in_s } => pasted(
            text(
                "证书尚未生效",
                format!("{} 后才生效。", span(Duration::from_secs(*in_s))),
                &["本机的时钟慢了", "制作证书的主机时钟快了"],
                "校准时钟。",
            ),
            snippet::clock(),
        ),
        RelayFault::Certificate { failure: how } => text(
            "证书有问题",
            format!("{}。", failure(how)),
            &["证书或证书链含有客户端不接受的内容", "地图中的 CertName 不是名称"],
            "查看 `openssl s_client -connect 主机:端口 -servername 主机 -showcerts`，并改用常规工具制作的证书。",
        ),
        RelayFault::ClockSkew { ahead_s, decides } => {
            let by = span(Duration::from_secs(ahead_s.unsigned_abs()));
            let than = if *ahead_s > 0 { "快" } else { "慢" };
            pasted(
                text(
                    format!("中继的时钟比本机{than} {by}"),
                    match decides {
                        false => format!("它的 Date 头与本机时间相差 {ahead_s} 秒。"),
                        true => format!(
                            "它的 Date 头与本机时间相差 {ahead_s} 秒。按中继的时钟，它的证书有效；按本机的时钟则无效。"
                        ),
                    },
                    &["两台主机之一没有对时服务", "缓存以旧的 Date 应答"],
                    "在不准的主机上校准时钟；证书和登录都依赖它。",
                ),
                snippet::clock(),
            )
        }
        RelayFault::SniFiltered { sni, failure: how, instead } => text(
            format!("以名称 {sni} 的 TLS 会中断，以其他名称不会"),
            format!(
                "用 {sni}：{}。{}。",
                failure(how),
                match instead {
                    Some(name) => format!("换成 {name} 则握手成功"),
                    None => "不带名称则握手成功".to_owned(),
                }
            ),
            &["途中有设备按握手中的名称过滤（国家或公司的防火墙）", "服务器自己以断开连接的方式拒绝该名称"],
            "这与过滤相符，但不能证明是过滤：请换一个网络再试。若在那里正常，请改用其他名称，或用地址加固定的证书（此时不发送名称）。",
        ),
        RelayFault::TlsBroken { failure: how } => text(
            "TLS 握手没有完成",
            format!("{}。", failure(how)),
            &[
                "该端口不是 TLS 服务器，或负载过重",
                "防火墙或中间设备放行连接，却不放行内容",
                "满长的包在途中丢失（MTU）",
            ],
            "在中继上和从外部各运行 `openssl s_client -connect 主机:端口 -servername 主机`：若那里正常而这里不行，问题就在途中。",
        ),
        other => elsewhere(other),
    }
}

/// 无法固定证书的原因，接在冒号之后。
fn cannot_pin(why: &Unpinnable) -> String {
    match why {
        Unpinnable::Chain { count } => format!("被固定的证书必须单独出示，而中继出示了 {count} 张"),
        Unpinnable::Name { expected } => format!("它不是签给 {expected} 的，而客户端对被固定的证书也核对名称"),
        Unpinnable::Dates => "它此刻不在有效期内，而客户端对被固定的证书也核对有效期".to_owned(),
    }
}
