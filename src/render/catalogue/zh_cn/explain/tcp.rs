//! 对连接方面发现的说明。

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const CLOSED: Explanation = text(
    "无法与中继建立 TCP 连接",
    "DERP 走 TCP。被拒绝说明有东西应答，但那里不接受连接；没有任何回应说明包或应答被丢弃。",
    "在两秒半内尝试了数次连接。没有回应时分不清是防火墙还是主机停机；若同一地址的 STUN 有应答，则主机在运行。",
    "用 `ss -lntp` 确认中继监听地图中的端口和地址，并在主机和云服务商的防火墙中开放该端口；在路由器之后则要做\
     端口转发。",
);

pub(super) const PROXY: Explanation = text(
    "环境中的代理到不了中继",
    "HTTPS_PROXY 或系统设置让连接经过代理，而代理没有连到中继。",
    "所示的失败来自代理（连上或没连上），中继本身没有被询问。",
    "在代理中允许对中继的域名和端口使用 CONNECT；若可以直连，把域名加入 NO_PROXY。",
);
