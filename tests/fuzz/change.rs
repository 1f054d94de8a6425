//! Changes of inputs, from a stream of random numbers.

use fastrand::Rng;

/// No input gets longer.
pub(crate) const LONGEST: usize = 1 << 16;
/// Numbers at the edge of something: of a byte, of a sign, of lengths.
const EDGES: [u64; 12] = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff];

/// One of these inputs after one to eight changes.
pub(crate) fn change(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = any(rng, seeds).to_vec();
    for _ in 0..rng.u8(1..=8) {
        once(rng, &mut input, seeds);
    }
    input.truncate(LONGEST);
    input
}

fn any<'a>(rng: &mut Rng, seeds: &'a [Vec<u8>]) -> &'a [u8] {
    rng.choice(seeds).map_or(&[], Vec::as_slice)
}

fn once(rng: &mut Rng, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = rng.usize(..=input.len());
    let end = (at + rng.usize(1..=32)).min(input.len());
    match rng.u8(..11) {
        0 if !input.is_empty() => {
            let at = at % input.len();
            input[at] ^= 1 << rng.u8(..8);
        }
        1 if !input.is_empty() => {
            let at = at % input.len();
            input[at] = rng.u8(..);
        }
        2 if !input.is_empty() => number(rng, input, at),
        3 => drop(input.drain(at..end)),
        4 => {
            let copy = input[at..end].to_vec();
            let to = rng.usize(..=input.len());
            input.splice(to..to, copy);
        }
        5 => {
            let mut bytes = vec![0; rng.usize(1..=16)];
            rng.fill(&mut bytes);
            input.splice(at..at, bytes);
        }
        6 => {
            let same = vec![rng.u8(..); rng.usize(1..=300)];
            input.splice(at..at, same);
        }
        7 => input.truncate(at),
        8 => {
            let other = any(rng, seeds);
            let from = rng.usize(..=other.len());
            input.splice(at.., other[from..].iter().copied());
        }
        9 => {
            let times = rng.usize(1..=64).min(LONGEST / input.len().max(1));
            *input = input.repeat(times.max(1));
        }
        _ => {
            let other = any(rng, seeds).to_vec();
            input.splice(at..at, other);
        }
    }
}

/// Writes a number at an edge, of one to four bytes, in either order: a length, or a type, most likely.
fn number(rng: &mut Rng, input: &mut [u8], at: usize) {
    let size = *rng.choice(&[1_usize, 2, 3, 4]).unwrap_or(&1);
    let number = EDGES[rng.usize(..EDGES.len())].wrapping_add(rng.u64(..=2)).wrapping_sub(1);
    let bytes =
        if rng.bool() { number.to_be_bytes()[8 - size..].to_vec() } else { number.to_le_bytes()[..size].to_vec() };
    let at = at.min(input.len().saturating_sub(size));
    for (place, byte) in input[at..].iter_mut().zip(bytes) {
        *place = byte;
    }
}
