use crate::model::Family;
use crate::render::number::{seconds, seconds_up};
use crate::report::{Bracket, ClassicStep, ModeWhy};

/// The reason as a clause without a full stop.
pub(super) fn why(why: &ModeWhy) -> String {
    match why {
        ModeWhy::StreamsAreNotFiltered => "TCP 连接只有对端能发送，无法通过 TCP 看出过滤行为".to_owned(),
        ModeWhy::ThroughProxy => "一切都经 SOCKS5 代理询问，没有询问路由器".to_owned(),
        ModeWhy::OnlyOverUdp => "仅通过 UDP 测量".to_owned(),
        ModeWhy::ServerSilent { server } => format!("{server} 没有应答"),
        ModeWhy::AnsweredFromElsewhere { server, from } => format!("询问的是 {server}，应答的是 {from}"),
        ModeWhy::Classic { step } => classic(*step),
        ModeWhy::IdleMappings { single, stream } => {
            let after_stream = stream.map(|stream| format!("；持续通信后{}", bracket(stream)));
            format!("一次往返后{}{}", bracket(*single), after_stream.unwrap_or_default())
        }
        ModeWhy::MappingsTried { mappings } => format!("从外部测试了 {mappings} 个映射"),
        ModeWhy::DeadAtFirstTry { dead } => format!("空闲 {} 的映射已失效，没有测试更短的时间", seconds_up(*dead)),
        ModeWhy::LifetimesContradict { alive, dead } => {
            format!("一个映射空闲 {} 后仍有效，另一个空闲 {} 后已失效", seconds(*alive), seconds_up(*dead))
        }
        ModeWhy::HelperSilent => "发往确定有效的映射的包也没有到达".to_owned(),
        ModeWhy::NobodyHelps { servers: 0 } => "没有应答的服务器能向空闲的映射发包".to_owned(),
        ModeWhy::NobodyHelps { servers } => {
            format!("测试了 {servers} 台服务器，都不会按请求向另一端口发包（RFC 5780 的 RESPONSE-PORT）")
        }
        ModeWhy::NothingToExpire => "没有 NAT，也没有过滤，不存在会失效的映射".to_owned(),
        ModeWhy::MeasuredOver { family: Family::V4 } => "本次只测量了 IPv4；用 -6 测量 IPv6".to_owned(),
        ModeWhy::MeasuredOver { family: Family::V6 } => "本次只测量了 IPv6；用 -4 测量 IPv4".to_owned(),
    }
}

/// A test of the classic procedure, and what it showed.
fn classic(step: ClassicStep) -> String {
    match step {
        ClassicStep::SecondPassed { from } => format!("测试 II：收到来自 {from} 的包，而从未向它发送过"),
        ClassicStep::SecondSilent { copies } => format!("测试 II：来自另一地址和端口的 {copies} 个包未能通过"),
        ClassicStep::MappedDiffers { first, other } => {
            format!("测试 I：服务器的第一个地址看到 {first}，另一个地址看到 {other}")
        }
        ClassicStep::ThirdPassed { from } => format!("测试 III：收到来自服务器另一端口 {from} 的包"),
        ClassicStep::ThirdSilent { copies } => format!("测试 III：来自服务器另一端口的 {copies} 个包未能通过"),
    }
}

/// What a lifetime lies between.
fn bracket(bracket: Bracket) -> String {
    let dead = bracket.dead.map(|dead| format!("空闲 {} 已失效", seconds_up(dead)));
    let alive = Some(bracket.alive).filter(|alive| !alive.is_zero());
    let alive = alive.map(|alive| format!("空闲 {} 仍有效", seconds(alive)));
    let none = dead.is_none().then(|| "已是测试的最长时间".to_owned());
    [alive, dead, none].into_iter().flatten().collect::<Vec<_>>().join("，")
}
