#!/usr/bin/python3
"""perftest and railgauge in turn on one soft-RoCE device: speed as ratios of medians, and instructions a message by callgrind.

Both use one queue pair, depth 128, a completion every 16 messages, one message a post, one page of buffer (or one message), and the same
number of messages; both count from the first post to the last completion. The end that initiates is bound to processor 0, the other to
processor 1: where the scheduler moves a polling process about, software RDMA gains or loses a tenth by it, whosever it is.

    against_perftest.py measure FILE [--instructions]   inside a virtual machine: pairs into FILE; --quick: few
    against_perftest.py report FILE...                  outside: a table of all, and build/bench.json

How fast one program is differs from boot to boot by more than from pair to pair, by where its pages happen to lie: so there are several.
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
PAIRS = 1 if QUICK else 5
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


def bound(processor):
    return ["taskset", "--cpu-list", str(processor)]


def perftest(program, *options, under=()):
    """The columns of the client's only line of results."""
    common = [program, "-d", DEVICE, "-x", GID_INDEX, "-F", *map(str, options)]
    server = subprocess.Popen([*bound(1), *common], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(50):  # until the server listens
            done = subprocess.run([*bound(0), *under, *common, ADDRESS], capture_output=True, text=True)
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


def railgauge(test, size, messages, *options, under=()):
    """The measurement of the one flow: data go from rank 0 to rank 1, who initiates if it reads."""
    initiator = int("read" in test)
    out, wrapper = os.path.join(scratch, "run"), os.path.join(scratch, "rank")
    shutil.rmtree(out, ignore_errors=True)
    with open(wrapper, "w") as file:
        file.write(f"#!/bin/sh\n[ $OMPI_COMM_WORLD_RANK != {initiator} ] || exec {' '.join([*bound(0), *under])} build/railgauge-rank\n"
                   f"exec {' '.join(bound(1))} build/railgauge-rank\n")
    os.chmod(wrapper, 0o755)
    done = subprocess.run(
        ["build/railgauge", "run", "--quiet", "--hosts", "node0", "--ranks-per-node", "1", "--pattern", "loopback", "--test", test,
         "--size", str(size), "--iterations", str(messages), "--warmup-iterations", "0", "--depth", str(DEPTH), "--signal-interval",
         str(SIGNAL_INTERVAL), "--working-set", "4K", "--deadline", "300", "--rank-program", wrapper, "--output", out, *options],
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
    """A B A B ..."""
    print(f"{name} ...", file=sys.stderr, flush=True)
    return {"what": name, "unit": unit, "pairs": [(theirs(), ours()) for _ in range(PAIRS)]}


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
    if slope["own"] < 1:
        sys.exit(f"{program}: {slope['own']:.1f} instructions of its own a message: that was not the end that initiates")
    return slope


def instructions(operation):
    size = 64

    def perftest_under(messages, valgrind):
        # -N: without a time stamp a message, which would only make it look worse
        perftest(f"ib_{operation}_bw", "-N", "-s", size, "-n", messages, "-t", DEPTH, "-Q", SIGNAL_INTERVAL, under=valgrind)

    def railgauge_under(messages, valgrind):
        railgauge(f"rdma_{operation}_bw", size, messages, "--verify=no", under=valgrind)

    theirs = instructions_of(f"ib_{operation}_bw", perftest_under)
    ours = instructions_of("railgauge-rank", railgauge_under)
    return {"what": f"{operation}, 64 B", "perftest": theirs, "railgauge": ours}


def measure(path, with_instructions):
    result = {"speed": [], "instructions": []}
    for operation in ("write", "read"):
        for size in BANDWIDTH_MESSAGES:
            result["speed"].append(in_turn(f"{operation} bandwidth {size}", "Gb/s", *bandwidth(operation, size)))
    for operation in ("write", "read", "send"):
        result["speed"].append(in_turn(f"{operation} latency {LATENCY_BYTES}, p50", "us", *latency(operation)))
    for operation in ("write", "read") if with_instructions else ():
        result["instructions"].append(instructions(operation))
    with open(path, "w") as file:
        json.dump(result, file, indent=1)


def pooled(boots):
    """Each row once, with the pairs of all boots, medians and their ratio."""
    for rows in zip(*(boot["speed"] for boot in boots)):
        pairs = [pair for row in rows for pair in row["pairs"]]
        medians = [statistics.median(column) for column in zip(*pairs)]
        yield {**rows[0], "perftest": medians[0], "railgauge": medians[1], "ratio": medians[1] / medians[0], "pairs": pairs}


def misses(result):
    """What is outside the limits: bandwidth at least 0.97 of perftest's, latency at most 1.05, instructions at most as many."""
    for row in result["speed"]:
        if row["ratio"] < 0.97 if row["unit"] == "Gb/s" else row["ratio"] > 1.05:
            yield f"{row['what']}: {row['ratio']:.3f}"
    for row in result["instructions"]:
        if row["railgauge"]["own"] > row["perftest"]["own"]:
            yield f"instructions of {row['what']}"


def report(paths):
    boots = []
    for path in paths:
        with open(path) as file:
            boots.append(json.load(file))
    result = {"boots": len(boots), "speed": list(pooled(boots)), "instructions": [row for boot in boots for row in boot["instructions"]]}
    print(f"perftest and railgauge in turn, medians of {len(result['speed'][0]['pairs'])} pairs in {len(boots)} boots of the virtual "
          f"machine;\nsoftware RDMA: only the ratios mean anything\n\n{'':<22} {'perftest':>11} {'railgauge':>11} {'':<5} {'ratio':>7}")
    for row in result["speed"]:
        print(f"{row['what']:<22} {row['perftest']:>11.4g} {row['railgauge']:>11.4g} {row['unit']:<5} {row['ratio']:>7.3f}")
    print("\nuser-space instructions a message, by callgrind (slope between two message counts)\n")
    for row in result["instructions"]:
        for whose, words in (("own", "its own"), ("verbs", "the verbs libraries'"), ("other", "the rest")):
            theirs, ours = row["perftest"][whose], row["railgauge"][whose]
            print(f"{row['what'] + ', ' + words:<34} {theirs:>8.1f} {ours:>8.1f} {ours / theirs:>7.3f}")
    with open("build/bench.json", "w") as file:
        json.dump(result, file, indent=1)
    outside = list(misses(result))
    print("\noutside the limits (bandwidth 0.97, latency 1.05, instructions 1): " + ("; ".join(outside) or "nothing"))
    print("build/bench.json has every run")
    return 1 if outside else 0


arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
if arguments[0] == "measure":
    measure(arguments[1], "--instructions" in sys.argv)
else:
    sys.exit(report(arguments[1:]))
