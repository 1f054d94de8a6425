//! 对从 HTTP 到 DERP方面发现的说明。

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const NOT_DERP: Explanation = text(
    "应答看不出是中继",
    "/derp 有网页服务器应答，但没有一个应答像中继给出的。",
    "升级请求没有得到 101，不带升级的请求没有得到 derper 的 426，延迟检查也不像中继。没有 /derp 规则的代理看\
     起来一样。",
    "检查域名和端口，并确认前面的代理转发 /derp。带 -derp=false 时，derper 自己会应答 404。",
);

pub(super) const NO_UPGRADE: Explanation = text(
    "有中继，而升级请求到不了它",
    "DERP 以 HTTP 升级开头。代理只有在配置后才转发 Upgrade 头；没有它，中继应答 426，客户端便默默放弃。",
    "升级请求得到的不是 101，而应答者显示其后有中继，或应答方式像到不了中继的代理（5xx）。",
    "让代理用 HTTP/1.1、不缓冲地转发 Upgrade 和 Connection，或原样透传 TLS。发现中有可粘贴的 nginx、Caddy、\
     HAProxy、Traefik 配置。",
);

pub(super) const WEB_SOCKET_ONLY: Explanation = text(
    "只有 WebSocket 能通过",
    "有些代理和 CDN 只认识一种升级。Tailscale 的原生客户端用 DERP 自己的升级，不会退回 WebSocket；只有浏览器\
     里的客户端用它。",
    "Upgrade: DERP 被拒绝；同一处的 Upgrade: websocket 到达了中继，它报出了公钥。",
    "让代理转发任何 Upgrade，或原样透传 TLS，或让该域名不走 CDN。",
);

pub(super) const TWO_ONLY: Explanation = text(
    "服务器只用 HTTP/2",
    "DERP 要独占一条 HTTP/1.1 连接，HTTP/2 不允许。客户端不列出协议，期待 HTTP/1.1。",
    "不列协议的连接没有得到 HTTP/1.1 应答，同时列出两者的连接被给了 h2。",
    "在代理中同时允许 HTTP/1.1 和 HTTP/2。",
);

pub(super) const CDN: Explanation = text(
    "中继前面有 CDN",
    "CDN 放行普通网页，至多还有 WebSocket；它会切断空闲连接，也不承载 UDP。DERP 和 STUN 都不适合放在它后面。",
    "依据是这类网络在应答中添加的头。若升级仍能通过，则只是提示。",
    "让域名直接指向中继（Cloudflare 中为“仅 DNS”）。",
);

pub(super) const ENDPOINTS: Explanation = text(
    "中继的其他端点应答不对",
    "UDP 被封时，客户端用 /derp/latency-check 测量中继；对带 CanPort80 的节点，在端口 80 上探测强制门户。",
    "依据是这两处的状态码。对中继本身而言，两者都可有可无。",
    "让代理转发 /derp 之下的一切。在端口 80 上提供 /generate_204（derper -http-port 80），或从地图中去掉 \
     CanPort80。",
);

pub(super) const NONE: Explanation = text(
    "TLS 正常，HTTP 没有应答",
    "连接建立了，请求发出了，却没有 HTTP/1 的应答。",
    "依据是请求的失败方式：没有回应、中途结束，或不是 HTTP。",
    "在中继上运行 `curl -v https://主机:端口/derp/latency-check`。先要 PROXY 协议头的代理看起来也是这样。",
);
