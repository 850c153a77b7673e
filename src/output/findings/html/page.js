"use strict";
(() => {
  const SEVERITIES = ["info", "low", "medium", "high", "critical"];
  const CHANGES = ["new", "fixed", "changed", "unchanged", "unseen"];
  const PAGE = 100, PRINTED = 2000;
  const $ = (id) => document.getElementById(id);
  const number = new Intl.NumberFormat("en-US");

  // Everything that comes from a report is put on the page by `text` and nowhere else: as text, never as markup.
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (value !== null && value !== undefined) element.setAttribute(key, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };
  const text = (value) => {
    const element = document.createElement("bdi");
    element.textContent = value;
    return element;
  };

  // ---- data: [plugin, name, family, cvss, vpr, epss, first cves, text, how many cves], [label, ip, system],
  //      [check, host, severity, port, protocol, service, text, report, change]
  const checks = [], hosts = [], rows = [];
  for (const block of document.querySelectorAll("script.facts")) {
    const facts = JSON.parse(block.textContent);
    for (const check of facts.checks) checks.push(check);
    for (const host of facts.hosts) hosts.push(host);
    for (const row of facts.rows) rows.push(row);
    block.remove();
  }
  const blocks = [...document.querySelectorAll("script.texts")];
  const ends = blocks.map((block) => Number(block.dataset.end));
  let parsed = { at: -1, texts: [] };
  const textOf = (index) => {
    if (index === null) return null;
    const at = ends.findIndex((end) => index < end);
    if (at < 0) return null;
    if (parsed.at !== at) parsed = { at, texts: JSON.parse(blocks[at].textContent) };
    return parsed.texts[index - (at > 0 ? ends[at - 1] : 0)];
  };
  const reports = [...document.querySelectorAll("[data-report]")].map((element) => element.textContent);

  // ---- order: each column has a number for each row; what has none comes last either way
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const ranks = (things, name) => {
    const order = things.map((_, index) => index).sort((a, b) => collator.compare(name(things[a]), name(things[b])));
    const rank = new Array(things.length);
    let last = 0;
    order.forEach((index, at) => {
      if (at > 0 && collator.compare(name(things[order[at - 1]]), name(things[index])) !== 0) last = at;
      rank[index] = last;
    });
    return rank;
  };
  const nameRanks = ranks(checks, (check) => check[1]);
  const hostRanks = ranks(hosts, (host) => host[0]);
  const has = (test) => rows.some(test);
  const columns = [
    { key: "severity", head: "Severity", value: (row) => row[2], down: true },
    { key: "what", head: "Finding", value: (row) => nameRanks[row[0]] },
    { key: "where", head: "Host", value: (row) => hostRanks[row[1]] },
    { key: "port", head: "Port", value: (row) => row[3] || null, number: true },
    { key: "cvss", head: "CVSS", value: (row) => checks[row[0]][3], number: true, down: true, wanted: checks.some((check) => check[3] !== null) },
    { key: "vpr", head: "VPR", value: (row) => checks[row[0]][4], number: true, down: true, wanted: checks.some((check) => check[4] !== null) },
    { key: "epss", head: "EPSS", value: (row) => checks[row[0]][5], number: true, down: true, wanted: checks.some((check) => check[5] !== null) },
    { key: "change", head: "Change", value: (row) => row[8], wanted: has((row) => row[8] !== null) },
    { key: "report", head: "Report", value: (row) => row[7], wanted: reports.length > 1 },
  ].filter((column) => column.wanted !== false);
  const sorted = (order, value, down) => {
    const keys = new Float64Array(rows.length);
    rows.forEach((row, index) => {
      const found = value(row);
      keys[index] = found === null || found === undefined ? (down ? -Infinity : Infinity) : found;
    });
    return order.slice().sort((a, b) => (keys[a] === keys[b] ? 0 : (keys[a] < keys[b]) === down ? 1 : -1));
  };
  let base = rows.map((_, index) => index);
  for (const [value, down] of [
    [(row) => row[3], false],
    [(row) => hostRanks[row[1]], false],
    [(row) => nameRanks[row[0]], false],
    [(row) => checks[row[0]][3], true],
    [(row) => checks[row[0]][4], true],
    [(row) => row[2], true],
  ]) base = sorted(base, value, down);

  const isCompared = columns.some((column) => column.key === "change");
  // What changed is what a comparison is opened for.
  if (isCompared) base = sorted(base, (row) => row[8], false);
  const unfiltered = () => ({ severities: new Set(SEVERITIES.keys()), query: "", host: null, check: null, report: null, change: null });
  const state = { order: base, column: isCompared ? "change" : "severity", down: !isCompared, shown: base, page: 0, ...unfiltered() };

  // ---- filter
  const hay = (parts) => parts.filter((part) => part !== null).join("\n").toLowerCase();
  const checkHay = checks.map((check) => hay([check[0], check[1], check[2], ...check[6]]));
  const hostHay = hosts.map((host) => hay(host));
  const filter = () => {
    const words = state.query.toLowerCase().split(/\s+/).filter(Boolean).map((word) => ({
      word, checks: checkHay.map((found) => found.includes(word)), hosts: hostHay.map((found) => found.includes(word)),
    }));
    const portOf = (row) => (row[3] ? row[3] + "/" + (row[4] || "") : "");
    const matches = (row) => words.every(({ word, checks: inChecks, hosts: inHosts }) => inChecks[row[0]] || inHosts[row[1]]
      || String(row[3]) === word || (word.includes("/") && portOf(row) === word) || (row[5] || "").toLowerCase() === word);
    state.shown = state.order.filter((index) => {
      const row = rows[index];
      return state.severities.has(row[2])
        && (state.host === null || hosts[row[1]][0] === state.host)
        && (state.check === null || (checks[row[0]][1] === state.check.name && (checks[row[0]][0] || "") === state.check.plugin))
        && (state.report === null || row[7] === state.report)
        && (state.change === null || row[8] === state.change)
        && matches(row);
    });
    state.page = 0;
    draw();
  };

  // ---- one opened row
  const link = (value) => {
    let target = null;
    try {
      target = new URL(value);
    } catch {
      // Shown as the text that it is.
    }
    if (!target || !["http:", "https:"].includes(target.protocol)) return text(value);
    return make("a", { href: target.href, target: "_blank", rel: "noopener noreferrer nofollow" }, text(value));
  };
  // Without blank lines around it, and without the indentation that all its lines have.
  const dedented = (value) => {
    const lines = value.replace(/^(?:[ \t]*\n)+/, "").trimEnd().split("\n");
    const indents = lines.filter((line) => line.trim()).map((line) => line.match(/^ */)[0].length);
    const most = indents.reduce((least, indent) => Math.min(least, indent), Infinity);
    return lines.map((line) => line.slice(most)).join("\n");
  };
  // The end of a path tells more than its beginning.
  const tail = (name) => (name.length > 40 ? "…" + name.slice(-39) : name);
  const size = (bytes) => (bytes < 10240 ? number.format(bytes) + " bytes" : number.format(Math.round(bytes / 1024)) + " KiB");
  const detail = (row) => {
    const check = checks[row[0]], host = hosts[row[1]];
    const told = textOf(check[7]), seen = textOf(row[6]) || { id: "" };
    const left = make("div"), right = make("div");
    const part = (head, ...content) => left.append(make("h3", {}, head), ...content);
    if (told && told.synopsis) part("Synopsis", make("p", {}, text(told.synopsis)));
    if (seen.output) part("Output", make("pre", { tabindex: "0" }, text(dedented(seen.output))));
    if (seen.cut) left.append(make("p", { class: "more" }, size(seen.cut) + (seen.output ? " more are" : " of output are") + " not on this page."));
    if (told && told.description) part("Description", make("p", {}, text(told.description)));
    if (told && told.solution) part("Solution", make("p", {}, text(told.solution)));
    if (told && told.links) part("See also", make("ul", {}, ...told.links.map((value) => make("li", {}, link(value)))));
    if (check[7] === null) left.append(make("p", { class: "more" }, "The texts of this check are not on this page, which has too many."));
    const list = make("dl");
    const fact = (name, ...content) => list.append(make("dt", {}, name), make("dd", {}, ...content));
    fact("Host", text(host[0]));
    if (host[1]) fact("Address", text(host[1]));
    if (row[3]) fact("Port", text(row[3] + (row[4] ? "/" + row[4] : "") + (row[5] ? " " + row[5] : "")));
    if (check[0]) fact("Check", text(check[0]));
    if (check[2]) fact("Family", text(check[2]));
    if (check[4] !== null) fact("VPR", check[4].toFixed(1));
    if (check[5] !== null) fact("EPSS", String(check[5]));
    for (const [name, value] of (told && told.facts) || []) fact(name, text(value));
    if (told && told.cves) fact("CVE", make("span", { class: "tags" }, ...told.cves.map((cve) => link("https://nvd.nist.gov/vuln/detail/" + cve)).map((element, at) => {
      element.textContent = told.cves[at];
      return element;
    })));
    if (told && told.cwes) fact("CWE", make("span", { class: "tags" }, ...told.cwes.map((cwe) => make("span", {}, "CWE-" + cwe))));
    if (told && told.references) fact("References", make("span", { class: "tags" }, ...told.references.map(text)));
    for (const [name, value] of seen.facts || []) fact(name, text(value));
    if (reports.length > 1 && reports[row[7]] !== undefined) fact("Report", text(reports[row[7]]));
    fact("Finding id", make("code", {}, text(seen.id)));
    right.append(list, make("div", { class: "acts" },
      make("button", { class: "plain", type: "button", onclick: () => only({ host: host[0] }) }, "Only this host"),
      make("button", { class: "plain", type: "button", onclick: () => only({ check: { name: check[1], plugin: check[0] || "" } }) }, "Only this check")));
    return make("div", { class: "body" }, left, right);
  };

  // ---- the table
  const cells = {
    severity: (row) => make("td", {}, make("span", { class: "badge " + SEVERITIES[row[2]] }, SEVERITIES[row[2]])),
    what: (row) => {
      const check = checks[row[0]], cves = check[6];
      const facts = [check[0], cves[0], check[8] > 1 ? "+" + (check[8] - 1) : null].filter((fact) => fact);
      return make("td", { class: "what" },
        make("button", { class: "open-row", type: "button", "aria-expanded": "false" }, text(check[1])),
        facts.length ? make("small", {}, text(facts.join(" · "))) : null);
    },
    where: (row) => make("td", { class: "where" }, text(hosts[row[1]][0]), hosts[row[1]][1] ? make("small", {}, text(hosts[row[1]][1])) : null),
    port: (row) => make("td", { class: "number", "data-head": "Port" }, ...(row[3] ? [text(row[3] + (row[4] ? "/" + row[4] : ""))] : [])),
    cvss: (row) => score(row, 3, "CVSS"),
    vpr: (row) => score(row, 4, "VPR"),
    epss: (row) => make("td", { class: "number", "data-head": "EPSS" }, checks[row[0]][5] === null ? null : (checks[row[0]][5] * 100).toFixed(1) + " %"),
    change: (row) => make("td", {}, row[8] === null ? null : make("span", { class: "badge " + CHANGES[row[8]] }, CHANGES[row[8]])),
    report: (row) => {
      const name = reports[row[7]] === undefined ? "report " + (row[7] + 1) : reports[row[7]];
      return make("td", { class: "report", title: name }, text(tail(name)));
    },
  };
  const score = (row, at, head) => make("td", { class: "number", "data-head": head }, checks[row[0]][at] === null ? null : checks[row[0]][at].toFixed(1));
  const opened = new Set();
  let perPage = PAGE;
  const toggle = (line, index) => {
    const open = !opened.delete(index);
    if (open) opened.add(index);
    line.querySelector(".open-row").setAttribute("aria-expanded", String(open));
    line.classList.toggle("open", open);
    if (open) line.after(make("tr", { class: "detail" }, make("td", { colspan: columns.length }, detail(rows[index]))));
    else line.nextElementSibling.remove();
  };
  const draw = () => {
    const last = Math.max(0, Math.ceil(state.shown.length / perPage) - 1);
    state.page = Math.min(state.page, last);
    const lines = state.shown.slice(state.page * perPage, (state.page + 1) * perPage).map((index) => {
      const row = rows[index];
      const line = make("tr", { class: row[8] === 1 ? "row gone" : "row" }, ...columns.map((column) => cells[column.key](row)));
      line.addEventListener("click", (event) => {
        if (!event.target.closest("a") && !String(getSelection())) toggle(line, index);
      });
      line.dataset.row = index;
      return line;
    });
    if (!lines.length) {
      lines.push(make("tr", {}, make("td", { class: "empty", colspan: columns.length }, rows.length ? "Nothing matches." : "There is no finding in this report.")));
    }
    $("rows").replaceChildren(...lines);
    for (const line of lines) {
      const index = Number(line.dataset.row);
      if (opened.delete(index)) toggle(line, index);
    }
    for (const head of $("heads").children) {
      if (head.dataset.key === state.column) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const all = number.format(rows.length), shown = number.format(state.shown.length);
    $("status").textContent = state.shown.length === rows.length ? all + (rows.length === 1 ? " finding" : " findings") : shown + " of " + all + " findings";
    drawPager(last);
    drawFilters();
  };
  const drawPager = (last) => {
    const focused = document.activeElement && document.activeElement.dataset.go;
    const go = (label, page, name, enabled) => make("button", { class: "plain", type: "button", "aria-label": name, "data-go": name, disabled: enabled ? null : "",
      onclick: () => { state.page = page; draw(); $("findings").scrollIntoView(); } }, label);
    $("pager").replaceChildren(...(last === 0 ? [] : [
      go("«", 0, "First page", state.page > 0), go("‹", state.page - 1, "Previous page", state.page > 0),
      make("span", {}, "Page " + number.format(state.page + 1) + " of " + number.format(last + 1)),
      go("›", state.page + 1, "Next page", state.page < last), go("»", last, "Last page", state.page < last),
    ]));
    if (focused) {
      const again = [...$("pager").children].find((child) => child.dataset.go === focused && !child.disabled);
      if (again) again.focus({ preventScroll: true });
    }
  };
  const drawFilters = () => {
    for (const chip of document.querySelectorAll("[data-chip]")) chip.setAttribute("aria-pressed", String(state.severities.has(Number(chip.dataset.chip))));
    const filters = [];
    const add = (word, value, clear) => filters.push(make("button", { class: "chip filter", type: "button", "aria-label": "Remove the filter " + word, onclick: () => { clear(); filter(); } },
      word, text(value), make("span", { "aria-hidden": "true" }, "✕")));
    if (state.host !== null) add("host", state.host, () => { state.host = null; });
    if (state.check !== null) add("check", state.check.name, () => { state.check = null; });
    $("choices").querySelectorAll(".filter").forEach((chip) => chip.remove());
    $("clear").before(...filters);
    for (const select of document.querySelectorAll("[data-choice]")) select.value = state[select.dataset.choice] === null ? "" : state[select.dataset.choice];
    $("clear").hidden = state.shown.length === rows.length && !state.query && !filters.length && state.severities.size === SEVERITIES.length;
  };
  const only = (wanted) => {
    Object.assign(state, wanted);
    filter();
    $("findings").scrollIntoView();
    $("findings").focus({ preventScroll: true });
  };

  // ---- controls
  for (const column of columns) {
    $("heads").append(make("th", { scope: "col", "data-key": column.key, class: column.number ? "number" : null }, make("button", { type: "button", onclick: () => {
      state.down = state.column === column.key ? !state.down : Boolean(column.down);
      state.column = column.key;
      state.order = sorted(base, column.value, state.down);
      filter();
    } }, column.head)));
  }
  for (const severity of [4, 3, 2, 1, 0]) {
    $("chips").append(make("button", { class: "chip", type: "button", "data-chip": severity, "aria-pressed": "true", onclick: () => {
      if (!state.severities.delete(severity)) state.severities.add(severity);
      filter();
    } }, make("i", { class: "dot " + SEVERITIES[severity] }), SEVERITIES[severity]));
  }
  const choice = (key, label, words) => $("choices").append(make("select", { "aria-label": label, name: key, "data-choice": key, onchange: (event) => {
    state[key] = event.target.value === "" ? null : Number(event.target.value);
    filter();
  } }, make("option", { value: "" }, label), ...words.map((word, at) => make("option", { value: at }, word))));
  if (isCompared) choice("change", "All changes", CHANGES);
  if (reports.length > 1) choice("report", "All reports", reports.map(tail));
  $("choices").append(make("button", { class: "chip", id: "clear", type: "button", onclick: () => {
    $("query").value = "";
    Object.assign(state, unfiltered());
    filter();
    $("query").focus();
  } }, "Clear"));
  for (const item of document.querySelectorAll("[data-severity]")) {
    const severity = Number(item.dataset.severity);
    const button = make("button", { type: "button", title: "Only " + SEVERITIES[severity], onclick: () => only({ severities: new Set([severity]) }) });
    button.append(...item.childNodes);
    item.append(button);
  }
  for (const item of document.querySelectorAll("[data-change]")) {
    const change = CHANGES.indexOf(item.dataset.change);
    if (!rows.some((row) => row[8] === change)) continue;
    const button = make("button", { type: "button", title: "Only " + CHANGES[change], onclick: () => only({ change }) });
    button.append(...item.childNodes);
    item.append(button);
  }
  for (const [name, wanted] of [
    ["host", (element) => ({ host: element.dataset.host })],
    ["check", (element) => ({ check: { name: element.dataset.check, plugin: element.dataset.plugin } })],
  ]) {
    for (const element of document.querySelectorAll("[data-" + name + "]")) {
      const button = make("button", { type: "button", title: element.textContent, onclick: () => only(wanted(element)) });
      button.append(...element.childNodes);
      element.append(button);
    }
  }
  let timer = 0;
  $("query").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.query = $("query").value; filter(); }, 120);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      $("query").focus();
    }
  });
  // Paper has no next page to ask for.
  const turn = (rowsPerPage) => {
    if (state.shown.length <= PAGE || perPage === rowsPerPage) return;
    state.page = Math.floor((state.page * perPage) / rowsPerPage);
    perPage = rowsPerPage;
    draw();
  };
  addEventListener("beforeprint", () => turn(PRINTED));
  addEventListener("afterprint", () => turn(PAGE));
  // With nothing to look through, there is nothing to look through it with.
  if (!rows.length) for (const part of [document.querySelector(".tools"), $("status"), $("heads")]) part.hidden = true;
  $("app").hidden = false;
  draw();
})();
