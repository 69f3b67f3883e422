"""The table, for people and as a document."""

import json
import os
import platform
from datetime import datetime, timezone

from .peers import FIGURES
from .statistics import Spread


def machine(congestion, congestion_was_asked_for):
    model = "unknown"
    try:
        with open("/proc/cpuinfo") as lines:
            model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    where = "in a network namespace of its own" if congestion_was_asked_for else "as the machine has it"
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": f"{model}, {os.cpu_count()} logical",
        "load average before, 1 minute": f"{os.getloadavg()[0]:.2f}",
        "congestion control": f"{congestion}, {where}",
    }


def cell(outcome, figure, without):
    """What stands in a cell, and perhaps a reason that belongs below the table."""
    if without:
        return "unavailable", without
    if outcome is None:
        return "not run", None
    values = [run[figure.key] for run in outcome.runs if figure.key in run]
    if not values:
        return "failed", outcome.errors[0] if outcome.errors else "the client did not say"
    spread = Spread(values)
    text = spread.text(figure)
    if not outcome.errors:
        return text, None
    count = len(outcome.errors)
    return f"{text}; {count} failed", f"{count} of {count + len(values)} rounds failed: {outcome.errors[0]}"


class Table:
    """Rows are peers, columns are figures; reasons are footnotes. None where a peer takes no part."""

    def __init__(self, results, peers, workloads):
        names = {workload.name for workload in workloads}
        self.peers = peers
        self.figures = [figure for figure in FIGURES if figure.workload in names]
        self.notes = []
        by_name = {workload.name: workload for workload in workloads}
        self.rows = []
        for peer in peers:
            row = []
            for figure in self.figures:
                workload = by_name[figure.workload]
                if not peer.takes_part(workload):
                    row.append(None)
                    continue
                outcome = results.outcome(peer.name, figure.workload)
                without = results.unavailable.get(peer.build_for(workload)) or peer.reason_without(workload)
                text, reason = cell(outcome, figure, without)
                row.append(text + (f" [{self.note(reason)}]" if reason else ""))
            self.rows.append(row)

    def note(self, reason):
        if reason not in self.notes:
            self.notes.append(reason)
        return self.notes.index(reason) + 1


def markdown(results, peers, workloads, surroundings, versions, settings):
    """Peers across would be too wide for most screens, so they go down, in one table for each group of figures."""
    table = Table(results, peers, workloads)
    lines = []
    for title, wanted in GROUPS:
        columns = [index for index, figure in enumerate(table.figures) if wanted(figure)]
        if not columns:
            continue
        lines += [f"**{title}**", "", "| peer | " + " | ".join(table.figures[index].title for index in columns) + " |"]
        lines.append("|---|" + "---:|" * len(columns))
        for peer, row in zip(peers, table.rows):
            if all(row[index] is not None for index in columns):
                lines.append(f"| {peer.name} | " + " | ".join(row[index] for index in columns) + " |")
        lines.append("")
    lines += [f"[{number}] {note}  " for number, note in enumerate(table.notes, start=1)]
    lines += ["", spread_sentence(results), "", "| peer | what it is |", "|---|---|"]
    lines += [f"| {peer.name} | {peer.title} |" for peer in peers]
    lines += ["", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in {**surroundings, **settings, **versions}.items()]
    return "\n".join(lines) + "\n"


GROUPS = [
    ("Bulk and exchanges", lambda figure: figure.workload.startswith(("bulk", "exchange")) and "cpu" not in figure.key),
    ("Latency, nothing else going on", lambda figure: figure.workload == "echo" and "cpu" not in figure.key),
    ("Latency beside 1 bulk stream", lambda figure: figure.workload == "echo-bulk-1"),
    ("Latency beside 4 bulk streams", lambda figure: figure.workload == "echo-bulk-4"),
    ("Memory", lambda figure: figure.workload == "idle"),
    ("Processor time, both ends together", lambda figure: "cpu" in figure.key),
    ("In memory, both ends in one thread, for each second of processor time",
     lambda figure: figure.workload.startswith("memory") and figure.key != "allocationsPerUnit"),
    ("In memory, allocations, both ends together", lambda figure: figure.key == "allocationsPerUnit"),
]


def spread_sentence(results):
    counts = sorted({len(outcome.runs) for outcome in results.outcomes.values() if len(outcome.runs) > 1})
    text = "Medians"
    if any(count >= 8 for count in counts):
        text += "; in parentheses the 99 % interval of the median by order statistics"
    few = [count for count in counts if count < 8]
    if few:
        text += f"; where there are fewer than 8 rounds (here {', '.join(map(str, few))}), too few for that, the range"
    return text + "."


def plain(text):
    """The Markdown's tables with their columns aligned, for a terminal."""
    out, block = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            block.append([part.strip() for part in line.strip("|").split("|")])
            continue
        rows = [row for row in block if not all(set(part) <= set("-:") for part in row) or not any(row)]
        rows = [row for row in rows if any(row)]
        widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))] if rows else []
        out += ["  ".join(part.ljust(width) for part, width in zip(row, widths)).rstrip() for row in rows]
        block = []
        out.append(line.strip("*"))
    return "\n".join(out)


def document(results, peers, workloads, surroundings, versions, settings):
    rows = []
    for peer in peers:
        figures = {}
        for workload in workloads:
            if not peer.takes_part(workload):
                continue
            outcome = results.outcome(peer.name, workload.name)
            without = results.unavailable.get(peer.build_for(workload)) or peer.reason_without(workload)
            if without:
                figures[workload.name] = {"unavailable": without}
                continue
            if outcome is None:
                continue
            keys = sorted({key for run in outcome.runs for key in run})
            figures[workload.name] = {
                "errors": outcome.errors,
                "figures": {key: Spread([run[key] for run in outcome.runs if key in run]).document() for key in keys}}
        rows.append({"peer": peer.name, "title": peer.title, "workloads": figures})
    whole = {"machine": surroundings, "settings": settings, "versions": versions, "peers": rows}
    return json.dumps(whole, indent=2, sort_keys=True) + "\n"
