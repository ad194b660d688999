"""Carries Ethernet frames between two TAP devices that it makes, after a delay: `delay_line.py DELAY_S DROP_EVERY`.

Prints an empty line when the devices exist, ends when its input ends. The devices may then move to other namespaces.
"""

import fcntl
import os
import select
import struct
import sys
import time
from collections import deque
from contextlib import suppress

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # linux/if_tun.h
IPV4 = b"\x08\x00"


def tap(name: bytes) -> int:
    """A TAP device's file descriptor; a read or write is one frame."""
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name, IFF_TAP | IFF_NO_PI))
    return end


def carry(ends: tuple[int, int], delay_s: float, drop_every: int) -> None:
    underway: deque[tuple[float, int, bytes]] = deque()  # when it is due, where, the frame
    packets = [0, 0]  # IPv4 packets from each end; ARP is neither counted nor lost
    while True:
        wait_s = max(0.0, underway[0][0] - time.monotonic()) if underway else None
        readable = select.select([0, *ends], [], [], wait_s)[0]
        if 0 in readable:
            return
        for side in (0, 1):
            with suppress(BlockingIOError):
                for _ in range(64 if ends[side] in readable else 0):  # no more, for something may be due
                    frame = os.read(ends[side], 65536)
                    packets[side] += frame[12:14] == IPV4
                    if not (drop_every and frame[12:14] == IPV4 and packets[side] % drop_every == 0):
                        underway.append((time.monotonic() + delay_s, ends[1 - side], frame))
        while underway and underway[0][0] <= time.monotonic():
            _, end, frame = underway.popleft()
            with suppress(OSError):  # the device is down or full, as a wire's far end may be
                os.write(end, frame)


def main() -> int:
    ends = tap(b"near"), tap(b"cable")
    print(flush=True)
    carry(ends, float(sys.argv[1]), int(sys.argv[2]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
