use super::count;
use crate::model::Family;
use crate::render::number::{seconds, seconds_up};
use crate::report::{Bracket, ClassicStep, ModeWhy};

/// The reason as a clause without a full stop.
pub(super) fn why(why: &ModeWhy) -> String {
    match why {
        ModeWhy::StreamsAreNotFiltered => {
            "nobody but its peer can send to a TCP connection, so a filter cannot be seen over TCP".to_owned()
        }
        ModeWhy::ThroughProxy => "all was asked through the SOCKS5 proxy, and no router was".to_owned(),
        ModeWhy::OnlyOverUdp => "only measured over UDP".to_owned(),
        ModeWhy::ServerSilent { server } => format!("{server} did not answer"),
        ModeWhy::AnsweredFromElsewhere { server, from } => format!("asked {server}, and {from} answered"),
        ModeWhy::Classic { step } => classic(*step),
        ModeWhy::IdleMappings { single, stream } => {
            let after_stream = stream.map(|stream| format!("; after a stream, {}", bracket(stream)));
            format!("after one exchange, {}{}", bracket(*single), after_stream.unwrap_or_default())
        }
        ModeWhy::MappingsTried { mappings } => {
            format!("{} tried from outside", count(*mappings, "mapping", "mappings"))
        }
        ModeWhy::DeadAtFirstTry { dead } => {
            format!("a mapping idle for {} was dead, and none was tried sooner", seconds_up(*dead))
        }
        ModeWhy::LifetimesContradict { alive, dead } => {
            format!("one mapping was alive after {}, another dead after {}", seconds(*alive), seconds_up(*dead))
        }
        ModeWhy::HelperSilent => "packets to a mapping known to be alive did not come through either".to_owned(),
        ModeWhy::NobodyHelps { servers: 0 } => "no server answers that could send to an idle mapping".to_owned(),
        ModeWhy::NobodyHelps { servers: asked } => {
            format!(
                "of {} tried none sends to another port when asked to (RESPONSE-PORT, RFC 5780)",
                count(*asked, "server", "servers")
            )
        }
        ModeWhy::NothingToExpire => "no NAT and no filter: nothing expires".to_owned(),
        ModeWhy::MeasuredOver { family: Family::V4 } => "measured over IPv4 in this run; -6 measures IPv6".to_owned(),
        ModeWhy::MeasuredOver { family: Family::V6 } => "measured over IPv6 in this run; -4 measures IPv4".to_owned(),
    }
}

/// A test of the classic procedure, and what it showed.
fn classic(step: ClassicStep) -> String {
    match step {
        ClassicStep::SecondPassed { from } => format!("Test II: a packet came from {from}, never sent to"),
        ClassicStep::SecondSilent { copies } => {
            format!(
                "Test II: {} from another address and port did not come through",
                count(copies, "packet", "packets")
            )
        }
        ClassicStep::MappedDiffers { first, other } => {
            format!("Test I: the server's first address saw {first}, its other one {other}")
        }
        ClassicStep::ThirdPassed { from } => format!("Test III: a packet came from the server's other port, {from}"),
        ClassicStep::ThirdSilent { copies } => {
            format!(
                "Test III: {} from the server's other port did not come through",
                count(copies, "packet", "packets")
            )
        }
    }
}

/// What a lifetime lies between.
fn bracket(bracket: Bracket) -> String {
    let dead = bracket.dead.map(|dead| format!("dead after {}", seconds_up(dead)));
    let alive = Some(bracket.alive).filter(|alive| !alive.is_zero());
    let alive = alive.map(|alive| format!("alive after {}", seconds(alive)));
    let none = dead.is_none().then(|| "the longest tried".to_owned());
    [alive, dead, none].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
