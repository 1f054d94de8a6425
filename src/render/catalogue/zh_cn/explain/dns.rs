//! 对域名方面发现的说明。

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const NO_ADDRESS: Explanation = text(
    "中继的域名没有地址",
    "除非地图给出地址，客户端靠域名找到中继。两者都没有，就无处可连。",
    "本机的解析器回答了 A 和 AAAA 两次查询而其中没有地址时，为错误；别的解析器可能知道得更多：新记录要过一段时间才处处可见。查询\
     本身失败时，为警告：此时对该域名一无所知，其余各层无法确定。",
    "为该域名发布 A 和 AAAA 记录，或在地图中为节点写明 IPv4 和 IPv6。`dig +short A 域名 @1.1.1.1` 可以看出是\
     否只是这个解析器的问题。",
);

pub(super) const DIFFERS: Explanation = text(
    "域名的地址与地图不同",
    "客户端连接地图中的地址，域名只用在 TLS 里。中继搬迁而地图没改，客户端就去了旧处。",
    "地图中的地址不在本机 DNS 给出的地址之内。按地区应答的域名（任播、内外分离、CDN）可能不同而没有错。",
    "改正地图或记录，或不在地图中写地址，让客户端询问 DNS。",
);

pub(super) const FAKE: Explanation = text(
    "域名被解析到 198.18.0.0/15",
    "本机或路由器上的代理顶替了中继。测到的是经过该代理的路径，而 UDP 往往根本不经过它。",
    "域名解析到了该范围的地址；它专供基准测试，不属于任何真实服务器。",
    "把中继的域名从 fake-IP 中排除（Clash 的 fake-ip-filter，sing-box 的规则），或换一台没有该代理的主机检查\
     。",
);
