#!/usr/bin/env python3
"""Prints the benchmark's figures as one aligned table, with ratios and budgets. Called by run.sh.

  table.py FILE...    lines "kind <tab> what <tab> figure <tab> unit", "condition <tab> name <tab> text", and
                      "left out <tab> what <tab> why"
"""

import statistics
import sys

# How exchange_bench names its pairs of rows.
THROUGHPUT = "throughput, "
PROCESSOR = "processor time an event, "


def read(paths):
    rows = []
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            rows += [line.rstrip("\n").split("\t") for line in lines if line.strip()]
    return rows


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def section(title, rows):
    if not rows:
        return
    print(f"\n{title}")
    label = max(len(what) for what, _, _ in rows)
    figure = max(len(figure) for _, figure, _ in rows)
    for what, value, unit in rows:
        print(f"  {what:<{label}}  {value:>{figure}}  {unit}".rstrip())


def cost_of_privacy(rows):
    def median(kind, prefix):
        return statistics.median(float(row[2]) for row in rows if row[0] == kind and row[1].startswith(prefix))

    if not any(row[0] == "sealed" for row in rows):
        return []
    lines = []
    for prefix, unit in ((THROUGHPUT, "events/s"), (PROCESSOR, "µs of processor time each")):
        sealed, unsealed = median("sealed", prefix), median("unsealed", prefix)
        lines.append((f"{unit}, content encrypted", number(sealed), f"{sealed / unsealed:.2f} of that without"))
        lines.append((f"{unit}, content not encrypted", number(unsealed), ""))
    return lines


def main():
    rows = read(sys.argv[1:])
    print("Medflyt benchmark: figures of one run on one machine")
    conditions = [row for row in rows if row[0] == "condition"]
    for _, name, text in conditions:
        print(f"  {name:<12}  {text}")

    figures = {row[1]: (float(row[2]), row[3]) for row in rows if row[0] in ("exchange", "limit", "registry", "log")}
    postgres = {int(row[1]): (float(row[2]), float(row[3])) for row in rows if row[0] == "postgres"}
    exchange = [(what, *figures[what]) for kind, what, *_ in rows if kind == "exchange"]

    throughput = []
    for what, value, unit in exchange:
        if what.startswith(THROUGHPUT):
            row = what.removeprefix(THROUGHPUT)
            throughput.append((row, number(value), f"{unit}  {figures[PROCESSOR + row][0]:6.1f} µs of processor time each"))
    section("Submission to verified receipt, two nodes and the client on this machine", throughput)
    section("Other figures of the exchange",
            [(what, number(value), unit) for what, value, unit in exchange
             if not what.startswith((THROUGHPUT, PROCESSOR, "  "))])
    privacy = cost_of_privacy(rows)
    section("The cost of privacy: fullest messages, medians of runs in turns", privacy)
    section("Where the stored bytes are",
            [(what.strip(), number(value), unit) for what, value, unit in exchange if what.startswith("  ")])
    long_log = [(what, *figures[what]) for kind, what, *_ in rows if kind == "log"]
    section("A node with a long log", [(what, number(value), unit) for what, value, unit in long_log])
    section("Left out", [(what, "", why) for kind, what, why, *_ in rows if kind == "left out"])
    section("PostgreSQL, logical replication with remote_apply",
            [(f"{clients} client{'s' if clients > 1 else ''}", number(rate), f"events/s   {latency:.2f} ms each")
             for clients, (rate, latency) in sorted(postgres.items())])
    section("Bare limits",
            [(row[1], number(float(row[2])), row[3]) for row in rows if row[0] in ("limit", "registry")])

    best = max((row for row in exchange if row[0].startswith(THROUGHPUT)), key=lambda row: row[1])
    best_of_postgres = max(rate for rate, _ in postgres.values())
    processor = figures[PROCESSOR + best[0].removeprefix(THROUGHPUT)][0]
    latency = figures["latency alone, median"][0]
    stored = [figures["stored beyond the entries' own bytes, " + who][0] for who in ("issuer", "recipient")]
    extract = next(value for value, unit in figures.values() if unit == "MB/s")
    budgets = [
        ("best throughput", best[1], "events/s", "at least", 60000),
        ("processor time an event, in that row", processor, "µs", "at most", 33),
        ("best throughput ÷ PostgreSQL's best", best[1] / best_of_postgres, "×", "at least", 5),
        ("latency alone ÷ PostgreSQL's alone", latency / postgres[1][1], "×", "at most", 2),
        ("stored beyond own bytes, issuer", stored[0], "bytes/entry", "at most", 200),
        ("stored beyond own bytes, recipient", stored[1], "bytes/entry", "at most", 200),
        ("registry extract", extract, "MB/s", "at least", 500),
    ]
    # The slowest start; proofs and verification by what their rows begin with.
    starts = [row for row in long_log if row[0].startswith("start of a node")]
    if starts:
        budgets.append((*max(starts, key=lambda row: row[1]), "at most", 1))
    budgets += [(what, value, unit, "at most", 100) for what, value, unit in long_log if what.endswith(", median")]
    budgets += [(what, value, unit, "at least", 1_000_000) for what, value, unit in long_log
                if what.startswith("offline verification")]
    missed = []
    lines = []
    for what, value, unit, side, budget in budgets:
        met = value >= budget if side == "at least" else value <= budget
        if not met:
            missed.append(what)
        lines.append((what, number(value), f"{unit:<12} {side} {budget:<7,} {'met' if met else 'MISSED'}"))
    section("Budgets", lines)
    print()
    if missed:
        print(f"verdict: {len(budgets) - len(missed)} of {len(budgets)} budgets met; missed: {', '.join(missed)}")
    else:
        print(f"verdict: all {len(budgets)} budgets met")


if __name__ == "__main__":
    main()
