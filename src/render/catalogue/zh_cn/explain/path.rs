//! 对路径方面发现的说明。

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const ONE_SIDED: Explanation = text(
    "UDP 在一台主机上通，在另一台上不通",
    "中继为两台主机之一应答 STUN，又接受两者的 TCP 连接：挡住 UDP 的东西在另一台主机附近，或专门针对它。",
    "使用 --compare：依据是同一中继的两份报告中的各层。它们不是同时做的。",
    "检查 UDP 不通的那台主机的网络：在那里运行 `natscope netcheck`，看 UDP 能否出去。",
);
