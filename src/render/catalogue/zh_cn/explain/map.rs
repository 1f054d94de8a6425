//! 对 DERP 地图中各项发现的说明。

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const REGION_ID: Explanation = text(
    "RegionID 与区域的键不同",
    "区域在地图中位于某个键之下，自己又写有 RegionID，节点也是。客户端有时用这个，有时用那个。若两者不同，连接会去\
     往不存在的区域。",
    "比较了键、区域的 RegionID 和每个节点的 RegionID。缺少 RegionID 视为 0，与 Tailscale 客户端一致。",
    "全部设为与键相同，常见于复制区域之后：{\"Regions\": {\"900\": {\"RegionID\": 900, \"Nodes\": [{\"RegionID\": \
     900, …}]}}}",
);

pub(super) const HOST_NAME: Explanation = text(
    "HostName 不是主机名",
    "客户端用 HostName 解析、连接，并在 TLS 中使用。其中若有协议前缀、端口、路径或空白，解析永远不会成功。",
    "按主机名的规则（RFC 1123）检查。可以是 IP 地址；IPv6 地址不加方括号。多数解析器接受下划线，公共证书机构都不接\
     受。",
    "只写名称本身。端口写在 DERPPort 中；路径总是 /derp。中继前面的代理无需写明。",
);

pub(super) const RESERVED_REGION: Explanation = text(
    "区域编号不在 900 到 999 之间",
    "900 以下是 Tailscale 自己的区域：叠加在公共地图之上时，同号的区域会取代公共区域。大于 65535 的编号客户端无法\
     保存，该区域不能用。",
    "由键得知。单独使用的地图用小编号没有害处，因此只是提示。主机在 tailscale.com 之下的区域视为 Tailscale 自己的\
     。",
    "自建区域的编号请用 900 到 999。",
);

pub(super) const NAMES: Explanation = text(
    "名称缺失或重复",
    "客户端在整张地图中按 Name 查找节点：两个节点同名时，会测到错误的那个。RegionCode 和 RegionName 供人查看，也是 \
     `--region` 接受的写法。",
    "按原样比较了文本中所有区域的名称和代码。",
    "节点按区域命名，如 900a、900b、901a；每个区域有自己的代码和名称。",
);

pub(super) const SINGLE_REGION: Explanation = text(
    "只有一个区域，或 OmitDefaultRegions 不是布尔值",
    "只有一个区域而没有其他区域时，它一旦停机，尚未连通的主机就再无办法互通。另外 OmitDefaultRegions 只能是 true \
     或 false：文本 \"true\" 会使整张地图无法读取。",
    "只有在看不出还有其他区域时才报告单一区域：保留公共区域的策略、移除某些区域的地图都不报告。",
    "写 \"OmitDefaultRegions\": true，不加引号。在另一家服务商处运行第二个中继，或保留公共区域备用。",
);

pub(super) const YAML_KEY: Explanation = text(
    "Headscale 不读取的键",
    "Headscale 只按小写、完全一致地读取地图文件的键：是 `regionid` 而不是 `RegionID`，是 `hostname` 而不是 \
     `HostName`。其他键会被静默忽略，区域或节点就缺了这个值。",
    "其 YAML 解码器（yaml.v3）把字段名转为小写后逐字比较。",
    "所有键都用小写，不加下划线：regions、regionid、regioncode、regionname、nodes、name、hostname、certname、ipv4\
     、ipv6、stunport、stunonly、derpport、canport80。`natscope derpmap convert --to yaml` 就是这样写的。",
);

pub(super) const HEADSCALE_IGNORES: Explanation = text(
    "Headscale 在地图文件中忽略的内容",
    "Headscale 只合并各来源的区域：`derp.paths` 文件中的 HomeParams 和 OmitDefaultRegions 不起作用。",
    "由 Headscale 的合并方式得知；文件本身没有格式错误。",
    "请删除。若不要公共区域，请从 `derp.urls` 中去掉它们的 URL。",
);

pub(super) const HEADSCALE_NULL: Explanation = text(
    "Headscale 可能不执行的移除",
    "地图文件中的 `1: null` 是要移除前面来源中的区域 1。0.29 及以前的版本会这样做；2026 年的开发版会跳过它，区域仍\
     然存在。",
    "这里只看到文本，看不到版本。新版本的行为是从其源代码读出的，没有实际试过。",
    "看客户端有哪些区域（`tailscale netcheck`）。若该区域还在，请把公共地图存为文件，从中删除该区域，用该文件代替 \
     URL。",
);

