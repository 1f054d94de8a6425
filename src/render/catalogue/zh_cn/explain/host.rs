//! 对中继所在主机方面发现的说明。

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const NOT_LISTENING: Explanation = text(
    "本机没有程序监听中继的端口",
    "中继进程不在，或在另一个端口，或在自己的网络中。",
    "使用 --local：依据是本机的套接字表（Linux）。除非容器使用主机网络，其套接字不在表中；所以当 derper 在另一个网络中运行、\
     中继仍然应答或系统没有告知时，只作为“不知道”的提示，不算错误。",
    "启动它，或从容器发布端口，并在日志中查找绑定错误。",
);

pub(super) const LOOPBACK_ONLY: Explanation = text(
    "中继的端口只绑定在回环地址上",
    "除了本机程序，谁也到不了它。对同机代理之后的中继这是对的；对 STUN 则不对，没有代理能承载它。",
    "使用 --local：该端口上的每个套接字都绑定在回环地址上。",
    "绑定公网地址或所有地址（derper -a :443；STUN 跟随 -a 的地址）。",
);

pub(super) const CLOCK: Explanation = text(
    "本机的时钟没有校准",
    "证书和登录依赖时间；无人校准的时钟会漂移，直到它们失败。",
    "使用 --local：systemd 报告没有校准（NTPSynchronized=no）。由此并不知道偏差多少。",
    "启动对时服务：`timedatectl set-ntp true`，或 chrony。",
);

pub(super) const TAILSCALED: Explanation = text(
    "中继要询问 tailscaled，但它不在",
    "带 -verify-clients 的 derper 就每个客户端询问本机的 tailscaled，问不到时拒绝所有人。",
    "使用 --local：依据是 derper 的参数，以及它查找的位置没有套接字。",
    "在旁边运行同一 tailnet 的 tailscaled；在容器中挂载 /var/run/tailscale。或改用 -verify-client-url。",
);

pub(super) const CERTIFICATE: Explanation = text(
    "证书文件与中继出示的不同",
    "带 -certmode manual 的 derper 只在启动时读取一次 -certdir 中的“主机名.crt”。之后续期的文件在重启前不起作用；文件缺失或\
     过期时，下次启动会失败。",
    "使用 --local：依据是本机 derper 的参数、其中指明的文件，以及同一次检查中中继出示的证书。前面的代理会出示自己的证书。\
     容器中的 derper 按容器内的文件查看；无权读取的文件只作为提示。",
    "让续期写入该文件，之后重启 derper（certbot 的 --deploy-hook）。",
);
