"""Where things stand in the compose file. Values are judged as Compose renders them; the file itself tells lines and order."""

import re

from ..cli import MISSING, USAGE, Failure

MERGE = "tag:yaml.org,2002:merge"


class Item:
    """A step of a path: the item of a list that has most of these words, as `host:published:target` has its ports."""

    def __init__(self, *words):
        self.words = {str(word) for word in words if word not in (None, "")}

    def find(self, nodes):
        """The node that fits best, if one fits at all: many of our words, few others."""
        best, most = None, 0
        for node in nodes:
            words = set(_words(node))
            score = len(self.words & words) - len(words - self.words) / 100
            if self.words & words and score > most:
                best, most = node, score
        return best


def _words(node):
    if isinstance(node.value, str):
        yield from re.split(r"[:/]", node.value)
        yield from node.value.split(":")
        return
    for child in node.value:
        for one in child if isinstance(child, tuple) else (child,):
            yield from _words(one)


class Source:
    """The nodes of a compose file, merge keys and aliases resolved."""

    def __init__(self, name, text):
        """`name` is what findings call the file."""
        try:
            import yaml
        except ImportError as error:
            raise Failure("PyYAML is not installed; apt-get install python3-yaml", MISSING) from error
        self.name, self.text = name, text
        try:
            self.root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            # Not the error's own snippet: it may show a key.
            raise Failure(f"{name}:{mark.line + 1 if mark else 1}: no YAML: {error.problem or error.context}", USAGE) from error
        except yaml.YAMLError as error:
            raise Failure(f"{name}:1: no YAML: {type(error).__name__}", USAGE) from error
        if not isinstance(self.root, yaml.MappingNode):
            raise Failure(f"{name}:1: no compose file: it has no `services:`", USAGE)
        self._mapping, self._sequence, self._scalar = yaml.MappingNode, yaml.SequenceNode, yaml.ScalarNode

    def members(self, node):
        """The members of a mapping as (name, node of the name, node of the value), its own before those that it merges; a
        list of `NAME=value`, which Compose takes for one, has the text as both nodes."""
        if isinstance(node, self._sequence):
            for item in node.value:
                if isinstance(item, self._scalar):
                    yield item.value.partition("=")[0], item, item
            return
        if not isinstance(node, self._mapping):
            return
        seen, merged = set(), []
        for key, value in node.value:
            if key.tag == MERGE:
                merged += value.value if isinstance(value, self._sequence) else [value]
            else:
                seen.add(key.value)
                yield key.value, key, value
        for other in merged:
            for name, key, value in self.members(other):
                if name not in seen:
                    seen.add(name)
                    yield name, key, value

    def names(self, *path):
        """The names of the mapping at a path, in the order of the file."""
        node, _, left = self._walk(path)
        return [] if left else [name for name, _, _ in self.members(node)]

    def text_of(self, *path):
        """What is written there, variables and all; None where there is no text."""
        node, _, left = self._walk(path)
        if left or not isinstance(node, self._scalar):
            return None
        parent, _, _ = self._walk(path[:-1])
        return node.value.partition("=")[2] if isinstance(parent, self._sequence) else node.value

    def line(self, *path):
        """The line of what a path leads to, or of the closest parent that is there. A number is a line itself."""
        return path[0] if path and isinstance(path[0], int) else self._walk(path)[1]

    def where(self, path):
        return f"{self.name}:{self.line(*path)}"

    def _walk(self, path):
        """The last node on the way, its line, and how many steps were not found."""
        node, line = self.root, 1
        for done, step in enumerate(path):
            if isinstance(step, Item):
                found = step.find(node.value) if isinstance(node, self._sequence) else None
                key = found
            else:
                key, found = next(((key, value) for name, key, value in self.members(node) if name == step), (None, None))
            if found is None:
                return node, line, len(path) - done
            node, line = found, key.start_mark.line + 1
        return node, line, 0

    def dotted(self, words):
        """The path that words such as `services.front.labels.traefik.enable` mean; names may have dots themselves."""
        path, node = [], self.root
        while words:
            fitting = [m for m in self.members(node) if words == m[0] or words.startswith((f"{m[0]}.", f"{m[0]}["))]
            if not fitting:
                break
            name, _, node = max(fitting, key=lambda member: len(member[0]))
            path.append(name)
            words = words[len(name) :].lstrip(".[").replace("]", "", 1)
        return path
