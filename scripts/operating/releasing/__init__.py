"""What `scripts/verify-release` looks at: the tree, the binaries, the images."""
