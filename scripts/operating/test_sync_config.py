import hashlib
import json
import os
import subprocess
import unittest

from . import codex_config, home, sync_config
from .cli import ROOT, Settings
from .state_testing import CONFIG, KEY, LOGIN, OTHER, TOKEN, ScriptTest

PROVIDER = """model_provider = "{name}"
[model_providers.{name}]
name = "x"
base_url = "{address}"
env_key = "OPENAI_API_KEY"
"""


class Sync(ScriptTest):
    script = "port-sync-config"

    def setUp(self):
        super().setUp()
        self.source, self.target = self.folder / "codev", self.folder / "codex-api"

    def sync(self, *arguments, code=0, **more):
        return self.run_script("--from", self.source, "--to", self.target, *arguments, code=code, **more)

    def summary(self):
        return json.loads((self.out / "summary.json").read_text())

    def refused(self, files, *words, code=1, arguments=()):
        """Nothing is copied, not even what is well, and the words are told."""
        self.make(self.source, files)
        before = self.tree(self.target)
        said = self.sync(*arguments, code=code)
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(self.tree(self.target), before)
        return said

    def test_two_files_are_copied_and_no_other(self):
        self.make(self.source, {"config.toml": CONFIG, "AGENTS.md": " \n", "auth.json": LOGIN, "AGENTS.override.md": "x", "a/b": "c"})
        self.make(self.target, {"auth.json": "theirs", "toggles.json": "{}"})
        login = (self.target / "auth.json").stat()
        self.sync()
        wanted = {"config.toml": CONFIG, "AGENTS.md": " \n", "auth.json": "theirs", "toggles.json": "{}"}
        self.assertEqual(self.tree(self.target), {name: ("file", text.encode()) for name, text in wanted.items()})
        now = (self.target / "auth.json").stat()
        self.assertEqual((now.st_ino, now.st_mtime_ns, now.st_ctime_ns), (login.st_ino, login.st_mtime_ns, login.st_ctime_ns))
        files = {file["name"]: file for file in self.summary()["files"]}
        self.assertEqual(files["config.toml"]["sha256_after"], hashlib.sha256(CONFIG.encode()).hexdigest())
        self.assertEqual((files["config.toml"]["action"], files["config.toml"]["sha256_before"]), ("made", None))
        self.assertEqual(files.keys(), {"config.toml", "AGENTS.md"})

    def test_a_new_folder_and_its_files_are_for_their_owner_alone(self):
        self.make(self.source, {"config.toml": CONFIG})
        self.addCleanup(os.umask, os.umask(0))
        self.sync()
        self.assertEqual((self.mode(self.target), self.mode(self.target / "config.toml")), (0o700, 0o600))
        wanted = (10001, 10000) if self.root else (os.geteuid(), os.getegid())
        for path in (self.target, self.target / "config.toml"):
            self.assertEqual((path.stat().st_uid, path.stat().st_gid), wanted)

    def test_owners(self):
        self.make(self.source, {"config.toml": CONFIG})
        self.make(self.target, {})
        if not self.root:
            self.sync("--owner", f"{OTHER[0]}:{OTHER[1]}", code=2)
            return
        os.chown(self.target, *OTHER)
        self.sync()
        self.assertEqual(owner(self.target / "config.toml"), OTHER)
        self.make(self.source, {"config.toml": "a = 1\n"})
        self.sync("--force", "--owner", "5:6")
        self.assertEqual(owner(self.target / "config.toml"), (5, 6))
        self.assertEqual(owner(self.target), OTHER)
        other = self.folder / "other"
        self.sync("--to", other, environment={"CODEX_UID": "777"})
        self.assertEqual((owner(other), owner(other / "config.toml")), ((777, 10000), (777, 10000)))

    def test_each_script_says_how_it_is_used(self):
        for name in ("port-sync-config", "backup", "restore"):
            done = subprocess.run([ROOT / "scripts" / name, "--help"], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for word in ("--dry-run", "exit codes: 0", "test-results/", "CODEX_HOME_DIR"):
                self.assertIn(word, done.stdout)

    def test_bad_options(self):
        self.make(self.source, {"config.toml": CONFIG})
        for arguments in (["--owner", "root"], ["--owner", "1"], ["--owner", "-1:2"], ["--to", self.source], ["--nothing"]):
            self.sync(*arguments, code=2)
        self.assertFalse(self.target.exists())

    def test_a_file_that_differs_stays_unless_forced(self):
        self.make(self.target, {"config.toml": f'# {KEY}\nmodel = "old"\n', "auth.json": LOGIN})
        old = (self.target / "config.toml").read_bytes()
        (self.target / "config.toml").chmod(0o644)
        self.refused({"config.toml": CONFIG, "AGENTS.md": ""}, "config.toml: differs", "1 added, 2 removed", "--force")
        self.assertEqual(self.summary()["files"][0]["action"], "none")
        self.sync("--force")
        (kept,) = self.target.glob("config.toml.before-*")
        self.assertRegex(kept.name, r"before-\d{8}T\d{6}Z$")
        self.assertEqual((kept.read_bytes(), self.mode(kept)), (old, 0o600))
        self.assertEqual(((self.target / "config.toml").read_text(), self.mode(self.target / "config.toml")), (CONFIG, 0o600))
        self.assertEqual(self.summary()["files"][0]["kept_as"], kept.name)
        # The same again is no difference, and keeps nothing more.
        files = self.tree(self.target)
        self.assertIn("unchanged", self.sync())
        self.assertIn("unchanged", self.sync("--force"))
        self.assertEqual(self.tree(self.target), files)

    def test_two_in_a_second_keep_both(self):
        self.make(self.source, {"config.toml": CONFIG})
        self.sync()
        for number in range(3):
            self.make(self.source, {"config.toml": f"a = {number}\n"})
            self.sync("--force")
        kept = {path.read_text() for path in self.target.glob("config.toml.before-*")}
        self.assertEqual(kept, {CONFIG, "a = 0\n", "a = 1\n"})

    def test_a_dry_run_writes_nothing(self):
        self.make(self.source, {"config.toml": CONFIG})
        self.assertIn("config.toml: would be made", self.sync("--dry-run"))
        self.assertFalse(self.target.exists())
        self.assertFalse(self.out.exists())
        self.make(self.target, {"config.toml": "a = 1\n"})
        self.assertIn("differs", self.sync("--dry-run", code=1))
        self.assertIn("would be replaced", self.sync("--dry-run", "--force"))
        self.assertEqual(self.tree(self.target), {"config.toml": ("file", b"a = 1\n")})
        self.sync("--dry-run", "--force", "--to", self.folder / "no/such", code=1)

    def test_nothing_to_copy(self):
        self.assertIn("nothing to copy", self.sync())
        self.make(self.source, {"auth.json": LOGIN})
        self.assertIn("nothing to copy", self.sync())
        self.assertFalse(self.target.exists())

    def test_the_folder_of_compose(self):
        self.make(self.source, {"config.toml": CONFIG})
        (self.folder / ".env").write_text(f"CODEX_HOME_DIR={self.folder}/mounted\n")
        self.run_script("--from", self.source)
        self.assertEqual((self.folder / "mounted/config.toml").read_text(), CONFIG)
        self.run_script("--from", self.source, environment={"CODEX_HOME_DIR": str(self.target)})
        self.assertTrue((self.target / "config.toml").exists())
        relative = Settings(self.folder / "none", {"CODEX_HOME_DIR": "other"})
        self.assertEqual(home.folder(None, relative), ROOT / "compose/other")
        self.assertEqual(home.folder(None, Settings(self.folder / "none", {})), ROOT / ".codex-api")
        (self.folder / ".env").write_text("what is this\n")
        self.run_script("--from", self.source, code=2)

    def test_instructions_are_refused_and_the_remedy_is_told(self):
        self.refused({"config.toml": CONFIG, "AGENTS.md": "Be nice."}, "AGENTS.md: has something", "CODEX__SYSTEM_PROMPT_FILE")
        self.refused({"AGENTS.md": "\ufeff"}, "AGENTS.md: has something", arguments=["--force", "--allow-provider"])

    def test_what_is_no_toml(self):
        for text, place in (
            (f'a = 1\nb = "{KEY}\n', "no TOML (line 2"),
            ("a = 1\na = 2\n", "no TOML (line 2"),
            ("a = [1,", "no TOML"),
            (b"a = 1\n\n# \xff\n", "no UTF-8 (line 3)"),
        ):
            with self.subTest(text):
                self.refused({"config.toml": text, "AGENTS.md": ""}, place)

    def test_secrets_are_named_by_their_place(self):
        secret = "hunter2-correct-horse"
        for text, place in (
            (f'[model_providers.x]\nexperimental_bearer_token = "{secret}"', "model_providers.x.experimental_bearer_token"),
            (f'api_key = "{secret}"', "api_key"),
            (f'[a]\nx_token = "{secret}"', "a.x_token"),
            (f'[[a.b]]\npassword = "{secret}"', "a.b[0].password"),
            (f'[model_providers.x.http_headers]\nAuthorization = "{secret}"', "model_providers.x.http_headers.Authorization"),
            (f'[model_providers.x]\nhttp_headers = {{ "x-api-key" = "{secret}" }}', "http_headers.x-api-key"),
            (f'[model_providers.x.env_http_headers]\nAuthorization = "Basic {secret}"', "env_http_headers.Authorization"),
            (f'[model_providers.x.query_params]\napi-key = "{secret}"', "query_params.api-key"),
            (f'[mcp_servers.x.env]\nGITHUB_TOKEN = "{secret}"', "mcp_servers.x.env.GITHUB_TOKEN"),
            (f'[mcp_servers.x]\nargs = ["--api-key", "{secret}"]', "mcp_servers.x.args[1]"),
            (f'[mcp_servers.x]\nargs = ["--token={secret}"]', "mcp_servers.x.args[0]"),
            (f'tokens = 1\npasswords = 2\n[x]\nclient_secret = ["{secret}"]', "x.client_secret[0]"),
            (f'harmless = "{KEY}"', "harmless looks like"),
            (f'harmless = "{TOKEN}"', "harmless looks like"),
            (f'harmless = "Bearer {secret}"', "harmless looks like"),
            (f'harmless = "https://me:{secret}@example.com/v1"', "harmless looks like"),
            (f'[a]\n"{KEY}" = 1', "a.… looks like"),
            (f'a = 1\n# was: {KEY}\n', "line 2 has what looks like"),
        ):
            with self.subTest(place):
                said = self.refused({"config.toml": text}, place, arguments=["--force", "--allow-provider"])
                self.assertNotIn(secret, said + (self.out / "summary.json").read_text())

    def test_what_is_no_secret(self):
        text = """
            model = "gpt-5.5"
            tool_output_token_limit = 5
            model_auto_compact_token_limit = 5
            api_key = ""
            forced_login_method = "chatgpt"
            [model_providers.x]
            base_url = "https://api.example.com/v1"
            env_key = "OPENAI_API_KEY"
            env_key_instructions = "ask the operator for a token"
            requires_openai_auth = false
            http_headers = { "X-Team" = "gateway" }
            env_http_headers = { "Authorization" = "EXAMPLE_AUTHORIZATION" }
            [mcp_servers.x]
            bearer_token_env_var = "X_TOKEN"
            args = ["--token-file", "/run/secrets/x", "--key"]
        """
        self.assertEqual(codex_config.problems(text.encode()), [])

    def test_providers_of_a_test_are_refused(self):
        for name, address in (
            ("scripted", "https://api.example.com/v1"),
            ("x", "http://127.0.0.1:4000/v1"),
            ("x", "https://127.9.9.9/v1"),
            ("x", "https://localhost:1/v1"),
            ("x", "https://LOCALHOST./v1"),
            ("x", "https://[::1]/v1"),
            ("x", "https://0.0.0.0/v1"),
            ("x", "http://models.example.com/v1"),
            ("x", "HTTP://models.example.com/v1"),
            ("x", "models.example.com/v1"),
            ("x", "https://[bad/v1"),
        ):
            with self.subTest(address):
                self.refused({"config.toml": PROVIDER.format(name=name, address=address)}, "model_provider", "--allow-provider")
        for text in ('model_provider = "ollama"', 'openai_base_url = "http://x/v1"', '[profiles.p]\nmodel_provider = "scripted"'):
            with self.subTest(text):
                self.refused({"config.toml": text}, "--allow-provider")

    def test_a_provider_that_is_allowed_or_fit(self):
        self.make(self.source, {"config.toml": PROVIDER.format(name="x", address="https://models.example.com/v1")})
        self.sync()
        unused = PROVIDER.format(name="x", address="http://127.0.0.1/v1").replace('model_provider = "x"', "", 1)
        self.make(self.source, {"config.toml": unused})
        self.sync("--force")
        self.make(self.source, {"config.toml": PROVIDER.format(name="scripted", address="http://127.0.0.1/v1")})
        self.sync("--force", "--allow-provider")
        self.assertIn('"scripted"', (self.target / "config.toml").read_text())

    def test_links_are_not_followed(self):
        self.make(self.source, {"config.toml": CONFIG, "auth.json": LOGIN})
        (self.source / "AGENTS.md").symlink_to("auth.json")
        self.assertIn("is a link", self.sync(code=1))
        self.assertFalse(self.target.exists())
        (self.source / "AGENTS.md").unlink()
        outside = self.folder / "outside"
        outside.write_text("theirs")
        self.make(self.target, {})
        (self.target / "config.toml").symlink_to(outside)
        self.assertIn("is a link", self.sync("--force", code=1))
        self.assertEqual((outside.read_text(), os.readlink(self.target / "config.toml")), ("theirs", str(outside)))
        # The folder itself may be one.
        link = self.folder / "link"
        link.symlink_to(self.folder / "real")
        self.make(self.folder / "real", {})
        self.sync("--to", link)
        self.assertEqual((self.folder / "real/config.toml").read_text(), CONFIG)

    def test_what_is_no_file(self):
        self.make(self.source, {"config.toml": CONFIG})
        os.mkfifo(self.source / "AGENTS.md")
        self.assertIn("is no file", self.sync(code=1))
        (self.source / "AGENTS.md").unlink()
        (self.source / "AGENTS.md").write_bytes(b" " * ((1 << 20) + 1))
        self.assertIn("more than", self.sync(code=1))
        (self.source / "AGENTS.md").unlink()
        self.make(self.target, {"config.toml/x": "y"})
        self.assertIn("is no file", self.sync("--force", code=1))
        self.sync("--to", self.source / "config.toml", code=1)

    def test_somebody_who_may_not(self):
        self.make(self.source, {"config.toml": CONFIG})
        self.make(self.target, {"config.toml": "a = 1\n"})
        self.source.chmod(0o755)
        (self.source / "config.toml").chmod(0o644)
        for arguments in ([], ["--dry-run"], ["--force"]):
            words = ["--from", self.source, "--to", self.target, *arguments]
            self.assertIn("run this as root", self.run_powerless(sync_config.main, self.target, *words, code=1))
        words[3] = self.target / "below"
        self.assertIn("run this as root", self.run_powerless(sync_config.main, self.target, *words, code=1))
        self.assertEqual(self.tree(self.target), {"config.toml": ("file", b"a = 1\n")})

    def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_left(self):
        self.make(self.source, {"config.toml": CONFIG, "AGENTS.md": ""})
        # No user can write there, root neither.
        said = self.sync("--to", "/proc/self/fdinfo", code=1)
        self.assertIn("/proc/", said)
        self.assertEqual(self.summary()["failed"], 1)


def owner(path):
    return path.stat().st_uid, path.stat().st_gid


if __name__ == "__main__":
    unittest.main()
