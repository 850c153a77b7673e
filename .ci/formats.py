#!/usr/bin/env python3
"""Has every format of findings judged by an independent checker.

    .ci/formats.py SCANCTL CHECKER [--generate BENCH] FOLDER...

Reads each report below the folders with `SCANCTL results --from`, once into every format, and gives each document to
CHECKER. Also compares the finding ids of the formats that carry all findings. BENCH is the executable of
`benches/findings.rs`, which makes a report of 20 MB. Exits 1 if anything is wrong.
"""

import json
import os
import subprocess
import sys
import tempfile

JUDGED = {"ndjson": "ndjson", "csv": "csv", "sarif": "sarif", "ocsf": "jsonl", "ocsf-array": "json",
          "defectdojo": "json"}
OTHERS = {"json": "json", "markdown": "md", "html": "html", "table": "txt"}
# SARIF keeps the worst 5,000.
KEPT = 5_000


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def judge(scanctl, checker, report, folder):
    files = {name: os.path.join(folder, f"{name}.{extension}") for name, extension in {**JUDGED, **OTHERS}.items()}
    command = [scanctl, "results", "--from", report, "--include-ports"]
    for name, file in files.items():
        command += ["-o", f"{name}={file}"]
    done = run(command)
    if done.returncode != 0:
        return [f"exit {done.returncode}: {done.stderr.strip()}"]
    problems, ids = [], {}
    for name in JUDGED:
        verdict = run([sys.executable, checker, name, files[name], "--ids"])
        if verdict.returncode != 0:
            problems += [f"{name}: {line}" for line in verdict.stderr.splitlines() if not line.startswith("note:")]
        ids[name] = verdict.stdout.split()
    with open(files["json"], encoding="utf-8") as file:
        document = json.load(file)
    ids["json"] = [item["id"] for item in document["items"]]
    if document["complete"] is not True or document["kind"] != "findings":
        problems.append("json: not a complete document of findings")
    for name in ("csv", "json", "ocsf", "ocsf-array", "defectdojo"):
        if ids[name] != ids["ndjson"]:
            problems.append(f"{name}: other finding ids than ndjson ({len(ids[name])} and {len(ids['ndjson'])})")
    if len(ids["ndjson"]) <= KEPT and sorted(ids["sarif"]) != sorted(ids["ndjson"]):
        problems.append(f"sarif: other finding ids than ndjson ({len(ids['sarif'])} and {len(ids['ndjson'])})")
    for name in OTHERS:
        if os.path.getsize(files[name]) == 0:
            problems.append(f"{name}: nothing was written")
    print(f"{os.path.basename(report)}: {len(ids['ndjson'])} findings, {len(problems)} problems", flush=True)
    return problems


def main():
    arguments = sys.argv[1:]
    bench = None
    if "--generate" in arguments:
        at = arguments.index("--generate")
        bench = arguments[at + 1]
        del arguments[at:at + 2]
    scanctl, checker, *folders = arguments
    reports = [os.path.join(folder, name) for folder in folders for name in sorted(os.listdir(folder))
               if name.endswith(".nessus")]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        if bench:
            generated = os.path.join(folder, "generated.nessus")
            subprocess.run([bench, "generate", "20", generated], check=True)
            reports.append(generated)
        for report in reports:
            for problem in judge(scanctl, checker, report, folder):
                print(f"{report}: {problem}")
                failed = True
    if not reports:
        print("no report to judge")
        failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
