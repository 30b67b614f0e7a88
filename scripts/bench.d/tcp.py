#!/usr/bin/python3
"""iperf3 and railgauge in turn over this machine's loopback interface, with one and with eight connections: the median of the pairs' ratios.

Both move messages of 128 KiB from one buffer a connection, without a limit, for the same time after the same warm-up, and tell the
payload that the receiver got. iperf3 reads and writes from one thread, railgauge from one a connection. Loopback is no network: only the
ratio means anything, and where other programs share the processors single runs lie far apart; hence many short ones, A B A B, and an interval
of the median by the sign test (of 15 pairs, the 4th to the 12th ratio; it holds the median in 96 of 100 such sets at least).
Leaves build/bench.tcp.json. --quick: one pair of each, to see that it works. Exit status 1: all of the interval is below the limit.
"""
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

QUICK = "--quick" in sys.argv
PAIRS = 1 if QUICK else 15
DURATION_S, WARMUP_S, SIZE_KIB, LIMIT = 1, 1, 128, 0.95

scratch = tempfile.TemporaryDirectory()


def free_port():
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        return str(there.getsockname()[1])


def iperf3(connections):
    port = free_port()
    server = subprocess.Popen(["iperf3", "--server", "--one-off", "--bind", "127.0.0.1", "--port", port], stdout=subprocess.DEVNULL)
    try:
        for _ in range(50):  # until the server listens
            done = subprocess.run(["iperf3", "--client", "127.0.0.1", "--port", port, "--parallel", str(connections), "--time",
                                   str(DURATION_S), "--omit", str(WARMUP_S), "--length", f"{SIZE_KIB}K", "--json"],
                                  capture_output=True, text=True, timeout=60)
            received = json.loads(done.stdout or "{}").get("end", {}).get("sum_received")
            if received is not None:
                return received["bits_per_second"] / 1e9
            time.sleep(0.05)
        sys.exit(f"iperf3 failed: {done.stdout}{done.stderr}")
    finally:
        server.kill()
        server.wait()


def railgauge(connections):
    out = os.path.join(scratch.name, f"{time.monotonic_ns()}")
    done = subprocess.run(["build/railgauge", "run", "--quiet", "--test", "tcp_bw", "--pattern", "loopback", "--interface", "lo", "--ranks-per-node",
                           "1", "--queue-pairs", str(connections), "--size", f"{SIZE_KIB}K", "--working-set", f"{SIZE_KIB * connections}K",
                           "--duration", str(DURATION_S), "--warmup", str(WARMUP_S), "--output", out], capture_output=True, text=True, timeout=120)
    try:
        with open(os.path.join(out, "measurements.ndjson")) as lines:
            measurement = json.loads(lines.readline())
        if measurement["integrity"]["status"] == "ok":
            return measurement["bandwidth"]["bandwidth_gbps"]
    except (OSError, LookupError, TypeError, ValueError):
        pass
    sys.exit(f"railgauge failed: {done.stdout}{done.stderr}")


def interval_of_median(values):
    """Order statistics that the median lies beyond, on either side, in at most 2.5 of 100 sets; all that there is of fewer than six."""
    n, at = len(values), 0
    while sum(math.comb(n, k) for k in range(at + 1)) <= 0.025 * 2**n:
        at += 1
    at = max(at - 1, 0)
    return sorted(values)[at], sorted(values)[n - 1 - at]


rows = []
for connections in (1, 8):
    print(f"tcp, {connections} connections ...", file=sys.stderr, flush=True)
    pairs = [(iperf3(connections), railgauge(connections)) for _ in range(PAIRS)]
    theirs, ours = (statistics.median(column) for column in zip(*pairs))
    ratios = [b / a for a, b in pairs]
    rows.append({"connections": connections, "iperf3": theirs, "railgauge": ours, "ratio": statistics.median(ratios),
                 "interval": interval_of_median(ratios), "pairs": pairs})
load = os.getloadavg()[0]
print(f"iperf3 and railgauge in turn over loopback, medians of {PAIRS} pairs; load of the last minute {load:.1f} on {os.cpu_count()} processors\n\n"
      f"{'':<22} {'iperf3':>11} {'railgauge':>11} {'':<5} {'ratio':>7}   95 % interval")
for row in rows:
    words = f"{row['connections']} connection{'s' if row['connections'] > 1 else ''}"
    print(f"{words:<22} {row['iperf3']:>11.4g} {row['railgauge']:>11.4g} {'Gb/s':<5} {row['ratio']:>7.3f}   {' to '.join(f'{end:.3f}' for end in row['interval'])}")
with open("build/bench.tcp.json", "w") as file:
    json.dump({"load": load, "rows": rows}, file, indent=1)
outside = [f"{row['connections']} connections: {row['ratio']:.3f}" for row in rows if row["interval"][1] < LIMIT]
print(f"\nbelow the limit ({LIMIT}): " + ("; ".join(outside) or "nothing"))
sys.exit(1 if outside and not QUICK else 0)
