use std::fmt::Display;

use super::doctor;
use super::failure::failure;
use super::nat_why;
use super::predict;
use crate::probe::PortMappingService;
use crate::render::catalogue::{RegionNames, service};
use crate::render::number::{round_trip, span};
use crate::report::{FilterWhy, Why};

/// The reason as a clause without a full stop.
#[allow(clippy::too_many_lines, reason = "one arm a reason, nothing else")]
pub(super) fn why(why: &Why, names: &RegionNames<'_>) -> String {
    match why {
        Why::Doctor(why) => doctor::why(why),
        Why::NotMeasuredHere { ask } => format!("本次运行没有测量此项，请用 `{ask}`"),
        Why::OnlyWith { flag } => format!("仅在使用 {flag} 时测量"),
        Why::NotMeasuredYet => "此版本尚不测量此项".to_owned(),
        Why::NotAsked => "运行结束时尚未询问".to_owned(),
        Why::LeftOut { flag } => format!("已由 {flag} 跳过"),
        Why::NoServers { family } => format!("要询问的服务器都没有 {family} 地址"),
        Why::NamesFailed { failure: how } => format!("无法询问任何服务器：{}", failure(how)),
        Why::TcpNotTried { family } => format!("{family} 的 UDP 没有应答，而 TCP 是否可通尚未确定"),
        Why::RanOutOfTime { after } => format!("运行在 {} 后结束，尚未得出结论", span(*after)),

        Why::NoOsSupport { family } => format!("系统无法打开 {family} 套接字"),
        Why::NoRoute { family } => format!("本机没有通往互联网的 {family} 路由"),
        Why::Offline => "本机没有通往互联网的路由".to_owned(),
        Why::SendRefused { failure: how } => format!("本机或其防火墙拒绝发送：{}", failure(how)),

        Why::UdpAnswered { answers, servers } => format!("收到 {servers} 台服务器的 {answers} 个应答"),
        Why::UdpSilent { copies, servers, ports } => {
            format!("向 {servers} 台服务器的 UDP 端口 {} 发出 {copies} 个包，均无应答，而其 TCP 有应答", row(ports))
        }
        Why::TooFewWitnesses { servers, needed } => {
            format!("UDP 没有应答，但只有 {servers} 台服务器确认在线；至少 {needed} 台才能归因于网络")
        }
        Why::WitnessesOfOneOwner { servers, domain } => {
            format!("{servers} 台服务器的 UDP 没有应答，但都属于 {domain}，可能是其维护者没有开放 STUN 端口")
        }
        Why::OnlyNeighboursAnswered { servers } => format!("只有本网络之内的 {servers} 台服务器应答"),
        Why::NothingAnswered => "UDP 和 TCP 都没有得到可用的应答".to_owned(),
        Why::BehindPortal => "强制门户代替所有服务器应答".to_owned(),

        Why::FamilyAnswered { servers } => format!("{servers} 台服务器有应答"),
        Why::FamilySilent { copies, servers } => format!("向 {servers} 台服务器发出 {copies} 个包，均无应答"),
        Why::NoMappedAddress { family } => format!("没有服务器告知本机的 {family} 端点"),

        Why::MappingSame { servers, sockets } => format!("{servers} 台服务器在 {sockets} 个套接字上看到相同的端点"),
        Why::MappingSameButOddServers { servers, odd } => {
            format!("{servers} 台服务器看到相同的端点；另有 {odd} 台在每个套接字上都不一致，已排除")
        }
        Why::MappingSameButPortCollision { sockets, collided } => {
            format!("{sockets} 个套接字上端点相同；另有 {collided} 个的端口与同一 NAT 后的其他主机冲突")
        }
        Why::MappingSameButLoneView { sockets, differing } => {
            format!(
                "{sockets} 个套接字上端点相同；另有 {differing} 个被一台服务器看到不同：是它看错了，或端口与其他主机冲突"
            )
        }
        Why::MappingDiffers { servers, endpoints } => {
            format!("同一个套接字被 {servers} 台服务器看到 {endpoints} 个端点")
        }
        Why::NoTranslation { servers } => format!("{servers} 台服务器看到的就是本机的本地端点"),
        Why::TooFewServers { have: 0, need } => format!("没有服务器应答，至少需要 {need} 台独立的服务器"),
        Why::TooFewServers { have, need } => format!("只有 {have} 台独立的服务器应答，至少需要 {need} 台"),
        Why::ServersDisagree { endpoints } => {
            format!("服务器看到的端点不一致（{}），无法判断是 NAT 还是某台服务器异常", row(endpoints))
        }
        Why::SeenBy { servers } => format!("{servers} 台服务器看到的一致"),
        Why::PortsKept { kept, sockets } => format!("{sockets} 个套接字中有 {kept} 个保持了本地端口"),
        Why::OneSocket => "只有一个套接字被足够多的服务器看到，无法区分是 NAT 还是某台服务器异常".to_owned(),
        Why::SocketsDisagree => "各个套接字的结果不一致".to_owned(),
        Why::SeveralAddresses { addresses } => {
            format!("公网地址不固定（{}）：有多条上行线路，或使用地址池", row(addresses))
        }
        Why::DependencyNotMeasured => "映射随目标变化；是否也随端口变化，需要有第二个端口的服务器才能测出".to_owned(),
        Why::ServersNotOnInternet => "所询问的服务器不在互联网上，无法反映通往互联网途中的情况".to_owned(),
        Why::UdpIsBlocked => "UDP 没有应答，看不到映射".to_owned(),
        Why::FromMapping => "由映射行为推出".to_owned(),
        Why::FromMappingAndFiltering => "由映射和过滤行为推出".to_owned(),
        Why::NoPortMappingVerified => "即实测结果：没有经过验证的端口映射".to_owned(),

        Why::Filter(why) => filter(why),

        Why::Mode(mode) => super::mode_why::why(mode),

        Why::Nat(why) => nat_why::nat_why(why),

        Why::HomeNearest { latency: _, of, next, score } => {
            let mut text = vec![format!("{of} 个区域中最近")];
            if let Some((region, latency)) = next {
                text.push(format!("其次是 {}，{}", names.code(*region), round_trip(*latency)));
            }
            if let Some(score) = score {
                text.push(format!("地图给它的权重为 {score}"));
            }
            text.join("；")
        }
        Why::HomeKept { latency: _, nearer, nearer_latency } => {
            format!("保留原主区域：{} 为 {}，近得不够多，不值得切换", names.code(*nearer), round_trip(*nearer_latency))
        }
        Why::HomeRelayDown { passed_over, failure: how, latency: _ } => {
            format!("{} 更近，但其中继没有应答：{}", names.code(*passed_over), failure(how))
        }
        Why::HomeRelayNotAsked { region, failure: Some(how) } => {
            format!("{} 最近，但无法询问它的中继：{}", names.code(*region), failure(how))
        }
        Why::HomeRelayNotAsked { region, failure: None } => {
            format!("{} 最近，但它的中继没有可询问的地址", names.code(*region))
        }
        Why::NoHomeCandidate => "没有测得任何可作主区域的区域".to_owned(),
        Why::NoRelayAnswers => "测得了区域，但可作主区域的中继都没有 TCP 应答".to_owned(),

        Why::IcmpAnswered { answers } => format!("收到 {answers} 个回显应答"),
        Why::IcmpNotPermitted => "本机不允许发送回显请求".to_owned(),
        Why::IcmpSilent { copies } => format!("{copies} 个回显请求没有应答，不过中继和网络常会丢弃 ICMP"),
        Why::UdpWorks => "UDP 可用，而强制门户不会放行 UDP".to_owned(),
        Why::TlsVerified => "中继的证书已通过验证，强制门户无法伪造".to_owned(),
        Why::ChallengeEchoed => "中继的 80 端口正确返回了质询".to_owned(),
        Why::PortalAnswered { status, location: Some(location) } => {
            format!("80 端口应答状态码 {status}，并跳转到 {location}")
        }
        Why::PortalAnswered { status, location: None } => format!("80 端口应答状态码 {status}，应答者不是中继"),
        Why::ChallengeStripped => {
            "80 端口的应答像是中继，但没有返回质询：中间有 HTTP 代理，或该中继不返回质询".to_owned()
        }
        Why::PortalSilent => "80 端口没有应答".to_owned(),
        Why::NoPortalEndpoint => "地图中没有节点提供用于此检查的 80 端口".to_owned(),

        Why::RouterOffers { service: asked, detail } => with_detail("路由器提供", *asked, detail.as_deref()),
        Why::RouterDeclines { service: asked, detail } => with_detail("路由器拒绝", *asked, detail.as_deref()),
        Why::RouterRefuses { service: asked } => format!("路由器的 {} 端口没有程序监听", service(*asked)),
        Why::RouterSilent { service: asked, waited } => {
            format!("路由器在 {} 内没有应答 {}", span(*waited), service(*asked))
        }
        Why::RouterUnreachable { service: asked, failure: how } => {
            format!("通过 {} 询问路由器失败：{}", service(*asked), failure(how))
        }
        Why::NoGateway => "没有私有地址的默认网关".to_owned(),

        Why::WanIsCarrierGrade { wan } => format!("路由器的 WAN 口地址 {wan} 属于 100.64.0.0/10"),
        Why::OwnAddressIsCarrierGrade { address } => {
            format!("本机地址 {address} 属于 100.64.0.0/10，运营商和云服务商都会使用它")
        }
        Why::WanIsMappedAddress { wan } => format!("路由器的 WAN 口地址 {wan} 就是服务器看到的地址"),
        Why::WanIsPrivate { wan } => format!("路由器的 WAN 口地址 {wan} 是私有地址：存在两层 NAT"),
        Why::WanIsAnother { wan, mapped } => {
            format!("路由器的 WAN 口地址是 {wan}，服务器看到的是 {mapped}：可能有第二层 NAT、VPN 或多条上行线路")
        }
        Why::WanUnknown => "路由器没有告知其 WAN 口地址".to_owned(),

        Why::DirectNotTried => "没有尝试：未使用 --direct".to_owned(),
        Why::DirectPong { endpoint, after } => format!("{} 后收到来自 {endpoint} 的应答", span(*after)),
        Why::DirectNotOffered => "对端不提供直连：它启动时没有使用 --direct".to_owned(),
        Why::DirectNoSocket { failure: how } => format!("本机没有可用的 UDP 套接字：{}", failure(how)),
        Why::NoPong => "对端没有任何应答".to_owned(),
        Why::DirectFailed { obstacle } => super::ping::obstacle(*obstacle),
        Why::Pair(pair) => predict::why(pair),
    }
}

