//! The first message of a WebSocket, as a server sends it (RFC 6455 section 5.2): just enough to see who answers.

use thiserror::Error;

/// Bytes of a message that are worth having.
pub const MAX_MESSAGE: usize = 16 * 1024;

/// A whole binary message in one frame, not masked.
const FINAL_BINARY: u8 = 0x82;

/// The payload of the first message, once it is there: `None` until more is read. Lengths beyond [`MAX_MESSAGE`] are
/// refused before there is memory for them.
pub fn first_message(read: &[u8]) -> Result<Option<&[u8]>, NotTheMessage> {
    let &[kind, short, ref rest @ ..] = read else { return Ok(None) };
    if kind != FINAL_BINARY {
        return Err(NotTheMessage::NotBinary);
    }
    let (length, begins) = match (short, rest) {
        (126, &[a, b, ..]) => (usize::from(u16::from_be_bytes([a, b])), 4),
        (126, _) => return Ok(None),
        (0..126, _) => (usize::from(short), 2),
        _ => return Err(NotTheMessage::MaskedOrLong),
    };
    if length > MAX_MESSAGE {
        return Err(NotTheMessage::MaskedOrLong);
    }
    Ok(read.get(begins..begins + length))
}

/// Why a WebSocket does not begin as that of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotTheMessage {
    /// Text, a control frame, or a part of something.
    #[error("the WebSocket does not begin with a binary message")]
    NotBinary,
    /// Masked, as servers must not, or longer than any relay's key.
    #[error("the first message of the WebSocket is masked or very long")]
    MaskedOrLong,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap();
        let head = match u8::try_from(length) {
            Ok(short) if short < 126 => vec![FINAL_BINARY, short],
            _ => [&[FINAL_BINARY, 126][..], &length.to_be_bytes()].concat(),
        };
        [head, payload.to_vec()].concat()
    }

    proptest! {
        #[test]
        fn a_message_is_read_once_it_is_whole(payload in prop::collection::vec(any::<u8>(), 0..2000)) {
            let whole = framed(&payload);
            for length in 0..whole.len() {
                prop_assert_eq!(first_message(&whole[..length]), Ok(None));
            }
            prop_assert_eq!(first_message(&whole), Ok(Some(&payload[..])));
        }

        #[test]
        fn anything_else_is_refused_or_waited_for(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = first_message(&bytes);
        }
    }

    #[test]
    fn what_servers_do_not_send_is_refused() {
        assert_eq!(first_message(&[0x81, 1, b'a']), Err(NotTheMessage::NotBinary));
        assert_eq!(first_message(&[0x02, 1, 0]), Err(NotTheMessage::NotBinary));
        assert_eq!(first_message(&[0x82, 0x81, 0]), Err(NotTheMessage::MaskedOrLong));
        assert_eq!(first_message(&[0x82, 127]), Err(NotTheMessage::MaskedOrLong));
        assert_eq!(first_message(&[0x82, 126, 0xff, 0xff]), Err(NotTheMessage::MaskedOrLong));
    }
}
