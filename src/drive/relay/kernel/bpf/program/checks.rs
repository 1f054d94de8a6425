//! What is to be answered.

use super::super::code::{Helper, If, Op, Reg, Width};
use super::{
    ADDRESSED, Answering, ETHERNET, INTERFACE, KEY, LOOPBACK, PROTOCOL, REQUEST, SEEN, UDP, VLAN, Version, network,
};

impl Answering<'_> {
    /// Reads the frame, if it is one for this host and whole.
    pub(super) fn take(&mut self) {
        let ok = self.version.protocol().to_be();
        self.refuse_field(ADDRESSED, If::Different, 0);
        self.refuse_field(VLAN, If::Different, 0);
        self.refuse_field(PROTOCOL, If::Different, i32::from(ok));
        self.code.set(Reg::R1, Reg::R6);
        self.code.set(Reg::R2, 0);
        self.point(Reg::R3, SEEN);
        self.code.set(Reg::R4, i32::from(self.version.frame(REQUEST)));
        self.code.call(Helper::LoadBytes);
        self.code.jump_if(Reg::R0, If::Different, 0, self.next);
    }

    /// What the system would look at before it looked for a socket; routes and the firewall it does not ask.
    pub(super) fn check_ip(&mut self) {
        let (source, _) = self.version.addresses();
        // A group's card sends nothing, and would get the answer.
        self.refuse(Width::Byte, SEEN + 6, If::AnyOf, 1);
        let after = REQUEST + UDP;
        match self.version {
            Version::V4 => {
                self.refuse(Width::Byte, SEEN + ETHERNET, If::Different, 0x45);
                self.refuse(Width::Half, SEEN + ETHERNET + 2, If::Different, network(20 + after));
                // All but "don't fragment".
                self.refuse(Width::Half, SEEN + ETHERNET + 6, If::AnyOf, i32::from(0xbfff_u16.to_be()));
                self.refuse(Width::Byte, SEEN + ETHERNET + 9, If::Different, 17);
                self.sum_header(SEEN);
                self.code.jump_if(Reg::R0, If::Different, 0xffff, self.next);
                // Nobody's, and groups.
                self.refuse(Width::Byte, SEEN + ETHERNET + source, If::Equal, 0);
                self.refuse(Width::Byte, SEEN + ETHERNET + source, If::AtLeast, 224);
                let here = self.code.label();
                self.code.load(Reg::R2, Width::Byte, Reg::R10, SEEN + ETHERNET + source);
                self.code.jump_if(Reg::R2, If::Different, 127, here);
                self.refuse_field(INTERFACE, If::Different, LOOPBACK);
                self.code.place(here);
            }
            Version::V6 => {
                self.code.load(Reg::R2, Width::Byte, Reg::R10, SEEN + ETHERNET);
                self.code.do_to(Reg::R2, Op::ShiftRight, 4);
                self.code.jump_if(Reg::R2, If::Different, 6, self.next);
                self.refuse(Width::Half, SEEN + ETHERNET + 4, If::Different, network(after));
                self.refuse(Width::Byte, SEEN + ETHERNET + 6, If::Different, 17);
                self.refuse(Width::Byte, SEEN + ETHERNET + source, If::Equal, 0xff);
                // ::, ::1 and IPv4 in disguise.
                let there = self.code.label();
                self.code.load(Reg::R2, Width::Double, Reg::R10, SEEN + ETHERNET + source);
                self.code.jump_if(Reg::R2, If::Different, 0, there);
                self.refuse(Width::Double, SEEN + ETHERNET + source + 8, If::Equal, 0);
                self.refuse_field(INTERFACE, If::Different, LOOPBACK);
                self.code.place(there);
            }
        }
    }

    pub(super) fn check_request(&mut self, request: &[u32; 10]) {
        let udp = self.udp(SEEN);
        self.refuse(Width::Half, udp, If::Equal, 0);
        self.refuse(Width::Half, udp + 4, If::Different, network(UDP + REQUEST));
        // Without a checksum is not forbidden to IPv4, and the system knows what it does then.
        self.refuse(Width::Half, udp + 6, If::Equal, 0);
        let stun = udp + UDP;
        for (at, word) in (stun..).step_by(4).zip(request) {
            // The transaction's number, and FINGERPRINT's value.
            if !matches!(at - stun, 8 | 12 | 16 | 36) {
                self.refuse_other_word(at, *word);
            }
        }
    }

    /// Whether it is for an endpoint of ours. `R7` is where its answers are counted.
    pub(super) fn look_up(&mut self) {
        let (source, destination) = self.version.addresses();
        self.code.load(Reg::R2, Width::Word, Reg::R6, INTERFACE);
        self.code.store(Width::Word, Reg::R10, KEY, Reg::R2);
        self.copy(Width::Half, self.udp(SEEN) + 2, KEY + 4);
        self.code.set(Reg::R2, if self.version == Version::V4 { 4 } else { 6 });
        self.code.store(Width::Half, Reg::R10, KEY + 6, Reg::R2);
        self.code.set(Reg::R2, 0);
        self.code.store(Width::Double, Reg::R10, KEY + 8, Reg::R2);
        self.code.store(Width::Double, Reg::R10, KEY + 16, Reg::R2);
        self.look_up_address(destination);
        self.code.jump_if(Reg::R0, If::Equal, 0, self.next);
        self.code.set(Reg::R7, Reg::R0);
        // From this host to itself: that comes by the loopback interface, or somebody else has sent it.
        let own = self.code.label();
        self.code.load(Reg::R2, Width::Word, Reg::R6, INTERFACE);
        self.code.jump_if(Reg::R2, If::Equal, LOOPBACK, own);
        self.look_up_address(source);
        self.code.jump_if(Reg::R0, If::Different, 0, self.next);
        self.code.place(own);
    }

    /// `R0` is where answers for that address of the packet are counted, or 0.
    fn look_up_address(&mut self, address: i16) {
        for at in (0..self.version.address()).step_by(4) {
            self.copy(Width::Word, SEEN + ETHERNET + address + at, KEY + 8 + at);
        }
        self.code.set_map(Reg::R1);
        self.point(Reg::R2, KEY);
        self.code.call(Helper::MapLookup);
    }

    pub(super) fn check_fingerprint(&mut self, request: &[u32; 10], changes: &[[u32; 32]; 3]) {
        let stun = self.udp(SEEN) + UDP;
        let [.., base] = request;
        self.code.set_word(Reg::R0, *base);
        for (at, changes) in (stun + 8..).step_by(4).zip(changes) {
            self.code.load(Reg::R1, Width::Word, Reg::R10, at);
            for (bit, change) in (0..).zip(changes) {
                self.code.set(Reg::R2, Reg::R1);
                // A mask would do as well, but the kernel, to be sure of both its values, follows each bit both ways.
                self.code.do_to(Reg::R2, Op::ShiftRight, bit);
                self.code.do_to(Reg::R2, Op::And, 1);
                self.code.do_to(Reg::R2, Op::Multiply, change.cast_signed());
                self.code.do_to(Reg::R0, Op::Xor, Reg::R2);
            }
        }
        // What is above 32 bits means nothing.
        self.code.do_to(Reg::R0, Op::ShiftLeft, 32);
        self.code.do_to(Reg::R0, Op::ShiftRight, 32);
        self.code.load(Reg::R1, Width::Word, Reg::R10, stun + 36);
        self.code.jump_if(Reg::R0, If::Different, Reg::R1, self.next);
    }
}
