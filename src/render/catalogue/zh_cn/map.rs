use std::fmt::Write as _;

use super::said::said;
use crate::model::Family;
use crate::render::catalogue::{Explanation, MapWord, MapWords};
use crate::report::{FindingCode, HostFault, MapMistake, MapNotation, MapSourceReport, NoMap, OddAddress, PinFault};

impl MapWords for super::Chinese {
    fn map_mistake(&self, mistake: &MapMistake) -> (String, String) {
        self::mistake(mistake)
    }

    fn explanation(&self, code: FindingCode) -> Explanation {
        super::explain::explanation(code)
    }

    fn tally(&self, tally: [usize; 3]) -> String {
        let [errors, warnings, notes] = tally;
        if errors + warnings + notes == 0 {
            return "没有错误".to_owned();
        }
        let counted = [(errors, "个错误"), (warnings, "个警告"), (notes, "个提示")];
        let counted = counted.into_iter().filter(|(number, _)| *number > 0);
        counted.map(|(number, what)| format!("{number} {what}")).collect::<Vec<_>>().join("，")
    }

    fn map_source(&self, source: &MapSourceReport) -> String {
        let notation = match source.notation {
            None => return "无法读取".to_owned(),
            Some(MapNotation::Json) => "JSON",
            Some(MapNotation::HuJson) => "HuJSON",
            Some(MapNotation::HeadscaleYaml) => "Headscale YAML",
        };
        match (source.regions, source.nodes, source.removes) {
            (regions, nodes, 0) => format!("{notation}，{regions} 个区域，{nodes} 个节点"),
            (regions, nodes, removes) => format!("{notation}，{regions} 个区域，{nodes} 个节点，移除 {removes} 个"),
        }
    }

    fn map_word(&self, word: MapWord) -> &'static str {
        match word {
            MapWord::Means => "含义",
            MapWord::Evidence => "依据",
            MapWord::Code => "代码",
            MapWord::Title => "发现",
            MapWord::Id => "编号",
            MapWord::Source => "来源",
            MapWord::Removed => "被移除的区域",
            MapWord::RemovedBy => "移除者",
            MapWord::Replaces => "取代",
            MapWord::Score => "分数",
            MapWord::MoreLeftOut => "处未列出",
            MapWord::ExplainHint => "详见：",
            MapWord::EmptyMap => "没有区域",
            MapWord::Value => "值",
            MapWord::EveryCommand => "所有命令",
            MapWord::FromFlag => "命令行",
            MapWord::FromVariable => "环境变量",
            MapWord::FromDefault => "默认",
            MapWord::NoConfigFile => "没有配置文件；它应位于",
            MapWord::ConfigFile => "配置文件",
        }
    }
}

