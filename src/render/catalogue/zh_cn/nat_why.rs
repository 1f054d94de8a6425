use crate::report::NatWhy;

/// A reason, as a clause.
pub(super) fn nat_why(why: &NatWhy) -> String {
    match why {
        NatWhy::NothingTranslates => "途中没有地址转换".to_owned(),
        NatWhy::HairpinCameBack { from, inside: false } => format!("发往本机外部端点的数据包返回了，来源是 {from}"),
        NatWhy::HairpinCameBack { from, inside: true } => {
            format!("发往本机外部端点的数据包返回了，来源仍是内部地址 {from}")
        }
        NatWhy::HairpinSilent { copies } => {
            format!("发往本机外部端点的 {copies} 个数据包没有返回（若保留内部源地址，本机可能收不到）")
        }
        NatWhy::HairpinUnsettled { copies, needed } => {
            format!("发往本机外部端点的 {copies} 个数据包至今没有返回；要排除丢包需要 {needed} 个")
        }
        NatWhy::HairpinNoEndpoint => "没有两台独立的服务器对测试套接字的外部端点看法一致".to_owned(),
        NatWhy::HairpinDependsOnDestination => "没有数据包返回，但映射随目标而变，可能是被过滤挡住的".to_owned(),
        NatWhy::OwnAddressIsClat { address } => {
            format!("本机地址 {address} 属于把 IPv4 承载在 IPv6 之上的运营商")
        }
        NatWhy::PortsInSequence { step, mappings } => {
            format!("{mappings} 个映射的端口按建立顺序每次相差 {step}")
        }
        NatWhy::PortsScattered { mappings, lowest, highest, block: None } => {
            format!("{mappings} 个映射的端口散布在 {lowest} 到 {highest} 之间")
        }
        NatWhy::PortsScattered { mappings, lowest, highest, block: Some(block) } => {
            format!("{mappings} 个映射的端口散布在 {lowest} 到 {highest} 之间，像是大小为 {block} 的端口块")
        }
        NatWhy::PortsUnclear { mappings } => format!("{mappings} 个映射的端口既不成序列，也不明显随机"),
        NatWhy::TooFewMappings { have, need } => {
            format!("只有 {have} 个各有端口的映射，需要 {need} 个；natscope nat --sockets 12 会建立更多")
        }
        NatWhy::OneAddress { mappings } => format!("{mappings} 个映射共用一个地址"),
        NatWhy::OneAddressSoFar { mappings, need } => {
            format!("{mappings} 个映射共用一个地址，不足 {need} 个时可能只是巧合；natscope nat --sockets 20 会建立更多")
        }
    }
}
