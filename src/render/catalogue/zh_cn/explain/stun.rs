//! 对STUN方面发现的说明。

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const NONE: Explanation = text(
    "STUN 没有应答",
    "客户端用 UDP 上的 STUN 测量中继，并据此选择主区域。STUN 没有应答的中继不会被测量和选中，中继得再好也没用。",
    "以 Tailscale 客户端的形式发送请求，一秒多内发了数份；若被拒绝会指出。没有应答时，分不清是中继的端口关闭\
     ，还是 UDP 出不了本机的网络。",
    "在主机和云服务商的防火墙中开放 UDP 3478（或 STUNPort），从容器中以 UDP 发布，并在 derper 日志中查看 \
     STUN 监听。与另一个网络比较（--compare）。",
);

pub(super) const TAILNODE_ONLY: Explanation = text(
    "STUN 只应答 Tailscale 客户端的形式",
    "derper 和 Headscale 只应答自称来自 Tailscale 且以指纹结尾的请求。普通 STUN 测试工具得不到应答，会把正常\
     的服务器说成没有应答。",
    "向同一服务器发送了两种形式，其中一种有应答。",
    "无需处理。请用 natscope 或 Tailscale 测试这样的服务器。",
);

pub(super) const MAPPED: Explanation = text(
    "STUN 报告的端点不可能是本机在那里的端点",
    "服务器看到的客户端地址属于它自己一侧：包在到达之前就被转换了。客户端会把一个到不了的地址告诉对端。",
    "服务器的地址是公网地址，而它报告的端点是私有地址，或是它自己的地址。从中继所在的网络询问时，请求经路由器回环（hairpin）也会如此：请从外面再问。",
    "让服务器直接使用主机的网络（docker run --network host），前面不要有转换地址的负载均衡。",
);

pub(super) const FAMILY: Explanation = text(
    "只有一个地址族的 STUN 有应答",
    "客户端分别测量 IPv4 和 IPv6。在没有应答的地址族上，它们无法从这个中继得知自己的端点。",
    "中继在该地址族上接受来自这里的 TCP 连接，说明有路；而其上的 STUN 没有应答。",
    "为两个地址族都开放 UDP 端口，并让 STUN 服务器绑定两者。",
);

pub(super) const ELSEWHERE: Explanation = text(
    "STUN 的应答来自另一个地址",
    "NAT 只放行来自所发往地址的应答，所以多数客户端根本看不到它。",
    "应答的来源与询问的地址不同。它能到这里，是因为中间没有过滤。",
    "让服务器绑定被询问的地址；在有多个地址的主机上，用路由规则指定源地址。",
);
