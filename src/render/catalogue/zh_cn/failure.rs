use super::said::said;
use crate::probe::{Cause, CertificateFault, Failure, Stage};
use crate::render::number::span;

/// `STUN：3 个包在 1.2 s 内没有应答`.
pub(super) fn failure(failure: &Failure) -> String {
    format!("{}：{}", stage(failure.stage), cause(&failure.cause))
}

const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Dns => "DNS",
        Stage::Connect => "连接",
        Stage::Tls => "TLS",
        Stage::Http => "HTTP",
        Stage::Derp => "DERP",
        Stage::Stun => "STUN",
        Stage::Icmp => "ICMP",
        Stage::PortMapping => "路由器",
    }
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::TimedOut { after } => format!("等待 {} 后超时", span(*after)),
        Cause::NoAnswer { copies, waited } => format!("{copies} 个包在 {} 内没有应答", span(*waited)),
        Cause::Refused => "被拒绝：没有程序监听，或被防火墙拒绝".to_owned(),
        Cause::Unreachable => "没有到该地址的路径（不可达）".to_owned(),
        Cause::NotPermitted => "本机或网络不允许".to_owned(),
        Cause::Reset => "连接中途被重置".to_owned(),
        Cause::Closed => "连接中途被关闭".to_owned(),
        Cause::NoSuchName => "域名不存在".to_owned(),
        Cause::NoAddress => "域名没有可用地址族的地址".to_owned(),
        Cause::Resolver { said: what } => format!("DNS 服务器应答 {}", said(what)),
        Cause::NoResolver => "没有配置 DNS 服务器".to_owned(),
        Cause::Certificate { fault } => certificate(fault),
        Cause::NotTls => "该端口不是 TLS".to_owned(),
        Cause::NotAdmitted => "中继不接纳此公钥".to_owned(),
        Cause::TlsAlert { alert } => format!("握手以 {alert} 结束"),
        Cause::Status { code } => format!("状态码 {code}"),
        Cause::Proxy { said: what } => format!("代理拒绝连接：{}", said(what)),
        Cause::Malformed { problem } => format!("内容不符合协议：{}", said(problem)),
        Cause::TooLarge { limit } => format!("应答超过 {limit} 字节"),
        Cause::StunError { code } => format!("错误应答 {code}"),
        Cause::Unsupported { what } => format!("此处不支持：{}", said(what)),
        Cause::Os { message } => said(message),
    }
}

fn certificate(fault: &CertificateFault) -> String {
    match fault {
        CertificateFault::UnknownIssuer => "证书的签发者不受本机信任".to_owned(),
        CertificateFault::Expired => "证书已过期".to_owned(),
        CertificateFault::NotYetValid => "证书尚未生效".to_owned(),
        CertificateFault::NameMismatch { expected } => format!("证书不是签给 {expected} 的"),
        CertificateFault::PinMismatch { expected, presented } => {
            format!("证书哈希为 {presented}，地图中固定的是 {expected}")
        }
        CertificateFault::NotAlone { count } => format!("固定证书时只允许一张证书，实际出示了 {count} 张"),
        CertificateFault::Other { said: what } => format!("证书未被接受：{}", said(what)),
    }
}
