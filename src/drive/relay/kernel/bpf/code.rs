//! Instructions of the kernel's virtual machine (RFC 9669), with names for the places that are jumped to.

use std::io;

/// A register. `R0` holds results, `R1` to `R5` arguments, which a call spoils; `R10` is the end of the stack, 512 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reg {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R10 = 10,
}

/// How much is loaded or stored: 1, 2, 4 or 8 bytes, at a multiple of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Byte = 0x10,
    Half = 0x08,
    Word = 0x00,
    Double = 0x18,
}

/// What is done to a register, 64 bits wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Add = 0x00,
    Multiply = 0x20,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
    Xor = 0xa0,
    Move = 0xb0,
}

/// When it is jumped, numbers being unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum If {
    Equal = 0x10,
    AtLeast = 0x30,
    /// One of these bits is set.
    AnyOf = 0x40,
    Different = 0x50,
}

/// The other operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum With {
    Reg(Reg),
    /// Made 64 bits wide with its sign.
    Number(i32),
}

impl From<Reg> for With {
    fn from(reg: Reg) -> Self {
        Self::Reg(reg)
    }
}

impl From<i32> for With {
    fn from(number: i32) -> Self {
        Self::Number(number)
    }
}

/// Functions of the kernel, by their numbers in its `bpf.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Helper {
    MapLookup = 1,
    StoreBytes = 9,
    ReplaceL4Checksum = 11,
    Redirect = 23,
    LoadBytes = 26,
    DiffChecksum = 28,
    ChangeTail = 38,
}

/// A place in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// A program in the making.
#[derive(Debug, Default)]
pub(super) struct Code {
    instructions: Vec<Instruction>,
    /// Where each label is.
    labels: Vec<Option<usize>>,
    /// Which instructions are to have the map.
    maps: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: u8,
    target: Reg,
    source: Reg,
    offset: Offset,
    number: i32,
}

#[derive(Clone, Copy, Debug)]
enum Offset {
    Bytes(i16),
    To(Label),
}

const NOTHING: Offset = Offset::Bytes(0);

/// A program, as the kernel takes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assembled {
    pub(super) bytes: Vec<u8>,
    /// At which bytes the map is to be filled in.
    pub(super) maps: Vec<u64>,
}