pub(super) const INSECURE: Explanation = text(
    "不验证证书",
    "InsecureForTests 使客户端接受任何证书。数据仍是端到端加密的，但能劫持连接的人可以看到谁与谁通信，并可丢弃数据\
     。",
    "设置了该标志。若旁边有 `sha256-raw:` 指纹，指纹仍会比较，也就不需要该标志。",
    "固定证书：CertName 为 \"sha256-raw:\" 加上 `openssl x509 -in cert.pem -outform der | sha256sum` 的输出。或申\
     请证书；Let's Encrypt 也为 IP 地址签发。",
);

pub(super) const SYNTAX: Explanation = text(
    "格式错误，或地图位置不对",
    "策略是带注释和尾随逗号的 JSON，仅此而已：没有单引号，没有不加引号的键，没有 `#`。Headscale 的地图是 YAML。\
     derpMap 位于策略最外层的花括号中。",
    "读取器停在第一个不该出现的字符处；错误就在那里或稍前，往往是上一行缺了逗号或引号。",
    "改正该处后再检查一次，后面可能还有错误。若是位置不对，请把 \"derpMap\" 移到最外层。",
);

pub(super) const AVOID: Explanation = text(
    "Avoid 已被弃用",
    "Avoid 本是让区域不成为主区域（除非已经是），各客户端处理不一：有的会跳过它的 STUN。",
    "设置了该标志。",
    "请用 NoMeasureNoHome：该区域不被测量，也不成为主区域，但仍可用来到达对端。",
);

pub(super) const NO_HOST_NAME: Explanation = text(
    "节点没有 HostName",
    "客户端连接 HostName，并在 TLS 中使用它。没有时有的客户端改用节点的地址，却没有名称可用来核对证书。",
    "HostName 缺失、为空，或写在不会被读取的键中（那会另有发现）。",
    "添加 HostName。没有名称的中继可写地址，并用该地址的证书，或在 CertName 中固定指纹。",
);

pub(super) const DUPLICATE_KEY: Explanation = text(
    "重复的键",
    "JSON 解码器取相同键中的最后一个，前面的不起作用。YAML 则拒绝整个文件。",
    "按程序读取的方式比较键：JSON 不分大小写，YAML 完全一致。",
    "删除其中一个。若一个区域有两个中继，请都放进它的 Nodes。",
);

pub(super) const UNKNOWN_KEY: Explanation = text(
    "没有谁读取的键",
    "客户端忽略不认识的键。拼错的键等于没有写。",
    "与 Tailscale 地图的键不分大小写地比较。只差 `_`、`-` 或空格的很可能就是它，报警告；其他只是提示。",
    "改正拼写，或删除该键。",
);

pub(super) const NO_NODES: Explanation = text(
    "没有节点的区域",
    "没有中继的区域不会被测量，也不能使用。节点列表中的 null，有的客户端忽略，有的会崩溃。",
    "Nodes 缺失、为空或为 null，或写在不会被读取的键中。",
    "添加节点，或删除该区域。",
);

pub(super) const PORT: Explanation = text(
    "不是端口的端口",
    "端口在 1 到 65535 之间。STUNPort 0 表示 3478，-1 表示没有 STUN；DERPPort 0 表示 443。其他数值会使节点没有 \
     STUN，或无法连接。",
    "由数值得知。",
    "请写服务器监听的端口，不加引号。",
);

pub(super) const SCORE: Explanation = text(
    "被忽略的分数",
    "选择主区域时，区域的延迟会乘以 HomeParams.RegionScore。不大于 0 的数会被忽略，等于没有写。",
    "由数值得知；null 视为 0。",
    "请写系数：0.5 使区域看起来近一倍，2 则远一倍。",
);

pub(super) const ADDRESS: Explanation = text(
    "不是地址的地址",
    "IPv4、IPv6 和 STUNTestIP 要写各自类型的地址。其他文本都会静默关闭该地址族，与 `none` 相同。",
    "只报告含有数字、点或冒号的文本：它们像是写错的地址，或另一族的地址。",
    "改正地址；若本意如此，请写 `none`。",
);

pub(super) const MORE_DOCUMENTS: Explanation = text(
    "更多的 YAML 文档",
    "三个连字符的一行开始另一个文档，而只有第一个会被读取。",
    "第二个文档从所示之处开始。",
    "把需要的内容放进一个文档，或分成单独的文件。",
);

pub(super) const WRONG_TYPE: Explanation = text(
    "值的类型不对",
    "端口是数字，标志是 true 或 false，名称是文本。只要有一个值类型不对，解码器就拒绝整张地图：客户端沿用旧地图，\
     Headscale 无法启动。",
    "由写法得知：带引号的 \"3478\" 是文本。YAML 中像数字的名称不必加引号。",
    "端口和编号不加引号，true 和 false 也不加引号。",
);

