//! 对DERP 会话方面发现的说明。

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const GARBLED: Explanation = text(
    "升级之后不是 DERP",
    "升级后，中继立即报出公钥，并答复它接纳的客户端。这里缺了其一，或内容不对。",
    "依据是 101 之后收到的内容及其结局。会缓冲的代理看起来就像什么都不说的中继。",
    "在代理中关闭缓冲，查看中继的日志，并确认它询问的验证服务能及时应答。",
);

pub(super) const NOT_ADMITTED: Explanation = text(
    "随机密钥不被接纳",
    "中继核实它的客户端：自建的中继本该如此。",
    "发送了一次性密钥，连接被关闭，没有答复。这并不说明你自己的客户端能否进入。",
    "无需处理。若自己的客户端被拒绝：使用 -verify-clients 时，中继上的 tailscaled 必须在同一个 tailnet 中运行\
     ；使用 -verify-client-url 时，查看该网址的应答。",
);

pub(super) const SEVERAL_KEYS: Explanation = text(
    "同一域名的连接遇到多个中继",
    "每个中继只认识自己的客户端。被分到不同中继的两端时而互相找不到。",
    "依据是一次运行中数个连接里中继报出的公钥；证书中的公钥也算。",
    "在地图中为每个中继各设一个节点，或让它们组成 mesh。不要在没有组成 mesh 的中继之间做负载均衡。",
);

pub(super) const NOT_DELIVERED: Explanation = text(
    "同一中继的两个密钥之间，数据包没有送到",
    "两个密钥都被接纳，一方发给另一方的包却没有到：中继没有做它该做的事。",
    "来回各一个 32 字节的包，各等 3.5 秒。只见到中继的一个公钥，否则会是另一种发现。",
    "检查前面是否有负载均衡、它的速率限制以及日志。",
);

pub(super) const OPEN: Explanation = text(
    "中继为任何人服务",
    "谁找到这个中继，都能让流量经过它，费用和名义都算在主人头上。这样的中继有人专门搜寻。",
    "两个随机密钥都被接纳，并互相收到了数据包。在回环地址上则只是提示。",
    "derper：用 -verify-clients 并在旁边运行 tailscaled，或用 -verify-client-url。natscope relay：用 \
     --allow、--verify-client-url 或 --verify-tailscaled。",
);

pub(super) const FAIL_OPEN: Explanation = text(
    "验证服务停止时，中继放任何人进来",
    "derper 就每个客户端询问 -verify-client-url 的网址，默认在得不到应答时放行。谁能让验证服务停下，就打开了\
     中继。",
    "只有用 --local 在中继自己的主机上才看得到：依据是 derper 的启动参数。从外部无法得知。",
    "加上 -verify-client-url-fail-open=false。natscope relay 在验证服务停止时一律拒绝。",
);

pub(super) const NOT_KEPT: Explanation = text(
    "空闲连接不能保持，或收不到 keep-alive",
    "客户端与主区域中继的连接会保持数日，多数时间空闲。每分钟切断它的代理使客户端不断重连，期间会丢包。",
    "用 --long 保持了一条连接：何时被切断，收到多少 keep-alive。中继每 60 至 65 秒发一个。",
    "把代理的空闲超时设得远大于 65 秒（如一小时），并关闭缓冲。",
);

pub(super) const FAST_START: Explanation = text(
    "证书声明可以快速开始，却行不通",
    "derper 的元证书带有它的公钥，见到它的客户端会立即登录。若其后是另一个中继，或它没有料到，客户端就无法登\
     录。",
    "用证书中的公钥登录失败，而普通升级可以。",
    "让代理原样透传 TLS，或出示不带 derper 元证书的证书。",
);
