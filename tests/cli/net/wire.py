#!/usr/bin/python3
"""A wire between two network namespaces, whose delay and loss are known: wire.py DELAY_MS LOSE_EVERY NAMESPACE NAMESPACE.

Makes a TUN device tcp0 in each and carries packets from one to the other, each DELAY_MS later; of those from the first namespace every
LOSE_EVERY-th is lost (0: none). Prints "ready", and carries until it is killed; the devices go with it.
"""
import ctypes
import fcntl
import heapq
import os
import select
import struct
import sys
import time

CLONE_NEWNET, TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x40000000, 0x400454CA, 0x0001, 0x1000


def device_in(namespace):
    with open(f"/run/netns/{namespace}") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
            sys.exit(f"wire.py: {namespace}: {os.strerror(ctypes.get_errno())}")
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tcp0", IFF_TUN | IFF_NO_PI))
    return tun


try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))  # a wire waits for no processor
except OSError:
    pass
delay_s, lose_every = float(sys.argv[1]) / 1e3, int(sys.argv[2])
ends = [device_in(namespace) for namespace in sys.argv[3:5]]
print("ready", flush=True)
under_way, seen = [], 0
while True:
    wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
    for end in select.select(ends, [], [], wait)[0]:
        try:
            packet = os.read(end, 65536)
        except (BlockingIOError, OSError):  # nothing there, or the device is still down
            continue
        first = end == ends[0]
        seen += first
        if not (first and lose_every and seen % lose_every == 0):
            heapq.heappush(under_way, (time.monotonic() + delay_s, seen, ends[first], packet))
    while under_way and under_way[0][0] <= time.monotonic():
        _, _, end, packet = heapq.heappop(under_way)
        try:
            os.write(end, packet)
        except OSError:
            pass
