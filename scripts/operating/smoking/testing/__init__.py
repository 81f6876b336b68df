"""What the tests of `scripts/smoke` share: a front that can be spoilt, and a way to run the script."""
