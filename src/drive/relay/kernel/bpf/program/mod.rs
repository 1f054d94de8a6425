//! The program that answers Tailscale's requests where packets come in, before the system's sockets are looked for.
//!
//! It knows one request, of 40 bytes: a Binding request with SOFTWARE `tailnode` and a right FINGERPRINT, which is what
//! every Tailscale client sends and nearly all that a relay's STUN gets. What is not exactly that, in one whole frame to
//! an endpoint it was told of, it leaves alone.

mod answer;
mod checks;

use std::io;

use super::code::{Assembled, Code, Helper, If, Label, Op, Reg, Width};
use crate::wire::stun::{self, RequestForm, TransactionId};

/// Where its parts begin on the stack. Frames lie so that the header of IP is at a multiple of eight.
const SEEN: i16 = -118;
const KEY: i16 = -144;
const MADE: i16 = -262;

const ETHERNET: i16 = 14;
const UDP: i16 = 8;
const REQUEST: i16 = 40;

/// Bytes of an endpoint's key: interface (4), port (2), version of IP (2), address (16, the first four for IPv4).
pub(super) const KEY_BYTES: usize = 24;

/// What the kernel tells of a packet, by place in its `struct __sk_buff`.
const LENGTH: i16 = 0;
const ADDRESSED: i16 = 4;
const PROTOCOL: i16 = 16;
const VLAN: i16 = 20;
const INTERFACE: i16 = 40;

/// The loopback interface has this number everywhere.
const LOOPBACK: i32 = 1;

/// What becomes of a packet: the next program has it, and after the last one the system; or nobody.
const NEXT: u32 = u32::MAX;
const DROP: u32 = 2;

/// Flags of the kernel's functions.
const RECOMPUTE: i32 = 1;
const PSEUDO_HEADER: i32 = 0x10;
const KEEP_NO_CHECKSUM: i32 = 0x20;

const TIME_TO_LIVE: u32 = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V4,
    V6,
}

impl Version {
    const fn protocol(self) -> u16 {
        match self {
            Self::V4 => 0x0800,
            Self::V6 => 0x86dd,
        }
    }

    /// Of the header of IP; longer ones, with options, are not answered.
    const fn header(self) -> i16 {
        match self {
            Self::V4 => 20,
            Self::V6 => 40,
        }
    }

    /// Of source and destination, in the header.
    const fn addresses(self) -> (i16, i16) {
        match self {
            Self::V4 => (12, 16),
            Self::V6 => (8, 24),
        }
    }

    const fn address(self) -> i16 {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }

    /// Of the answer: a header and XOR-MAPPED-ADDRESS.
    const fn answer(self) -> i16 {
        20 + 8 + self.address()
    }

    const fn frame(self, stun: i16) -> i16 {
        ETHERNET + self.header() + UDP + stun
    }
}

/// The program. It is run for each packet that comes in, so that what is not meant must be seen at once: by its length.
pub(super) fn program() -> io::Result<Assembled> {
    let (request, changes) = (request([0; 12])?, changes()?);
    let mut code = Code::new();
    let (v6, next, drop) = (code.label(), code.label(), code.label());
    code.set(Reg::R6, Reg::R1);
    code.load(Reg::R2, Width::Word, Reg::R6, LENGTH);
    code.jump_if(Reg::R2, If::Equal, i32::from(Version::V6.frame(REQUEST)), v6);
    code.jump_if(Reg::R2, If::Different, i32::from(Version::V4.frame(REQUEST)), next);
    Answering { code: &mut code, version: Version::V4, next, drop }.write(&request, &changes);
    code.place(v6);
    Answering { code: &mut code, version: Version::V6, next, drop }.write(&request, &changes);
    code.place(next);
    code.set_word(Reg::R0, NEXT);
    code.exit();
    code.place(drop);
    code.set_word(Reg::R0, DROP);
    code.exit();
    code.assemble()
}

/// The request with this transaction's number, word by word in the machine's byte order.
fn request(transaction: [u8; 12]) -> io::Result<[u32; 10]> {
    let request =
        stun::encode_request(TransactionId(transaction), RequestForm::Tailnode, None).map_err(io::Error::other)?;
    let (words, _) = request.as_chunks();
    let words: Vec<_> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    words.try_into().map_err(|_| io::Error::other("a Tailscale request has 40 bytes"))
}

