//! Two ends of a ping against each other, in virtual time.
