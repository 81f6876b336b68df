"""The tables of docs/scaling.md."""

from . import balance, model

#: The document, and the numbers of open streams that it has.
STREAMS = (100, 1_000, 10_000, 100_000)
LOADS = (0.8, 0.9)
WORKERS = (1, 2, 4, 8)
CHOICES = {"random": "by chance", "turn": "in turn", "least": "fewest in flight", "kept": "a conversation's, else fewest"}
PLACES = 128
#: So many fronts before the same workers, in the rows that have several.
FRONTS = 4


def table(head, rows):
    """Markdown, without padding."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


def number(value):
    """Three digits, thousands apart."""
    if value >= 1000:
        digits = len(str(round(value))) - 3
        return f"{round(value, -digits):,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def about(value):
    """Two digits of what isn't known better."""
    return f"{float(f'{value:.2g}'):,.0f}"


def part(value, error):
    """A part of a hundred, and how far the true one may be from it."""
    digits = 0 if value >= 0.1 else 1
    return f"{value:.{digits}%} ± {200 * error:.{digits}f}"


def seconds(value, error):
    """Two digits, and how far the true one may be from it."""
    digits = 0 if value >= 10 else 1 if value >= 1 else 2
    return f"{value:.{digits}f} ± {2 * error:.{digits}f}"


def exact(value):
    """A setting's own number as it is."""
    return f"{value:,}" if isinstance(value, int) else number(value)


def size(value):
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{number(value)} {unit}"
        value /= 1000
    return f"{number(value)} TB"


def growth(given, streams=STREAMS):
    plans = [model.plan(given, count) for count in streams]
    cheap = {count: model.plan(model.bursts(given), count).hosts for count in streams}
    rows = [
        ("streams a second", lambda plan: number(plan.turns_s)),
        ("workers, by their places", lambda plan: f"{plan.workers:,}"),
        ("fronts, by their open requests", lambda plan: f"{plan.fronts:,}"),
        ("pods in Kubernetes, by the autoscaler's target", lambda plan: f"{plan.pods:,}"),
        ("cores: front, daemon, codex", lambda plan: ", ".join(number(plan.cores[name]) for name in model.PROGRAMS)),
        ("memory", lambda plan: size(plan.memory_bytes)),
        ("the kernel's for clients' connections, at most", lambda plan: size(plan.kernel_bytes)),
        ("open files of each front", lambda plan: number(plan.files_of_a_front)),
        ("to clients", lambda plan: f"{size(plan.to_clients_bytes_s)}/s"),
        ("from clients", lambda plan: f"{size(plan.from_clients_bytes_s)}/s"),
        ("over the sockets, both ways", lambda plan: f"{size(plan.socket_bytes_s)}/s"),
        ("log", lambda plan: f"{size(plan.log_bytes_s * 86_400)} a day"),
        ("tokens of the account", lambda plan: f"{number(plan.tokens_minute)} a minute"),
        ("hosts, with these costs", lambda plan: about(plan.hosts)),
        ("which are decided by", lambda plan: plan.first),
        ("hosts at the cheap end", lambda plan: about(cheap[plan.streams])),
    ]
    return table(["open streams", *(f"{count:,}" for count in streams)], [[name, *map(of, plans)] for name, of in rows])


def limits(given):
    return table(["bound", "open streams"], [[what, exact(streams)] for what, streams in model.bounds(given)])


def cases(loads=LOADS, workers=WORKERS):
    """Each row of the table."""
    for load in loads:
        for count in workers:
            for choice in CHOICES if count > 1 else ("least",):
                yield balance.Case(count, PLACES, load, choice)
            if count > 1:
                yield balance.Case(count, PLACES, load, "least", fronts=FRONTS)


def balanced(case, turns=balance.TURNS, runs=balance.RUNS):
    """The row of a case."""
    seen, error = balance.several(case, turns, runs)
    chosen = CHOICES[case.choice] + (f", {case.fronts} fronts" if case.fronts > 1 else "")
    return [
        f"{case.load:.0%}",
        str(case.workers),
        chosen if case.workers > 1 else "the one",
        part(seen.waiting, error.waiting),
        seconds(seen.mean, error.mean),
        seconds(seen.p99, error.p99),
        f"{seen.imbalance:.2f}",
        f"{seen.moved:.0%}",
    ]


def balances(loads=LOADS, workers=WORKERS, turns=balance.TURNS, runs=balance.RUNS):
    head = ["places asked for", "workers", "chosen", "wait", "mean wait s", "p99 s", "fullest / mean", "conversations moved"]
    return table(head, [balanced(case, turns, runs) for case in cases(loads, workers)])


def parts(given):
    """What the document has between its marks, but for the table of balance, which takes minutes."""
    return {"limits": limits(given), "growth": growth(given)}
