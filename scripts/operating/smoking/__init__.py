"""The parts of `scripts/smoke`: what is asked, how curl asks it, how answers are judged, and what is kept of them."""
