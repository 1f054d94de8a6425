//! The keys of nodes and relays: public ones that name somebody, private ones that prove it, and the mesh key.
//!
//! A key is 32 bytes and a text: a prefix and 64 hex digits, written in lower case, read in either. Nothing here
//! computes with keys (that is `wire::nacl`) and nothing here draws random bytes: they are handed in.

mod hex;
mod private;
mod public;

pub use hex::KeyError;
pub use private::{DiscoPrivate, MeshKey, NodePrivate};
pub use public::{DiscoPublic, NodePublic};

#[cfg(test)]
mod tests;
