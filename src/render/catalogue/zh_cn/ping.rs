//! `ping` 与 `listen` 的文字。

use super::failure::failure;
use crate::model::NodePublic;
use crate::render::catalogue::PingHeadline;
use crate::render::clean::short;
use crate::render::number::{percent, round_trip, span};
use crate::render::ping::{NAME_MAX, brief};
use crate::report::{Obstacle, PingEvent, Pong, PongPath, RelayReport, RelayState, RoundTrips};

pub(super) fn event(event: &PingEvent) -> String {
    let name = |relay: &str| short(relay, NAME_MAX);
    match event {
        PingEvent::Listening { key, command } => format!("正在监听，公钥 {key}\n在另一侧运行：natscope {command}"),
        PingEvent::Joined { relay, again: false } => format!("已加入中继 {}", name(relay)),
        PingEvent::Joined { relay, again: true } => format!("已重新加入中继 {}", name(relay)),
        PingEvent::RelayFailed { relay, failure: how, retry } => {
            format!("中继 {}：{}；{} 后重试", name(relay), failure(how), span(*retry))
        }
        PingEvent::PeerAbsent { relay, peer } => format!("{peer} 没有连接到中继 {}", name(relay)),
        PingEvent::PeerLeft { relay, peer } => format!("{peer} 已离开中继 {}", name(relay)),
        PingEvent::Pong { pong, peer, relay } => pong_line(pong, *peer, relay.as_deref()),
        PingEvent::Lost { seq } => format!("没有收到应答 seq={seq}"),
        PingEvent::DirectUp { peer, endpoint, after } => {
            format!("与 {} 建立直连：{endpoint}，用时 {}", brief(*peer), span(*after))
        }
        PingEvent::DirectDown { peer, endpoint } => {
            format!("与 {} 的直连 {endpoint} 没有回应，改走中继", brief(*peer))
        }
        PingEvent::PortMapped { endpoint } => format!("路由器把 {endpoint} 映射到本机"),
        PingEvent::NoPortMapping { failure: how } => format!("没有端口映射：{}", failure(how)),
        PingEvent::DirectNotOffered { peer } => {
            format!("{} 不提供直连：请在那一侧用 --direct 运行 `natscope listen`", brief(*peer))
        }
        PingEvent::PeerCame { peer, relay } => format!("正在通过中继 {} 应答 {peer}", name(relay)),
    }
}

fn pong_line(pong: &Pong, peer: NodePublic, relay: Option<&str>) -> String {
    let (path, part) = match pong.path {
        PongPath::Direct { endpoint } => (format!("直连({endpoint})"), String::new()),
        PongPath::Relay { ours, theirs, .. } => {
            let parts = [("本机–中继", ours), ("对端–中继", theirs)];
            let parts: Vec<_> = parts
                .into_iter()
                .filter_map(|(leg, took)| took.map(|took| format!("{leg} {}", round_trip(took))))
                .collect();
            let part = if parts.is_empty() {
                String::new()
            } else {
                format!("（其中中继部分：{}）", parts.join("，"))
            };
            (format!("中继({})", short(relay.unwrap_or("?"), NAME_MAX)), part)
        }
    };
    format!("来自 {} 的应答 经由 {path} seq={} time={}{part}", brief(peer), pong.seq, round_trip(pong.round_trip))
}

pub(super) fn headline(headline: &PingHeadline) -> String {
    let PingHeadline { sent, received, direct, lost } = *headline;
    match (received, direct) {
        (0, _) => format!("{sent} 次 ping 均无应答。"),
        (_, Some(0)) => format!("{sent} 次 ping 收到 {received} 个应答，全部经由中继。"),
        (_, Some(direct)) if direct == received => format!("{sent} 次 ping 收到 {received} 个应答，全部为直连。"),
        (_, Some(direct)) => format!("{sent} 次 ping 收到 {received} 个应答，其中 {direct} 个为直连。"),
        (_, None) if lost == 0.0 => format!("{sent} 次 ping 收到 {received} 个应答。"),
        (_, None) => format!("{sent} 次 ping 收到 {received} 个应答（丢失 {}）。", percent(lost)),
    }
}

pub(super) fn round_trips(times: &RoundTrips) -> String {
    let RoundTrips { min, median, max, jitter } = times;
    format!(
        "最小 {}，中位 {}，最大 {}，抖动 {}",
        round_trip(*min),
        round_trip(*median),
        round_trip(*max),
        round_trip(*jitter)
    )
}

pub(super) fn relay(relay: &RelayReport) -> String {
    let name = short(&relay.name, NAME_MAX);
    match &relay.state {
        RelayState::Joined { round_trip: None, rejoined: 0 } => name,
        RelayState::Joined { round_trip: Some(took), rejoined: 0 } => format!("{name}，往返 {}", round_trip(*took)),
        RelayState::Joined { rejoined, .. } => format!("{name}，重新加入 {rejoined} 次"),
        RelayState::Failed(how) => format!("{name}：{}", failure(how)),
        RelayState::Unknown => format!("{name}：在规定时间内未能加入"),
    }
}

pub(super) fn answered(peer: NodePublic, relayed: u64, direct: u64) -> String {
    format!("{}：经由中继 {relayed} 次，直连 {direct} 次", brief(peer))
}

pub(super) fn obstacle(obstacle: Obstacle) -> String {
    let whose = |theirs: bool| if theirs { "对端" } else { "本机" };
    match obstacle {
        Obstacle::UdpBlocked { theirs } => format!("{}一侧的 UDP 得不到应答", whose(theirs)),
        Obstacle::BothHard => "两侧的 NAT 都对不同目标使用不同的外部端口，双方都不知道该发往哪里".to_owned(),
        Obstacle::HardAgainstStrict { theirs } => {
            format!("{}一侧的 NAT 对不同目标使用不同的外部端口，而另一侧只放行自己发送过的端点", whose(theirs))
        }
        Obstacle::Unexplained => "就已知的两侧 NAT 而言本应可以直连：很可能是某一侧主机上的防火墙".to_owned(),
        Obstacle::Undetermined { theirs } => {
            format!("原因不明，因为{}一侧的 NAT 尚未充分了解", whose(theirs))
        }
    }
}
