//! Whoever started this process and looks after it: systemd, or what speaks its protocol (`sd_notify`). Where nobody does,
//! nothing is said.

/// Tells that the work has begun: what waits for it may go on.
pub fn ready() {
    tell(State::Ready);
}

/// Tells that the process is about to end by itself.
pub fn stopping() {
    tell(State::Stopping);
}

#[derive(Clone, Copy, Debug)]
enum State {
    Ready,
    Stopping,
}

#[cfg(unix)]
fn tell(state: State) {
    use sd_notify::NotifyState;

    let said = match state {
        State::Ready => NotifyState::Ready,
        State::Stopping => NotifyState::Stopping,
    };
    if let Err(error) = sd_notify::notify(&[said]) {
        tracing::warn!(?state, %error, "$NOTIFY_SOCKET is set, and whoever is there could not be told");
    }
}

#[cfg(not(unix))]
fn tell(state: State) {
    tracing::trace!(?state, "there is nobody to tell");
}
