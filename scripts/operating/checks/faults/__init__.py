"""The faults that a compose file can have, each made in the real one: what the tests of `scripts/port-check` go through."""

from . import confinement, literals, middlewares, reach, routers, state
from .making import FRONT, Fault, at, swap

FAULTS = {
    "the front has another name": Fault(swap(FRONT, "  gateway:\n"), at("services:\n"), "the service front is missing"),
    **{
        f"{part.__name__.rpartition('.')[2]}: {name}": fault
        for part in (routers, middlewares, reach, state, confinement, literals)
        for name, fault in part.FAULTS.items()
    },
}