/// 地图里的一处错误：是什么、有什么后果，以及应当怎样写。
#[allow(clippy::too_many_lines, reason = "one arm a mistake, nothing else")]
fn mistake(mistake: &MapMistake) -> (String, String) {
    match mistake {
        MapMistake::RegionId { key, found, node } => {
            let whose = if *node { "节点的 RegionID" } else { "RegionID" };
            let title = match found {
                Some(found) => format!("{whose} 是 {found}，而区域的键是 {key}"),
                None => format!("缺少{whose}，客户端会当作 0"),
            };
            (title, format!("把 RegionID 设为 {key}：区域的键、区域的 RegionID 和节点的 RegionID 必须是同一个数。"))
        }
        MapMistake::HostName { host, fault, meant } => {
            let title = match fault {
                HostFault::Scheme => format!("HostName `{host}` 带有协议前缀，这样的名称永远无法解析"),
                HostFault::Port(port) => format!("HostName `{host}` 里写了端口 {port}，这样的名称永远无法解析"),
                HostFault::Path => format!("HostName `{host}` 里有斜杠，这样的名称永远无法解析"),
                HostFault::Space => format!("HostName `{host}` 里有空白字符"),
                HostFault::Wildcard => format!("HostName `{host}` 是通配符，只能用于证书，无法连接"),
                HostFault::Brackets => format!("HostName `{host}` 给 IPv6 地址加了方括号，客户端会自己加"),
                HostFault::Underscore => format!("HostName `{host}` 里有下划线，公共证书机构不为这样的名称签发证书"),
                HostFault::Character(odd) => format!("HostName `{host}` 里有主机名不允许的字符 `{odd}`"),
                HostFault::Label => {
                    format!("HostName `{host}` 不是主机名：点之间的某一段为空、过长或以连字符开头或结尾")
                }
            };
            let mut fix = match meant {
                Some(meant) => format!("应写成 `{meant}`。"),
                None if *fault == HostFault::Underscore => "给中继换一个用连字符的名称。".to_owned(),
                None if matches!(fault, HostFault::Character(odd) if !odd.is_ascii()) => {
                    "请写成 ASCII 形式，即 `xn--…`。".to_owned()
                }
                None => "只写中继的 DNS 名称或 IP 地址。".to_owned(),
            };
            if let HostFault::Port(port) = fault {
                // Writing to a string cannot fail.
                let _ = write!(fix, "端口有自己的字段：DERPPort {port}。");
            }
            (title, fix)
        }
        MapMistake::ReservedRegion { id, certain: true } => (
            format!("区域 {id} 不在 900 到 999 之间，如果有同号的公共区域，会取代它"),
            "自建区域的编号请用 900 到 999。".to_owned(),
        ),
        MapMistake::ReservedRegion { id, certain: false } => (
            format!("区域 {id} 不在为自建区域留出的 900 到 999 之间"),
            "单独使用的地图没有问题；若要叠加在公共地图之上，请用 900 到 999。".to_owned(),
        ),
        MapMistake::RegionIdTooLarge { id } => {
            (format!("区域编号 {id} 大于 65535，而客户端用 16 位保存它"), "请用 900 到 999 之间的数。".to_owned())
        }
        MapMistake::NodeNameTwice { name, first, line } => (
            format!("节点名 `{name}` 已在区域 {first} 中用过（第 {line} 行），客户端会混淆两者"),
            "整张地图里每个节点的名称都要不同，例如 900a、900b、901a。".to_owned(),
        ),
        MapMistake::RegionCodeTwice { code, first, line } => (
            format!("区域代码 `{code}` 已属于区域 {first}（第 {line} 行）"),
            "每个区域的代码都要不同，否则报告中无法区分。".to_owned(),
        ),
        MapMistake::NoRegionName => {
            ("区域没有 RegionName，客户端会显示空白".to_owned(), "添加 RegionName，例如 \"Frankfurt\"。".to_owned())
        }
        MapMistake::NoName { field: "Name" } => (
            "节点没有 Name，而客户端靠它找到节点".to_owned(),
            "添加一个整张地图里唯一的 Name，例如 \"900a\"。".to_owned(),
        ),
        MapMistake::NoName { field } => (format!("{field} 缺失或为空"), format!("添加 {field}，例如 \"fra\"。")),
        MapMistake::SingleRegion => (
            "这是唯一的区域：它一旦停机，就无法建立新的连接".to_owned(),
            "在别处增加第二个区域，或保留公共区域。".to_owned(),
        ),
        MapMistake::UnknownKey { key, meant: Some(meant), .. } => {
            (format!("键 `{key}` 不会被读取"), format!("应写成 `{meant}`。"))
        }
        MapMistake::UnknownKey { key, meant: None, .. } => {
            (format!("键 `{key}` 不会被读取，地图里也没有与它相似的键"), "除非别的程序要用它，否则请删除。".to_owned())
        }
        MapMistake::HeadscaleIgnores { key } => (
            format!("Headscale 只采用地图文件中的 `regions`，{key} 不起作用"),
            "请删除。若不要公共区域，请从 `derp.urls` 中去掉它们的 URL。".to_owned(),
        ),
        MapMistake::HeadscaleNull { id } => (
            format!("null 能否移除区域 {id} 取决于 Headscale 的版本"),
            format!("检查客户端是否仍收到区域 {id}；若是，请用不含它的地图代替该 URL。"),
        ),
        MapMistake::Insecure { pinned: true } => (
            "InsecureForTests：只有 CertName 中的指纹能把这个中继与冒充者区分开".to_owned(),
            "请删除：有 `sha256-raw:` 指纹，客户端就会接受该证书。".to_owned(),
        ),
        MapMistake::Insecure { pinned: false } => (
            "InsecureForTests：任何证书都会被接受，冒充者的也一样".to_owned(),
            "用 CertName `sha256-raw:…` 固定证书，或申请一张证书（Let's Encrypt 也为 IP 地址签发）。".to_owned(),
        ),
        MapMistake::Syntax { expected, found } => {
            (format!("此处应为{}，实际是{}", said(expected), said(found)), "请改正该处的文字。".to_owned())
        }
        MapMistake::Yaml { said } => (
            format!("不是有效的 YAML：{}", super::said::said(said)),
            "请改正该处的文字；注意缩进只能用空格。".to_owned(),
        ),
        MapMistake::Misplaced => (
            "derpMap 不在策略的最外层，因此不会被读取".to_owned(),
            "把它移到最外层的花括号里，与 `acls` 或 `grants` 并列。".to_owned(),
        ),
        MapMistake::Avoid => (
            "Avoid 已被弃用，各客户端对它的处理也不一致".to_owned(),
            "若不想让某个区域成为主区域，请用 NoMeasureNoHome。".to_owned(),
        ),
        MapMistake::NoHostName { dialled: Some(address) } => (
            format!("节点没有 HostName；natscope 会连接 {address}，别的客户端未必"),
            format!("添加 HostName；若没有名称，可写 `{address}`。"),
        ),
        MapMistake::NoHostName { dialled: None } => {
            ("节点既没有 HostName 也没有地址，无法连接".to_owned(), "添加 HostName。".to_owned())
        }
        MapMistake::DuplicateKey { key, first_line, fatal: true } => {
            (format!("键 `{key}` 已在第 {first_line} 行出现，YAML 不允许重复"), "删除其中一个。".to_owned())
        }
        MapMistake::DuplicateKey { key, first_line, fatal: false } => {
            (format!("键 `{key}` 已在第 {first_line} 行出现，以后面这个为准"), "删除其中一个。".to_owned())
        }
        MapMistake::NoNodes => {
            ("区域没有节点：不会被测量，也无法中继".to_owned(), "添加节点，或删除该区域。".to_owned())
        }
        MapMistake::NullNode => ("节点列表中有 null，客户端可能因此崩溃".to_owned(), "请删除。".to_owned()),
        MapMistake::Port { field: "STUNPort", found } => (
            format!("STUNPort {found} 不是端口，该节点视为没有 STUN"),
            "请写 1 到 65535 的端口；0 表示 3478，-1 表示没有。".to_owned(),
        ),
        MapMistake::Port { field, found } => {
            (format!("{field} {found} 不是端口，谁也无法连接该中继"), "请写 1 到 65535 的端口；0 表示 443。".to_owned())
        }
        MapMistake::Score { score } => {
            (format!("分数必须大于 0，{score} 会被忽略"), "请写区域延迟的系数：0.5 让它看起来近一倍。".to_owned())
        }
        MapMistake::NotAnAddress { found } => (
            format!("`{found}` 不是这一类地址，结果是对该节点关闭了这个地址族"),
            "改正地址；若本意如此，请写 `none`。".to_owned(),
        ),
        MapMistake::MoreDocuments => {
            ("文件中只有第一个 YAML 文档会被读取".to_owned(), "把各文档分成单独的文件，或合并成一个。".to_owned())
        }
        MapMistake::WrongType { expected, found, omit: _ } => {
            let wanted = said(expected);
            (format!("此处应为{wanted}，实际是{}：整张地图会被拒绝", said(found)), format!("请写{wanted}。"))
        }
        MapMistake::RegionKey { found } => (
            format!("区域的键是它的编号，此处是{}", said(found)),
            "请写 900 到 999 之间、与 RegionID 相同的数；在 YAML 中不加引号。".to_owned(),
        ),
        MapMistake::NoMap(what) => no_map(what),
        MapMistake::TooLarge { said } => (super::said::said(said), "请只用有需要的区域做一张地图。".to_owned()),
        MapMistake::Pin(fault) => {
            let what = match fault {
                PinFault::UpperCase => "含有大写字母，而客户端按小写比较".to_owned(),
                PinFault::Length(length) => format!("有 {length} 位，而不是 64 位"),
                PinFault::NotHex => "不是十六进制".to_owned(),
            };
            (
                format!("CertName 中的指纹{what}：不会与任何证书相符"),
                "请写 DER 格式证书的小写十六进制 SHA-256，即 `openssl x509 -in cert.pem -outform der | sha256sum` 的输出。"
                    .to_owned(),
            )
        }
        MapMistake::StunPortZero => (
            "STUNPort 0 表示 3478，而不是没有".to_owned(),
            "若本意是 3478，无需改动；若不要 STUN，请写 -1。".to_owned(),
        ),
        MapMistake::StunOff { region: false } => (
            "STUNPort -1：节点没有 STUN，不会经 UDP 测量延迟".to_owned(),
            "若该中继没有 STUN 服务器，无需改动。".to_owned(),
        ),
        MapMistake::StunOff { region: true } => (
            "区域中没有任何节点有 STUN：客户端无法测量它，很少选它作主区域".to_owned(),
            "在该区域的某个中继上开放 UDP 3478，并删除 STUNPort -1。".to_owned(),
        ),
        MapMistake::FamilyOff { family } => {
            let family = family_name(*family);
            (format!("该节点关闭了 {family}"), format!("若本意是不经 {family} 访问该节点，无需改动。"))
        }
        MapMistake::BothFamiliesOff => {
            ("IPv4 和 IPv6 都已关闭：无法连接该节点".to_owned(), "给出其中一个地址，或留空以便解析名称。".to_owned())
        }
        MapMistake::StunOnly => (
            "区域的所有节点都是 STUNOnly：该区域不中继任何数据".to_owned(),
            "增加一个能中继的节点，或把区域标为 NoMeasureNoHome。".to_owned(),
        ),
        MapMistake::StunTestIp => (
            "STUNTestIP 只用于测试：无论中继的地址是什么，STUN 都发往那里".to_owned(),
            "请删除；中继的地址应写在 IPv4 或 IPv6 中。".to_owned(),
        ),
        MapMistake::Port80 => (
            "有 CanPort80 却没有 IPv4 地址：客户端要用该地址检查强制门户".to_owned(),
            "添加 IPv4，或删除 CanPort80。".to_owned(),
        ),
        MapMistake::Empty => (
            "地图没有设置任何区域：将没有任何中继".to_owned(),
            "在 `Regions`（Headscale 的 YAML 中为 `regions`）下添加区域。".to_owned(),
        ),
        MapMistake::OddAddress { address, kind } => {
            let kind = match kind {
                OddAddress::Loopback => "客户端自己",
                OddAddress::Unspecified => "未指定地址",
                OddAddress::LinkLocal => "链路本地地址",
                OddAddress::Multicast => "组播地址",
                OddAddress::Fake => "fake-IP 模式的代理虚构的地址",
            };
            (
                format!("{address} 是{kind}：从别处无法连接到那里的中继"),
                "请写中继的公网地址，或留空以便解析名称。".to_owned(),
            )
        }
        MapMistake::Position { degrees } => {
            (format!("地球上没有 {degrees} 度这个位置"), "纬度在 -90 到 90 之间，经度在 -180 到 180 之间。".to_owned())
        }
    }
}

