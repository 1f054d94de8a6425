//! STUN through a SOCKS5 proxy: an association in the place of each socket.

use std::sync::Arc;

use super::super::causes::cause_of;
use super::super::socks::{self, Association};
use super::super::{DriveError, stun_codec};
use super::{Arrival, RECEIVE_BUFFER, RECEIVE_ERRORS_MAX, Request, StunSockets, lock, random_id};
use crate::model::{Socks5Proxy, unmap};
use crate::probe::{Failure, Observation, Outcome, Slot, Stage};

/// An association in the place of a socket.
#[derive(Clone)]
pub(super) struct Proxied {
    number: u32,
    association: Arc<Association>,
}

impl StunSockets {
    /// Through the slot's association, which the first request has made. A slot that is for one request alone gets one of
    /// its own.
    pub(super) fn launch_proxied(&mut self, request: &Request, proxy: &Arc<Socks5Proxy>) -> Result<(), DriveError> {
        let known =
            self.associations.get(&request.slot).filter(|_| matches!(request.slot, Slot::Shared { .. })).cloned();
        let Proxied { number, association } = match known {
            Some(known) => known,
            None => self.open_association(request.slot, proxy),
        };
        let id = random_id()?;
        let encoded = stun_codec::encode_request(id, request.form);
        let asked_at = self.register(id, request, number);
        let (clock, requests, heard) = (self.clock, Arc::clone(&self.requests), self.heard.clone());
        let (probe, server) = (request.probe, request.server);
        self.listeners.spawn(async move {
            let sending = async {
                let datagram = encoded.map_err(|cause| Failure::new(Stage::Stun, cause))?;
                let made = association.made().await?;
                // It may have taken a while to be made.
                lock(&requests).sent(id, clock.now());
                let sending = made.socket.send(&socks::wrap(server, &datagram)).await;
                sending.map_err(|error| Failure::new(Stage::Stun, cause_of(&error)))
            };
            if let Err(failure) = sending.await {
                let outcome = Outcome::Failed(failure);
                let _ =
                    heard.send(Observation { probe: Some(probe), sent_at: asked_at, at: clock.now(), outcome }).await;
            }
        });
        Ok(())
    }

    /// A new association for the slot, and who listens to it.
    fn open_association(&mut self, slot: Slot, proxy: &Arc<Socks5Proxy>) -> Proxied {
        self.opened += 1;
        let number = self.opened;
        let port = match slot {
            Slot::Shared { index: 0, .. } => self.bind_port,
            _ => None,
        };
        let association = Arc::new(Association::new(Arc::clone(proxy), self.binding.clone(), port));
        let opened = Proxied { number, association: Arc::clone(&association) };
        self.associations.insert(slot, opened.clone());
        let (clock, requests, heard) = (self.clock, Arc::clone(&self.requests), self.heard.clone());
        self.listeners.spawn(async move {
            let Ok(made) = association.made().await else { return };
            let local = made.socket.local_addr().ok().map(unmap);
            let mut buffer = vec![0; RECEIVE_BUFFER];
            let mut errors = 0;
            while errors < RECEIVE_ERRORS_MAX {
                let Ok(length) = made.socket.recv(&mut buffer).await else {
                    errors += 1;
                    continue;
                };
                let at = clock.now();
                let Some((from, datagram)) = buffer.get(..length).and_then(socks::unwrap) else { continue };
                let arrival = Arrival { socket: number, slot, local, from, at };
                let told = lock(&requests).judge(&arrival, stun_codec::decode(datagram));
                if let Some(observation) = told
                    && heard.send(observation).await.is_err()
                {
                    return;
                }
            }
        });
        opened
    }
}
