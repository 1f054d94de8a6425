//! Relays played by a function, in virtual time: what is asked of them, and what is said of them.

mod cases;
mod certificates;
mod doubt;
mod local;
mod play;
mod timing;
