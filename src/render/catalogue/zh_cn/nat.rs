use crate::model::{Difficulty, NatType};
use crate::render::catalogue::{Catalogue as _, NatHeadline};

/// `易穿透 NAT（NAT3，端口受限锥形）：双方都发包后即可直连。`
pub(super) fn headline(headline: &NatHeadline) -> String {
    let Some(difficulty) = headline.difficulty else {
        let why = headline.why.as_ref().map(|why| format!("：{why}")).unwrap_or_default();
        return format!("未能确定 NAT 类型{why}。") + &other(headline);
    };
    let names: Vec<&str> =
        headline.level.into_iter().chain(headline.nat_type.map(|kind| super::Chinese.nat_type(kind))).collect();
    let names = if names.is_empty() { String::new() } else { format!("（{}）", names.join("，")) };
    let sentence = format!("{}{names}：{}。", name(difficulty), meaning(difficulty, headline.nat_type));
    let effective =
        headline.effective.map(|effective| format!("计入路由器的端口映射：{}。", super::Chinese.difficulty(effective)));
    sentence + &effective.unwrap_or_default() + &other(headline)
}

fn other(headline: &NatHeadline) -> String {
    headline.other.map(|(family, difficulty)| format!("{family}：{}。", name(difficulty))).unwrap_or_default()
}

const fn name(difficulty: Difficulty) -> &'static str {
    match difficulty {
        Difficulty::None => "无 NAT",
        Difficulty::Easy => "易穿透 NAT",
        Difficulty::Hard => "难穿透 NAT",
        Difficulty::Blocked => "UDP 被阻断",
    }
}

/// What it is to whoever wants a direct path.
const fn meaning(difficulty: Difficulty, kind: Option<NatType>) -> &'static str {
    match (difficulty, kind) {
        (Difficulty::None, Some(NatType::OpenInternet)) => "本机有公网地址，任何人都能访问",
        (Difficulty::None, Some(NatType::SymmetricUdpFirewall)) => "本机有公网地址，但防火墙只放行应答",
        (Difficulty::None, _) => "本机有自己的公网地址",
        (Difficulty::Easy, Some(NatType::FullCone)) => "端点发过包之后，任何人都能访问它",
        (Difficulty::Easy, Some(_)) => "双方都发包后即可直连",
        (Difficulty::Easy, None) => "对端可以使用服务器看到的端点",
        (Difficulty::Hard, _) => "每个目标得到不同的端点，对端无法使用服务器看到的端点",
        (Difficulty::Blocked, _) => "连接只能经中继转发",
    }
}
