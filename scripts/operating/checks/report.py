"""What is told and what is kept: each finding as `file:line: what is wrong and what to do`, and the artifacts."""

from ..cli import ROOT, say

FILES = ("docker-compose.config.yaml", "labels.txt", "next.md", "summary.json")
#: Whose verdicts go into labels.txt.
LABELS = ("labels", "routers", "middlewares", "dev")
#: The playbook's other scripts, which come next where they are there.
DEPLOY, SMOKE, SYNC = "scripts/port-prod", "scripts/smoke", "scripts/port-sync-config"


class Report:
    """Collects what the checks say. `clean` takes secrets out of what is told."""

    def __init__(self, evidence, source, clean):
        self.evidence, self.source, self.clean = evidence, source, clean
        self._labels, self._unseen = [], []

    def tell(self, text):
        say(self.clean(text))

    def verdict(self, part, verdict, source=None):
        """Notes a verdict on the file, or on the one of this source."""
        where = (source or self.source).where(verdict.path)
        problem = verdict.problem and self.clean(f"{where}: {verdict.problem}")
        if part in LABELS:
            self._labels.append(f"FAILED  {problem}" if problem else f"ok      {where}: {self.clean(verdict.what)}")
        self._check(part, verdict.what, problem, where=where)

    def check(self, part, what, problem):
        self._check(part, what, problem and self.clean(problem))

    def _check(self, part, what, problem, **more):
        if not self.evidence.check(self.clean(what), problem, part=part, **more):
            say(problem)

    def unseen(self, what, why):
        """What could not be looked at; no finding."""
        self._unseen.append({"name": what, "why": self.clean(why)})
        self.tell(f"not checked: {what} ({why})")

    def write(self, rendered, deployment, placeholder):
        """The artifacts, and the last line."""
        import yaml

        evidence, failed = self.evidence, self.evidence.failed
        config, labels, following, _ = FILES
        text = yaml.safe_dump(rendered, sort_keys=False, allow_unicode=True, width=1000)
        evidence.write(config, f"# As Compose renders {self.source.name}; secrets are taken out.\n{text}")
        evidence.write(labels, "".join(f"{line}\n" for line in self._labels))
        evidence.write(following, self._next(deployment, placeholder))
        path = evidence.close(file=self.source.name, unseen=self._unseen)
        counted = len(evidence.summary["checks"])
        say(f"{len(failed)} of {counted} checks failed" if failed else f"all {counted} checks are good")
        say(f"see {path.parent}")

    def _next(self, deployment, placeholder):
        failed = self.evidence.failed
        if failed:
            lines = ["# Not yet", "", f"Mend {'these' if len(failed) > 1 else 'this'}, then `scripts/port-check` again:", ""]
            return "\n".join([*lines, *(f"- {check['problem']}" for check in failed), ""])
        there = {name for name in (DEPLOY, SMOKE, SYNC) if (ROOT / name).is_file()}
        steps = []
        if placeholder:
            steps.append(f"Set `DOMAIN` in the environment or in `.env`: `{placeholder}` stood in its place.")
        steps += [f"Look at what was not checked: {unseen['name']} ({unseen['why']})." for unseen in self._unseen]
        if SYNC in there:
            steps.append(f"`{SYNC}` copies the configuration of codex; the login goes into `.codex-api/auth.json` by hand.")
        steps.append(f"Deploy, on the production host: `{deployment} up -d --build --force-recreate`")
        if SMOKE in there:
            steps.append(f"Smoke test through Traefik: `{SMOKE} prod`")
        else:
            steps.append(
                "Smoke test through Traefik: `curl https://$DOMAIN/healthz`, then a completion as JSON and as a stream."
            )
        steps.append("See that a stream comes event by event, and ends with `[DONE]`.")
        text = "".join(f"{number}. {step}\n" for number, step in enumerate(steps, 1))
        whole = f"All of it in one: `{DEPLOY}`\n\n" if DEPLOY in there else ""
        return (
            f"# What comes next\n\n{text}\n{whole}When it fails: `{deployment} logs -f`; back to the images before by "
            f"`GATEWAY_WORKER_IMAGE` and `GATEWAY_FRONT_IMAGE` with `{deployment} up -d --no-build`.\n"
        )
