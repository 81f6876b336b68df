//! What reaches a collector. Around the fake child.
