//! Any disco message, and any packet: decoding never panics, what is read is written again, and what is sealed opens.

use natscope::model::{DiscoPrivate, DiscoPublic};
use natscope::wire::disco::{self, Message};
use natscope::wire::nacl::{SharedSecret, disco_public};
use std::sync::LazyLock;

/// Two sides, and what each makes of the other's key: the same for every input, as it takes long.
static SIDES: LazyLock<(DiscoPrivate, DiscoPrivate, SharedSecret, SharedSecret)> = LazyLock::new(|| {
    let (ours, theirs) = (DiscoPrivate::generate([1; 32]), DiscoPrivate::generate([2; 32]));
    let here = SharedSecret::for_disco(&ours, &disco_public(&theirs)).expect("no weak key");
    let there = SharedSecret::for_disco(&theirs, &disco_public(&ours)).expect("no weak key");
    (ours, theirs, here, there)
});

pub fn run(bytes: &[u8]) {
    let _ = disco::sender(bytes);
    let (ours, theirs, here, there) = &*SIDES;
    assert!(disco::open(bytes, here).is_err(), "nobody guesses a tag");
    if let Some(key) = bytes.first_chunk() {
        let _ = SharedSecret::for_disco(ours, &DiscoPublic::from_bytes(*key));
    }
    if let Ok(message) = Message::decode(bytes) {
        let packet = disco::seal(&message, &disco_public(theirs), there, &[3; 24]);
        assert!(disco::looks_like(&packet));
        let opened = disco::open(&packet, here).expect("what is sealed opens");
        assert_eq!(opened, message);
    }
}