fn filter(why: &FilterWhy) -> String {
    match why {
        FilterWhy::StrangerPassed { from } => format!("收到来自 {from} 的包，而从未向它发送过"),
        FilterWhy::NeighbourPassed { from, silent } => {
            format!("收到来自服务器另一端口 {from} 的包；来自另一地址的 {silent} 个包被 NAT 或本机防火墙拦下")
        }
        FilterWhy::OnlyTheAddresseePassed { silent } => {
            format!("来自服务器另一端口的 {silent} 个包被 NAT 或本机防火墙拦下")
        }
        FilterWhy::TooFewCopies { silent, needed } => {
            format!("没有收到来自其他端点的包，但要 {needed} 个包才能断定，而只有 {silent} 个")
        }
        FilterWhy::AddressNotTested { from } => {
            format!("收到来自服务器另一端口 {from} 的包；无法证明有服务器从另一地址发送过")
        }
        FilterWhy::SendingNotProven => "没有收到来自其他端点的包，但无法证明服务器确实发送了".to_owned(),
        FilterWhy::NoFilterServer => "应答的互联网服务器都不提供此项测试（RFC 5780）".to_owned(),
        FilterWhy::ChangeIgnored { server } => format!("{server} 忽略了从其他端点应答的请求"),
        FilterWhy::ChangeRefused { server, code } => format!("{server} 拒绝从其他端点应答（错误 {code}）"),
        FilterWhy::NoHelper { server } => {
            format!("{server} 是只有一个地址的中继，目前没有其他中继替它发包（--stun-helper）")
        }
    }
}

fn row(items: &[impl Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("、")
}

/// 各项之间用分号隔开，有的是设备自己的说法。
fn details(detail: &str) -> String {
    detail.split("; ").map(super::said::said).collect::<Vec<_>>().join("；")
}

fn with_detail(text: &str, asked: PortMappingService, detail: Option<&str>) -> String {
    match detail {
        Some(detail) if !detail.is_empty() => format!("{text} {}（{}）", service(asked), details(detail)),
        _ => format!("{text} {}", service(asked)),
    }
}
