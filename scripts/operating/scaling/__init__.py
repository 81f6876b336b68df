"""How the cost of the pair grows, and how a balance over several workers does: docs/scaling.md."""
