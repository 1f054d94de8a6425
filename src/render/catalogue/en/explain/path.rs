//! Explanations of what the doctor finds about the way between.

use super::text;
use crate::render::catalogue::Explanation;

pub(super) const ONE_SIDED: Explanation = text(
    "UDP gets through from one host and not from another",
    "The relay answers STUN for one of two hosts, and takes TCP connections from both: what is in the way of \
     UDP is near the other host, or meant for it.",
    "With --compare: the layers of two reports of the same relay. They were not made at the same moment.",
    "Look at the network of the host where UDP fails: `natscope netcheck` there tells whether UDP gets out \
     at all.",
);
