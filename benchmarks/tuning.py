#!/usr/bin/env python3
"""What max_num_batched_tokens, max_num_seqs and prefix caching do to speed on this machine: `rerank bench --offline` for
each value in turn, several rounds, the median of each. Prints Markdown tables and draws them.

usage: benchmarks/tuning.py PROGRAM MODEL [--seconds S] [--rounds N] [--docs N] [--words N] [--svg FILE]
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

CONCURRENCY = (1, 16)
SWEEPS = {
    "max_num_batched_tokens": (128, 256, 512, 1024, 2048, 4096, 8192),
    "max_num_seqs": (1, 2, 4, 8, 16, 64, 256),
}
# The same question in every request is where a cache between requests has something to keep.
ONE_QUERY = ("--dataset-name", "random-rerank", "--random-input-len", "112", "--random-batch-size", "20")


def measured(arguments, flags):
    """Documents a second and the median latency in milliseconds, for each of CONCURRENCY."""
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder, "result.json")
        done = subprocess.run([arguments.program, "bench", "--offline", "-m", arguments.model, "--no-progress", "-o", result,
                               "-c", ",".join(map(str, CONCURRENCY)), "-t", str(arguments.seconds), *flags],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr)
        points = json.loads(result.read_text(encoding="utf-8"))["points"]
    return [(point["figures"]["input_sequence_throughput"], point["figures"]["median_e2el_ms"]) for point in points]


def medians(arguments, cases):
    """For each case, a list of flags: documents/s and latency for each of CONCURRENCY, medians over the rounds."""
    rounds = []
    for number in range(arguments.rounds):
        rounds.append([])
        for flags in cases:
            if sys.stderr.isatty():
                print(f"\rround {number + 1} of {arguments.rounds}: {' '.join(flags)}\033[K", end="", file=sys.stderr)
            rounds[-1].append(measured(arguments, flags))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return [[tuple(map(statistics.median, zip(*(one[case][load] for one in rounds)))) for load in range(len(CONCURRENCY))]
            for case in range(len(cases))]


def print_table(name, values, figures):
    print(f"\n| {name} |" + "".join(f" {n} at a time: documents/s | median ms |" for n in CONCURRENCY))
    print("|---|" + "---:|" * 2 * len(CONCURRENCY))
    for value, loads in zip(values, figures):
        print(f"| {value} |" + "".join(f" {speed:.4g} | {latency:.4g} |" for speed, latency in loads))


def panel(left, name, values, figures):
    """An SVG group: documents/s over the values, a line for each load."""
    width, height, top = 300, 180, 40
    highest = max(speed for loads in figures for speed, _ in loads) * 1.1
    x = [left + width * i / (len(values) - 1) for i in range(len(values))]
    lines = [f'<text x="{left + width / 2}" y="20" text-anchor="middle" font-weight="bold">{name}</text>']
    for step in range(5):
        y = top + height * (1 - step / 4)
        lines.append(f'<path class="grid" d="M{left} {y}h{width}"/>'
                     f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{highest * step / 4:.3g}</text>')
    lines += [f'<text x="{at:.1f}" y="{top + height + 18}" text-anchor="middle">{value}</text>'
              for at, value in zip(x, values)]
    for load, count in enumerate(CONCURRENCY):
        y = [top + height * (1 - loads[load][0] / highest) for loads in figures]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y))
        lines.append(f'<g class="load{load}"><polyline points="{points}"/>'
                     + "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in zip(x, y))
                     + f'<path d="M{left + 40 + 130 * load} {top + height + 36}h24"/>'
                       f'<text x="{left + 70 + 130 * load}" y="{top + height + 40}">{count} at a time</text></g>')
    return "\n".join(lines)


def drawing(results):
    style = """text{font:12px sans-serif;fill:#333}.grid{stroke:#8884}g path,polyline{fill:none;stroke-width:2}
.load0{stroke:#b45309}.load0 circle{fill:#b45309}.load0 path,.load0 polyline{stroke-dasharray:6 4}
.load1{stroke:#1d6fb8}.load1 circle{fill:#1d6fb8}g text{stroke:none}
@media(prefers-color-scheme:dark){text{fill:#ddd}}"""
    panels = [panel(60 + 380 * i, name, *result) for i, (name, result) in enumerate(results.items())]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {380 * len(panels) + 10} 290" role="img">'
            f"<title>Documents a second by setting</title><style>{style}</style>\n" + "\n".join(panels) + "\n"
            f'<text transform="translate(14 130) rotate(-90)" text-anchor="middle">documents/s</text></svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--seconds", type=float, default=4, help="of each point")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--docs", default="20", help="of a request")
    parser.add_argument("--words", default="100", help="of a document")
    parser.add_argument("--svg", help="a drawing of the two sweeps")
    arguments = parser.parse_args()
    shape = ("--docs-per-request", arguments.docs, "--document-words", arguments.words)
    results = {}
    for name, values in SWEEPS.items():
        flag = "--" + name.replace("_", "-")
        results[name] = (values, medians(arguments, [(*shape, flag, str(value)) for value in values]))
        print_table(name, *results[name])
    caching = [(*ONE_QUERY, "--enable-prefix-caching"), (*ONE_QUERY, "--no-enable-prefix-caching"),
               (*shape, "--enable-prefix-caching"), (*shape, "--no-enable-prefix-caching")]
    print_table("prefix caching", ("one query in all requests: on", "the same: off", "a different query in each request: on",
                                   "the same: off"), medians(arguments, caching))
    if arguments.svg:
        pathlib.Path(arguments.svg).write_text(drawing(results), encoding="utf-8")


if __name__ == "__main__":
    main()
