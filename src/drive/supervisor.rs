//! Whoever started this process and looks after it: systemd, or what speaks its protocol (`sd_notify`). Where nobody does,
//! nothing is said.

use std::time::Duration;

use tokio::task::JoinSet;

/// Nobody is told more often than this, whatever he wants.
const SHORTEST_TICK: Duration = Duration::from_millis(10);

/// Tells that the work has begun: what waits for it may go on.
pub fn ready() {
    tell(State::Ready);
}

/// Tells that files are being read again; [`ready`] tells that they have been.
pub fn reloading() {
    tell(State::Reloading);
}

/// Tells every so often that the process is alive, if whoever looks after it wants that (`WatchdogSec=`), until what is
/// returned is dropped. It is told by a task like those of clients: where they no longer get a turn, it falls silent.
#[must_use]
pub fn keep_watchdog() -> JoinSet<()> {
    let mut task = JoinSet::new();
    if let Some(patience) = watchdog() {
        // Twice within what is borne, as systemd asks for.
        let mut ticks = tokio::time::interval((patience / 2).max(SHORTEST_TICK));
        task.spawn(async move {
            loop {
                ticks.tick().await;
                tell(State::Alive);
            }
        });
    }
    task
}

/// Tells that the process is about to end by itself.
pub fn stopping() {
    tell(State::Stopping);
}

#[derive(Clone, Copy, Debug)]
enum State {
    Ready,
    Reloading,
    Alive,
    Stopping,
}

#[cfg(unix)]
fn tell(state: State) {
    use sd_notify::NotifyState;

    let said = match state {
        State::Ready => vec![NotifyState::Ready],
        // systemd 253 wants to know when, and ends the wait for it by the next word that is later.
        State::Reloading => std::iter::once(NotifyState::Reloading).chain(NotifyState::monotonic_usec_now()).collect(),
        State::Alive => vec![NotifyState::Watchdog],
        State::Stopping => vec![NotifyState::Stopping],
    };
    if let Err(error) = sd_notify::notify(&said) {
        tracing::warn!(?state, %error, "$NOTIFY_SOCKET is set, and whoever is there could not be told");
    }
}

#[cfg(unix)]
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

#[cfg(not(unix))]
const fn watchdog() -> Option<Duration> {
    None
}

#[cfg(not(unix))]
fn tell(state: State) {
    tracing::trace!(?state, "there is nobody to tell");
}
