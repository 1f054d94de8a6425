//! How the system is to treat a client's connection.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// A connection that is silent this long is asked whether it is still there; then every so often, and so many times.
/// derper's, except for the first, which it has at ten minutes: routers forget a silent connection sooner.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(120);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
#[cfg(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "freebsd", windows))]
const KEEPALIVE_TIMES: u32 = 9;

/// What was sent and is not acknowledged this long has nobody at the other end.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);

/// Sets what can be set: a connection without it is slower or lingers, and works.
pub(super) fn prepare(stream: &TcpStream) {
    // Frames are gathered before they are written; what is written is not to wait for more.
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "freebsd", windows))]
    let keepalive = keepalive.with_retries(KEEPALIVE_TIMES);
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
}

/// Raises the number of files this process may have open as far as the system lets it: every client is one. Returns
/// what it is then, `None` where there is no such number or it cannot be told.
#[must_use]
pub fn raise_open_files() -> Option<u64> {
    #[cfg(unix)]
    return rlimit::increase_nofile_limit(u64::MAX).ok();
    #[cfg(not(unix))]
    None
}
