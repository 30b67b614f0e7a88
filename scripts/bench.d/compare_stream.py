#!/usr/bin/python3
"""railgauge compare against jq, in turn, on a simulated run of a million measurements: seconds, and the most memory of each.

jq does nothing but read the documents (`reduce inputs as $x (0; .+1)`); compare reads, checks and judges them. A run an eighth as long, of the
same nodes and rails, shows what the memory grows with. The runs lie in build/bench.runs while they are measured: 1.9 GB. Leaves
build/bench.compare.json. --quick: a thirtieth of it all, to see that it works.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

QUICK = "--quick" in sys.argv
PAIRS = 1 if QUICK else 3
NODES = "24" if QUICK else "128"
SIZES = "1K,2K,4K,8K,16K,32K,64K,128K"
RUNS = pathlib.Path("build/bench.runs")


def simulate(name, sizes):
    command = ["build/railgauge", "simulate", "--nodes", NODES, "--rails", "8", "--pattern", "pairs", "--size", sizes, "-o", RUNS / name]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    with open(RUNS / name / "run.json") as run:
        return json.load(run)["measurements"]


def measure(command):
    """Seconds by the clock, seconds of processors, and the most memory in MB."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]}: status {status}")
    return {"wall_s": time.monotonic() - begin, "cpu_s": usage.ru_utime + usage.ru_stime, "memory_mb": usage.ru_maxrss * 1024 / 1e6}


def compare(name):
    return ["build/railgauge", "compare", RUNS / name]


def median(results, key):
    return statistics.median(result[key] for result in results)


shutil.rmtree(RUNS, ignore_errors=True)
RUNS.mkdir(parents=True)
try:
    count, fewer = simulate("long", SIZES), simulate("short", "64K")
    megabytes = os.path.getsize(RUNS / "long" / "measurements.ndjson") / 1e6
    ours, theirs = [], []
    for _ in range(PAIRS):
        ours.append(measure(compare("long")))
        theirs.append(measure(["jq", "-n", "reduce inputs as $x (0; .+1)", RUNS / "long" / "measurements.ndjson"]))
    short = measure(compare("short"))
    (RUNS / "alike").mkdir()  # no run is held against itself, but its documents may stand elsewhere, too
    for document in ("run.json", "measurements.ndjson"):
        os.link(RUNS / "long" / document, RUNS / "alike" / document)
    again = measure(compare("long") + ["--baseline", RUNS / "alike"])
finally:
    shutil.rmtree(RUNS)
print(f"reading a run of {count} measurements, {megabytes:.0f} MB, {NODES} nodes x 8 rails; medians of {PAIRS} pairs in turn\n")
print(f"{'':<32} {'by the clock':>14} {'of processors':>14} {'most memory':>14}")
for name, results in (("railgauge compare", ours), ("jq, reading alone", theirs), (f"compare, of {fewer} alone", [short]),
                      ("compare with a run alike", [again])):
    print(f"{name:<32} {median(results, 'wall_s'):>12.2f} s {median(results, 'cpu_s'):>12.2f} s {median(results, 'memory_mb'):>11.0f} MB")
ratios = {key: median(ours, key) / median(theirs, key) for key in ("wall_s", "cpu_s")}
print(f"\ncompare over jq: {ratios['wall_s']:.2f} by the clock, {ratios['cpu_s']:.2f} of processors")
with open("build/bench.compare.json", "w") as file:
    json.dump({"measurements": count, "bytes": megabytes * 1e6, "compare": ours, "jq": theirs, "short": short, "baseline": again,
               "compare_over_jq": ratios}, file, indent=1)
