//! Who may use the relay, asked once for each connection, after the client has proven its key.
//!
//! A client on a list is served without another question. Any other must be known to every verifier there is, and a
//! verifier that cannot be asked has not said yes. With neither lists nor verifiers nobody is served, unless everybody
//! is.

mod list;
mod tailscaled;
mod url;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::options::{Access, AccessRules};
use crate::model::NodePublic;
pub(super) use list::parse_key;

use list::AllowList;
use url::UrlVerifier;

/// The rules in force.
#[derive(Debug)]
pub(super) struct Admission {
    open: bool,
    list: AllowList,
    url: Option<UrlVerifier>,
    tailscaled: Option<std::path::PathBuf>,
    /// Of the relay's own check of itself, while it lasts.
    own: Mutex<Option<NodePublic>>,
}

/// What was decided about a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Admit(Grounds),
    Refuse(Refusal),
}

/// Why a client is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grounds {
    /// Everybody is.
    Open,
    /// It is on a list.
    Listed,
    /// Every verifier knows it.
    Verified,
    /// It is the relay itself, checking that it answers.
    Own,
    /// It has the key of the mesh: another relay.
    Mesh,
}

/// Why a client is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There are lists, and it is on none.
    NotListed,
    /// A verifier says no.
    Denied { by: String },
    /// A verifier could not be asked, or gave no answer that can be understood.
    NotVerified { by: String, because: String },
}

impl Admission {
    /// Reads the lists. The error names what is wrong with which.
    pub(super) fn new(access: Access) -> io::Result<Self> {
        let (open, rules) = match access {
            Access::Anyone => (true, AccessRules::default()),
            Access::Rules(rules) => (false, rules),
        };
        Ok(Self {
            open,
            list: AllowList::load(rules.allow)?,
            url: rules.verify_client_url.map(UrlVerifier::new).transpose()?,
            tailscaled: rules.tailscaled,
            own: Mutex::new(None),
        })
    }

    /// Decides about a client that has proven its key. `source` is where it comes from. Takes as long as the slowest
    /// verifier, five seconds at the most.
    pub(super) async fn decide(&self, key: NodePublic, source: IpAddr) -> Decision {
        if self.own().is_some_and(|own| own == key) {
            return Decision::Admit(Grounds::Own);
        }
        if self.open {
            return Decision::Admit(Grounds::Open);
        }
        if self.list.contains(&key) {
            return Decision::Admit(Grounds::Listed);
        }
        if self.url.is_none() && self.tailscaled.is_none() {
            return Decision::Refuse(Refusal::NotListed);
        }
        if let Some(socket) = &self.tailscaled
            && let Err(refusal) = tailscaled::verify(socket, key).await
        {
            return Decision::Refuse(refusal);
        }
        if let Some(url) = &self.url
            && let Err(refusal) = url.verify(key, source).await
        {
            return Decision::Refuse(refusal);
        }
        Decision::Admit(Grounds::Verified)
    }

    /// Whether a client that was admitted would be now, as far as that is known without asking anybody.
    pub(super) fn still_admits(&self, key: &NodePublic, grounds: Grounds) -> bool {
        grounds != Grounds::Listed || self.list.contains(key)
    }

    /// Reads the lists again. `true`: they have changed.
    pub(super) fn reload(&self) -> bool {
        self.list.reload()
    }

    /// From now on this key is the relay's own; `None`: it has none.
    pub(super) fn set_own(&self, key: Option<NodePublic>) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    fn own(&self) -> Option<NodePublic> {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules for a person, as in "may be used by …".
    pub(super) fn describe(&self) -> String {
        if self.open {
            return "anyone who can reach it".to_owned();
        }
        let mut verifiers = Vec::new();
        if let Some(socket) = &self.tailscaled {
            verifiers.push(format!("the tailscaled at {}", socket.display()));
        }
        if let Some(url) = &self.url {
            verifiers.push(url.to_string());
        }
        let listed = self.list.describe();
        match (listed, verifiers.is_empty()) {
            (Some(listed), true) => listed,
            (None, true) => "nobody".to_owned(),
            (None, false) => format!("clients known to {}", verifiers.join(" and ")),
            (Some(listed), false) => format!("{listed}, and clients known to {}", verifiers.join(" and ")),
        }
    }
}

impl fmt::Display for Grounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "the relay is open",
            Self::Listed => "on the allow list",
            Self::Verified => "verified",
            Self::Own => "the relay's own check",
            Self::Mesh => "it has the mesh key",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("its key is on no allow list"),
            Self::Denied { by } => write!(f, "{by} does not allow it"),
            Self::NotVerified { by, because } => write!(f, "{by} could not be asked ({because})"),
        }
    }
}
