//! DERP 会话。

use super::super::finding::text;
use super::{elsewhere, failure, pasted};
use crate::render::catalogue::{FindingText, snippet};
use crate::render::number::span;
use crate::report::RelayFault;

pub(super) fn words(fault: &RelayFault) -> FindingText {
    match fault {
        RelayFault::NoServerKey { failure: how } => text(
            "升级得到了应答，之后却不是 DERP",
            format!("{}。", failure(how)),
            &["那不是中继，却对任何升级都应答 101", "代理缓冲了中继的内容", "中继卡住了"],
            "在代理中关闭缓冲（nginx：proxy_buffering off），并查看中继的日志。",
        ),
        RelayFault::NoGreeting { failure: how } => text(
            "中继报出公钥之后，没有再发来有用的内容",
            format!("{}。", failure(how)),
            &["准入控制在等一个不应答的验证服务", "代理缓冲了中继的内容", "中继负载过重"],
            "查看中继的日志；使用 -verify-client-url 时，确认该网址能在数秒内应答。",
        ),
        RelayFault::NotAdmitted => text(
            "中继只接纳自己的客户端",
            "一次性密钥在登录时被拒绝。".to_owned(),
            &["准入控制已启用（-verify-clients、-verify-client-url、--allow），本该如此"],
            "无需处理。如果自己的客户端也被拒绝：derper 旁边的 tailscaled 必须属于同一个 tailnet、正在运行，且版本一致。",
        ),
        RelayFault::FastStartBroken { failure: how } => text(
            "证书声明可以快速开始，却行不通",
            format!("{}；普通升级可以。", failure(how)),
            &["代理出示了 derper 的元证书，却自己终结 TLS", "各次连接遇到的是不同的中继"],
            "只要证书声明了，Tailscale 的客户端就总用快速开始。让代理原样透传 TLS，或只出示自己的证书而不带 derper 的。",
        ),
        RelayFault::SeveralKeys { keys, meshed: true } => text(
            "同一个域名后面有多个中继，它们互相转发数据包",
            format!("{} 个公钥：{}。数据包从一个中继的客户端到达了另一个中继的客户端。", keys.len(), keys.join("、")),
            &["负载均衡把连接分给组成 mesh 的多个中继"],
            "无需处理：组成 mesh 的中继正是为此而设。",
        ),
        RelayFault::SeveralKeys { keys, meshed: false } => text(
            "同一个域名后面有多个中继",
            format!("{} 个公钥：{}。", keys.len(), keys.join("、")),
            &["负载均衡把连接分给多个中继", "DNS 中有多个中继的地址"],
            "一个中继的客户端看不到另一个中继的客户端。在地图中为每个中继各设一个节点，或让它们组成 mesh（-mesh-psk-file、\
             -mesh-with）。",
        ),
        RelayFault::NotDelivered { packets, failure: how } => text(
            "同一中继的两个密钥之间，数据包没有送到",
            format!("2 个包到达了 {packets} 个。{}。", failure(how)),
            &["各次连接遇到的是没有组成 mesh 的不同中继", "有速率限制", "中继负载过重"],
            "检查前面是否有负载均衡、它的速率限制（-rate-config）以及日志。",
        ),
        RelayFault::OpenRelay => pasted(
            text(
                "中继为任何人服务",
                "两个一次性密钥都被接纳，数据包在二者之间往返。".to_owned(),
                &["没有设置准入控制"],
                "谁找到它都能用，费用由你承担。请让它核实客户端。",
            ),
            snippet::close_relay(),
        ),
        RelayFault::FailOpen => pasted(
            text(
                "验证服务停止时，derper 会放任何人进来",
                "它带有 -verify-client-url，而没有 -verify-client-url-fail-open=false。".to_owned(),
                &["这是 derper 的默认设置"],
                "加上 -verify-client-url-fail-open=false。",
            ),
            snippet::close_relay(),
        ),
        RelayFault::NotKept { held, keep_alives, failure: how } if *keep_alives > 0 => text(
            format!("保持的连接在 {} 后结束", span(*held)),
            format!("{}。期间并不空闲：收到了 {keep_alives} 次 keep-alive。", failure(how)),
            &["中继重启过，或主动关闭了连接", "途中的代理、负载均衡或 NAT 限制了连接的最长存活时间"],
            "客户端会自行重连，代价是片刻没有中继。请查看中继和代理在那一刻的日志，并调高代理对连接存活时间的限制。",
        ),
        RelayFault::NotKept { held, failure: how, .. } => text(
            format!("空闲连接在 {} 后被切断", span(*held)),
            format!("{}。", failure(how)),
            &["代理或负载均衡的空闲超时短于中继的 keep-alive（60 至 65 秒）"],
            "把超时调到远大于 65 秒（nginx：proxy_read_timeout 和 proxy_send_timeout；HAProxy：timeout tunnel）。",
        ),
        RelayFault::NoKeepAlive { held } => text(
            "没有收到 keep-alive",
            format!("等了 {}；中继每 60 至 65 秒应发一次。", span(*held)),
            &["代理缓冲了中继的内容", "中继不是常见的那种"],
            "客户端在 120 秒收不到任何内容后会放弃中继。请在代理中关闭缓冲。",
        ),
        other => elsewhere(other),
    }
}
