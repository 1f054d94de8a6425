//! Datagrams of a socket, many in one call of the system where there is a call for that: at full load most of what a
//! small answer costs is calls.

#[cfg(any(not(target_os = "linux"), test))]
mod each;
#[cfg(target_os = "linux")]
mod many;

#[cfg(not(target_os = "linux"))]
pub(super) use each::{Receiver, send_one, send_some};
#[cfg(target_os = "linux")]
pub(super) use many::{Receiver, send_one, send_some};

/// More than any Binding request; a longer datagram is cut by the system and then no whole message.
const LARGEST: usize = 2048;

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use super::super::group::Answer;
    use super::each;

    fn socket(address: &str) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind(address).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    /// What each of the two does with the same datagrams. They have no type in common.
    macro_rules! check {
        ($way:path, $home:literal) => {{
            use $way as way;
            let ((near, at), (far, from)) = (socket($home), socket($home));
            let sent: Vec<Vec<u8>> = (0..100_u8).map(|byte| vec![byte; usize::from(byte)]).collect();
            for datagram in &sent {
                far.send_to(datagram, at).unwrap();
            }
            let mut receiver = way::Receiver::new();
            let mut arrived = Vec::new();
            while arrived.len() < sent.len() {
                receiver.receive(&near).unwrap();
                arrived.extend(receiver.datagrams().map(|(from, bytes)| (from, bytes.to_vec())));
            }
            assert_eq!(arrived, sent.iter().map(|datagram| (from, datagram.clone())).collect::<Vec<_>>());
            let mut answers: Vec<_> =
                sent.iter().map(|bytes| Answer { at: 0, to: from, bytes: bytes.clone(), help: None }).collect();
            // One that cannot be sent stops what comes before and after it from nothing.
            answers[50].bytes = vec![0; 70_000];
            let (mut rest, mut failed) = (&answers[..], Vec::new());
            while !rest.is_empty() {
                let dealt_with = way::send_some(&near, rest).unwrap_or_else(|_| {
                    failed.push(answers.len() - rest.len());
                    1
                });
                rest = &rest[dealt_with..];
            }
            assert_eq!(failed, [50]);
            let mut buffer = [0; 200];
            for (_, expected) in sent.iter().enumerate().filter(|(at, _)| *at != 50) {
                let (length, from) = far.recv_from(&mut buffer).unwrap();
                assert_eq!((&buffer[..length], from), (&expected[..], at));
            }
        }};
    }

    #[test]
    fn datagrams_come_and_go_in_order_and_none_is_lost_to_another() {
        check!(each, "127.0.0.1:0");
        #[cfg(target_os = "linux")]
        {
            check!(super::many, "127.0.0.1:0");
            check!(super::many, "[::1]:0");
        }
    }
}