impl Code {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A place that is not known yet.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// It is here.
    pub(super) fn place(&mut self, label: Label) {
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(self.instructions.len());
        }
    }

    fn push(&mut self, code: u8, target: Reg, source: Reg, offset: Offset, number: i32) {
        self.instructions.push(Instruction { code, target, source, offset, number });
    }

    /// With the class of the instruction: the other operand decides on one bit.
    fn push_with(&mut self, code: u8, target: Reg, with: With, offset: Offset) {
        match with {
            With::Number(number) => self.push(code, target, Reg::R0, offset, number),
            With::Reg(source) => self.push(code | 0x08, target, source, offset, 0),
        }
    }

    pub(super) fn do_to(&mut self, target: Reg, op: Op, with: impl Into<With>) {
        self.push_with(0x07 | op as u8, target, with.into(), NOTHING);
    }

    pub(super) fn set(&mut self, target: Reg, with: impl Into<With>) {
        self.do_to(target, Op::Move, with);
    }

    /// All 32 bits of a number, and no sign.
    pub(super) fn set_word(&mut self, target: Reg, number: u32) {
        self.push(0xb4, target, Reg::R0, NOTHING, number.cast_signed());
    }

    pub(super) fn load(&mut self, target: Reg, width: Width, from: Reg, offset: i16) {
        self.push(0x61 | width as u8, target, from, Offset::Bytes(offset), 0);
    }

    pub(super) fn store(&mut self, width: Width, at: Reg, offset: i16, source: Reg) {
        self.push(0x63 | width as u8, at, source, Offset::Bytes(offset), 0);
    }

    /// Adds to eight bytes in memory, at once for all processors.
    pub(super) fn add_to_memory(&mut self, at: Reg, source: Reg) {
        self.push(0xdb, at, source, NOTHING, 0);
    }

    /// The map, which is known when the program is loaded.
    pub(super) fn set_map(&mut self, target: Reg) {
        self.maps.push(self.instructions.len());
        self.push(0x18, target, Reg::R0, NOTHING, 0);
        self.push(0x00, Reg::R0, Reg::R0, NOTHING, 0);
    }

    pub(super) fn jump_if(&mut self, left: Reg, when: If, right: impl Into<With>, to: Label) {
        self.push_with(0x05 | when as u8, left, right.into(), Offset::To(to));
    }

    pub(super) fn call(&mut self, helper: Helper) {
        self.push(0x85, Reg::R0, Reg::R0, NOTHING, helper as i32);
    }

    pub(super) fn exit(&mut self) {
        self.push(0x95, Reg::R0, Reg::R0, NOTHING, 0);
    }

    /// Fails where a label has no place, or one too far away for a jump.
    pub(super) fn assemble(&self) -> io::Result<Assembled> {
        let mut bytes = Vec::with_capacity(self.instructions.len() * 8);
        for (at, Instruction { code, target, source, offset, number }) in self.instructions.iter().enumerate() {
            let offset = match offset {
                Offset::Bytes(offset) => *offset,
                Offset::To(label) => {
                    let place = self.labels.get(label.0).copied().flatten();
                    let place = place.ok_or_else(|| io::Error::other("a jump to nowhere"))?;
                    // From the next instruction on.
                    let distance = place.wrapping_sub(at + 1).cast_signed();
                    i16::try_from(distance).map_err(|_| io::Error::other("a jump too far"))?
                }
            };
            bytes.extend([*code, (*source as u8) << 4 | *target as u8]);
            bytes.extend(offset.to_le_bytes());
            bytes.extend(number.to_le_bytes());
        }
        Ok(Assembled { bytes, maps: self.maps.iter().map(|&at| at as u64 * 8).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What clang makes of the same, as `llvm-objdump` shows it.
    #[test]
    fn instructions_are_those_of_the_machine() {
        let mut code = Code::new();
        let end = code.label();
        code.set(Reg::R6, Reg::R1);
        code.load(Reg::R2, Width::Word, Reg::R1, 16);
        code.jump_if(Reg::R2, If::Different, 8, end);
        code.load(Reg::R3, Width::Byte, Reg::R10, -4);
        code.do_to(Reg::R3, Op::ShiftRight, 4);
        code.store(Width::Double, Reg::R10, -8, Reg::R3);
        code.set_map(Reg::R1);
        code.call(Helper::MapLookup);
        code.jump_if(Reg::R0, If::Equal, Reg::R3, end);
        code.do_to(Reg::R3, Op::Multiply, 63);
        code.add_to_memory(Reg::R0, Reg::R3);
        code.place(end);
        code.set_word(Reg::R0, 0xffff_ffff);
        code.exit();
        let expected = [
            0xbf16_0000_0000_0000,
            0x6112_1000_0000_0000,
            0x5502_0900_0800_0000,
            0x71a3_fcff_0000_0000,
            0x7703_0000_0400_0000,
            0x7b3a_f8ff_0000_0000,
            0x1801_0000_0000_0000,
            0x0000_0000_0000_0000,
            0x8500_0000_0100_0000,
            0x1d30_0200_0000_0000,
            0x2703_0000_3f00_0000,
            0xdb30_0000_0000_0000,
            0xb400_0000_ffff_ffff,
            0x9500_0000_0000_0000,
        ];
        let assembled = code.assemble().unwrap();
        let (found, []) = assembled.bytes.as_chunks() else { panic!("no whole instruction at the end") };
        assert_eq!(found.iter().map(|bytes| u64::from_be_bytes(*bytes)).collect::<Vec<_>>(), expected);
        assert_eq!(assembled.maps, [48]);
    }

    #[test]
    fn a_jump_needs_a_place_within_reach() {
        let mut code = Code::new();
        let end = code.label();
        code.jump_if(Reg::R1, If::Equal, 0, end);
        assert!(code.assemble().is_err());
        for _ in 0..=0x7fff {
            code.exit();
        }
        code.place(end);
        assert!(code.assemble().is_err());
    }
}
