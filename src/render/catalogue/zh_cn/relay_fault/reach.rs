//! 域名、连接、本机。

use super::super::finding::text;
use super::{elsewhere, failure, pasted};
use crate::probe::Cause;
use crate::render::catalogue::{FindingText, snippet};
use crate::report::{FileProblem, PortUnknown, RelayFault};

#[allow(clippy::too_many_lines, reason = "one arm a fault, nothing else")]
pub(super) fn words(node: &str, fault: &RelayFault) -> FindingText {
    match fault {
        RelayFault::NoAddress { host, failure: how, pinned: false, only } => pasted(
            text(
                match only {
                    Some(family) => format!("{host} 没有 {family} 地址"),
                    None => format!("{host} 没有地址"),
                },
                match only {
                    Some(family) => format!("{}；只查询了 {family}。", failure(how)),
                    None => format!("{}。", failure(how)),
                },
                &["域名写错了", "缺少 A 或 AAAA 记录，或尚未生效", "解析器过滤了它"],
                "为该域名发布 A 记录（有 IPv6 则还有 AAAA），或在地图中写明节点的地址（IPv4、IPv6）。",
            ),
            snippet::resolve(host),
        ),
        RelayFault::NoAddress { host, failure: how, pinned: true, only: _ } => text(
            format!("{host} 在 DNS 中没有地址，地图中有"),
            format!("{}。", failure(how)),
            &["该域名只为证书而存在", "缺少它的记录"],
            "只要地图中有地址就无需处理：客户端不需要 DNS。",
        ),
        RelayFault::NotLookedUp { host, failure: how } => pasted(
            text(
                format!("本机无法解析 {host}"),
                format!("{}。这并不说明该域名本身有问题。", failure(how)),
                &["本机的解析器不应答，或拒绝查询", "该域名的权威服务器不应答", "网络不通"],
                "确认本机能解析其他域名（/etc/resolv.conf），并换一个解析器查询该域名。",
            ),
            snippet::resolve(host),
        ),
        RelayFault::AddressDiffers { host, map, resolved } => pasted(
            text(
                format!("{host} 的地址与地图不同"),
                format!(
                    "地图为 {map}；DNS 为 {}。",
                    resolved.iter().map(ToString::to_string).collect::<Vec<_>>().join("、")
                ),
                &["中继搬迁过，其中一个已过时", "DNS 按地区应答，或给出的是代理的地址"],
                "客户端连接地图中的地址。请改正错误的一方；地图中不写地址时，客户端询问 DNS。",
            ),
            snippet::resolve(host),
        ),
        RelayFault::FakeAddress { host, address } => text(
            format!("{host} 被解析为虚假地址"),
            format!("{host} 解析为 {address}，属于 198.18.0.0/15。"),
            &["本机或路由器上有 fake-IP 模式的代理（Clash、sing-box、Surge 等）应答 DNS"],
            "把中继的域名从 fake-IP 中排除，并让它的 UDP 直连。在此之前，这里看到的是代理到中继的路径。",
        ),
        RelayFault::Tcp { address, failure: how, others, stun } => {
            let causes: &[&str] = match how.cause {
                Cause::Refused => &["该端口上没有程序监听：中继未运行，或在另一个端口或地址上", "防火墙代为拒绝"],
                Cause::TimedOut { .. } => {
                    &["防火墙丢弃了它：主机的，或云服务商的（安全组）", "该地址（已）不属于中继", "主机已停机"]
                }
                _ => &["通往该地址的路径不通", "途中的防火墙禁止"],
            };
            let mut observed = format!("{address}：{}。", failure(how));
            if *stun {
                observed.push_str("该地址的 STUN 有应答，说明主机在运行。");
            }
            let title = if *others {
                format!("无法与 {address} 建立 TCP 连接；中继的另一个地址可以")
            } else {
                format!("无法与 {address} 建立 TCP 连接")
            };
            pasted(
                text(
                    title,
                    observed,
                    causes,
                    "在中继上确认它监听该端口和地址，并在两层防火墙中开放端口：主机的和云服务商的。地图中的 DERPPort \
                     指明端口。",
                ),
                snippet::open_tcp(address.port()),
            )
        }
        RelayFault::Proxy { failure: how } => text(
            "环境中的代理到不了中继",
            format!("{}。", failure(how)),
            &["代理只允许对少数主机和端口使用 CONNECT", "代理要求登录", "代理的地址有误"],
            "在代理中允许对中继使用 CONNECT，或让中继不走代理：把它的域名加入 NO_PROXY。",
        ),
        RelayFault::OneSided { here: true } => text(
            format!("{node} 在别处应答 STUN，在这里不应答"),
            "两台主机的 TCP 都通，UDP 只有另一台通。".to_owned(),
            &["本机附近的防火墙或运营商丢弃到该端口的 UDP", "中继的防火墙只放行一部分来源"],
            "这不是中继的普遍故障，请检查本机所在的网络。`natscope netcheck` 会说明 UDP 能否出去。",
        ),
        RelayFault::OneSided { here: false } => text(
            format!("{node} 在这里应答 STUN，在别处不应答"),
            "两台主机的 TCP 都通，UDP 只有本机通。".to_owned(),
            &["另一台主机附近的防火墙或运营商丢弃到该端口的 UDP", "中继的防火墙只放行一部分来源"],
            "这不是中继的普遍故障，请在另一台主机上用 `natscope netcheck` 检查它的网络。",
        ),
        RelayFault::NotListening { udp, port } => pasted(
            text(
                format!("本机没有程序监听 {} 端口 {port}", protocol(*udp)),
                format!("本机（本网络命名空间）没有绑定端口 {port} 的 {} 套接字。", protocol(*udp)),
                &["中继未运行，或在另一个端口上", "它在容器中运行，而该端口没有发布"],
                "启动中继，并在日志中查找绑定错误；derper 绑定 STUN 端口失败时不会提示。",
            ),
            if *udp { snippet::open_udp(*port) } else { snippet::open_tcp(*port) },
        ),
        RelayFault::PortUnknown { udp, port, why } => text(
            format!("不知道本机是否有程序监听 {} 端口 {port}", protocol(*udp)),
            match why {
                PortUnknown::Unreadable => "系统没有告知哪些端口被监听（/proc/net）。".to_owned(),
                PortUnknown::OtherNamespace => {
                    "本网络命名空间中没有。有一个 derper 在自己的网络命名空间中运行（例如容器），或在只有 root 才能得知的命名空间中。"
                        .to_owned()
                }
                PortUnknown::Answered => "本网络命名空间中没有，而中继仍在该端口上应答。".to_owned(),
            },
            match why {
                PortUnknown::Unreadable => &["这不是 Linux", "natscope 在受限环境中运行"][..],
                PortUnknown::OtherNamespace => &["容器的端口只通过地址转换发布"],
                PortUnknown::Answered => &["容器的端口只通过地址转换发布", "中继在另一台主机上"],
            },
            "这本身不是故障。想看得更清楚，请以 root 身份、在容器中或在中继所在的主机上运行。",
        ),
        RelayFault::LoopbackOnly { udp, port } => text(
            format!("{} 端口 {port} 只绑定在回环地址上", protocol(*udp)),
            format!("端口 {port} 上的每个 {} 套接字都绑定在回环地址上。", protocol(*udp)),
            &["中继在本机代理之后，本该如此", "监听地址误写为 127.0.0.1"],
            "在代理之后，TCP 这样是对的。其他情况请绑定公网地址，或所有地址（-a :443）。",
        ),
        RelayFault::ClockUnsynchronized => pasted(
            text(
                "本机的时钟没有校准",
                "timedatectl 报告 NTPSynchronized=no。".to_owned(),
                &["没有运行对时服务", "到不了对时服务器（UDP 123）"],
                "启动一个对时服务：证书和登录都依赖时间。",
            ),
            snippet::clock(),
        ),
        RelayFault::NoTailscaled { socket } => text(
            "derper 要询问 tailscaled，但它不在",
            format!("derper 带有 -verify-clients，而没有套接字 {socket}。"),
            &["本机没有运行 tailscaled", "在容器中，没有挂载它的套接字"],
            "在旁边运行 tailscaled 并加入 tailnet，或把 /var/run/tailscale 挂载进容器；-socket 可指定其他位置。没有它，所有\
             客户端都会被拒绝。",
        ),
        RelayFault::CertificateFile { path, problem } => pasted(
            text(
                match problem {
                    FileProblem::Missing => "derper 的证书文件不存在",
                    FileProblem::Unreadable { .. } => "无法查看 derper 的证书文件",
                    FileProblem::NoCertificate => "derper 的证书文件中没有证书",
                    FileProblem::Expired => "derper 证书文件中的证书已过期",
                    FileProblem::NotPresented => "中继出示的证书与文件中的不同",
                },
                match problem {
                    FileProblem::Unreadable { said } => format!("{path}：{said}。"),
                    _ => format!("{path}。"),
                },
                match problem {
                    FileProblem::Missing => &["-certdir 或 -hostname 是别的值", "从未写入过"][..],
                    FileProblem::Unreadable { .. } => &["它属于另一个用户：只有 root 可以读取"],
                    FileProblem::NoCertificate => &["它是空的，或是私钥的文件", "它不是 PEM 格式"],
                    FileProblem::Expired => &["续期失败，或写到了别处"],
                    FileProblem::NotPresented => &["证书已续期，而 derper 只在启动时读取", "前面的代理有自己的证书"],
                },
                match problem {
                    FileProblem::Unreadable { .. } => "这本身不是故障。想查看它，请以 root 身份运行。",
                    _ => "让续期写入该文件，之后重启 derper。",
                },
            ),
            snippet::renew(),
        ),
        other => elsewhere(other),
    }
}

const fn protocol(udp: bool) -> &'static str {
    if udp { "UDP" } else { "TCP" }
}
