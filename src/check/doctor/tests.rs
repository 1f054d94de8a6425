//! Relays played by a function, in virtual time: what is asked of them, and what is said of them.

mod cases;
mod play;
mod timing;
