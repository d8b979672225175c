//! Real engines for tests.
