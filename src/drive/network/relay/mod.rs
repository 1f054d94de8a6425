//! One connection to a relay, and what is seen on the way: for the doctor, who wants to know how far it gets.
//!
//! Nothing is verified before it is used: a bad certificate is an answer. Nothing secret is ever said: keys are made for
//! the one connection. Everything a stranger sends is bounded.

mod derp;
mod request;
mod session;
#[cfg(test)]
mod tests;
mod tls;

use std::time::Duration;

use super::causes::Deadline;
use super::https::{Https, Opened, Stream};
use crate::drive::clock::Clock;
use crate::probe::{Failure, RelayAnswer, RelayAsk, RelayQuestion, Sni, Stage};

/// Who asks, and until when.
struct Asking<'a> {
    clock: Clock,
    https: &'a Https,
    question: &'a RelayQuestion,
    deadline: Deadline,
}

/// Asks, and tells how far it came.
pub(super) async fn ask(clock: Clock, https: &Https, question: &RelayQuestion, deadline: Deadline) -> RelayAnswer {
    let asking = Asking { clock, https, question, deadline };
    let mut answer = RelayAnswer::default();
    let ended = match &question.ask {
        RelayAsk::Handshake { sni, alpn } => asking.connect(sni, alpn, &mut answer).await.map(drop),
        RelayAsk::Http { request } => asking.request(*request, &mut answer).await,
        RelayAsk::Derp { start } => asking.derp(*start, None, &mut answer).await,
        RelayAsk::DerpHold { stay } => asking.derp(crate::probe::DerpStart::Upgrade, Some(*stay), &mut answer).await,
        RelayAsk::DerpExchange => asking.exchange(&mut answer).await,
    };
    answer.ended = ended.err();
    answer
}

impl Asking<'_> {
    /// A connection on which HTTP can be spoken.
    async fn usual(&self, answer: &mut RelayAnswer) -> Result<Box<dyn Stream>, Failure> {
        self.connect(&Sni::HostName, &[], answer).await
    }

    async fn connect(&self, sni: &Sni, alpn: &[String], answer: &mut RelayAnswer) -> Result<Box<dyn Stream>, Failure> {
        let target = &self.question.target;
        let opening = async {
            if self.question.tls { self.https.open(target).await } else { self.https.open_directly(target).await }
        };
        let Opened { stream, remote, via_proxy, connect } = self.deadline.within(Stage::Connect, opening).await?;
        answer.remote = Some(remote);
        answer.via_proxy = via_proxy;
        answer.connect = Some(connect);
        if !self.question.tls {
            return Ok(stream);
        }
        let (stream, seen) = tls::handshake(self, stream, sni, alpn).await?;
        answer.tls = Some(seen);
        Ok(stream)
    }

    fn since(&self, begun: crate::probe::Moment) -> Duration {
        self.clock.now().since(begun)
    }
}
