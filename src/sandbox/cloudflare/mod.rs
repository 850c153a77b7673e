//! Simulated vendor; to be written.