/// How FINGERPRINT, in the machine's byte order, changes with each bit of the transaction's number, word by word. All that
/// differs from one such request to another is that number, and CRC-32 is linear: each bit of it changes FINGERPRINT in its
/// own way, whatever the others are. Neither a table nor a loop is needed then.
fn changes() -> io::Result<[[u32; 32]; 3]> {
    let [.., base] = request([0; 12])?;
    let mut changes = [[0; 32]; 3];
    for (word, changes) in changes.iter_mut().enumerate() {
        for (bit, change) in changes.iter_mut().enumerate() {
            let mut number = [0_u32; 3];
            if let Some(number) = number.get_mut(word) {
                *number = 1 << bit;
            }
            let bytes: Vec<u8> = number.into_iter().flat_map(u32::to_le_bytes).collect();
            let [.., other] = request(bytes.try_into().unwrap_or_default())?;
            *change = other ^ base;
        }
    }
    Ok(changes)
}

/// The part for a version of IP. `R6` is the packet.
struct Answering<'a> {
    code: &'a mut Code,
    version: Version,
    /// Where it goes on for what is not to be answered.
    next: Label,
    /// And where an answer cannot be finished.
    drop: Label,
}

impl Answering<'_> {
    fn write(&mut self, request: &[u32; 10], changes: &[[u32; 32]; 3]) {
        self.take();
        self.check_ip();
        self.check_request(request);
        self.look_up();
        self.check_fingerprint(request, changes);
        self.make_headers();
        self.make_answer();
        self.send();
    }

    /// Where the header of UDP is in a frame that begins there.
    const fn udp(&self, frame: i16) -> i16 {
        frame + ETHERNET + self.version.header()
    }

    fn point(&mut self, reg: Reg, at: i16) {
        self.code.set(reg, Reg::R10);
        self.code.do_to(reg, Op::Add, i32::from(at));
    }

    /// The sum of a header of IPv4, as its checksum wants it: 0xffff for a right one.
    fn sum_header(&mut self, frame: i16) {
        self.code.set(Reg::R1, 0);
        self.code.set(Reg::R2, 0);
        self.point(Reg::R3, frame + ETHERNET);
        self.code.set(Reg::R4, 20);
        self.code.set(Reg::R5, 0);
        self.code.call(Helper::DiffChecksum);
        for _ in 0..2 {
            self.code.set(Reg::R1, Reg::R0);
            self.code.do_to(Reg::R1, Op::ShiftRight, 16);
            self.code.do_to(Reg::R0, Op::And, 0xffff);
            self.code.do_to(Reg::R0, Op::Add, Reg::R1);
        }
    }

    fn refuse(&mut self, width: Width, at: i16, when: If, number: i32) {
        self.code.load(Reg::R2, width, Reg::R10, at);
        self.code.jump_if(Reg::R2, when, number, self.next);
    }

    /// Of what the kernel tells.
    fn refuse_field(&mut self, field: i16, when: If, number: i32) {
        self.code.load(Reg::R2, Width::Word, Reg::R6, field);
        self.code.jump_if(Reg::R2, when, number, self.next);
    }

    fn refuse_other_word(&mut self, at: i16, word: u32) {
        self.code.load(Reg::R2, Width::Word, Reg::R10, at);
        self.code.set_word(Reg::R3, word);
        self.code.jump_if(Reg::R2, If::Different, Reg::R3, self.next);
    }

    fn copy(&mut self, width: Width, from: i16, to: i16) {
        self.code.load(Reg::R2, width, Reg::R10, from);
        self.code.store(width, Reg::R10, to, Reg::R2);
    }

    fn put_word(&mut self, at: i16, word: u32) {
        self.code.set_word(Reg::R2, word.to_be());
        self.code.store(Width::Word, Reg::R10, at, Reg::R2);
    }
}

/// A length as it is in a header.
const fn network(length: i16) -> i32 {
    length.cast_unsigned().to_be() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the kernel takes it is shown where there is one (`tests/kernel_stun`); older ones took 4096 at the most.
    #[test]
    fn the_program_is_whole_and_small() {
        let program = program().unwrap();
        assert_eq!(program.maps.len(), 4, "for either address, of each version of IP");
        assert!(program.bytes.len() / 8 < 2048, "{}", program.bytes.len() / 8);
    }

    #[test]
    fn each_bit_changes_fingerprint_in_its_own_way() {
        let ([.., base], changes) = (request([0; 12]).unwrap(), changes().unwrap());
        for number in [*b"abcdefghijkl", [0xff; 12], [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]] {
            let words = request(number).unwrap();
            let mut fingerprint = base;
            for (word, changes) in words[2..5].iter().zip(&changes) {
                for (bit, change) in changes.iter().enumerate().filter(|(bit, _)| word >> bit & 1 == 1) {
                    assert!(bit < 32);
                    fingerprint ^= change;
                }
            }
            assert_eq!(words[9], fingerprint);
        }
    }
}
