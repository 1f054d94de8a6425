//! The program as a file that loaders of such programs read, with its map.

use std::io;

use object::write::{Object, Relocation, SectionId, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};

use super::code::Assembled;
use super::program::KEY_BYTES;

/// What the program and the map are called in it.
pub(super) const PROGRAM: &str = "stun";
pub(super) const ENDPOINTS: &str = "endpoints";

/// Endpoints a relay may have: its ports, each at every address of this host.
pub(super) const MOST_ENDPOINTS: u32 = 4096;

/// `BPF_MAP_TYPE_HASH`.
const HASH: u32 = 1;

/// `R_BPF_64_64`: the address in an instruction of twice the length.
const ADDRESS: u32 = 1;

pub(super) fn file(program: &Assembled) -> io::Result<Vec<u8>> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let license = object.add_section(Vec::new(), b"license".to_vec(), SectionKind::Data);
    object.append_section_data(license, b"MIT\0", 1);

    let maps = object.add_section(Vec::new(), b"maps".to_vec(), SectionKind::Data);
    // Type, bytes of a key, bytes of a value, entries, flags.
    let key = u32::try_from(KEY_BYTES).map_err(io::Error::other)?;
    let definition = [HASH, key, 8, MOST_ENDPOINTS, 0];
    let definition: Vec<u8> = definition.into_iter().flat_map(u32::to_le_bytes).collect();
    object.append_section_data(maps, &definition, 8);
    let endpoints = symbol(&mut object, ENDPOINTS, SymbolKind::Data, definition.len(), maps);

    let text = object.add_section(Vec::new(), b"classifier".to_vec(), SectionKind::Text);
    object.append_section_data(text, &program.bytes, 8);
    symbol(&mut object, PROGRAM, SymbolKind::Text, program.bytes.len(), text);
    for &offset in &program.maps {
        let flags = RelocationFlags::Elf { r_type: ADDRESS };
        let relocation = Relocation { offset, symbol: endpoints, addend: 0, flags };
        object.add_relocation(text, relocation).map_err(io::Error::other)?;
    }
    object.write().map_err(io::Error::other)
}

fn symbol(object: &mut Object<'_>, name: &str, kind: SymbolKind, size: usize, section: SectionId) -> SymbolId {
    object.add_symbol(Symbol {
        name: name.as_bytes().to_vec(),
        value: 0,
        size: size as u64,
        kind,
        scope: SymbolScope::Dynamic,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    })
}
