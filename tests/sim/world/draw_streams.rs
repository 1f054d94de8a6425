//! STUN servers that answer over TCP, with a chance of their own; some maps hold nothing but STUN servers.

use super::World;
use crate::random::Random;

pub(super) fn draw_streams(world: &mut World, r: &mut Random) {
    let plain = r.chance(0.1);
    for server in world.regions.iter_mut().flat_map(|region| &mut region.nodes) {
        server.stun_only |= plain;
        server.stun_tcp = server.stun_only && r.chance(0.7);
    }
}
