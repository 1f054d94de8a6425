//! The answer as versioned data.
