//! 对TLS 会话和证书方面发现的说明。

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const PLAIN_HTTP: Explanation = text(
    "该端口不是 TLS",
    "客户端以 TLS 开头。derper 在端口 443 上使用 TLS，带 -certmode manual 时在任何端口都用；否则 -a 的端口是\
     明文 HTTP。",
    "对 TLS 问候的应答，头几个字节不是 TLS 记录。若明文 HTTP 请求有应答，会给出状态码。",
    "用 -a :443 运行 derper，或在其他端口上用 -certmode manual 和证书，或在前面放带证书的代理。检查地图中的 \
     DERPPort。",
);

pub(super) const ALERT: Explanation = text(
    "服务器以警报终止了 TLS 握手",
    "服务器会 TLS，但不接受这次握手。所求名称不是 derper 的 -hostname，或没能拿到证书时，derper 会发 \
     internal_error。",
    "警报的名称是服务器自己说的（RFC 8446 第 6 节），缘由在它的日志里。",
    "让 -hostname 或代理的站点与地图的 HostName 完全一致。使用 Let's Encrypt 时开放端口 443 和 80。查看中继当\
     时的日志。",
);

pub(super) const NAME: Explanation = text(
    "证书是签给其他名称的",
    "客户端核对证书是否签给地图的 HostName（或 CertName）。对以地址给出的中继，Tailscale 自己的客户端完全不核\
     对名称；natscope 会指出，并列为警告。",
    "将证书中的备用名称与应有的名称比较。common name 不算。",
    "使用该名称的证书，或在地图中按证书来称呼中继（HostName 加 IPv4，或 CertName）。以地址给出时，使用含该 \
     IP 地址的证书，或固定指纹。",
);

pub(super) const UNTRUSTED: Explanation = text(
    "证书不是由受信任的机构签发，也没有固定",
    "除非地图固定了它，客户端拒绝没有受信机构担保的证书。有 InsecureForTests 时，它们接受任何证书，也接受任何\
     人的证书。",
    "按本机的根证书验证；别的主机可能信任别的机构。缺少中间证书时看起来一样。",
    "若发现给出了条目，用 CertName sha256-raw:… 固定它（单独出示且名称相符的证书才能固定），或使用公共机构的证书，或发送完整证书链（fullchain.pem）。\
     tailscale-rs 不认识指纹。",
);

pub(super) const PIN: Explanation = text(
    "证书与固定的不同，或不止一张",
    "指纹是整张证书的 SHA-256，用小写十六进制。客户端按文本比较，并要求除 derper 的元证书外恰好一张证书。",
    "依据是所出示证书的哈希以及张数。",
    "若证书是你的，把新指纹写进地图，并让中继只出示这一张。经常续期的证书最好不要固定。",
);

pub(super) const VALIDITY: Explanation = text(
    "证书已过期、即将过期或尚未生效",
    "不论是否固定，客户端都拒绝有效期之外的证书。derper 的 -certmode manual 只在启动时读取文件，续期后不重启\
     就没有用。Let's Encrypt 的地址证书有效期六天。",
    "将证书中的日期与本机时钟比较。到期前七天开始警告；有效期不超过十天的证书，到期前一天半开始警告。",
    "查明为何没有续期（端口 80 和 443、DNS），续期后重启中继。",
);

pub(super) const CLOCK: Explanation = text(
    "中继与本机的时钟不一致",
    "证书有起止时间，登录也带有时间：时钟不准的主机会互相拒绝，看起来却像别的原因。",
    "中继应答的 Date 头与本机时钟相差超过 60 秒。这分不出谁不准；缓存也可能给出旧的。若证书按其中一个时钟\
     有效、按另一个无效，只报告时钟：在时钟校准之前，无从判断证书的日期。",
    "在两台主机上都运行对时服务。`timedatectl` 会显示时钟是否校准。",
);

pub(super) const SNI: Explanation = text(
    "以中继的名称握手会中断，以其他名称不会",
    "有东西对 TLS 问候中的名称另眼相看。按名称过滤的防火墙会重置或丢弃这样的连接。",
    "对同一地址分别用中继的名称、不用名称、用别的名称握手。这与途中有过滤相符，但不能证明：服务器自己也可能这\
     样做。",
    "换一个网络再试。若确是过滤，请改用其他名称，或用中继的地址加固定的证书，此时不发送名称。",
);

pub(super) const BROKEN: Explanation = text(
    "TLS 握手中断或没有结束",
    "TCP 被接受，TLS 却没有建立：端口后面的程序卡住了或说别的协议，或途中放行连接而不放行内容。",
    "对同一地址做了数次握手，给出最能说明问题的一次失败。",
    "在中继上和从外部各运行 `openssl s_client -connect 主机:端口 -servername 主机`。若那里正常，就检查途中：\
     MTU、检查 TLS 的防火墙。",
);

pub(super) const CERTIFICATE: Explanation = text(
    "证书的其他问题",
    "证书无法验证，而其原因没有单独的代码。",
    "发现中有验证程序自己的说法。",
    "用常规工具制作证书（certbot、derper 自身、natscope relay），并确认地图中的 CertName 是 DNS 名称或指纹。",
);
