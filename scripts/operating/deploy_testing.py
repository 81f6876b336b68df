"""A tree with the real `port-prod` and `rollback`, and stand-ins for docker and for the scripts that they start."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from operating.cli import ROOT

REAL = ("port-prod", "rollback")
OTHERS = ("port-check", "port-sync-config", "backup", "restore", "smoke")
PAIR = {"worker": "gw-worker", "front": "gw-front"}

#: It keeps names of images and what runs in `state.json`, as an engine does; `fail` has the words of what goes wrong.
DOCKER = '''import json, os, sys
path = os.environ["STATE"]
state = json.load(open(path))
words = sys.argv[1:]
state["calls"].append(words)
pair = {"worker": "gw-worker:latest", "front": "gw-front:latest"}
out, code = "", 0
if words[:2] == ["compose", "version"]:
    out = "v5"
elif words[0] == "compose":
    action = next(word for word in words if word in ("config", "ps", "build", "up", "stop"))
    if action in state["fail"]:
        state["fail"].remove(action)
        print(f"{action} went wrong")
        code = 17
    elif action == "config":
        home = {"type": "bind", "source": os.environ["HOME_DIR"], "target": "/var/lib/codex"}
        services = {name: {"image": image} for name, image in pair.items()}
        services["worker"].update(user=f"{os.getuid()}:10000", volumes=[home])
        out = json.dumps({"services": services})
    elif action == "ps":
        out = f"c-{words[-1]}" if state["running"].get(words[-1]) else ""
    elif action == "build":
        state["images"].update(state.pop("next", {}))
    elif action == "up":
        state["running"] = {name: state["images"][image] for name, image in pair.items()}
elif words[0] == "inspect":
    thing, form = words[3], words[2]
    if thing.startswith("c-"):
        out = state["running"][thing[2:]]
    elif form == "{{.Id}}":
        out, code = state["images"].get(thing, ""), 0 if thing in state["images"] else 1
elif words[0] == "tag":
    state["images"][words[2]] = state["images"].get(words[1], words[1])
elif words[:2] == ["image", "ls"]:
    out = "\\n".join(name for name in state["images"] if name.startswith(words[-1]))
json.dump(state, open(path, "w"))
print(out)
sys.exit(code)
'''
#: Another script: it notes how it was started, and ends as `codes` has it, the next one first.
OTHER = '''import json, os, sys
path = os.environ["STATE"]
state = json.load(open(path))
name = os.path.basename(sys.argv[0])
state["started"].append([name, *sys.argv[1:]])
codes = state["codes"].get(name, [])
code = codes.pop(0) if codes else 0
json.dump(state, open(path, "w"))
sys.exit(code)
'''


class Deploying(unittest.TestCase):
    """Runs the real scripts in a tree of their own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name).resolve()
        (self.tree / "scripts").mkdir()
        shutil.copytree(ROOT / "scripts/operating", self.tree / "scripts/operating", ignore=shutil.ignore_patterns("test_*"))
        for name in REAL:
            shutil.copy(ROOT / "scripts" / name, self.tree / "scripts" / name)
        for name in OTHERS:
            self.program(self.tree / "scripts" / name, OTHER)
        self.program(self.tree / "bin/docker", DOCKER)
        (self.tree / ".codex-api").mkdir(mode=0o700)
        (self.tree / ".codex-api/auth.json").write_text("{}")
        (self.tree / ".env").write_text("DOMAIN=api.test\nPROXY_API_KEY=sk-kept-secret\n")
        self.state = self.tree / "state.json"
        self.set(images={}, running={}, fail=[], codes={}, started=[], calls=[])

    @staticmethod
    def program(path, text):
        path.parent.mkdir(exist_ok=True)
        # This very Python, without what it would look for at its start: there are dozens of these in a test.
        path.write_text(f"#!{sys.executable} -SE\n{text}")
        path.chmod(0o755)

    def get(self):
        return json.loads(self.state.read_text())

    def set(self, **values):
        state = self.get() if self.state.exists() else {}
        self.state.write_text(json.dumps(state | values))

    def release(self, version):
        """Has the next build make this version of both."""
        self.set(next={f"{repository}:latest": f"sha256:{version}-{name}" for name, repository in PAIR.items()})

    def tagged(self, tag):
        """The version of each image with this tag; none where there is none."""
        images = self.get()["images"]
        found = (images.get(f"{repository}:{tag}") for repository in PAIR.values())
        return [image and image.removeprefix("sha256:").split("-")[0] for image in found]

    def running(self):
        return [image.removeprefix("sha256:").split("-")[0] for image in self.get()["running"].values()]

    def run_it(self, name, *words, code=0, cwd=None, **environment):
        settings = {"PATH": f"{self.tree / 'bin'}:{os.environ['PATH']}", "STATE": str(self.state)}
        settings |= {"HOME": str(self.tree), "HOME_DIR": str(self.tree / ".codex-api")} | environment
        command = [sys.executable, "-B", str(self.tree / "scripts" / name), *map(str, words)]
        ran = subprocess.run(command, env=settings, cwd=cwd or self.tree, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        for text in (ran.stdout, ran.stderr, *self.evidence()):
            self.assertNotIn("sk-kept-secret", text)
        return ran

    def evidence(self):
        results = self.tree / "test-results"
        return [path.read_text() for path in results.rglob("*") if path.is_file()] if results.is_dir() else []

    def deploy(self, version, *words, code=0):
        self.release(version)
        return self.run_it("port-prod", *words, code=code)

    def started(self, name):
        return [words for words in self.get()["started"] if words[0] == name]
