#!/usr/bin/python3
"""The copy kernel and cudaMemcpy in turn, from one GPU's memory to the same GPU's: a table, and the ratio of the medians.

Each figure is a run of railgauge's own gpu_copy, on the first GPU of this machine. Where there is none, one line says why, and that is no
failure. Leaves build/bench.gpu_copy.json. --quick: small copies and short windows, to see that it works.
"""
import json
import statistics
import subprocess
import sys
import tempfile

PAIRS = 5
WAYS = {"cudaMemcpy": "engine", "kernel": "kernel"}
# Far beyond any cache, and the same for both; --quick is for what is no GPU.
OPTIONS = ["--size", "256M", "--working-set", "1G", "--duration", "1", "--warmup", "0.5"]
if "--quick" in sys.argv:
    OPTIONS = ["--size", "64K", "--working-set", "128K", "--depth", "4", "--signal-interval", "1", "--duration", "0.3", "--warmup", "0.3"]

scratch = tempfile.TemporaryDirectory()


def copies(by, number):
    """What the run says of the GPU, and its measurement."""
    out = f"{scratch.name}/{by}.{number}"
    command = ["build/railgauge", "run", "--quiet", "--hosts", "localhost", "--ranks-per-node", "1", "-o", out, "--test", "gpu_copy",
               "--copy", "device_to_device", "--copy-by", by, *OPTIONS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    try:
        with open(f"{out}/run.json") as run, open(f"{out}/measurements.ndjson") as lines:
            return json.load(run)["nodes"][0]["rails"][0], json.loads(lines.readline())
    except (OSError, LookupError, ValueError) as err:
        sys.exit(f"gpu copy: {err}: status {done.returncode}: {done.stdout}{done.stderr}")


def measure():
    """The first GPU as its run tells of it, why it is no hardware or None, and the figures of each way."""
    figures = {name: [] for name in WAYS}
    for number in range(PAIRS):
        for name, by in WAYS.items():
            rail, measurement = copies(by, number)
            if rail["gpu"] is None:
                why = rail["gpu_why"]
                print(f"gpu copy: not_run: {'no CUDA toolkit: ' if 'without CUDA' in why else ''}{why}")
                sys.exit(0)
            if measurement["status"] != "ok" or measurement["integrity"]["status"] != "ok":
                sys.exit(f"gpu copy by {name}: {measurement['status']}: {measurement['reason'] or measurement['integrity']}")
            figures[name].append(measurement["bandwidth"]["bandwidth_gbps"])
    return rail, measurement["hardware_reason"], figures


def report(rail, why_no_hardware, figures):
    medians = {name: statistics.median(values) for name, values in figures.items()}
    ratio = medians["kernel"] / medians["cudaMemcpy"]
    shares = [kernel / engine for kernel, engine in zip(figures["kernel"], figures["cudaMemcpy"])]
    print(f"gpu copy, device to device, {OPTIONS[1]} a copy, {PAIRS} pairs in turn\nGPU {rail['gpu']}: {rail['gpu_facts']['name']}")
    if why_no_hardware:
        print(f"not hardware: {why_no_hardware}; the figures mean nothing")
    print(f"\n{'':<22} {'median':>11} {'least':>11} {'most':>11}")
    for name, values in figures.items():
        print(f"{name:<22} {medians[name]:>11.4g} {min(values):>11.4g} {max(values):>11.4g} Gb/s")
    print(f"\nkernel over cudaMemcpy: {ratio:.3f}; of single pairs {min(shares):.3f} to {max(shares):.3f}")
    with open("build/bench.gpu_copy.json", "w") as file:
        json.dump({"gpu": rail["gpu"], "name": rail["gpu_facts"]["name"], "not_hardware": why_no_hardware, "options": OPTIONS,
                   "figures_gbps": figures, "medians_gbps": medians, "ratio": ratio}, file, indent=1)


report(*measure())
