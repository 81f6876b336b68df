//! Replacing.
