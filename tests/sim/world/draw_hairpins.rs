//! Hairpins at random, and how many sockets ask, with a chance of their own: the worlds were there before them.

use super::World;
use crate::random::Random;

/// Routers that turn packets back although they are Linux, that leave the source as it is, hosts that hear themselves,
/// and users who do not want to know.
pub(super) fn draw_hairpins(world: &mut World, r: &mut Random) {
    world.options.hairpin = !r.chance(0.05);
    world.options.sockets = if r.chance(0.2) { r.between(3, 32) as u8 } else { 2 };
    world.host.hears_itself = r.chance(0.3);
    for network in [&mut world.v4, &mut world.v6] {
        let single = network.boxes.len() == 1;
        for rules in network.boxes.iter_mut().filter(|rules| !rules.publics.is_empty()) {
            // One that answers strangers itself turns nothing back: it takes what is sent to its address for its own.
            rules.hairpin |= rules.overload && !rules.input_accept && r.chance(0.3);
            rules.keeps_source = single && rules.hairpin && r.chance(0.3);
        }
    }
}