pub(super) const REGION_KEY: Explanation = text(
    "区域的键不是数字",
    "区域按编号保存。其他的键使地图无法读取；在 YAML 中加引号就成了文本。",
    "键是 1 到 9007199254740991 的整数。",
    "用 RegionID 作键：JSON 中为 \"900\"，YAML 中为 900。短名称应写在 RegionCode 中。",
);

pub(super) const NONE: Explanation = text(
    "文本中没有地图",
    "地图是含有 Regions 的对象，位于最外层或 derpMap 之下。这段文本是别的东西，能认出时会说明。",
    "在检查其他内容之前就能得知。",
    "请给出地图本身：对 Headscale 不是 config.yaml，而是 `derp.paths` 所列的文件；对 URL 不是它的网页。",
);

pub(super) const TOO_LARGE: Explanation = text(
    "过大，不可能是地图",
    "字节、值、区域或层数比任何地图都多。拒绝它，是为了不让失误或恶意耗尽机器的内存。",
    "上限：16 MiB，一百万个值（YAML 别名按展开后计算），一万个区域和同样多的节点，128 层。",
    "请只用有需要的区域做一张地图。",
);

pub(super) const PIN: Explanation = text(
    "不会相符的证书指纹",
    "有 CertName \"sha256-raw:…\" 时，客户端按小写十六进制文本比较整张证书的 SHA-256。其他写法与什么都不相符，所有\
     连接都会失败。",
    "由文本得知：64 位，0 到 9 和 a 到 f。",
    "采用 `openssl x509 -in cert.pem -outform der | sha256sum` 的输出；更换证书时也要更换指纹。",
);

pub(super) const STUN_PORT: Explanation = text(
    "STUNPort 为 0 或 -1",
    "0 不是“没有”，而是默认的 3478；-1 才是没有。没有任何 STUN 的区域无法经 UDP 测量，客户端很少选它作主区域。",
    "由数值得知。只有需要测量的区域里没有任何节点有 STUN 时才是警告。",
    "若为 3478，可以不写 STUNPort。只有中继没有 STUN 服务器时才写 -1。",
);

pub(super) const FAMILY_OFF: Explanation = text(
    "关闭了地址族",
    "IPv4 或 IPv6 中写地址以外的任何文本（如 `none`），客户端就不对该节点使用这个地址族。两者都关闭时，无论名称解\
     析到哪里，都无法连接该节点。",
    "由文本得知；关闭一个是提示，两个都关闭是错误。",
    "留空以便解析名称，或写出地址。",
);

pub(super) const STUN_ONLY: Explanation = text(
    "不中继任何数据的区域",
    "STUNOnly 的节点只应答 STUN，不会被连接。只有这种节点的区域会被测量，可能成为主区域，却无法经它到达任何人。",
    "该区域的每个节点都是 STUNOnly，或其 DERPPort 不是端口。",
    "增加一个能中继的节点，或设置 NoMeasureNoHome。",
);

pub(super) const STUN_TEST_IP: Explanation = text(
    "STUNTestIP 只用于测试",
    "无论中继的地址是什么，STUN 都发往该地址：显示的延迟属于另一台主机。",
    "该字段中有地址。",
    "请删除。中继的地址应写在 IPv4 和 IPv6 中。",
);

pub(super) const PORT80: Explanation = text(
    "有 CanPort80 却没有 IPv4 地址",
    "客户端在这种节点的 80 端口检查强制门户，并从地图中取其 IPv4 地址。若中继不应答该检查，每个客户端都会报告有门\
     户。",
    "设置了该标志，而 IPv4 不是地址。",
    "添加 IPv4 并让中继在 80 端口提供 /generate_204，或删除 CanPort80。",
);

pub(super) const EMPTY: Explanation = text(
    "没有区域的地图",
    "没有区域就没有中继：不能直连的主机完全无法互通。地图为空时 Headscale 无法启动。",
    "文本没有设置任何区域，下面也没有其他地图。在 YAML 中，键的大小写不对是常见原因（另有发现会说明）。",
    "添加区域，或删除 OmitDefaultRegions 以保留公共区域。",
);

pub(super) const ODD_ADDRESS: Explanation = text(
    "从别处无法到达的地址",
    "回环地址是每个客户端自己；链路本地、未指定和组播地址都不是中继的；198.18.0.0/15 是 fake-IP 模式的代理虚构的，\
     往往是在这种代理后面查询后抄进地图的。",
    "由地址得知。私有地址不报告：公司内网的中继可以使用。",
    "请写中继的公网地址，或留空。",
);

pub(super) const POSITION: Explanation = text(
    "地球上没有的度数",
    "Latitude 和 Longitude 用于在测量之前选择区域。",
    "Latitude 在 -90 到 90 之间，Longitude 在 -180 到 180 之间。",
    "请改正或删除；是否把两者写反了？",
);
