//! 各命令的错误与进度。

use crate::render::catalogue::phrase::Phrase;

pub(super) const PHRASES: &[Phrase] = &[
    (
        "{}; predict takes files that `natscope netcheck --save FILE` has written",
        "{}；predict 需要 `natscope netcheck --save FILE` 写出的文件",
    ),
    ("natscope: {}", "natscope: {}"),
    ("natscope: warning: {}", "natscope: 警告：{}"),
    ("the log of -vv is not redacted: keep it to yourself", "-vv 的日志没有隐去任何内容，请不要公开"),
    // 文件与输出。
    ("cannot write to standard output: {}", "无法写入标准输出：{}"),
    ("cannot write {}: {}", "无法写入 {}：{}"),
    ("cannot create {}: {}", "无法创建 {}：{}"),
    ("cannot read {}: {}", "无法读取 {}：{}"),
    ("cannot read {}: {}; {}", "无法读取 {}：{}；{}"),
    ("{} is empty; {}", "{} 是空的；{}"),
    ("{}:{}:{}: this is not JSON: {}; {}", "{}:{}:{}：这不是 JSON：{}；{}"),
    ("{}:{}:{}: this is not JSON: {}", "{}:{}:{}：这不是 JSON：{}"),
    ("--replay takes a file that --save has written", "--replay 需要 --save 写出的文件"),
    (
        "{}: this is what natscope nat heard over connections, which says nothing of UDP; replay it with natscope nat --replay",
        "{}：这是 natscope nat 经连接听到的内容，与 UDP 无关；请用 natscope nat --replay 重放",
    ),
    ("no check is called {}", "没有名为 {} 的检查"),
    ("longer than any saved report ({} bytes at most)", "比任何保存的报告都长（最多 {} 字节）"),
    ("this is not UTF-8 text", "这不是 UTF-8 文本"),
    ("{}: inputs: {}", "{}：inputs：{}"),
    ("inputs: {}", "inputs：{}"),
    ("{}: further[{}]: {}", "{}：further[{}]：{}"),
    ("{}: {}", "{}：{}"),
    ("cannot save the inputs: {}", "无法保存输入：{}"),
    (
        "it was saved by the command {}, which this natscope does not know",
        "它由命令 {} 保存，而这个版本的 natscope 没有该命令",
    ),
    ("no finding about a map has the code {}", "没有代码为 {} 的地图发现"),
    ("this is no natscope report: a JSON object is expected", "这不是 natscope 的报告：应为 JSON 对象"),
    (
        "this report follows schema {}; this natscope reads schema {}",
        "这份报告的 schema 是 {}；这个 natscope 读取 schema {}",
    ),
    (
        "this report has nothing to replay; save one with --save, or print one with --json -v",
        "这份报告没有可重放的内容；请用 --save 保存，或用 --json -v 输出",
    ),
    (
        "probe p{} is not what would be asked there: this was recorded by another version, or has been edited",
        "探测 p{} 与此处应询问的不同：它由另一个版本记录，或被改动过",
    ),
    ("{} relays in derp_map and {} in patients", "derp_map 中有 {} 个中继，patients 中有 {} 个"),
    ("this was not saved by `natscope doctor`", "这不是 `natscope doctor` 保存的"),
    ("--compare {}: {}", "--compare {}：{}"),
    (
        "--compare takes a report of `natscope doctor` (--save or --json) from another host",
        "--compare 需要另一台主机上 `natscope doctor` 的报告（--save 或 --json）",
    ),
    ("this report is redacted: its names cannot be compared", "这份报告已隐去名称，无法比较"),
    ("this is no report of `natscope doctor`", "这不是 `natscope doctor` 的报告"),
    (
        "cannot read {}: {}; predict takes two files that `natscope netcheck --save FILE` has written, one on each host",
        "无法读取 {}：{}；predict 需要两个文件，分别在两台主机上由 `natscope netcheck --save FILE` 写出",
    ),
    (
        "there is no NAT verdict in it; save a report with `natscope netcheck --save FILE`",
        "其中没有 NAT 的判定；请用 `natscope netcheck --save FILE` 保存报告",
    ),
    ("no explanation of {}", "没有 {} 的说明"),
    // 地图。
    (
        "a map is nothing but names and addresses: --redact would leave nothing of it",
        "地图只有名称和地址，用 --redact 隐去就什么都不剩了",
    ),
    ("{} could not be fetched; this is the last copy of it", "无法获取 {}；这是上次的副本"),
    (
        "Headscale reads only the regions of a map file, not HomeParams and OmitDefaultRegions",
        "Headscale 只读取地图文件中的区域，不读取 HomeParams 和 OmitDefaultRegions",
    ),
    (
        "the map of the embedded relay is only there while it runs; give a URL, a file or -",
        "内置中继的地图只在它运行时存在；请给出 URL、文件或 -",
    ),
    (
        "the DERP map has no regions (from {}): add some, or give another map with --derp-map",
        "DERP 地图没有区域（来自 {}）：请添加区域，或用 --derp-map 给出另一张地图",
    ),
    ("cannot start the embedded relay: {}", "无法启动内置中继：{}"),
    (
        "no DERP map: {} was not read to its end within the {} of --timeout",
        "没有 DERP 地图：在 --timeout 的 {1} 内没有读完 {0}",
    ),
    (
        "--region {}: the map has no region of that code or id; it has {}",
        "--region {}：地图中没有这个代码或编号的区域；其中有 {}",
    ),
    ("{}, and {} more", "{}，以及另外 {} 个"),
    ("and {} more", "以及另外 {} 个"),
    ("none", "无"),
    (
        "--via {}: the map has no region of that code or number; it has {}. A relay that is in no map is written https://HOST[:PORT]",
        "--via {}：地图中没有这个代码或编号的区域；其中有 {}。不在地图中的中继请写成 https://HOST[:PORT]",
    ),
    ("--via {}: that region has no relay, only STUN servers", "--via {}：该区域没有中继，只有 STUN 服务器"),
    ("--key: {}", "--key：{}"),
    (
        "{}: the map has no region of that code or number; it has {}. A relay that is in no map is written https://HOST[:PORT]",
        "{}：地图中没有这个代码或编号的区域；其中有 {}。不在地图中的中继请写成 https://HOST[:PORT]",
    ),
    ("there is no relay to examine: the region has no nodes", "没有可检查的中继：该区域没有节点"),
    ("this host", "本机"),
    // 运行。
    ("cannot start: the system gives no threads or files for it ({})", "无法启动：系统没有给出所需的线程或文件（{}）"),
    ("interrupted", "已中断"),
    (
        "--socks5 takes a proxy that relays UDP (UDP ASSOCIATE of RFC 1928)",
        "--socks5 需要能转发 UDP 的代理（RFC 1928 的 UDP ASSOCIATE）",
    ),
    ("cannot ask through the proxy: {}; {}", "无法经代理询问：{}；{}"),
    ("the proxy: {}", "代理：{}"),
    ("cannot ask through {}; {}", "无法经 {} 询问；{}"),
    ("{} ({}; {})", "{}（{}；{}）"),
    ("the system gives no random numbers: {}", "系统没有给出随机数：{}"),
    (
        "cannot send from {}: {}; --bind-address must be an address of this host",
        "无法从 {} 发送：{}；--bind-address 必须是本机的地址",
    ),
    (
        "cannot send from port {}: {}; give --bind-port another one, or leave it out",
        "无法从端口 {} 发送：{}；请给 --bind-port 换一个端口，或去掉它",
    ),
    (
        "cannot send through interface {}: {}; is that its name? `ip link` on Linux and `ifconfig` elsewhere list them",
        "无法经接口 {} 发送：{}；名称对吗？Linux 用 `ip link`、其他系统用 `ifconfig` 列出接口",
    ),
    (
        "this system cannot bind a socket to an interface; bind to one of its addresses instead",
        "本系统无法把套接字绑定到接口；请改为绑定它的某个地址",
    ),
    (
        "the selftest failed: {}. Something on this machine keeps programs from talking to each other over loopback (a firewall?), or natscope is broken here",
        "自检失败：{}。本机有东西（防火墙？）妨碍程序通过回环地址互相通信，或者 natscope 在这里有故障",
    ),
    ("the embedded relay broke: {}", "内置中继出错：{}"),
    ("UDP did not get through", "UDP 没有通过"),
    ("region {} did not answer over IPv4", "区域 {} 没有通过 IPv4 应答"),
    ("no relay answered over HTTPS", "没有中继通过 HTTPS 应答"),
    ("the doctor found fault with the relay ({})", "诊断认为中继有问题（{}）"),
    ("no ping through a relay was answered", "经中继的 ping 都没有应答"),
    ("two peers found no direct path", "两个对端没有找到直连路径"),
    ("there was no relay to ping through", "没有可用于 ping 的中继"),
    // 进度。
    ("holding a connection, {} s to go", "正在保持连接，还需 {} s"),
    ("{} of {} relays examined", "已检查 {0}/{1} 个中继"),
    ("examining the relay", "正在检查中继"),
    (
        "mapping lifetime: {} after one exchange, {} after a stream; {} left at most",
        "映射寿命：一次往返后 {}，持续通信后 {}；最多还需 {}",
    ),
    ("{} s to {} s", "{} s 到 {} s"),
    ("over {} s", "超过 {} s"),
    ("{} of {} regions have answered", "{0}/{1} 个区域已应答"),
    ("{} of {} servers have answered", "{0}/{1} 台服务器已应答"),
    ("{} of {} servers have answered over {}", "{0}/{1} 台服务器已通过 {2} 应答"),
    ("fetching the DERP map", "正在获取 DERP 地图"),
];
