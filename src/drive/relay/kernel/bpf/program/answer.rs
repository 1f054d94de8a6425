//! And how.

use super::super::code::{Helper, If, Op, Reg, Width, With};
use super::{
    Answering, ETHERNET, INTERFACE, KEEP_NO_CHECKSUM, MADE, PSEUDO_HEADER, RECOMPUTE, REQUEST, SEEN, TIME_TO_LIVE, UDP,
    Version, network,
};

impl Answering<'_> {
    /// Ethernet, IP and UDP, back to where it came from.
    pub(super) fn make_headers(&mut self) {
        for at in [0, 2, 4] {
            self.copy(Width::Half, SEEN + at, MADE + 6 + at);
            self.copy(Width::Half, SEEN + 6 + at, MADE + at);
        }
        self.copy(Width::Half, SEEN + 12, MADE + 12);
        let made = MADE + ETHERNET;
        let (source, destination) = self.version.addresses();
        let length = self.version.answer() + UDP;
        match self.version {
            Version::V4 => {
                self.put_word(made, 0x4500_0000 | u32::from((20 + length).cast_unsigned()));
                // Whole or not at all: then it needs no number.
                self.put_word(made + 4, 0x0000_4000);
                self.put_word(made + 8, TIME_TO_LIVE << 24 | 17 << 16);
            }
            Version::V6 => {
                self.put_word(made, 6 << 28);
                self.put_word(made + 4, u32::from(length.cast_unsigned()) << 16 | 17 << 8 | TIME_TO_LIVE);
            }
        }
        for at in (0..self.version.address()).step_by(4) {
            self.copy(Width::Word, SEEN + ETHERNET + source + at, made + destination + at);
            self.copy(Width::Word, SEEN + ETHERNET + destination + at, made + source + at);
        }
        if self.version == Version::V4 {
            self.sum_header(MADE);
            self.code.do_to(Reg::R0, Op::Xor, 0xffff);
            self.code.store(Width::Half, Reg::R10, made + 10, Reg::R0);
        }
        let (seen, made) = (self.udp(SEEN), self.udp(MADE));
        self.copy(Width::Half, seen, made + 2);
        self.copy(Width::Half, seen + 2, made);
        self.code.set(Reg::R2, network(length));
        self.code.store(Width::Half, Reg::R10, made + 4, Reg::R2);
        // The old one; what makes it the new one is added when all is written.
        self.copy(Width::Half, seen + 6, made + 6);
    }

    /// A success response with XOR-MAPPED-ADDRESS alone, as derper gives it (RFC 8489 section 14.2).
    pub(super) fn make_answer(&mut self) {
        let (seen, made) = (self.udp(SEEN) + UDP, self.udp(MADE) + UDP);
        let (source, _) = self.version.addresses();
        let address = self.version.address();
        self.put_word(made, 0x0101_0000 | u32::from((self.version.answer() - 20).cast_unsigned()));
        for at in [4, 8, 12, 16] {
            self.copy(Width::Word, seen + at, made + at);
        }
        self.put_word(made + 20, 0x0020_0000 | u32::from((4 + address).cast_unsigned()));
        self.code.set(Reg::R2, network(if self.version == Version::V4 { 1 } else { 2 }));
        self.code.store(Width::Half, Reg::R10, made + 24, Reg::R2);
        self.code.load(Reg::R2, Width::Half, Reg::R10, self.udp(SEEN));
        self.code.do_to(Reg::R2, Op::Xor, i32::from(0x2112_u16.to_be()));
        self.code.store(Width::Half, Reg::R10, made + 26, Reg::R2);
        for at in (0..address).step_by(4) {
            // The cookie and the transaction's number are one after the other.
            self.code.load(Reg::R2, Width::Word, Reg::R10, SEEN + ETHERNET + source + at);
            self.code.load(Reg::R3, Width::Word, Reg::R10, seen + 4 + at);
            self.code.do_to(Reg::R2, Op::Xor, Reg::R3);
            self.code.store(Width::Word, Reg::R10, made + 28 + at, Reg::R2);
        }
    }

    pub(super) fn send(&mut self) {
        let (seen, made) = (UDP + REQUEST, UDP + self.version.answer());
        let checksum = i32::from(ETHERNET + self.version.header() + 6);
        // What the checksum changes by. A card or the other end of a virtual cable may still have to make it: the kernel's
        // functions know.
        self.point(Reg::R1, self.udp(SEEN));
        self.code.set(Reg::R2, i32::from(seen));
        self.point(Reg::R3, self.udp(MADE));
        self.code.set(Reg::R4, i32::from(made));
        self.code.set(Reg::R5, 0);
        self.code.call(Helper::DiffChecksum);
        self.code.set(Reg::R8, Reg::R0);

        self.code.set(Reg::R1, Reg::R6);
        self.code.set(Reg::R2, i32::from(self.version.frame(self.version.answer())));
        self.code.set(Reg::R3, 0);
        self.code.call(Helper::ChangeTail);
        self.code.jump_if(Reg::R0, If::Different, 0, self.next);
        // No way back from here.
        self.write_back(0, ETHERNET, 0);
        self.write_back(ETHERNET, self.version.header() + made, RECOMPUTE);

        let unlike = [
            (With::Number(0), With::Reg(Reg::R8), KEEP_NO_CHECKSUM),
            (With::Number(network(seen)), With::Number(network(made)), 2 | PSEUDO_HEADER | KEEP_NO_CHECKSUM),
        ];
        for (old, new, flags) in unlike {
            self.code.set(Reg::R1, Reg::R6);
            self.code.set(Reg::R2, checksum);
            self.code.set(Reg::R3, old);
            self.code.set(Reg::R4, new);
            self.code.set(Reg::R5, flags);
            self.code.call(Helper::ReplaceL4Checksum);
            self.code.jump_if(Reg::R0, If::Different, 0, self.drop);
        }
        self.code.set(Reg::R1, 1);
        self.code.add_to_memory(Reg::R7, Reg::R1);
        self.code.load(Reg::R1, Width::Word, Reg::R6, INTERFACE);
        self.code.set(Reg::R2, 0);
        self.code.call(Helper::Redirect);
        self.code.exit();
    }

    /// From what was made into the packet.
    fn write_back(&mut self, at: i16, length: i16, flags: i32) {
        self.code.set(Reg::R1, Reg::R6);
        self.code.set(Reg::R2, i32::from(at));
        self.point(Reg::R3, MADE + at);
        self.code.set(Reg::R4, i32::from(length));
        self.code.set(Reg::R5, flags);
        self.code.call(Helper::StoreBytes);
        self.code.jump_if(Reg::R0, If::Different, 0, self.drop);
    }
}
