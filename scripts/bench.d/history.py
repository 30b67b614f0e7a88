#!/usr/bin/python3
"""Time `railgauge history` on 1,000 nights of 64 nodes: adding one more night, and telling the trend of all.

usage: scripts/bench.d/history.py [--quick]

One night of the suite `nightly` is simulated and added; its figures are then copied with 1 % noise into the nights
before, in ten of which one rail received 6 % less. Other simulated nights are added, and the trend is told, three times
each; the least is printed against its limit, since other processes can only add to it. --quick: 100 nights, once. Exit status: 0, 1 beyond a limit.
"""
import datetime
import json
import pathlib
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

RAILGAUGE = pathlib.Path(__file__).resolve().parents[2] / "build" / "railgauge"
ADD_LIMIT_S, TREND_LIMIT_S = 1.0, 5.0
SLOW = ("sim017", 3, "rx")


def simulate(directory, day):
    """A night's run directory, dated. All have the same partners and noise: what differs is put in by copy_nights."""
    subprocess.run([RAILGAUGE, "simulate", "--nodes", "64", "--suite", "nightly", "-o", directory], check=False,
                   stdout=subprocess.DEVNULL)
    run = json.loads((directory / "run.json").read_text())
    before, after = run["run_id"], f"{day:%Y%m%d}T020000Z-00000000"
    run["run_id"], run["started_at"] = after, f"{day:%Y-%m-%d}T02:00:00Z"
    (directory / "run.json").write_text(json.dumps(run))
    for name in ("measurements.ndjson", "verdict.json"):
        file = directory / name
        file.write_text(file.read_text().replace(before, after))


def history(*arguments):
    """The seconds it took, those of a processor, and what it printed."""
    begin, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([RAILGAUGE, "history", *arguments], stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"bench: history {arguments[0]} ended with {done.returncode}")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begin, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime, done.stdout


def copy_nights(path, nights, last_day):
    """Copies the one run that is there into so many nights before it."""
    database = sqlite3.connect(path)
    source, = database.execute("SELECT id FROM run").fetchone()
    figures = database.execute("SELECT series, value, measurements, node, rail, side FROM figure JOIN series"
                               " ON series.id = series WHERE run = ?", (source,)).fetchall()
    lot = random.Random(1)
    for night in range(nights):
        day = last_day - datetime.timedelta(days=nights - night)
        cursor = database.execute(
            "INSERT INTO run (run_id, started_at, status, exit_status, suite, machine, version, origin, nodes, ranks)"
            " SELECT ?, ?, status, exit_status, suite, machine, version, origin, nodes, ranks FROM run WHERE id = ?",
            (f"{day:%Y%m%d}T020000Z-00000000", f"{day:%Y-%m-%d}T02:00:00Z", source))
        run, slow = cursor.lastrowid, 50 < nights - night <= 60
        database.executemany("INSERT INTO figure VALUES (?, ?, ?, ?)", (
            (run, series, value * lot.gauss(0.94 if slow and (node, rail, side) == SLOW else 1, 0.01), count)
            for series, value, count, node, rail, side in figures))
        database.execute("INSERT INTO run_fact SELECT ?, fact, node, rail FROM run_fact WHERE run = ?", (run, source))
    database.commit()
    database.close()
    return len(figures)


def main(arguments):
    quick = arguments == ["--quick"]
    nights, times = (100, 1) if quick else (1000, 3)
    work = pathlib.Path(tempfile.mkdtemp(prefix="railgauge-bench-"))
    try:
        path, last_day = str(work / "history.db"), datetime.date(2026, 11, 1)
        for number in range(times + 1):
            simulate(work / str(number), last_day + datetime.timedelta(days=number))
        history("add", str(work / "0"), "--db", path)
        figures = copy_nights(path, nights - 1 - times, last_day)
        add = min(history("add", str(work / str(n + 1)), "--db", path) for n in range(times))
        trend = min(history("trend", "--db", path) for _ in range(times))
        size = pathlib.Path(path).stat().st_size
    finally:
        shutil.rmtree(work)
    print(f"history: {nights} nights of 64 nodes x 8 rails, {figures} figures a night, {size / 1e6:.0f} MB")
    print(f"  add one night {add[0]:6.2f} s ({add[1]:.2f} s of a processor), limit {ADD_LIMIT_S:.0f} s")
    print(f"  trend of all  {trend[0]:6.2f} s ({trend[1]:.2f} s of a processor), limit {TREND_LIMIT_S:.0f} s")
    named = f"{SLOW[0]} rail {SLOW[1]} receives" in " ".join(trend[2].split())
    print(f"  the slow rail is {'named' if named else 'not named'}")
    return 0 if add[0] < ADD_LIMIT_S and trend[0] < TREND_LIMIT_S and named else 1


sys.exit(main(sys.argv[1:]))
