mod attached;
mod code;
mod elf;
mod endpoints;
mod interface;
mod program;

pub(in crate::drive::relay) use attached::Kernel;
