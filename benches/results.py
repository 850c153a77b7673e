#!/usr/bin/env python3
"""How fast the program reads a report of any size, beside its peers, and what memory that takes.

    cargo build --release && cargo bench --no-run --bench findings
    python3 benches/results.py [--large] [FILE...]

Generates 200 MB (with --large also 1 GB) and reads it with `scanctl results --from`. FILEs are real exports: each is
measured as it is, and the hosts of all of them, repeated under other names, as another 200 MB. The peers run in turns
with it: a plain single-threaded quick-xml reader over a BufReader that writes the core columns (mode `plain` of
benches/findings.rs), and pyTenable's NessusReportv2 where pyTenable is installed. Then it serves the 200 MB as a Tenable
VM export on loopback, as fast as curl takes it and as fast as it is decoded, and fetches it. Exits 1 when a limit is
missed: core columns at least 2 times the plain reader and 50 times pyTenable, NDJSON at least the plain reader, every
format in at most 32 MiB whatever the size, a fetch within 1.2 of the slowest of download, decoding, and the processor
time of both shared by all cores: server and client run beside the decoder, which alone can keep two cores busy.

Beside wall times stand processor times (all cores together): where a machine is shared, only these can be trusted.
"""

import glob
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(ROOT, "target", "release")
SCANCTL = os.environ.get("SCANCTL", os.path.join(RELEASE, "scanctl"))
ROUNDS = 5
RUN = "647ca798-de12-48e2-bf32-5c7332431050"


def bench():
    found = [path for path in glob.glob(os.path.join(RELEASE, "deps", "findings-*")) if os.access(path, os.X_OK)]
    found = [path for path in found if not path.endswith(".d")]
    return os.environ.get("BENCH") or max(found, key=os.path.getmtime, default=None)


