use std::time::Duration;

use serde_json::{Value, json};

use super::{Words, millis, plain};
use crate::report::{Bracket, Classic, Lifetime, Nat, StunServer};

impl Words<'_> {
    pub(super) fn nat(&self, nat: &Nat) -> Value {
        json!({
            "difficulty": self.verdict(&nat.difficulty, plain),
            "effective": self.verdict(&nat.effective, plain),
            "type": self.verdict(&nat.nat_type, plain),
            "level": nat.level.as_ref().map(plain),
            "mapping": self.verdict(&nat.mapping, plain),
            "mapping_varies": self.verdict(&nat.mapping_varies, plain),
            "filtering": self.verdict(&nat.filtering, plain),
            "hairpinning": self.verdict(&nat.hairpinning, plain),
            "port_preservation": self.verdict(&nat.port_preservation, plain),
            "port_allocation": self.verdict(&nat.port_allocation, plain),
            "pooling": self.verdict(&nat.pooling, plain),
            "mapping_lifetime_s": self.verdict(&nat.mapping_lifetime, |lifetime| json!(seconds(*lifetime))),
            "lifetime": nat.lifetime.as_ref().map(|lifetime| self.lifetime(lifetime)),
            "rfc3489": nat.classic.as_ref().map(|classic| self.classic(classic)),
            "carrier_grade": self.verdict(&nat.carrier_grade, plain),
            "mapped": nat.mapped.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "local": nat.local.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "servers": nat.servers.iter().map(|server| self.server(server)).collect::<Vec<_>>(),
            "transport": plain(&nat.transport),
            "proxy": nat.proxy,
        })
    }

    fn lifetime(&self, lifetime: &Lifetime) -> Value {
        let bracket = |bracket: &Bracket| json!({ "alive_s": seconds(bracket.alive), "dead_s": bracket.dead.map(|dead| seconds(dead + Duration::from_nanos(999_999))) });
        json!({
            "single": self.verdict(&lifetime.single, bracket),
            "stream": self.verdict(&lifetime.stream, bracket),
            "server": lifetime.server.map(|server| server.to_string()),
        })
    }

    fn classic(&self, classic: &Classic) -> Value {
        json!({
            "type": self.verdict(&classic.nat_type, plain),
            "server": classic.server.to_string(),
            "warning": classic.warning.map(|warning| self.catalogue.classic_warning(warning)),
        })
    }

    fn server(&self, server: &StunServer) -> Value {
        json!({
            "server": server.server,
            "endpoint": server.endpoint.to_string(),
            "rfc5780": server.rfc5780,
            "rtt_ms": server.round_trip.map(millis),
            "trusted": server.trusted,
            "note": server.note.as_ref().map(|note| self.catalogue.server_note(note)),
        })
    }
}

/// Seconds, to the millisecond.
#[allow(clippy::cast_precision_loss, reason = "exact below 2^53 milliseconds")]
fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1e3
}
