//! 对网络中各项发现的说明。

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const UDP_BLOCKED: Explanation = text(
    "UDP 没有应答，而中继的 TCP 有应答",
    "STUN 包从本机发出（或应当发出），却没有任何应答，而同样的中继 TCP 有应答。没有 UDP 就没有直连：一切都经 TLS \
     中继，能用，但较慢。",
    "只有向多个服务器发 UDP 都没有应答、且有中继经 TCP 应答时才会报告。原因可能在本机、路由器或运营商的防火墙；若\
     中继同属一家，也可能是它们都没有开放 STUN 端口。",
    "放行到 3478 端口和对端端口（默认 41641）的出站 UDP 及其应答。在中继一侧，主机防火墙和云服务商的防火墙都要开放 \
     UDP 3478。然后重新运行 `natscope netcheck`。",
);

pub(super) const RELAY_DOWN: Explanation = text(
    "区域的 STUN 有应答，但中继没有应答",
    "延迟用 UDP 上的 STUN 测量，中继走 TCP 上的 TLS。延迟表里这个区域一切正常，却没有数据能经它的中继通过。",
    "该区域有节点应答了 STUN；到其中继的 HTTPS 在所示的步骤（DNS、连接、TLS、HTTP）失败。",
    "确认中继正在运行，其 TCP 端口（443 或 DERPPort）在两层防火墙中都已开放，并从外部查看 `curl -v https://主机:端\
     口/derp/latency-check` 的结果。若前面有反向代理，请查看其日志。",
);

pub(super) const REGION_UNREACHABLE: Explanation = text(
    "区域无法测量",
    "该区域没有任何节点给出可以得知延迟的应答。",
    "报告中有第一个失败步骤：名称无法解析、连接被拒或超时、STUN 没有应答。若所有区域都失败，原因就在本机附近，其他\
     发现会说明。",
    "确认中继正在运行，UDP 3478（或 STUNPort）和 TCP 443（或 DERPPort）已开放，地图中的名称和地址与现在一致。",
);

pub(super) const CAPTIVE_PORTAL: Explanation = text(
    "网络被强制门户拦截",
    "网络代替目标服务器应答明文 HTTP，酒店和机场在登录前就是这样。在此之前，其他流量也可能被阻断。",
    "请求一个只应返回 204 并回显的页面，却得到别的内容或跳转。地图写了 CanPort80 而中继并不提供该页面时，看起来也\
     一样。",
    "在浏览器中打开任意 http:// 页面并登录。若没有门户，请从节点中删除 CanPort80，或让中继在 80 端口提供 \
     /generate_204。",
);

pub(super) const FAKE_DNS: Explanation = text(
    "域名被解析为虚假地址",
    "解析器用 198.18.0.0/15 中的地址代表域名，以便代理区分连接。按域名测得的一切都经过了该代理。",
    "地图中的某个域名解析到这样的地址。该网段留作基准测试，真实服务器不会使用。",
    "把中继的域名排除在 fake-IP 之外（Clash 的 fake-ip-filter、sing-box 的规则），让其 UDP 直连；或在测量时关闭代\
     理。",
);

pub(super) const THROUGH_TUNNEL: Explanation = text(
    "所有测量都经过隧道",
    "默认路由经过 VPN 或覆盖网络，因此延迟和 NAT 都属于隧道的另一端。",
    "数据包外发的接口，其名称或类型是隧道所用的。若本来就要走隧道，报告对经过它的流量是正确的。",
    "要测量底层网络，请关闭 VPN，或用 --interface、--bind-address 指定物理接口。",
);

pub(super) const ODD_SERVER: Explanation = text(
    "某个 STUN 服务器的应答未被采用",
    "该服务器所见与其他服务器都矛盾，或应答来自别处。它前面有容器网桥、负载均衡或 NAT。",
    "它的应答与其他运营者的服务器对同一套接字的应答作了比较。判定依据的是其他服务器。",
    "其维护者应让它运行在主机网络上（Docker 用 `--network host`），前面不做地址转换，并绑定到被访问的地址。",
);

pub(super) const DNS_FAILING: Explanation = text(
    "服务器的名称无法解析",
    "查询失败或结果为空，这些服务器只能按地图中的地址访问，或根本无法访问。",
    "每次查询的失败原因都在报告中，发现里举出一个。",
    "用 `dig 名称` 或 `nslookup 名称` 试同一名称，检查本机的解析器；若 DNS 被过滤，请在地图中给出地址（节点的 IPv4\
     、IPv6）。",
);

pub(super) const STALE_MAP: Explanation = text(
    "DERP 地图是旧副本",
    "现在无法获取地图，使用了上次的副本。此后区域可能有增减。",
    "发现中有副本的时间和获取失败的原因。",
    "检查到地图服务器的路径，或用 --derp-map FILE 给出自己的地图。",
);

