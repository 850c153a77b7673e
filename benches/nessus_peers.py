#!/usr/bin/env python3
"""Compares the decoding of `.nessus` files value by value with lxml, and its speed with pyTenable's reader.

    cargo bench --no-run --bench findings
    python3 benches/nessus_peers.py [--time] FILE...

Needs lxml, and with `--time` pyTenable (with defusedxml). BENCH names the bench's executable; else the newest one in
target/release/deps is taken. The reading of the format is written anew here, from the format and not from the Rust
code, ids included. Exits 1 at the first file that differs.
"""

import datetime
import glob
import hashlib
import itertools
import json
import os
import subprocess
import sys
import time

from lxml import etree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEVERITIES = ["info", "low", "medium", "high", "critical"]
CM = "cm:"
FRAMEWORKS = ["core", "metasploit", "canvas", "exploithub", "d2_elliot"]
SINGLE = {"plugin_output", "description", "synopsis", "solution", "see_also", "cve", "cwe", "xref"}


def bench():
    found = [
        path
        for path in glob.glob(os.path.join(ROOT, "target", "release", "deps", "findings-*"))
        if os.access(path, os.X_OK) and not path.endswith(".d")
    ]
    return os.environ.get("BENCH") or max(found, key=os.path.getmtime)


def stamp(text):
    """Seconds since 1970 as an instant; none where they are no number, or none of the years 1 to 9999."""
    try:
        return datetime.datetime.fromtimestamp(int(text), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def lines(text):
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def local(element):
    """The element's name as written: `cm:` is the only prefix in use."""
    name = etree.QName(element)
    return (element.prefix + ":" if element.prefix else "") + name.localname


def text_of(element):
    return element.xpath("string()") if len(element) else element.text or ""


class Host:
    def __init__(self, element):
        tags = [(tag.get("name"), tag.text or "") for tag in element.findall("HostProperties/tag")]
        first = {}
        rest = [(key, value) for key, value in element.attrib.items() if key != "name"]
        known = {"host-fqdn", "host-ip", "netbios-name", "operating-system", "host-uuid"}
        for key, value in tags:
            if key in known | {"mac-address", "HOST_START_TIMESTAMP", "HOST_END_TIMESTAMP"}:
                first.setdefault(key, value.strip() or None)
            else:
                rest.append((key, value))
        self.name = (element.get("name") or "").strip()
        self.value = {
            "name": self.name,
            "fqdn": first.get("host-fqdn"),
            "ip": first.get("host-ip") or (self.name if is_address(self.name) else None),
            "macs": lines(first.get("mac-address")),
            "netbios": first.get("netbios-name"),
            "os": first.get("operating-system"),
            "uuid": first.get("host-uuid"),
            "started_at": stamp(first.get("HOST_START_TIMESTAMP")),
            "ended_at": stamp(first.get("HOST_END_TIMESTAMP")),
            "properties": [list(pair) for pair in rest],
        }
        self.key = (self.value["fqdn"] or "").lower() or self.value["ip"] or self.name


def is_address(text):
    import ipaddress

    try:
        ipaddress.ip_address(text)
        return True
    except ValueError:
        return False


def score(text, most):
    """A number on a scale from 0."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= most else None


def of_score(score):
    """The severity that CVSS has for a base score."""
    steps = [(9, "critical"), (7, "high"), (4, "medium")]
    return next((word for least, word in steps if score >= least), "low" if score > 0 else "info")


def rank(text):
    """The severity of Tenable's number; none of any other text."""
    text = (text or "").strip()
    return SEVERITIES[int(text)] if text in ("0", "1", "2", "3", "4") else None


def truth(text):
    return {"true": True, "false": False}.get(text.strip().lower())


def item(host, element):
    """One row, and what its id is made of."""
    one, several, other = {}, {"cve": [], "cwe": [], "xref": [], "see_also": []}, []
    frameworks, attachments, check = [], [], None
    for key, value in element.attrib.items():
        if key not in ("port", "severity", "svc_name", "protocol", "pluginID", "pluginName", "pluginFamily"):
            other.append([key, value])
    name = (element.get("pluginName") or "").strip() or None
    short = {
        "risk_factor", "plugin_type", "exploitability_ease", "exploit_code_maturity", "cisa-known-exploited",
        "plugin_publication_date", "plugin_modification_date", "vuln_publication_date", "patch_publication_date",
    }
    for prefix in ("cvss", "cvss3", "cvss4"):
        short |= {f"{prefix}_vector", f"{prefix}_temporal_vector", f"{prefix}_threat_vector"}
    scores = {"vpr_score", "epss_score"}
    for prefix in ("cvss", "cvss3", "cvss4"):
        scores |= {f"{prefix}_base_score", f"{prefix}_temporal_score", f"{prefix}_threat_score"}
    flags = {"exploit_available", "exploited_by_malware", "exploited_by_nessus"}
    cm_short = {"check-id", "check-name", "result", "audit-file", "see-also"}
    cm_long = {"actual-value", "policy-value", "info", "solution", "reference", "error"}
    for child in element:
        if not isinstance(child.tag, str):
            continue
        tag, text = local(child), text_of(child)
        value = None
        if tag == "attachment":
            attachments.append([child.get("name") or "", child.get("type") or None])
            continue
        if tag in several:
            several[tag] += lines(text) if tag == "see_also" else [text.strip()] if text.strip() else []
            continue
        if tag in ("plugin_output", "description", "synopsis", "solution"):
            value = text or None
        elif tag in short:
            value = text.strip() or None
            text = text.strip()
        elif tag in scores:
            value = score(text, 1 if tag == "epss_score" else 10)
            tag = tag.replace("threat", "temporal")
        elif tag in flags:
            value = truth(text)
        elif tag == "plugin_name" and name is None:
            name = text.strip() or None
            continue
        elif tag == "compliance" and truth(text):
            check = check if check is not None else {}
            continue
        elif tag.startswith("exploit_framework_") and tag[18:] in FRAMEWORKS and truth(text):
            frameworks.append(tag[18:])
            continue
        elif tag.startswith("cm:compliance-"):
            check = check if check is not None else {}
            key = tag[14:]
            if key in cm_short | cm_long and key not in check:
                content = text.strip() if key in cm_short else text
                if content:
                    check[key] = content
                    continue
        if value is not None and tag not in one:
            one[tag] = value
        elif text or tag not in SINGLE:
            other.append([local(child), text])
    cwes = list(several["cwe"])
    for reference in several["xref"]:
        if reference.startswith("CWE:") and reference[4:].strip() and reference[4:].strip() not in cwes:
            cwes.append(reference[4:].strip())
    severity = element.get("severity")
    risk = {"none": "info"}.get(one.get("risk_factor", "").lower(), one.get("risk_factor", "").lower())
    port = element.get("port")
    names = ["check-id", "check-name", "result", "actual-value", "policy-value", "info", "solution", "audit-file",
             "reference", "see-also", "error"]
    bases = [one.get(f"{prefix}_base_score") for prefix in ("cvss4", "cvss3", "cvss")]
    base = next((score for score in bases if score is not None), 0)
    cvss = []
    for prefix in ("cvss", "cvss3", "cvss4"):
        four = [one.get(f"{prefix}_{part}") for part in ("base_score", "vector", "temporal_score", "temporal_vector")]
        cvss.append(four if any(part is not None for part in four) else None)
    row = {
        "host": host.value,
        "port": int(port) if (port or "").strip().isdecimal() and int(port) < 65536 else None,
        "protocol": (element.get("protocol") or "").strip() or None,
        "service": (element.get("svc_name") or "").strip() or None,
        "plugin_id": (element.get("pluginID") or "").strip() or None,
        "plugin_name": name,
        "plugin_family": (element.get("pluginFamily") or "").strip() or None,
        "plugin_type": one.get("plugin_type"),
        "severity": rank(severity) or (risk if risk in SEVERITIES else of_score(base)),
        "risk_factor": one.get("risk_factor"),
        "cvss": cvss,
        "vpr": one.get("vpr_score"),
        "epss": one.get("epss_score"),
        "cves": several["cve"],
        "cwes": cwes,
        "xrefs": several["xref"],
        "synopsis": one.get("synopsis"),
        "description": one.get("description"),
        "solution": one.get("solution"),
        "see_also": several["see_also"],
        "output": one.get("plugin_output"),
        "exploit": [one.get("exploit_available"), one.get("exploited_by_malware"), one.get("exploited_by_nessus")],
        "exploit_words": [one.get("exploitability_ease"), one.get("exploit_code_maturity"),
                          one.get("cisa-known-exploited")],
        "frameworks": frameworks,
        "dates": [one.get("plugin_publication_date"), one.get("plugin_modification_date"),
                  one.get("vuln_publication_date"), one.get("patch_publication_date")],
        "compliance": None if check is None else {key: check.get(key) for key in names},
        "attachments": attachments,
        "last_seen": host.value["ended_at"],
        "other": other,
    }
    key = ["tenable", row["plugin_id"] or "", host.key, "" if row["port"] is None else str(row["port"]),
           (row["protocol"] or "").lower(), (check or {}).get("check-id", "")]
    evidence = element.find("plugin_output")
    if evidence is None or not (evidence.text or len(evidence)):
        evidence = element.find("description") if evidence is None else evidence
    told = "" if evidence is None else text_of(evidence)
    return row, "\x1f".join(key), hashlib.sha256(told.encode()).digest()


def short_hash(key):
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def expected(path):
    """Every row of a file, ids included, one host after the other."""
    used = {}
    for _, element in etree.iterparse(path, tag="ReportHost", huge_tree=True, resolve_entities=False):
        if etree.QName(element.getparent()).localname not in ("Report", "NessusClientData_v2"):
            continue
        host = Host(element)
        rows = [item(host, child) for child in element.findall("ReportItem")]
        before = dict(used)
        order = sorted(range(len(rows)), key=lambda index: (rows[index][1], rows[index][2], index))
        for key, group in itertools.groupby(order, key=lambda index: rows[index][1]):
            for rank, index in enumerate(group, before.get(key, 0) + 1):
                rows[index][0]["id"] = short_hash(key if rank == 1 else f"{key}#{rank}")
                used[key] = rank
        for row, _, _ in rows:
            yield row
        element.clear()


def compare(path):
    process = subprocess.Popen([bench(), "rows", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    count = 0
    for wanted, line in itertools.zip_longest(expected(path), process.stdout):
        count += 1
        got = json.loads(line) if line else None
        if got != wanted:
            if got is None or wanted is None:
                print(f"{path}: row {count} is missing in {'ours' if got is None else 'lxml'}")
                return False
            for key in wanted.keys() | got.keys():
                if got.get(key) != wanted.get(key):
                    print(f"{path}: row {count}: {key}\n  ours {got.get(key)!r:.400}\n  lxml {wanted.get(key)!r:.400}")
            return False
    measure = json.loads(process.stderr.read().splitlines()[-1])
    print(f"{os.path.basename(path)}: {count} rows equal, problem: {measure['problem']}")
    return measure["problem"] is None


def peers(path):
    """Seconds of each mode of the bench and of pyTenable's reader, in one run."""
    from tenable.reports import NessusReportv2

    size = os.path.getsize(path)
    seconds = {}
    for _ in range(3):
        for mode in ("plain", "core", "facts", "all"):
            run = subprocess.run([bench(), mode, path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
            measure = json.loads(run.stderr.splitlines()[-1])
            best = seconds.get(mode, (float("inf"), 0))
            seconds[mode] = (min(best[0], measure["seconds"]), max(best[1], measure["peak_kib"]))
    begun = time.perf_counter()
    with open(path, "rb") as file:
        rows = sum(1 for _ in NessusReportv2(file))
    seconds["pyTenable"] = (time.perf_counter() - begun, 0)
    print(f"{os.path.basename(path)}: {size / 1e6:.0f} MB, {rows} rows")
    for mode, (taken, peak) in seconds.items():
        print(f"  {mode:9} {taken:8.3f} s {size / taken / 1e6:7.0f} MB/s"
              f"  {seconds['plain'][0] / taken:5.2f} of plain  {seconds['pyTenable'][0] / taken:6.1f} of pyTenable"
              f"  peak {peak} KiB")


def main():
    files = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if "--time" in sys.argv:
        for path in files:
            peers(path)
        return 0
    return 0 if all([compare(path) for path in files]) else 1


if __name__ == "__main__":
    sys.exit(main())