def taken(command):
    """Wall and processor seconds, and peak memory in MiB. A child counts what its parent was, hence `time`, a small one."""
    began = time.perf_counter()
    done = subprocess.run(["time", "-f", "%U %S %M"] + command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    user, system, peak = done.stderr.split()[-3:]
    return seconds, float(user) + float(system), int(peak) / 1024


def pytenable(path):
    """Processor seconds of pyTenable's reader, which has one thread, or None where it is not installed."""
    code = ("import sys, time\nfrom tenable.reports import NessusReportv2\nbegan = time.process_time()\n"
            "with open(sys.argv[1], 'rb') as file:\n    count = sum(1 for _ in NessusReportv2(file))\n"
            "print(time.process_time() - began)\n")
    done = subprocess.run([sys.executable, "-c", code, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return float(done.stdout) if done.returncode == 0 else None


def repeated(files, path, bytes_wanted):
    """The hosts of real exports, repeated under names and addresses of their own."""
    found = [re.findall(rb"<ReportHost .*?</ReportHost>", open(file, "rb").read(), re.S) for file in files]
    hosts = [re.sub(rb'(<tag name="host-(?:fqdn|ip)">)[^<]*', rb"\1@", host) for host in sum(found, [])]
    hosts = [re.sub(rb'^<ReportHost name="[^"]*"', b'<ReportHost name="@"', host) for host in hosts]
    with open(path, "wb") as file:
        file.write(b'<?xml version="1.0" ?>\n<NessusClientData_v2>\n<Report name="repeated" '
                   b'xmlns:cm="http://www.nessus.org/cm">\n')
        number = 0
        while hosts and file.tell() < bytes_wanted:
            for host in hosts:
                number += 1
                name = f">10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}".encode()
                file.write(host.replace(b">@", name).replace(b'"@"', b'"' + name[1:] + b'"') + b"\n")
        file.write(b"</Report>\n</NessusClientData_v2>\n")


FORMATS = ["ndjson", "table", "json", "sarif", "ocsf", "ocsf-array", "defectdojo", "markdown", "html"]


def compare(path, missed):
    """Our formats and the peers on one file, in turns."""
    size = os.path.getsize(path)
    ours = [SCANCTL, "results", "--from", path, "--progress", "none", "-f"]
    commands = {"plain quick-xml": [bench(), "plain", path], "csv, core columns": ours + ["csv", "--columns", "core"],
                "csv, all columns": ours + ["csv"]}
    commands |= {name: ours + [name] for name in FORMATS}
    best = {name: (float("inf"), float("inf"), 0) for name in commands}
    rounds = ROUNDS if size < 500e6 else 2
    for turn in range(rounds):
        for name, command in commands.items():
            # Other formats are only there for their memory.
            if turn > 0 and name in FORMATS[1:]:
                continue
            measured, before = taken(command), best[name]
            best[name] = (min(measured[0], before[0]), min(measured[1], before[1]), max(measured[2], before[2]))
    peer = pytenable(path) if size < 500e6 else None
    plain = best["plain quick-xml"][0]
    print(f"{os.path.basename(path)}: {size / 1e6:.1f} MB, best of {rounds}")
    for name, (seconds, used, peak) in best.items():
        beside = f"  {peer / seconds:6.1f} x pyTenable" if peer else ""
        print(f"  {name:18} {seconds:8.3f} s {size / seconds / 1e6:7.0f} MB/s  {plain / seconds:5.2f} x plain{beside}"
              f"  {used:7.2f} s of processors  {peak:6.1f} MiB")
    if peer:
        print(f"  {'pyTenable':18} {peer:8.3f} s {size / peer / 1e6:7.0f} MB/s")
    # Small files measure how a process starts.
    if size > 100e6:
        limits = [("core columns: 2 x plain", plain / best["csv, core columns"][0] >= 2),
                  ("ndjson: 1 x plain", plain / best["ndjson"][0] >= 1)]
        limits += [(f"{name}: 32 MiB", peak <= 32) for name, (_, _, peak) in best.items() if name != "plain quick-xml"]
        if peer:
            limits.append(("core columns: 50 x pyTenable", peer / best["csv, core columns"][0] >= 50))
        missed += [f"{os.path.basename(path)}: {name}" for name, holds in limits if not holds]
    return {name: peak for name, (_, _, peak) in best.items()}


class Vendor(http.server.BaseHTTPRequestHandler):
    """A Tenable VM with one completed run, whose export is ready at once."""

    protocol_version = "HTTP/1.1"
    # Else each small answer waits for the acknowledgement of its headers.
    disable_nagle_algorithm = True
    report, rate = None, None

    def log_message(self, *_):
        pass

    def reply(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.reply({"file": "1", "temp_token": "1"})

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.endswith("/download"):
            return self.download()
        if path.endswith("/status") and "/export/" in path:
            return self.reply({"status": "ready"})
        run = {"object_id": 1, "name": "bench", "status": "completed", "uuid": RUN, "scan_start": 1_790_000_000,
               "scan_end": int(time.time()) - 60}
        history = [{"id": 1, "scan_uuid": RUN, "history_id": 1, "status": "completed", "time_start": 1_790_000_000,
                    "time_end": int(time.time()) - 60}]
        return self.reply({"info": run, "history": history, **run})

    def download(self):
        self.send_response(200)
        self.send_header("content-type", "application/octet-stream")
        self.send_header("content-length", str(os.path.getsize(self.report)))
        self.end_headers()
        self.wfile.flush()
        began, sent = time.perf_counter(), 0
        with open(self.report, "rb") as file:
            # By the kernel alone: what this server costs is taken from the same processors.
            while count := self.connection.sendfile(file, sent, 1 << 20):
                sent += count
                if self.rate:
                    time.sleep(max(0.0, sent / self.rate - (time.perf_counter() - began)))


def overlap(path, folder, missed):
    """A fetch from loopback, beside the download alone (curl) and the decoding alone."""
    Vendor.report = path
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = os.path.join(folder, "config.toml")
    with open(config, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(f'[profiles.io]\nbackend = "tenable-io"\nbase_url = "http://127.0.0.1:{server.server_port}"\n'
                   'access_key = "bench"\nsecret_key = "bench"\n')
    url = f"http://127.0.0.1:{server.server_port}/scans/1/export/1/download"
    for format in (["table"], ["ndjson"], ["csv", "--columns", "core"]):
        write = ["--progress", "none", "-f"] + format
        decode = [SCANCTL, "results", "--from", path] + write
        fetch = [SCANCTL, "--config", config, "results", "io/1"] + write
        alone = min(taken(decode)[0] for _ in range(3))
        for title, rate in (("as fast as it goes", None), ("as fast as it is decoded", os.path.getsize(path) / alone)):
            Vendor.rate = rate
            overlapped(" ".join(format) + ", served " + title, url, decode, fetch, missed)
    server.shutdown()


def overlapped(title, url, decode, fetch, missed):
    download, decoding, both, peak, floor = [], [], [], 0, []
    for _ in range(ROUNDS):
        began = time.process_time()
        seconds, client, _ = taken(["curl", "-s", "-o", "/dev/null", url])
        server = time.process_time() - began
        download.append(seconds)
        seconds, used, _ = taken(decode)
        decoding.append(seconds)
        floor.append((used + client + server) / os.cpu_count())
        seconds, _, memory = taken(fetch)
        both.append(seconds)
        peak = max(peak, memory)
    download, decoding, both, floor = min(download), min(decoding), min(both), min(floor)
    slower = max(download, decoding)
    print(f"{title}: download {download:.3f} s, decoding {decoding:.3f} s, results {both:.3f} s:"
          f" {both / slower:.2f} of the slower, {both / floor:.2f} of what the processors need, {peak:.1f} MiB")
    if both > 1.2 * max(slower, floor):
        missed.append(f"{title}: 1.2 of the slower")
    if peak > 32:
        missed.append(f"{title}: 32 MiB")


def main():
    files = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if not bench() or not os.path.exists(SCANCTL) or not shutil.which("curl") or not shutil.which("time"):
        sys.exit("needs curl, GNU time, and: cargo build --release && cargo bench --no-run --bench findings")
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        generated = os.path.join(folder, "200MB.nessus")
        subprocess.run([bench(), "generate", "200", generated], check=True)
        peaks = [compare(path, missed) for path in [generated] + files]
        if files:
            real = os.path.join(folder, "real-200MB.nessus")
            repeated(files, real, 200e6)
            compare(real, missed)
        overlap(generated, folder, missed)
        if "--large" in sys.argv:
            large = os.path.join(folder, "1GB.nessus")
            subprocess.run([bench(), "generate", "1000", large], check=True)
            of_large = compare(large, missed)
            for name, peak in of_large.items():
                # The same, but for what an allocator happens to keep.
                if name != "plain quick-xml" and peak > peaks[0][name] * 1.25 + 2:
                    missed.append(f"{name}: {peak:.1f} MiB for 1 GB, {peaks[0][name]:.1f} MiB for 200 MB")
    for name in missed:
        print(f"missed: {name}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
