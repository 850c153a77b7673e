#!/usr/bin/env python3
"""Has every format of findings judged by an independent checker.

    .ci/formats.py SCANCTL CHECKER FILE|FOLDER...

Reads each report with `SCANCTL results --from`, once into every format, and gives each document to CHECKER. What CHECKER
does not know is looked at here: JSON against the program's own schema, the page for anything that it would load, the
others for being there. Also compares the finding ids of the formats that carry all findings. Exits 1 if anything is wrong.
"""

import concurrent.futures
import html.parser
import json
import os
import re
import subprocess
import sys
import tempfile

from jsonschema import Draft202012Validator

JUDGED = {"ndjson": "ndjson", "csv": "csv", "sarif": "sarif", "ocsf": "jsonl", "ocsf-array": "json",
          "defectdojo": "json"}
OTHERS = {"json": "json", "markdown": "md", "html": "html", "table": "txt"}
# SARIF keeps the worst 5,000.
KEPT = 5_000


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Page(html.parser.HTMLParser):
    """What a page would load, and which of its elements are open."""

    VOID = {"meta", "br", "hr", "img", "input", "link", "col", "wbr", "base"}

    def __init__(self):
        super().__init__()
        self.loads, self.open, self.problems = [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("img", "iframe", "object", "embed", "link", "base", "video", "audio", "form"):
            self.loads.append(tag)
        for name, value in attributes.items():
            if name == "src" or name.startswith("on") or name in ("srcset", "background"):
                self.loads.append(f"{tag} {name}={value!r}")
            if name == "href" and not re.match(r"https?://|#", value or ""):
                self.loads.append(f"{tag} {name}={value!r}")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        # These may be left out before the next of their kind.
        while self.open and self.open[-1] != tag and self.open[-1] in ("p", "li", "td", "th", "tr", "tbody", "option"):
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")


def page_problems(text):
    page = Page()
    page.feed(text)
    page.close()
    problems = page.problems + [f"left open: {tag}" for tag in page.open] + [f"loads {what}" for what in page.loads]
    if not text.lower().startswith("<!doctype html>"):
        problems.append("no document type")
    if re.search(r"@import|url\(\s*['\"]?(?!data:)[a-z/]", text):
        problems.append("a style that loads something")
    return problems


def judge(scanctl, checker, schema, report, folder):
    files = {name: os.path.join(folder, f"{name}.{extension}") for name, extension in {**JUDGED, **OTHERS}.items()}
    command = [scanctl, "results", "--from", report, "--include-ports"]
    for name, file in files.items():
        command += ["-o", f"{name}={file}"]
    done = run(command)
    if done.returncode != 0:
        return [f"exit {done.returncode}: {done.stderr.strip()}"]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        verdicts = pool.map(lambda name: run([sys.executable, checker, name, files[name], "--ids"]), JUDGED)
        verdicts = dict(zip(JUDGED, verdicts))
    problems, ids = [], {}
    for name, verdict in verdicts.items():
        if verdict.returncode != 0:
            said = [line for line in verdict.stderr.splitlines() if not line.startswith("note:")]
            problems += [f"{name}: {line}" for line in said or [f"the checker ended with {verdict.returncode}"]]
        ids[name] = verdict.stdout.split()
    with open(files["json"], encoding="utf-8") as file:
        document = json.load(file)
    ids["json"] = [item["id"] for item in document["items"]]
    problems += [f"json: {error.json_path}: {error.message}" for error in schema.iter_errors(document)]
    if document["complete"] is not True:
        problems.append("json: not complete")
    for name in ("csv", "json", "ocsf", "ocsf-array", "defectdojo"):
        if ids[name] != ids["ndjson"]:
            problems.append(f"{name}: other finding ids than ndjson ({len(ids[name])} and {len(ids['ndjson'])})")
    if len(ids["ndjson"]) <= KEPT:
        if sorted(ids["sarif"]) != sorted(ids["ndjson"]):
            problems.append(f"sarif: other finding ids than ndjson ({len(ids['sarif'])} and {len(ids['ndjson'])})")
    elif len(ids["sarif"]) != KEPT or not set(ids["sarif"]) <= set(ids["ndjson"]):
        problems.append(f"sarif: not {KEPT} of the findings, but {len(ids['sarif'])}")
    texts = {}
    for name in OTHERS:
        with open(files[name], encoding="utf-8", newline="") as file:
            texts[name] = file.read()
        if not texts[name].endswith("\n") and texts[name]:
            problems.append(f"{name}: the last line does not end")
    problems += [f"html: {problem}" for problem in page_problems(texts["html"])]
    if not texts["markdown"]:
        problems.append("markdown: nothing was written")
    rows = len(texts["table"].splitlines())
    if ids["ndjson"] and rows <= len(ids["ndjson"]):
        problems.append(f"table: {rows} lines for {len(ids['ndjson'])} findings")
    print(f"{os.path.basename(report)}: {len(ids['ndjson'])} findings, {len(problems)} problems", flush=True)
    return problems


def main():
    scanctl, checker, *places = sys.argv[1:]
    reports = []
    for place in places:
        if os.path.isdir(place):
            reports += [os.path.join(place, name) for name in sorted(os.listdir(place)) if name.endswith(".nessus")]
        else:
            reports.append(place)
    schema = Draft202012Validator(json.loads(run([scanctl, "schema", "findings"]).stdout))
    failed = not reports
    with tempfile.TemporaryDirectory() as folder:
        for report in reports:
            for problem in judge(scanctl, checker, schema, report, folder):
                print(f"{report}: {problem}")
                failed = True
    if not reports:
        print("no report to judge")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
