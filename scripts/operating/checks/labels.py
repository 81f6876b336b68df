"""Traefik's labels of a service as what they configure: `traefik.http.<kind>.<name>.<option>`, options in any case."""

from .verdict import fault, hold

PREFIX = "traefik.http."


class Labels:
    """Routers, middlewares and services by name, each a mapping of its options."""

    def __init__(self, service, source):
        self.service, self.source = service, source
        self._values = dict(service.labels)
        self._keys, self.twice, self.foreign = {}, [], []
        for key, value in service.labels.items():
            parts = key.split(".")
            if parts[0].lower() != "traefik":
                continue
            if len(parts) > 2 and parts[1].lower() in ("tcp", "udp"):
                self.foreign.append(key)
                continue
            place = self._place(key)
            if place in self._keys:
                self.twice.append(key)
            self._keys[place] = (key, value or "")

    @staticmethod
    def _place(key):
        parts = key.split(".")
        if key.lower().startswith(PREFIX) and len(parts) > 3:
            return (parts[2].lower(), parts[3], ".".join(parts[4:]).lower())
        return (key.lower(),)

    def single(self, key):
        """The value of a label that has no name in it, such as `traefik.enable`; None where it isn't there."""
        return self._keys.get((key,), (None, None))[1]

    def named(self, kind):
        """{name: {option: value}} of a kind, in the order of the file."""
        found = {}
        places = [self._place(name) for name in self.source.names(*self.service.at("labels"))]
        # Those of the file first; what Compose has from elsewhere (`extends`) has no order there.
        for place in [*places, *self._keys]:
            if len(place) == 3 and place[0] == kind and place in self._keys:
                found.setdefault(place[1], {})[place[2]] = self._keys[place][1]
        return found

    def at(self, *place):
        """The path of a label; of the first of its name's where it isn't there, so that the line is close by."""
        if place in self._keys:
            return self.service.at("labels", self._keys[place][0])
        if len(place) == 3:
            for name in self.source.names(*self.service.at("labels")):
                if self._place(name)[:2] == place[:2]:
                    return self.service.at("labels", name)
        return self.service.at("labels")


def check(stack):
    """Traefik is told of the front, by the network that it shares with it, and of nothing else."""
    labels = Labels(stack.front, stack.source)
    yield hold(
        "traefik.enable is true",
        labels.at("traefik.enable"),
        labels.single("traefik.enable") == "true",
        'Traefik leaves the front out: set the label traefik.enable: "true"',
    )
    network = labels.single("traefik.docker.network")
    yield hold(
        "traefik.docker.network is traefik",
        labels.at("traefik.docker.network"),
        network == "traefik",
        f"traefik.docker.network is {network or 'not set'}: set it to traefik, or Traefik may ask in a network that "
        "it isn't in",
    )
    for key in labels.twice:
        yield fault(stack.front.at("labels", key), f"{key} is set twice, in two spellings: keep one")
    for key in labels.foreign:
        yield fault(stack.front.at("labels", key), f"{key} opens a way around the routers: take it out")
    for other in stack.others(stack.front):
        wrong = sorted(name for name in other.labels if name.lower().startswith("traefik."))
        yield hold(
            f"{other.name} has no label of Traefik's",
            other.at("labels", *wrong[:1]),
            not wrong,
            f"{other.name} has the label {', '.join(wrong)}: the front alone is behind Traefik; take it out",
        )
