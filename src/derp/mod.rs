//! Sessions of a relay and its clients, and the switchboard between them.
