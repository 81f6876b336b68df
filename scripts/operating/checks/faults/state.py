"""Faults of the state and the sandbox."""

from .making import FRONT_ENV, FRONT_VOLUMES, HOME, WORKER_VOLUMES, Fault, add, at, both, drop, swap

FAULTS = {
    "read-only": Fault(
        swap("        target: /var/lib/codex\n", "        target: /var/lib/codex\n        read_only: true\n"),
        at("        read_only: true"),
        "is mounted read-only",
    ),
    "read-only in short": Fault(
        swap(
            f"{HOME}:-../.codex-api}}\n        target: /var/lib/codex\n        bind: {{create_host_path: false}}\n",
            "      - ${CODEX_HOME_DIR:-../.codex-api}:/var/lib/codex:ro\n",
        ),
        at("      - ${CODEX_HOME_DIR"),
        "is mounted read-only",
    ),
    "not mounted": Fault(
        swap(f"{HOME}:-../.codex-api}}\n        target: /var/lib/codex\n        bind: {{create_host_path: false}}\n", ""),
        at("    volumes:\n      - run:/run/codex\n"),
        "nothing is mounted at CODEX_HOME (/var/lib/codex)",
    ),
    "a volume in its place": Fault(
        swap(
            f"{HOME}:-../.codex-api}}\n        target: /var/lib/codex\n        bind: {{create_host_path: false}}\n",
            "      - run:/var/lib/codex\n",
        ),
        at("      - run:/var/lib/codex"),
        "is a volume",
    ),
    "mounted elsewhere": Fault(
        swap("        target: /var/lib/codex\n", "        target: /home\n"),
        at(WORKER_VOLUMES),
        "nothing is mounted at CODEX_HOME",
    ),
    "another folder": Fault(swap(":-../.codex-api}", ":-../.codev}"), at(HOME), ".codev: mount .codex-api/"),
    "CODEX_HOME elsewhere": Fault(
        add("      WORKER_PROFILES", "      CODEX_HOME: /home/codex"),
        at(WORKER_VOLUMES),
        "nothing is mounted at CODEX_HOME (/home/codex)",
    ),
    "CODEX_HOME without a place": Fault(
        add("      WORKER_PROFILES", "      CODEX_HOME: state"),
        at(WORKER_VOLUMES, "      CODEX_HOME: state"),
        "set it to a whole path",
    ),
    "the front sees the login": Fault(
        add("      - front-state:", "      - ../.codex-api:/login:ro"),
        at("      - ../.codex-api:/login"),
        "front sees .codex-api/",
    ),
    "the front sees what it lies in": Fault(
        add("      - front-state:", "      - ..:/repository"), at("      - ..:/repository"), "front sees .codex-api/"
    ),
    "the front sees the login's file": Fault(
        add("      - front-state:", "      - ../.codex-api/auth.json:/login"), at("      - ../.codex-api/auth.json"), "(/login)"
    ),
    "the front has the login as a secret": Fault(
        both(
            swap("    depends_on: [worker]\n", "    depends_on: [worker]\n    secrets: [login]\n"),
            lambda text: f"{text}\nsecrets:\n  login:\n    file: ../.codex-api/auth.json\n",
        ),
        at(FRONT_VOLUMES),
        "front sees .codex-api/",
    ),
    "another sandbox": Fault(
        swap("  PROXY_SANDBOX_MODE: danger-full-access", "  PROXY_SANDBOX_MODE: read-only"),
        at("  PROXY_SANDBOX_MODE"),
        "front has PROXY_SANDBOX_MODE `read-only`",
    ),
    "no sandbox": Fault(
        drop("PROXY_SANDBOX_MODE"),
        at("    environment:\n      <<: *both\n      WORKER", FRONT_ENV),
        "PROXY_SANDBOX_MODE not set",
    ),
    "another sandbox in the worker": Fault(
        add("      WORKER_PROFILES", "      PROXY_SANDBOX_MODE: workspace-write"),
        at("      PROXY_SANDBOX_MODE: workspace-write"),
        "worker has PROXY_SANDBOX_MODE `workspace-write`",
    ),
    "another folder for agents in the front": Fault(
        add("      PROXY_API_KEY: ", "      PROXY_CODEX_WORKDIR: /work"),
        at("      PROXY_CODEX_WORKDIR: /work"),
        "front has PROXY_CODEX_WORKDIR",
    ),
    "no folder for agents": Fault(
        drop("PROXY_CODEX_WORKDIR"),
        at("    environment:\n      <<: *both\n      WORKER", FRONT_ENV),
        "PROXY_CODEX_WORKDIR not set",
    ),
    "two sockets": Fault(
        swap("      - run:/run/codex:ro", "      - front-state:/run/codex:ro"),
        at("      - front-state:/run/codex"),
        "name the same volume",
    ),
    "no socket in the front": Fault(
        swap("      - run:/run/codex:ro\n", ""),
        at("    volumes:\n      - front-state"),
        "no volume where its WORKER_SOCKET is (/run/codex)",
    ),
    "the worker can't make the socket": Fault(
        swap("      - run:/run/codex\n", "      - run:/run/codex:ro\n    # The worker's.\n"),
        at("      - run:/run/codex:ro\n    # The"),
        "read-only in the worker",
    ),
}
