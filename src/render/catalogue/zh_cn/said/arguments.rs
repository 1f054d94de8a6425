//! 参数与配置文件。

use crate::render::catalogue::phrase::Phrase;

pub(super) const PHRASES: &[Phrase] = &[
    // 配置文件。
    ("{}:{}:{}: {}", "{}:{}:{}：{}"),
    ("{}\n\nset by variables:\n{}", "{}\n\n由变量设置：\n{}"),
    ("{}\n\nset by the configuration file:\n{}", "{}\n\n由配置文件设置：\n{}"),
    ("set by variables", "由变量设置"),
    ("set by the configuration file", "由配置文件设置"),
    ("set by variables:", "由变量设置："),
    ("set by the configuration file:", "由配置文件设置："),
    ("write [{}] instead of [[{}]]", "应写 [{}] 而不是 [[{}]]"),
    ("`{}` is about a single run: write --{} on the command line instead", "`{}` 只针对一次运行，请在命令行上写 --{}"),
    ("`{}` takes {}, not {}", "`{}` 的值应为{}，而不是{}"),
    ("`{}` takes a number from 0 to 255, not {}", "`{}` 的值应为 0 到 255 的数，而不是 {}"),
    ("`{}` takes a list of strings, and one of them is {}", "`{}` 的值应为字符串的列表，而其中之一是{}"),
    ("no command is named `{}`{}", "没有名为 `{}` 的命令{}"),
    ("no command has the setting `{}`{}", "没有任何命令有 `{}` 这项设置{}"),
    ("{} does not have the setting `{}`{}", "{} 没有 `{}` 这项设置{}"),
    ("{} does not have the setting `{}`; of {} it is one", "{} 没有 `{}` 这项设置；有它的是 {}"),
    ("{}\n\n'natscope config show' lists all settings", "{}\n\n'natscope config show' 列出所有设置"),
    ("'natscope config show' lists all settings", "'natscope config show' 列出所有设置"),
    ("{}; the nearest is `{}`", "{}；最接近的是 `{}`"),
    ("{}; the nearest is {}", "{}；最接近的是 {}"),
    ("`{}` is set to \"{}\": write one of {}", "`{}` 设为 \"{}\"：请写 {} 之一"),
    ("`{}` is set to \"{}\", which is not {}", "`{}` 设为 \"{}\"，而应为{}"),
    ("{}: write one of {}", "{}：请写 {} 之一"),
    ("{}, which is not {}", "{}，而应为{}"),
    ("`{}` is set to \"{}\": {}", "`{}` 设为 \"{}\"：{}"),
    ("`{}` is set to \"{}\"", "`{}` 设为 \"{}\""),
    ("true or false", " true 或 false"),
    ("a value ({})", "一个值（{}）"),
    ("a value ({}) or a list of them", "一个值（{}）或它们的列表"),
    ("a string", "字符串"),
    ("a number", "数字"),
    ("a number with a point", "带小数点的数"),
    ("a date", "日期"),
    ("a list", "列表"),
    ("a table", "表"),
    (
        "cannot read the configuration file {}: {}\n\n'--config none' does without one",
        "无法读取配置文件 {}：{}\n\n'--config none' 表示不用配置文件",
    ),
    (
        "the configuration file {} may not be read, and is left out; '--config none' does without one",
        "没有权限读取配置文件 {}，已忽略；'--config none' 表示不用配置文件",
    ),
    ("it has more than {} KiB, which no configuration has", "它超过 {} KiB，配置文件没有这么大"),
    ("line {} is not UTF-8", "第 {} 行不是 UTF-8"),
    ("the argument '{}' cannot be used with '{}'{}", "参数 '{}' 不能与 '{}' 同时使用{}"),
    (
        "the argument '{}' cannot be used with '{}' ({}, lines {} and {})",
        "参数 '{}' 不能与 '{}' 同时使用（{} 第 {} 行和第 {} 行）",
    ),
    (" ({}, lines {} and {})", "（{} 第 {} 行和第 {} 行）"),
    ("cannot read the configuration file {}: {}", "无法读取配置文件 {}：{}"),
    ("'--config none' does without one", "'--config none' 表示不用配置文件"),
    // DERP_* 变量。
    ("{}={}: write true or false", "{}={}：请写 true 或 false"),
    ("{}={}: write a port from 0 to 65535{}", "{}={}：请写 0 到 65535 的端口{}"),
    ("{}={}: write a port from 0 to 65535, or -1 for none", "{}={}：请写 0 到 65535 的端口，或用 -1 表示没有"),
    (", or -1 for none", "，或用 -1 表示没有"),
    ("{} has a control character in it", "{} 中有控制字符"),
    ("DERP_* variables", "DERP_* 变量"),
    // 各命令的参数。
    (
        "name a relay, as https://relay.example or a region of the map; or a map with --derp-map, to have each of its relays examined",
        "请给出中继，例如 https://relay.example，或地图中的区域；或用 --derp-map 给出地图，以检查其中每个中继",
    ),
    (
        "no finding has the code '{}'; near to it are {}\n\n'natscope explain --list' lists all",
        "没有代码为 '{}' 的发现；相近的有 {}\n\n'natscope explain --list' 列出全部",
    ),
    ("no finding has the code '{}'; near to it are {}", "没有代码为 '{}' 的发现；相近的有 {}"),
    ("'natscope explain --list' lists all", "'natscope explain --list' 列出全部"),
    (
        "write :PORT, IP:PORT or [IPV6]:PORT, the port from 0 to 65535",
        "请写 :端口、IP:端口 或 [IPV6]:端口，端口为 0 到 65535",
    ),
    ("the port is missing: {}", "缺少端口：{}"),
    ("{}, or none", "{}，或写 none"),
    (
        "the format 'html' has no place for what --dry-run tells; use 'json' or 'table'",
        "格式 'html' 放不下 --dry-run 的内容；请用 'json' 或 'table'",
    ),
    (
        "the format 'html' is that of a report of netcheck, nat, doctor, selftest, predict or ping; for `natscope {}` use 'table' or 'markdown'",
        "格式 'html' 是 netcheck、nat、doctor、selftest、predict 或 ping 的报告格式；`natscope {}` 请用 'table' 或 'markdown'",
    ),
    (
        "a page of the format 'html' is one report, and --every, --watch and --count make several; use 'json-line' or 'table'",
        "格式 'html' 的页面是一份报告，而 --every、--watch 和 --count 会产生多份；请用 'json-line' 或 'table'",
    ),
    (
        "a page of the format 'html' is one report, and a watch makes several; use 'json-line' or 'table'",
        "格式 'html' 的页面是一份报告，而 watch 会产生多份；请用 'json-line' 或 'table'",
    ),
    (
        "the format 'tailscale-json' has no place for what --dry-run tells; use 'json' or 'table'",
        "格式 'tailscale-json' 放不下 --dry-run 的内容；请用 'json' 或 'table'",
    ),
    (
        "the format 'tailscale-json' is that of `tailscale netcheck`, and only `natscope netcheck` can write it; for `natscope {}` use 'json'",
        "格式 'tailscale-json' 是 `tailscale netcheck` 的格式，只有 `natscope netcheck` 能输出；`natscope {}` 请用 'json'",
    ),
    ("{} means {} only, and the server {} is not {}", "{} 表示只用 {}，而服务器 {} 不是 {}"),
    ("-4 means IPv4 only, and --bind-address {} is IPv6", "-4 表示只用 IPv4，而 --bind-address {} 是 IPv6"),
    ("-6 means IPv6 only, and --bind-address {} is IPv4", "-6 表示只用 IPv6，而 --bind-address {} 是 IPv4"),
    (
        "{} is asked over TLS, and --transport says {}; write --transport tls",
        "{} 要经 TLS 询问，而 --transport 是 {}；请写 --transport tls",
    ),
    (
        "{} is asked over TLS, and other servers are not; for all of them write --transport tls",
        "{} 要经 TLS 询问，其他服务器不是；若都经 TLS，请写 --transport tls",
    ),
    ("{} cannot be used over {}: it {}", "{} 不能用于 {}：它{}"),
    ("measures mappings of UDP", "测量的是 UDP 映射"),
    ("is for the datagrams a proxy relays", "用于由代理转发的数据报"),
    ("is a procedure over UDP", "是基于 UDP 的流程"),
    ("names servers of UDP; name STUN servers instead", "给出的是 UDP 服务器；请直接给出 STUN 服务器"),
    (
        "{}; write nodekey:<64 hex digits> as `natscope listen` prints it",
        "{}；请写 `natscope listen` 打印的 nodekey:<64 位十六进制>",
    ),
    ("nobody has the key of all zeros", "没有人的公钥全是零"),
    ("a key of this kind begins with \"{}\"", "这类密钥以 \"{}\" 开头"),
    ("{} characters where a key has 64 hex digits", "有 {} 个字符，而密钥是 64 位十六进制"),
    ("character {} of the 64 is no hex digit", "64 位中的第 {} 位不是十六进制"),
    ("0 is no time: write something longer, as 5s", "不能是 0；请写更长的时间，例如 5s"),
    ("it is longer than 30 days, which are the most", "最长 30 天"),
    (
        "must be at least 100ms: hardly any server answers sooner, and all would be taken for silent",
        "至少要 100ms：几乎没有服务器能更快应答，否则都会被当作没有应答",
    ),
    ("must be at least 10ms: relays are other people's machines", "至少要 10ms：中继是别人的机器"),
    (
        "a switch is 1, true, yes or on; or 0, false, no, off or nothing",
        "开关的值是 `1`、`true`、`yes` 或 `on`；或 `0`、`false`、`no`、`off` 或留空",
    ),
    // 中继的参数。
    (
        "--mesh-with needs the key of the mesh: add --mesh-psk-file FILE",
        "--mesh-with 需要 mesh 的密钥：请加上 --mesh-psk-file FILE",
    ),
    (
        "--stun-helper needs the key both relays share: add --mesh-psk-file FILE",
        "--stun-helper 需要两个中继共用的密钥：请加上 --mesh-psk-file FILE",
    ),
    (
        "--stun-helper {}: relays help each other by UDP, without TLS: write HOST:PORT",
        "--stun-helper {}：中继之间用 UDP 互相协助，不用 TLS：请写 HOST:PORT",
    ),
    ("write the name of an interface, as eth0", "请写一个接口名，例如 eth0"),
    (
        "--stun-bpf says nothing without STUN: leave out it or --stun-addr none",
        "没有 STUN 时 --stun-bpf 没有意义：请去掉它，或去掉 --stun-addr none",
    ),
    ("--dev is plain HTTP: leave --cert-mode out, or --dev", "--dev 使用明文 HTTP：请去掉 --cert-mode，或去掉 --dev"),
    (
        "--dev is for this host alone, and {} {} can be reached from others: use an address as 127.0.0.1:{}, or leave --dev out",
        "--dev 只供本机使用，而 {} {} 可从其他主机访问：请用 127.0.0.1:{} 这样的地址，或去掉 --dev",
    ),
    ("a relay on {} can be reached from other hosts", "监听 {} 的中继可从其他主机访问"),
    (
        "a relay behind a proxy (--cert-mode none) can be reached from other hosts",
        "代理之后的中继（--cert-mode none）可从其他主机访问",
    ),
    ("{}, and nothing says who may use it. Add one of:", "{}，而没有说明谁可以使用它。请加上其中之一："),
    ("--allow KEY|FILE          the clients with these keys", "--allow KEY|FILE          持有这些公钥的客户端"),
    (
        "--verify-client-url URL   those a controller such as Headscale knows (its /verify)",
        "--verify-client-url URL   Headscale 等控制服务认识的客户端（其 /verify）",
    ),
    (
        "--verify-tailscaled       those the tailscaled of this host knows",
        "--verify-tailscaled       本机 tailscaled 认识的客户端",
    ),
    (
        "--open                    anyone; strangers will find it and use it",
        "--open                    任何人；陌生人会找到并使用它",
    ),
    ("write a DNS name or an IP address, without scheme and port", "请写域名或 IP 地址，不带协议和端口"),
    ("write a URL, as https://headscale.example.com/verify", "请写 URL，例如 https://headscale.example.com/verify"),
    (
        "write HOST[:PORT], as relay-b.example.com, or http://HOST:PORT for a relay without TLS",
        "请写 HOST[:PORT]，例如 relay-b.example.com；不用 TLS 的中继写 http://HOST:PORT",
    ),
    (
        "after the slash stands the host that is dialled instead, alone: relay-b.example.com/10.0.0.2",
        "斜杠后面只写实际要连接的主机：relay-b.example.com/10.0.0.2",
    ),
    (
        "after the equals sign stands a relay's pin, as it is told at its start: sha256-raw: and 64 hex digits",
        "等号后面写中继启动时打印的指纹：sha256-raw: 加 64 位十六进制",
    ),
    ("there is no certificate to pin without TLS", "不用 TLS 就没有证书可以固定"),
    // 地图、中继、服务器和代理的写法。
    (
        "it is empty: give a URL, a file, `-` for standard input, or `embedded`",
        "没有写：请给出 URL、文件、`-`（标准输入）或 `embedded`",
    ),
    ("the URL `{}` names no host", "URL `{}` 中没有主机"),
    ("`{}`: maps are fetched over http and https, not {}", "`{}`：只能经 http 和 https 获取地图，不能用 {}"),
    (
        "it is empty: write a region's code or number, https://HOST[:PORT], or HOST[:PORT]",
        "没有写：请写区域的代码或编号、https://HOST[:PORT] 或 HOST[:PORT]",
    ),
    ("`{}`: a relay is reached over https:// or http://", "`{}`：中继只能经 https:// 或 http:// 访问"),
    ("`{}`: a relay has no path but /derp, which need not be written", "`{}`：中继只有 /derp 这一个路径，无需写出"),
    (
        "a relay takes no user name or password: leave out what stands before the @",
        "访问中继不用用户名和密码：请去掉 @ 及其前面的部分",
    ),
    (
        "only socks5:// proxies are meant; write HOST:PORT or socks5://USER:PASSWORD@HOST:PORT",
        "只支持 socks5:// 代理；请写 HOST:PORT 或 socks5://USER:PASSWORD@HOST:PORT",
    ),
    (
        "it names no host; write HOST:PORT or socks5://USER:PASSWORD@HOST:PORT, IPv6 as [IPV6]:PORT",
        "其中没有主机；请写 HOST:PORT 或 socks5://USER:PASSWORD@HOST:PORT，IPv6 写成 [IPV6]:PORT",
    ),
    ("its port is no number from 1 to 65535", "端口不是 1 到 65535 的数"),
    (
        "user and password are written USER:PASSWORD@, 1 to 255 bytes each, with %40 for @ and %3A for :",
        "用户名和密码写成 USER:PASSWORD@，各 1 到 255 字节，@ 写作 %40，: 写作 %3A",
    ),
    (
        "it names no host: write HOST, HOST:PORT, [IPV6]:PORT or stun:HOST:PORT",
        "其中没有主机：请写 HOST、HOST:PORT、[IPV6]:PORT 或 stun:HOST:PORT",
    ),
    (
        "`{}:` names a TURN server; most answer STUN on the same port: write stun:HOST:PORT",
        "`{}:` 是 TURN 服务器；它们多在同一端口应答 STUN：请写 stun:HOST:PORT",
    ),
    (
        "`{}://` is no STUN server: write HOST:PORT, or stun:HOST:PORT without slashes (RFC 7064)",
        "`{}://` 不是 STUN 服务器：请写 HOST:PORT，或不带斜杠的 stun:HOST:PORT（RFC 7064）",
    ),
    (
        "a stun: URI has no `?{}` (RFC 7064): write HOST:PORT alone",
        "stun: URI 中没有 `?{}`（RFC 7064）：请只写 HOST:PORT",
    ),
    ("`{}`: an IPv6 address with a port is written [IPV6]:PORT", "`{}`：IPv6 地址带端口时写成 [IPV6]:PORT"),
    (
        "`{}` is no IPv6 address; with a port, one is written [IPV6]:PORT",
        "`{}` 不是 IPv6 地址；带端口时写成 [IPV6]:PORT",
    ),
    (
        "`{}`: link-local addresses with a zone are not supported; --interface names the interface",
        "`{}`：不支持带区域的链路本地地址；请用 --interface 指定接口",
    ),
    ("`{}` is no port: a number from 1 to 65535 is expected", "`{}` 不是端口：应为 1 到 65535 的数"),
    ("no server has the address {}", "没有服务器会有地址 {}"),
    ("`{}` is no IPv4 address, and no host name ends in a number", "`{}` 不是 IPv4 地址，而主机名不会以数字结尾"),
    (
        "`{}` is no host name: {} cannot be in one (write names in other scripts as xn--…)",
        "`{}` 不是主机名：其中不能有 {}（其他文字的域名请写成 xn--…）",
    ),
    (
        "`{}` is no host name: its parts have 1 to 63 characters, and it has 253 at most",
        "`{}` 不是主机名：每段为 1 到 63 个字符，总长最多 253",
    ),
    (
        "no format is named {}; there are table, json, json-line, markdown and tailscale-json",
        "没有名为 {} 的格式；可用的有 table、json、json-line、markdown 和 tailscale-json",
    ),
];
