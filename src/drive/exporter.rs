//! Metrics on an address, as whoever measures last put them up.
//!
//! A scrape is answered with what is there: it neither starts a measurement nor waits for one.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap};
use tokio::task::JoinSet;

use super::door::Door;
use super::pages::{self, Answer, CONNECTIONS, Pages};
use super::relay::{Inherited, listen};
use crate::model::Metric;
use crate::wire::exposition;

const ABOUT: &str = concat!(
    "natscope exporter ",
    env!("CARGO_PKG_VERSION"),
    "\n\n/metrics  what was measured last, for Prometheus\n/healthz  ok, as long as the process answers\n"
);

/// Where metrics are put up. Cheap to clone: all clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Texts>>);

/// The metrics in each of the forms they are asked for in.
#[derive(Clone, Debug, Default)]
struct Texts {
    text: Bytes,
    openmetrics: Bytes,
}

impl Board {
    /// Puts these up in place of those that are there.
    pub fn put(&self, metrics: &[Metric]) {
        let texts = Texts {
            text: exposition::encode_text(metrics).into(),
            openmetrics: exposition::encode_openmetrics(metrics).into(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = texts;
    }

    fn texts(&self) -> Texts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An exporter whose sockets are bound and which answers nobody yet.
#[derive(Debug)]
pub struct Exporter {
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    board: Board,
}

impl Exporter {
    /// Binds all addresses (TCP). The error names the one that could not be bound.
    pub fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        let sockets = listen::bind_tcp(addresses, &Inherited::default())?;
        let addresses = sockets.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        Ok(Self { sockets, addresses, board: Board::default() })
    }

    /// Where it listens, as bound.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What it shows.
    #[must_use]
    pub fn board(&self) -> Board {
        self.board.clone()
    }

    /// Answers until what is returned is dropped. Must be called within a tokio runtime. The error is that of handing it
    /// the sockets.
    pub fn serve(self) -> io::Result<JoinSet<()>> {
        let door = Door::new(CONNECTIONS);
        let mut tasks = JoinSet::new();
        for socket in self.sockets {
            let listener = tokio::net::TcpListener::from_std(socket)?;
            tasks.spawn(pages::serve(self.board.clone(), Arc::clone(&door), listener));
        }
        Ok(tasks)
    }
}

impl Pages for Board {
    fn answer(&self, path: &str, headers: &HeaderMap) -> Answer {
        match path {
            "/metrics" if wants_openmetrics(headers) => {
                pages::typed(StatusCode::OK, exposition::OPENMETRICS, self.texts().openmetrics)
            }
            "/metrics" => pages::text(StatusCode::OK, self.texts().text),
            "/healthz" => pages::text(StatusCode::OK, "ok\n"),
            "/" => pages::typed(StatusCode::OK, "text/plain; charset=utf-8", ABOUT),
            _ => pages::text(StatusCode::NOT_FOUND, "not here: /, /metrics, /healthz\n"),
        }
    }
}

/// Whether the form is among those that are taken. Prometheus names it first, everybody else does not name it.
fn wants_openmetrics(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut forms = accepts.flat_map(|value| value.split(','));
    forms.any(|form| {
        let mut parts = form.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/openmetrics-text"))
            && !parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "version=0.0.1"))
    })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_name_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, wanted) in [
            (prometheus, true),
            ("application/openmetrics-text", true),
            ("text/plain, Application/OpenMetrics-Text ; version=1.0.0", true),
            ("application/openmetrics-text;q=0, text/plain", false),
            ("application/openmetrics-text;version=0.0.1", false),
            ("*/*", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_openmetrics(&headers), wanted, "{accept}");
        }
        assert!(!wants_openmetrics(&HeaderMap::new()));
    }
}