fn no_map(what: &NoMap) -> (String, String) {
    let (what, fix) = match what {
        NoMap::Blank => ("内容为空".to_owned(), "是这个文件吗？"),
        NoMap::Html => ("这是一个网页".to_owned(), "URL 是否正确，是否需要登录？"),
        NoMap::Binary { looks_like } => (format!("这不是文本，而是{}", said(looks_like)), "是这个文件吗？"),
        NoMap::NotUtf8 => ("这不是 UTF-8 文本".to_owned(), "请把文件保存为 UTF-8。"),
        NoMap::HeadscaleConfig { maps } if maps.is_empty() => {
            ("这是 Headscale 的配置，其中没有列出地图".to_owned(), "请给出 `derp.paths` 可以指向的地图。")
        }
        NoMap::HeadscaleConfig { maps } => {
            (format!("这是 Headscale 的配置，只说明地图在哪里：{}", maps.join("、")), "请给出其中之一。")
        }
        NoMap::Policy => {
            ("这是没有 \"derpMap\" 一节的 Tailscale 策略".to_owned(), "在最外层花括号中添加 \"derpMap\"。")
        }
        NoMap::BareRegions => ("这些区域外面没有 {\"Regions\": …}".to_owned(), "在外面加上 {\"Regions\": …}。"),
        NoMap::BareRegion => ("这是单个区域".to_owned(), "在外面加上 {\"Regions\": {\"900\": …}}。"),
        NoMap::BareNode => {
            ("这是单个节点".to_owned(), "在外面加上 {\"Regions\": {\"900\": {\"RegionID\": 900, \"Nodes\": […]}}}。")
        }
        NoMap::OtherObject { keys } if keys.is_empty() => ("对象为空".to_owned(), "地图要有 \"Regions\"。"),
        NoMap::OtherObject { keys } => (format!("它的键（{}）中没有 \"Regions\"", keys.join("、")), "是这个文件吗？"),
        NoMap::NotAnObject { found } => {
            (format!("地图是含有 \"Regions\" 的对象，而这是{}", said(found)), "是这个文件吗？")
        }
    };
    (format!("没有 DERP 地图：{what}"), fix.to_owned())
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}
