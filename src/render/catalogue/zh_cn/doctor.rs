//! 诊断逐层所见。

use super::failure::failure;
use crate::render::catalogue::{DoctorHeadline, DoctorNote};
use crate::render::number::{round_trip, span};
use crate::report::{ClientReason, ClientView, DoctorWhy, Layer};

pub(super) const fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::Map => "地图",
        Layer::Dns => "DNS",
        Layer::Tcp => "TCP",
        Layer::Tls => "TLS",
        Layer::Http => "HTTP",
        Layer::Derp => "DERP",
        Layer::Stun => "STUN",
        Layer::Path => "路径",
    }
}

pub(super) fn headline(headline: &DoctorHeadline<'_>) -> String {
    match *headline {
        DoctorHeadline::Several { works, of, unclear: 0 } => format!("{of} 个中继中有 {works} 个正常。"),
        DoctorHeadline::Several { works, of, unclear } => {
            format!("{of} 个中继中有 {works} 个正常；{unclear} 个未能检查完。")
        }
        DoctorHeadline::Works { name, relayed: true } => format!("{name} 正常：能够中继，STUN 有应答。"),
        DoctorHeadline::Works { name, relayed: false } => {
            format!("就外人所见，{name} 正常：它只接纳自己的客户端，STUN 有应答。")
        }
        DoctorHeadline::RelayOnly { name } => format!("{name} 能够中继，但它的 STUN 没有应答。"),
        DoctorHeadline::NoStun { name } => format!("{name} 能够中继；地图中它没有 STUN。"),
        DoctorHeadline::StunOnly { name } => format!("{name} 应答 STUN，不做中继，与地图所写一致。"),
        DoctorHeadline::Broken { name, layer, stun: true } => {
            format!("{name} 不能用：STUN 有应答，所以能测到延迟，但什么也不能中继（{}）。", layer_name(layer))
        }
        DoctorHeadline::Broken { name, layer, stun: false } => {
            format!("{name} 不能用：{} 失败。", layer_name(layer))
        }
        DoctorHeadline::Silent { name } => format!("{name} 没有任何应答。"),
        DoctorHeadline::LocalOnly => "已把本机当作中继所在主机检查，没有询问任何中继。".to_owned(),
        DoctorHeadline::Unclear { name } => format!("{name} 未能检查完。"),
    }
}

pub(super) fn note(note: &DoctorNote<'_>) -> String {
    match *note {
        DoctorNote::Entry { code, id } => format!("区域 {code}（{id}）中的条目无误"),
        DoctorNote::EntryWrong => "有错误，见下文发现".to_owned(),
        DoctorNote::Address { address, took: Some(took) } => format!("{address} 用时 {}", round_trip(took)),
        DoctorNote::Address { address, took: None } => address.to_string(),
        DoctorNote::NoName => "未检查：中继以地址给出".to_owned(),
        DoctorNote::NotOfMap => "未检查：中继以地址给出，不在地图中".to_owned(),
        DoctorNote::Below => "未检查：它所依赖的层已失败".to_owned(),
        DoctorNote::NotReached => "未检查".to_owned(),
        DoctorNote::Undetermined(reason) => format!("无法判定：{}", why(reason)),
        DoctorNote::PlainHttp => "无：明文 HTTP".to_owned(),
        DoctorNote::NoStunInMap => "无，与地图所写一致".to_owned(),
        DoctorNote::RelaysNothing => "无：只应答 STUN".to_owned(),
        DoctorNote::Path => "本端没有特别之处".to_owned(),
        DoctorNote::ViaProxy(proxy) => format!("经代理 {proxy}"),
        DoctorNote::Certificate { version, name, issuer, left } => {
            let left = match left {
                Some(left) => format!("有效期还剩 {}", span(left)),
                None => "目前无效".to_owned(),
            };
            format!("TLS {version}，证书签给 {name}，由 {issuer} 签发，{left}")
        }
        DoctorNote::Client(ref view) => client(view),
        DoctorNote::Upgraded { server: Some(server) } => format!("经 {server} 升级到 DERP"),
        DoctorNote::Upgraded { server: None } => "已升级到 DERP".to_owned(),
        DoctorNote::Admitted { exchange: Some(took) } => {
            format!("接纳了一次性密钥；一个数据包及其应答用时 {}", round_trip(took))
        }
        DoctorNote::Admitted { exchange: None } => "接纳了一次性密钥".to_owned(),
        DoctorNote::NotAdmitted => "中继在工作，只接纳自己的客户端".to_owned(),
        DoctorNote::Stun { server, took, mapped } => match mapped {
            Some(mapped) => format!("{server} 在 {} 内应答，看到本机为 {mapped}", round_trip(took)),
            None => format!("{server} 在 {} 内应答", round_trip(took)),
        },
        DoctorNote::Held { held, keep_alives, up } => {
            let state = if up { "仍然连通" } else { "已被切断" };
            format!("保持了 {}：{state}，收到 {keep_alives} 个 keep-alive", span(held))
        }
    }
}

fn client(view: &ClientView) -> String {
    let name = view.client.name();
    let because = match view.because {
        ClientReason::Chain => "证书链可信且名称相符",
        ClientReason::ChainOnly => "证书链可信；以地址给出的中继，它不核对名称",
        ClientReason::Pin => "凭证书指纹",
        ClientReason::Insecure => "InsecureForTests",
        ClientReason::NoPins => "它不认识指纹",
        ClientReason::NoTls => "除非为测试另行设置，它只用 TLS",
        ClientReason::Refused => "见下文发现",
    };
    format!("{name} {}该证书（{because}）", if view.accepts { "接受" } else { "拒绝" })
}

/// Why a relay is open to anybody, or is not.
pub(super) fn why(why: &DoctorWhy) -> String {
    match why {
        DoctorWhy::KeyRefused => "中继没有接纳一次性密钥".to_owned(),
        DoctorWhy::StrangersRelayed => "两个一次性密钥都被接纳，数据包在二者之间往返".to_owned(),
        DoctorWhy::StunOnlyNode => "该节点只应答 STUN，不做中继".to_owned(),
        DoctorWhy::LayerFailed { layer } => format!("检查没有进行到这一步：{} 层失败", layer_name(*layer)),
        DoctorWhy::NoExchange { failure: how } => {
            format!("一次性密钥被接纳，但没有看到数据包在二者之间通过（{}）", failure(how))
        }
        DoctorWhy::RefusedOnce { failure: how } => {
            format!("一次性密钥被拒绝过一次，再试时没能看出是否都会被拒绝（{}）", failure(how))
        }
        DoctorWhy::Lost { failure: how } => format!("能连上，但之后丢失了（{}）；请再试一次", failure(how)),
        DoctorWhy::NoRoute { family } => format!("本机没有通往它的 {family} 路由"),
        DoctorWhy::NotLookedUp { failure: how } => format!("本机无法解析该名称（{}）", failure(how)),
    }
}
