//! 通过 ACME 申请证书时的话。

use crate::render::catalogue::phrase::Phrase;

pub(super) const PHRASES: &[Phrase] = &[
    // 参数。
    (
        "write a URL with https, as https://acme-staging-v02.api.letsencrypt.org/directory",
        "请写 https 的 URL，例如 https://acme-staging-v02.api.letsencrypt.org/directory",
    ),
    ("write an email address, as admin@example.com", "请写电子邮件地址，例如 admin@example.com"),
    (
        "--cert-mode acme is for a DNS name, and --hostname {} is an address: give the name that leads there, or leave --cert-mode out for a self-signed certificate, known by its pin",
        "--cert-mode acme 只用于域名，而 --hostname {} 是地址：请写指向该地址的域名；或不写 --cert-mode，使用靠指纹识别的自签名证书",
    ),
    (
        "--cert-mode acme is for a DNS name: add --hostname relay.example.com",
        "--cert-mode acme 只用于域名：请加上 --hostname relay.example.com",
    ),
    ("{} says nothing without --cert-mode acme: add it", "没有 --cert-mode acme 时 {} 不起作用：请加上它"),
    // 开场白与自检。
    ("ACME       {}, whose terms of service apply", "ACME       {}，适用其服务条款"),
    ("{}, whose terms of service apply", "{}，适用其服务条款"),
    ("refuses handshakes until there is a certificate", "在取得证书之前拒绝握手"),
    // 日志。
    ("asking for a certificate for {}", "正在为 {} 申请证书"),
    ("an account was made, which agrees to the authority's terms of service", "已创建账户，即同意该机构的服务条款"),
    ("a new certificate is served from now on, until {}", "新证书即刻启用，有效至 {}"),
    ("{}; trying {}", "{}；改试 {}"),
    ("{}; a new account is made", "{}；正在创建新账户"),
    ("no certificate yet, and handshakes are refused: {}; trying again in {}", "还没有证书，握手被拒绝：{}；{} 后重试"),
    ("the certificate has expired and is not renewed: {}; trying again in {}", "证书已过期而未能续期：{}；{} 后重试"),
    (
        "the certificate expires in {} and is not renewed: {}; trying again in {}",
        "证书将在 {} 后过期而未能续期：{}；{} 后重试",
    ),
    (
        "the certificate is not renewed, and is good for {}: {}; trying again in {}",
        "证书未能续期，还有 {} 有效：{}；{} 后重试",
    ),
    ("what was kept is of no use, and another certificate is asked for: {}", "保存的证书不能用，将另行申请：{}"),
    ("others than its owner may read the account's key: chmod 600", "属主以外的人可以读取账户的密钥：请 chmod 600"),
    (
        "the authority looks for its proof on ports 443 and 80 of {}, and the relay listens on neither: something must lead from there to here",
        "机构在 {} 的端口 443 和 80 上验证，而中继两个都没有监听：必须有转发通到这里",
    ),
    // 在哪一步。
    ("the account", "账户"),
    ("the directory", "ACME 目录"),
    ("a new account", "创建账户"),
    ("the account's email address", "账户的电子邮件地址"),
    ("the directory of certificates", "证书目录"),
    ("a new order", "下单"),
    ("the order", "订单"),
    ("the proof", "验证"),
    ("signing", "签发"),
    ("the certificate's key", "证书的密钥"),
    ("the new certificate", "新证书"),
    // 原因。
    ("cannot use {}: {}", "无法使用 {}：{}"),
    (
        "it is no account as natscope keeps it; without the file, a new one is made",
        "它不是 natscope 保存的账户；没有这个文件则会创建新账户",
    ),
    ("cannot ask an ACME directory: {}", "无法询问 ACME 目录：{}"),
    ("{}: no certificate of an authority: {}", "{}：不是证书机构的证书：{}"),
    ("it answered {} and no ACME problem", "它应答 {}，且不是 ACME 错误报告"),
    ("its answer is longer than any of an ACME directory", "它的应答比任何 ACME 目录的都长"),
    ("the digest of a challenge has another length than SHA-256", "验证摘要的长度不是 SHA-256 的长度"),
    ("cannot make the certificate of a challenge: {}", "无法生成验证用的证书：{}"),
    ("cannot make a request for a certificate: {}", "无法生成证书请求：{}"),
    ("the account's key cannot be used: {}", "账户的密钥无法使用：{}"),
    ("by this host's clock it is to be renewed already: is the clock right?", "按本机时钟它已经该续期了：时钟正确吗？"),
    ("its answer is not as ACME has it: {}", "它的应答不符合 ACME：{}"),
    ("missing data: {}", "缺少数据：{}"),
    ("ACME server does not support: {}", "ACME 服务器不支持：{}"),
    ("it did not say why", "它没有说明原因"),
    ("not done in {} s", "{} 秒内没有完成"),
    ("the authority calls it {} from the start", "机构一开始就称其为 {}"),
    ("the authority calls it invalid, and did not say why", "机构称其无效，没有说明原因"),
    ("the authority wants one of {}", "机构只接受 {}"),
    ("the authority has not decided in {} s ({})", "机构在 {} 秒内没有作出判断（{}）"),
    ("{} failed: {}", "{} 失败：{}"),
    ("a kind not known here", "一种这里不认识的方式"),
    ("the certificate just issued", "刚签发的证书"),
    ("cannot write to {}: {}", "无法写入 {}：{}"),
    ("timed out waiting for an order update", "等待订单更新超时"),
];