pub(super) const HARD_NAT: Explanation = text(
    "NAT 难穿透：它为每个目标分配不同的端点",
    "从某台服务器得知的端点对对端没有用，因为 NAT 会为对端另外分配一个。双方都在这种 NAT 之后时只能中继；只有一方\
     如此时，通常仍能直连。",
    "不同运营者的服务器看到同一套接字的不同端点（RFC 4787：映射随目标地址变化，或随目标地址和端口变化）。",
    "在路由器上打开 UPnP、NAT-PMP 或 PCP，或转发 UDP 端口；在 pfSense 和 OPNsense 中为出站 NAT 设置 “static port”\
     ，其他设备寻找 “endpoint-independent” 或 “full cone” NAT。IPv6 完全没有 NAT。`natscope predict` 会说明它对一\
     对主机意味着什么。",
);

pub(super) const DOUBLE_NAT: Explanation = text(
    "连续两层 NAT",
    "路由器自己的 WAN 口地址不是公网地址：后面还有一台路由器，或运营商级 NAT。",
    "路由器经 UPnP、NAT-PMP 或 PCP 告知 WAN 口地址；它是私有地址、运营商级地址（100.64.0.0/10），或与服务器所见不同。",
    "把运营商的设备或自己的路由器改为桥接模式，或向运营商申请公网地址。只在内层路由器上转发端口，从外部仍无法访问\
     。",
);

pub(super) const IPV6_BLACK_HOLE: Explanation = text(
    "配置了 IPv6，但没有任何应答",
    "本机有全局 IPv6 地址和路由，先尝试 IPv6 的程序会白等。",
    "没有服务器经 IPv6 应答，而有服务器经 IPv4 应答；这些服务器有 IPv6 地址。",
    "修复路由器的 IPv6（上行线路、防火墙），或在运营商支持之前关闭其通告。",
);

pub(super) const PACKET_LOSS: Explanation = text(
    "到中继的 UDP 丢包",
    "一部分往返没有应答，而到同样服务器的其他往返有。丢包达百分之一，通话和游戏就会受影响。",
    "按所有曾经应答的服务器计算；从不应答的服务器不算丢包。",
    "用网线代替无线，在线路空闲时再试；若仍如此，请联系运营商。有些路由器会限制 UDP，请查看洪水防护设置。",
);

pub(super) const PROXY_ONLY: Explanation = text(
    "HTTPS 只能经代理使用",
    "网络只放行经过其 HTTP 代理的流量。UDP 无法经过代理，因此所有连接都经该代理中继。",
    "中继经环境变量中的代理以 HTTPS 应答，不经代理则没有。",
    "要直连，网络必须放行出站 UDP。代理必须允许 CONNECT 到中继的端口。",
);

pub(super) const SERVER_UNREACHABLE: Explanation = text(
    "某个 STUN 服务器没有应答",
    "所问的服务器之一没有应答或名称无法解析，而其他服务器有应答。判定依据的是其他服务器。",
    "发现中有该服务器的失败原因。",
    "只要其他服务器有应答，就不必处理。若是自建服务器，请确认 UDP 3478 已开放；Tailscale 的服务器只应答它自己格式\
     的请求，natscope 发的就是这种。",
);

pub(super) const IPV6_TRANSLATED: Explanation = text(
    "IPv6 地址被转换",
    "服务器看到的 IPv6 地址与本机的不同。若只有前缀不同且端口不变，每台主机仍有自己的地址（NPTv6，RFC 6296）；\
     否则多台主机共用一个地址，与 IPv4 的情形相同（NAT66）。",
    "发现中有本机地址和服务器看到的地址。",
    "NPTv6 本身不妨碍什么。若是 NAT66，请向运营商申请路由到本网络的前缀，并在路由器或容器网络上关闭转换。",
);

pub(super) const IPV4_OVER_IPV6: Explanation = text(
    "IPv4 承载在 IPv6 之上",
    "运营商网络只有 IPv6，IPv4 在其边缘转换（464XLAT、DS-Lite 或 NAT64）：许多用户共用一个 IPv4 地址，与运营商级 \
     NAT 相同。",
    "发现中有暴露这一点的地址，例如本机接口上 192.0.0.0/29（RFC 7335）的地址；或到达整个 IPv4 的前缀，由解析器为 \
     ipv4only.arpa 合成的地址得知（RFC 7050）。只有在没有 IPv4 的主机上才查询该名称；此时所报的 IPv4 NAT 即 NAT64。",
    "IPv4 上无法转发端口。请让对端通过 IPv6 或中继连接。",
);

pub(super) const STUN_DOWN: Explanation = text(
    "区域的 STUN 没有可用的应答",
    "该区域的延迟由 HTTPS 或 ICMP 测得，而不是 STUN，而别处的 STUN 有应答。它的延迟因此不完全可与其他区域相比，也没有\
     人能从它得知自己的端点。只有 ICMP 时不会选它为主区域。",
    "发现中有 STUN 包的结果；没有应答时还有发出的个数。丢包很多的链路在一次运行中也可能看起来一样。",
    "确认中继的 STUN 服务正在运行（derper 没有用 `-stun=false` 启动），端口是地图中的 STUNPort（未写时为 3478），且主\
     机防火墙和云服务商都放行了该 UDP 端口；`natscope nat --stun-server 主机:端口` 可以单独询问它。没有 STUN 的节点，\
     应在地图中写 STUNPort -1。",
);
