#!/usr/bin/env python3
"""What one call of scanctl costs, beside curl, in one run against one loopback server.

    cargo build --release && python3 benches/cost.py

Needs curl and GNU time. Prints wall time (median), peak memory and their ratios, and exits 1 when a limit is
missed: one call takes at most half of curl's wall time and 8 MiB; polling 1,000 scans over 50 concurrent slots at 20 ms
latency takes at most 1.1 of what `curl -Z --parallel-max 50` takes.
"""

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SCANS, SLOTS, LATENCY = 1000, 50, 0.020
CALLS, SWEEPS = 100, 9
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCANCTL = os.environ.get("SCANCTL", os.path.join(ROOT, "target", "release", "scanctl"))
BODY = json.dumps({
    "info": {"name": "bench", "status": "running", "uuid": "647ca798-de12-48e2-bf32-5c7332431050", "object_id": 1},
    "history": [],
}).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Server(asyncio.Protocol):
    """Answers every request alike, after the latency that its port stands for."""

    def __init__(self, latency):
        self.latency, self.buffer = latency, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            _, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.answer)
            else:
                self.answer()

    def answer(self):
        if not self.transport.is_closing():
            self.transport.write(ANSWER)


def serve():
    """Starts both servers on a thread of their own and returns their ports."""
    ports, ready = [], threading.Event()

    async def run():
        loop = asyncio.get_running_loop()
        for latency in (0, LATENCY):
            server = await loop.create_server(lambda latency=latency: Server(latency), "127.0.0.1", 0, backlog=256)
            ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    ready.wait()
    return ports


def call(command):
    """Runs a command; its wall time in seconds."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def peak(command):
    """The peak memory of a command in MiB. A child counts what its parent was, so the parent must be a small one."""
    measured = subprocess.run(["time", "-f", "%M"] + command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    return int(measured.stderr.split()[-1]) / 1024


def compare(title, ours, theirs, rounds):
    """Alternates the two commands, so that whatever else the machine does meets both alike."""
    memory = [peak(command) for command in (ours, theirs)]
    times = ([], [])
    for _ in range(rounds):
        for index, command in enumerate((ours, theirs)):
            times[index].append(call(command))
    mine, other = (statistics.median(measured) for measured in times)
    print(f"{title:<34} {mine * 1000:8.2f} ms {other * 1000:8.2f} ms {mine / other:6.2f}"
          f" {memory[0]:8.1f} MiB {memory[1]:8.1f} MiB")
    return mine / other, memory[0]


def main():
    if not shutil.which("curl") or not shutil.which("time") or not os.path.exists(SCANCTL):
        sys.exit(f"needs curl, GNU time and {SCANCTL} (cargo build --release)")
    fast, slow = serve()
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "config.toml")
        with open(config, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            for name, port in (("fast", fast), ("slow", slow)):
                file.write(f'[profiles.{name}]\nbackend = "tenable-io"\nbase_url = "http://127.0.0.1:{port}"\n'
                           f'access_key = "bench"\nsecret_key = "bench"\nmax_concurrency = {SLOTS}\n')
        urls = os.path.join(folder, "urls")
        with open(urls, "w") as file:
            for scan in range(SCANS):
                file.write(f'url = "http://127.0.0.1:{slow}/scans/{scan}"\noutput = "/dev/null"\n')
        ours = [SCANCTL, "--config", config]
        print(f"{'':<34} {'scanctl':>11} {'curl':>11} {'ratio':>6} {'scanctl':>12} {'curl':>12}")
        version, version_memory = compare("--version", [SCANCTL, "--version"], ["curl", "--version"], CALLS)
        status, status_memory = compare(
            "status, one call", ours + ["status", "fast/1"],
            ["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{fast}/scans/1"], CALLS)
        sweep, _ = compare(
            f"status of {SCANS} scans, {SLOTS} at a time", ours + ["status"] + [f"slow/{scan}" for scan in range(SCANS)],
            ["curl", "-s", "-Z", "--parallel-max", str(SLOTS), "-K", urls], SWEEPS)
    missed = [name for name, holds in (
        ("--version: half of curl's time", version <= 0.5),
        ("--version: 8 MiB", version_memory <= 8),
        ("status: half of curl's time", status <= 0.5),
        ("status: 8 MiB", status_memory <= 8),
        ("sweep: 1.1 of curl's time", sweep <= 1.1),
    ) if not holds]
    for name in missed:
        print(f"missed: {name}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
