#!/usr/bin/python3
"""perftest and railgauge in turn on one soft-RoCE device: speed as ratios of medians, and instructions a message by callgrind.

Both use one queue pair, depth 128, a completion every 16 messages, one message a post, one page of buffer (or one message), and the same
number of messages; both count from the first post to the last completion. Runs inside the virtual machine that scripts/bench boots.
"""
import collections
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

QUICK = "--quick" in sys.argv
PAIRS = 1 if QUICK else 7
DEVICE, GID_INDEX, ADDRESS = "rxe0", "1", "10.10.0.1"
DEPTH, SIGNAL_INTERVAL, READS = 128, 16, 16
BANDWIDTH_MESSAGES = {64: 40000, 4096: 20000, 65536: 4000, 1048576: 320}
LATENCY_MESSAGES, LATENCY_BYTES = 10000, 8
# So far apart that what each program does once, such as calibrating its clock for a fixed time, weighs little.
INSTRUCTION_MESSAGES = (5000, 105000)
if QUICK:
    BANDWIDTH_MESSAGES = {size: max(count // 4, 64) for size, count in BANDWIDTH_MESSAGES.items()}
    LATENCY_MESSAGES = 1000
    INSTRUCTION_MESSAGES = (1000, 11000)

scratch = tempfile.mkdtemp()


def perftest(program, *options, under=()):
    """The columns of the client's only line of results."""
    common = [program, "-d", DEVICE, "-x", GID_INDEX, "-F", *map(str, options)]
    server = subprocess.Popen(common, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(50):  # until the server listens
            done = subprocess.run([*under, *common, ADDRESS], capture_output=True, text=True)
            if done.returncode == 0:
                break
        server.wait(60)
    finally:
        server.kill()
    lines = [line.split() for line in done.stdout.splitlines() if re.match(r"\s*\d+\s+\d+\s+\S+", line)]
    if done.returncode != 0 or len(lines) != 1:
        sys.exit(f"{program} failed: {done.stdout}{done.stderr}")
    columns = [float(column) for column in lines[0]]
    # Its clock is calibrated at each start, and the result is infinite where that fails.
    return columns if math.isfinite(sum(columns)) else perftest(program, *options, under=under)


def railgauge(test, size, messages, *options):
    """The measurement of the one flow."""
    out = os.path.join(scratch, "run")
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run(
        ["build/railgauge", "run", "--quiet", "--hosts", "node0", "--ranks-per-node", "1", "--pattern", "loopback", "--test", test,
         "--size", str(size), "--iterations", str(messages), "--warmup-iterations", "0", "--depth", str(DEPTH), "--signal-interval",
         str(SIGNAL_INTERVAL), "--working-set", "4K", "--deadline", "300", "--output", out, *options],
        capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"railgauge failed: {done.stdout}{done.stderr}")
    with open(os.path.join(out, "measurements.ndjson")) as lines:
        return json.loads(lines.readline())


def bandwidth(operation, size):
    messages = BANDWIDTH_MESSAGES[size]
    reads = ["-o", READS] if operation == "read" else []

    def theirs():
        return perftest(f"ib_{operation}_bw", "-s", size, "-n", messages, "-t", DEPTH, "-Q", SIGNAL_INTERVAL, "--report_gbits", *reads)[3]

    def ours():
        return railgauge(f"rdma_{operation}_bw", size, messages)["bandwidth"]["bandwidth_gbps"]

    return theirs, ours


def latency(operation):
    def theirs():
        return perftest(f"ib_{operation}_lat", "-s", LATENCY_BYTES, "-n", LATENCY_MESSAGES)[4]

    def ours():
        # perftest polls the last byte whatever the device promises: like with like.
        options = ["--write-poll", "last_byte"] if operation == "write" else []
        return railgauge(f"rdma_{operation}_lat", LATENCY_BYTES, LATENCY_MESSAGES, *options)["latency"]["p50_us"]

    return theirs, ours


def in_turn(name, unit, theirs, ours):
    """A B A B ...; medians and their ratio."""
    pairs = [(theirs(), ours()) for _ in range(PAIRS)]
    medians = [statistics.median(column) for column in zip(*pairs)]
    row = {"what": name, "unit": unit, "perftest": medians[0], "railgauge": medians[1], "ratio": medians[1] / medians[0],
           "pairs": pairs}
    print(f"{name:<22} {medians[0]:>11.4g} {medians[1]:>11.4g} {unit:<5} {row['ratio']:>7.3f}", flush=True)
    return row


def self_cost(path):
    """Instructions by object and function, without those of callees, of a callgrind output file."""
    names, cost, at, called = {}, collections.Counter(), {"ob": "", "fn": ""}, False

    def name_of(text):  # "(12) name" defines what "(12)" then stands for
        number, _, name = text.partition(" ")
        return names.setdefault(number, name) if name else names.get(number, number)

    with open(path) as lines:
        for line in lines:
            key, _, value = line.rstrip("\n").partition("=")
            if key in ("ob", "fn"):
                at[key] = name_of(key + value)
            elif key in ("cob", "cfn", "fl", "fi", "fe", "cfi", "cfl"):
                if key in ("cob", "cfn"):
                    name_of(key[1:] + value)
            elif key == "calls":
                called = True
            elif re.match(r"[+*\d-]", line):
                if not called:
                    cost[os.path.basename(at["ob"]), at["fn"]] += int(line.split()[1])
                called = False
    return cost


def instructions_of(program, run):
    """Per message, from two runs: {whose: instructions}, the program's own told from the libraries'."""
    costs = []
    for messages in INSTRUCTION_MESSAGES:
        out = os.path.join(scratch, f"callgrind.{program}.{messages}")
        run(messages, ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"])
        costs.append(self_cost(out))
    step = INSTRUCTION_MESSAGES[1] - INSTRUCTION_MESSAGES[0]
    slope = collections.Counter()
    for key in set(costs[0]) | set(costs[1]):
        whose = "own" if key[0] == program else "verbs" if re.match(r"lib(ibverbs|rxe)", key[0]) else "other"
        slope[whose] += (costs[1][key] - costs[0][key]) / step
    return slope


def instructions(operation):
    size = 64

    def perftest_under(messages, valgrind):
        # -N: without a time stamp a message, which would only make it look worse
        perftest(f"ib_{operation}_bw", "-N", "-s", size, "-n", messages, "-t", DEPTH, "-Q", SIGNAL_INTERVAL, under=valgrind)

    def railgauge_under(messages, valgrind):
        wrapper = os.path.join(scratch, "rank")
        with open(wrapper, "w") as file:  # rank 0 initiates
            file.write(f"#!/bin/sh\n[ $OMPI_COMM_WORLD_RANK != 0 ] || exec {' '.join(valgrind)} build/railgauge-rank\n"
                       "exec build/railgauge-rank\n")
        os.chmod(wrapper, 0o755)
        railgauge(f"rdma_{operation}_bw", size, messages, "--rank-program", wrapper, "--verify=no")

    theirs = instructions_of(f"ib_{operation}_bw", perftest_under)
    ours = instructions_of("railgauge-rank", railgauge_under)
    for whose, words in (("own", "its own"), ("verbs", "the verbs libraries'"), ("other", "the rest")):
        print(f"{operation}, 64 B, {words:<20} {theirs[whose]:>8.1f} {ours[whose]:>8.1f} {ours[whose] / theirs[whose]:>7.3f}", flush=True)
    return {"what": f"{operation}, instructions of its own", "perftest": theirs, "railgauge": ours, "ratio": ours["own"] / theirs["own"]}


def misses(result):
    """What is outside the limits: bandwidth at least 0.97 of perftest's, latency at most 1.05, instructions at most as many."""
    for row in result["speed"]:
        if row["ratio"] < 0.97 if row["unit"] == "Gb/s" else row["ratio"] > 1.05:
            yield row
    yield from (row for row in result["instructions"] if row["ratio"] > 1)


def main():
    print(f"medians of {PAIRS} pairs, perftest and railgauge in turn; software RDMA: only the ratios mean anything\n")
    print(f"{'':<22} {'perftest':>11} {'railgauge':>11} {'':<5} {'ratio':>7}")
    result = {"pairs": PAIRS, "speed": [], "instructions": []}
    for operation in ("write", "read"):
        for size in BANDWIDTH_MESSAGES:
            result["speed"].append(in_turn(f"{operation} bandwidth {size}", "Gb/s", *bandwidth(operation, size)))
    for operation in ("write", "read", "send"):
        result["speed"].append(in_turn(f"{operation} latency {LATENCY_BYTES}, p50", "us", *latency(operation)))
    print("\nuser-space instructions a message, by callgrind (slope between two message counts)\n")
    for operation in ("write", "read"):
        result["instructions"].append(instructions(operation))
    with open("build/bench.json", "w") as file:
        json.dump(result, file, indent=1)
    outside = [f"{row['what']}: {row['ratio']:.3f}" for row in misses(result)]
    print("\noutside the limits (bandwidth 0.97, latency 1.05, instructions 1): " + ("; ".join(outside) or "nothing"))
    print("build/bench.json has every run")
    sys.exit(1 if outside else 0)


main()
