//! Small drawings of what stands on the way.

use super::markup::Markup;
use crate::render::document::StopKind;

/// Draws the icon of a kind of stop, if it has one, at that distance from the left edge.
pub(super) fn draw(svg: &mut Markup, kind: StopKind, left: usize) -> bool {
    let line = match kind {
        // A screen on its foot.
        StopKind::Host => "M1 2h14v9H1zM8 11v3M4 14h8",
        // A pipe.
        StopKind::Tunnel => "M1 5h11M1 11h11M12 5a1.5 3 0 0 1 0 6a1.5 3 0 0 1 0-6zM4 8h5",
        // A box with aerials and lamps.
        StopKind::Nat => "M1 9h14v5H1zM4 9V3M12 9V3M4 11.5h1M7 11.5h1M11 11.5h2",
        // A mast.
        StopKind::Carrier => "M8 6L4 15M8 6l4 9M5.5 12h5M4 2.5a5 5 0 0 0 0 7M12 2.5a5 5 0 0 1 0 7M8 5v1",
        // A gate.
        StopKind::Portal => "M2 15V5a6 4 0 0 1 12 0v10M6 15V7M10 15V7M2 10h12",
        // A globe.
        StopKind::Internet => "M8 1a7 7 0 0 1 0 14a7 7 0 0 1 0-14zM1 8h14M8 1c-5 4-5 10 0 14M8 1c5 4 5 10 0 14",
        // Two drawers of a rack.
        StopKind::Relay => "M1 2h14v5H1zM1 9h14v5H1zM4 4.5h1M4 11.5h1M8 4.5h5M8 11.5h5",
        StopKind::Layer => return false,
    };
    let place = format!("translate({left} 8)");
    svg.empty("path", &[("class", "icon"), ("transform", place.as_str()), ("d", line)]);
    true
}
