"""Faults of what a container may."""

from .making import FRONT, WORKER, Fault, add, at, both, drop, same, swap

FAULTS = {
    "root by a variable": Fault(same, at("    user: "), "worker runs as `0:10000`", (("CODEX_UID", "0"),)),
    "root in the front": Fault(
        swap("    depends_on:", "    user: root\n    depends_on:"), at("    user: root"), "front runs as `root`"
    ),
    "a root that can be written": Fault(drop("  read_only: true"), at(WORKER, FRONT), "can write to what it runs from"),
    "written in the worker": Fault(
        swap("    tmpfs:", "    read_only: false\n    tmpfs:"), at("    read_only: false"), "worker can write"
    ),
    "one capability dropped": Fault(swap("cap_drop: [ALL]", "cap_drop: [NET_RAW]"), at("  cap_drop"), "keeps capabilities"),
    "one capability added": Fault(
        swap("    tmpfs:", "    cap_add: [SYS_ADMIN]\n    tmpfs:"), at("    cap_add"), "worker keeps"
    ),
    "new privileges": Fault(swap('"no-new-privileges:true"', '"label:disable"'), at("  security_opt"), "could gain privileges"),
    "not started again": Fault(swap("restart: unless-stopped", 'restart: "no"'), at("  restart"), "`restart: no`"),
    "privileged": Fault(swap("    tmpfs:", "    privileged: true\n    tmpfs:"), at("    privileged"), "worker is privileged"),
    "Docker's socket": Fault(
        add("      - front-state:", "      - /var/run/docker.sock:/docker.sock:ro"),
        at("      - /var/run/docker.sock"),
        "is root",
    ),
    "the folder of Docker's socket": Fault(
        add("      - front-state:", "      - /run:/host:ro"), at("      - /run:/host"), "Docker's socket"
    ),
    "the host's network": Fault(
        swap("    networks: [upstream]", "    network_mode: host"), at("    network_mode"), "`network_mode: host`"
    ),
    "the front's network": Fault(
        both(swap("    networks: [upstream]", '    network_mode: "service:front"'), drop("depends_on")),
        at("    network_mode"),
        "isn't its own",
    ),
    "the host's processes": Fault(swap("    tmpfs:", "    pid: host\n    tmpfs:"), at("    pid: host"), "`pid: host`"),
    "the worker is killed early": Fault(
        swap("stop_grace_period: 30s", "stop_grace_period: 15s"), at("    stop_grace_period: 15s"), "needs 18 s"
    ),
    "the worker is killed before its grace": Fault(
        same, at("    stop_grace_period: 30s"), "needs 68 s", (("WORKER_SHUTDOWN_GRACE_MS", "60000"),)
    ),
    "the front is killed early": Fault(drop("stop_grace_period: 25s"), at(FRONT), "front is killed 10s after SIGTERM"),
    "no tag": Fault(
        swap("${GATEWAY_FRONT_IMAGE:-codex-gateway-front:latest}", "registry.example.com:5000/front"),
        at("    image: registry"),
        "a tag",
    ),
    "whatever is latest": Fault(
        both(
            swap("${GATEWAY_FRONT_IMAGE:-codex-gateway-front:latest}", 'front:latest\n    user: "10002:10000"'),
            swap("    build:\n      <<: *build\n      target: front\n", ""),
            add("      PROXY_API_KEY: ", "      PROXY_HOST: 0.0.0.0\n      WORKER_SOCKET: /run/codex/worker.sock"),
        ),
        at("    image: front:latest"),
        "front has the image `front:latest`",
    ),
}
