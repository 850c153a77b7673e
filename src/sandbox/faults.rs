//! Faults on demand: what a bad network or a tired vendor does, by chance and by seed.
