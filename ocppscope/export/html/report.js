"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const events = data.events;
  // The columns of an event; `data.py` writes them.
  const N = 0, SESSION = 1, TIME = 2, DIRECTION = 3, KIND = 4, ACTION = 5, ID = 6, SAID = 7, SEVERITY = 8,
    ANSWERS = 9, LATENCY = 10, TEXT = 11, CUT = 12, FINDINGS = 13;
  const ARROWS = ["", "→", "←"];
  const DIRECTIONS = ["", "from the station", "from the CSMS"];
  const MARKS = { error: "E", warning: "W", info: "i" };
  const LADDER_STEP = 300;
  const OVERSCAN = 12;
  const PAPER = 5000;

  const sessions = new Map(data.sessions.map(([number, station, version]) => [number, { station, version }]));
  const findings = new Map(data.findings.map(([number, severity, rule, title]) => [number, { severity, rule, title }]));
  const unanswered = new Set(data.unanswered);
  const answers = new Map(events.filter((e) => e[ANSWERS] !== null).map((e) => [e[ANSWERS], e[N]]));

  // --- words ---

  // What is captured is only ever set as text; control characters must not turn or hide it.
  const visible = (text) => String(text).replace(
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (one) => (one.charCodeAt(0) < 0x20 ? String.fromCharCode(0x2400 + one.charCodeAt(0)) : "\ufffd"));
  const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
  const stationOf = (event) => {
    const session = sessions.get(event[SESSION]);
    return session && session.station !== null ? session.station : `session ${event[SESSION]}`;
  };
  const stamp = (time) => {
    if (time === null) return "";
    const micros = ((time % 1000) + 1000) % 1000;
    return new Date((time - micros) / 1000).toISOString().slice(0, -1) + String(micros).padStart(3, "0") + "Z";
  };
  const days = new Set(events.map((event) => event[TIME]).filter((time) => time !== null).map((time) => Math.floor(time / 864e8)));
  const clock = (time) => (time === null ? "-" : stamp(time).slice(days.size > 1 ? 5 : 11, 23).replace("T", " "));
  const latency = (time) => (time < 1e6 ? `${(time / 1e3).toFixed(time < 1e4 ? 1 : 0)} ms` : `${(time / 1e6).toFixed(1)} s`);
  const isMessage = (event) => event[KIND] === event[KIND].toUpperCase();
  const isAnswer = (event) => event[KIND].startsWith("CALL") && event[KIND] !== "CALL";
  const isBad = (event) => event[KIND] === "CALLERROR" || event[KIND] === "CALLRESULTERROR" || event[KIND] === "damaged";
  const nameOf = (event) => {
    if (!isMessage(event)) return event[KIND][0].toUpperCase() + event[KIND].slice(1);
    const kind = { CALL: "", CALLRESULT: " answer", SEND: " (Send)" }[event[KIND]];
    return (event[ACTION] === null ? "?" : event[ACTION]) + (kind === undefined ? ` ${event[KIND]}` : kind);
  };

  const make = (name, className, ...children) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children.map((child) => (child instanceof Node ? child : visible(child))));
    return element;
  };
  const link = (text, target) => {
    const element = make("a", "", text);
    element.href = target;
    return element;
  };

  /** JSON with line breaks and indents: nothing else of it is changed, also where it is wrong or cut. */
  const indented = (text) => {
    let out = "", level = 0, inString = false;
    const line = () => "\n" + "  ".repeat(Math.min(Math.max(level, 0), 40));
    for (let at = 0; at < text.length; at++) {
      const one = text[at];
      if (inString) {
        out += one;
        if (one === "\\") out += text[++at] || "";
        else if (one === '"') inString = false;
      } else if (one === '"') {
        inString = true;
        out += one;
      } else if (one === "{" || one === "[") {
        const rest = /^\s*[}\]]/.exec(text.slice(at + 1, at + 40));
        if (rest) { out += one + rest[0].trim(); at += rest[0].length; } else { level++; out += one + line(); }
      } else if (one === "}" || one === "]") {
        level--;
        out += line() + one;
      } else if (one === ",") out += one + line();
      else if (one === ":") out += ": ";
      else if (!/\s/.test(one)) out += one;
    }
    return out;
  };

  /** What a line says of an event: what it is, how it ended, what it holds. */
  const words = (event) => (isMessage(event)
    ? [make("b", "", nameOf(event)), event[LATENCY] === null ? "" : ` [${latency(event[LATENCY])}]`,
      unanswered.has(event[N]) ? make("span", "bad", " ✗ no answer") : "", visible(event[SAID] ? `: ${event[SAID]}` : "")]
    : [isBad(event) ? make("b", "", event[SAID]) : visible(event[SAID])]);

  // --- the list: only the rows that show are in the page ---

  const list = byId("list"), rows = byId("rows"), detail = byId("detail");
  const narrow = matchMedia("(max-width: 700px)");
  let shown = events;
  let chosen = -1;
  let onPaper = false;
  const rowHeight = () => (narrow.matches ? 46 : 26);

  const rowOf = (index) => {
    const event = shown[index];
    const row = make("div", index % 2 ? "row odd" : "row",
      make("span", `mark ${event[SEVERITY] || ""}`, MARKS[event[SEVERITY]] || ""),
      make("span", "n", event[N].toLocaleString("en")),
      make("span", "time", clock(event[TIME])),
      make("span", "station", stationOf(event)),
      make("span", "way", ARROWS[event[DIRECTION]]),
      make("span", isBad(event) ? "said bad" : "said", ...words(event)));
    if (narrow.matches) row.children[3].remove();
    row.id = `row-${event[N]}`;
    row.dataset.index = index;
    row.style.top = `${index * rowHeight()}px`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(index === chosen));
    row.setAttribute("aria-setsize", shown.length);
    row.setAttribute("aria-posinset", index + 1);
    return row;
  };
  const draw = () => {
    const height = rowHeight();
    const first = onPaper ? 0 : Math.max(Math.floor(list.scrollTop / height) - OVERSCAN, 0);
    const last = Math.min(onPaper ? PAPER : Math.ceil((list.scrollTop + list.clientHeight) / height) + OVERSCAN, shown.length);
    rows.style.height = `${shown.length * height}px`;
    const drawn = [];
    for (let index = first; index < last; index++) drawn.push(rowOf(index));
    rows.replaceChildren(...drawn);
    if (chosen >= first && chosen < last) list.setAttribute("aria-activedescendant", `row-${shown[chosen][N]}`);
    else list.removeAttribute("aria-activedescendant");
  };
  let isDue = false;
  const drawSoon = () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => { isDue = false; draw(); });
  };
  const choose = (index) => {
    if (!shown.length) return;
    chosen = Math.max(0, Math.min(index, shown.length - 1));
    const height = rowHeight(), top = chosen * height;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
    draw();
    tell(shown[chosen]);
  };

  const tell = (event) => {
    const facts = make("dl", "");
    const fact = (name, ...value) => facts.append(make("dt", "", name), make("dd", "", ...value));
    fact("Time", stamp(event[TIME]) || "none");
    fact("Station", `${stationOf(event)}, session ${event[SESSION]}`);
    if (event[DIRECTION]) fact("Direction", `${ARROWS[event[DIRECTION]]} ${DIRECTIONS[event[DIRECTION]]}`);
    if (event[ID] !== null) fact("Message id", event[ID]);
    if (event[ANSWERS] !== null) fact("Answers", link(event[ANSWERS], `#m${event[ANSWERS]}`), event[LATENCY] === null ? "" : ` after ${latency(event[LATENCY])}`);
    if (answers.has(event[N])) fact("Answered by", link(answers.get(event[N]), `#m${answers.get(event[N])}`));
    else if (unanswered.has(event[N])) fact("Answered by", "nothing in this capture");
    const parts = [make("h3", "", `${event[N].toLocaleString("en")} ${nameOf(event)}`)];
    if (event[SAID]) parts.push(make("p", "", event[SAID]));
    parts.push(facts);
    for (const number of event[FINDINGS] || []) {
      const one = findings.get(number);
      parts.push(make("p", "", make("span", `badge ${one.severity}`, one.severity === "info" ? "note" : one.severity), " ", link(`${one.rule} ${one.title}`, `#f${number}`)));
    }
    if (event[CUT]) parts.push(make("p", "note", `Cut: ${event[TEXT].length.toLocaleString("en")} of ${counted(event[CUT], "character")} are in this report.`));
    if (event[TEXT]) parts.push(make("pre", "", isMessage(event) ? indented(event[TEXT]) : event[TEXT]));
    detail.replaceChildren(...parts);
    detail.scrollTop = 0;
  };

  // --- search ---

  const search = byId("search"), byStation = byId("by-station"), byAction = byId("by-action"),
    byDirection = byId("by-direction"), withFindings = byId("with-findings");
  const options = (select, values) => {
    for (const [value, text] of values) {
      const option = make("option", "", text);
      option.value = value;
      select.append(option);
    }
  };
  const distinct = (column) => [...new Set(events.map(column))].filter((one) => one !== null).sort().map((one) => [one, one]);
  options(byStation, distinct(stationOf));
  options(byAction, distinct((event) => event[ACTION]));
  options(byDirection, [["1", "→ from the station"], ["2", "← from the CSMS"]]);

  const find = () => {
    const text = search.value.trim().toLowerCase();
    const station = byStation.value, action = byAction.value, direction = Number(byDirection.value);
    const kept = chosen >= 0 ? shown[chosen] : null;
    shown = events.filter((event) =>
      (!station || stationOf(event) === station) && (!action || event[ACTION] === action) &&
      (!direction || event[DIRECTION] === direction) && (!withFindings.checked || event[SEVERITY] !== null) &&
      (!text || event[TEXT].toLowerCase().includes(text) || nameOf(event).toLowerCase().includes(text) || String(event[SAID]).toLowerCase().includes(text)));
    chosen = kept ? shown.indexOf(kept) : -1;
    byId("count").textContent = shown.length === events.length
      ? counted(events.length, "event") : `${shown.length.toLocaleString("en")} of ${counted(events.length, "event")}`;
    list.scrollTop = chosen >= 0 ? Math.max(chosen * rowHeight() - list.clientHeight / 2, 0) : 0;
    draw();
  };
  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(find, 120); });
  for (const control of [byStation, byAction, byDirection, withFindings]) control.addEventListener("change", find);
  const clear = () => {
    for (const control of [search, byStation, byAction, byDirection]) control.value = "";
    withFindings.checked = false;
    find();
  };
  byId("clear").addEventListener("click", clear);

  // --- jumps ---

  const jump = (n) => {
    const at = (some) => {
      let low = 0, high = some.length;
      while (low < high) { const middle = (low + high) >> 1; if (some[middle][N] < n) low = middle + 1; else high = middle; }
      return low < some.length && some[low][N] === n ? low : -1;
    };
    if (at(events) < 0) {
      detail.replaceChildren(make("p", "note", `Event ${n} is not in this report.`));
    } else {
      if (at(shown) < 0) clear();
      const index = at(shown);
      list.scrollTop = Math.max(index * rowHeight() - list.clientHeight / 3, 0);
      choose(index);
    }
    byId("messages").scrollIntoView();
    list.focus({ preventScroll: true });
  };
  /** `#m12` goes to an event; `#messages?text=…&station=…&action=…&direction=1&findings` searches. */
  const follow = (hash) => {
    const event = /^#m(\d+)$/.exec(hash);
    if (event) { jump(Number(event[1])); return; }
    const target = /^#[ft]\d+$/.test(hash) && byId(hash.slice(1));
    if (target) {
      for (let around = target; around; around = around.parentElement) if (around.tagName === "DETAILS") around.open = true;
      target.scrollIntoView();
    }
    if (hash.startsWith("#messages?")) {
      const asked = new URLSearchParams(hash.slice(10));
      search.value = asked.get("text") || "";
      byStation.value = asked.get("station") || "";
      byAction.value = asked.get("action") || "";
      byDirection.value = asked.get("direction") || "";
      withFindings.checked = asked.has("findings");
      find();
      byId("messages").scrollIntoView();
    }
  };
  addEventListener("hashchange", () => follow(location.hash));
  document.addEventListener("click", (click) => {
    const anchor = click.target.closest("a");
    // The same place again is no change of it.
    if (anchor && anchor.getAttribute("href") === location.hash) follow(location.hash);
  });

  // --- keys ---

  list.addEventListener("scroll", drawSoon, { passive: true });
  list.addEventListener("click", (click) => {
    const row = click.target.closest(".row");
    if (row) choose(Number(row.dataset.index));
  });
  list.addEventListener("keydown", (key) => {
    if (key.ctrlKey || key.altKey || key.metaKey) return;
    const page = Math.max(Math.floor(list.clientHeight / rowHeight()) - 1, 1);
    const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: chosen + page, PageUp: chosen - page, Home: 0, End: shown.length - 1 }[key.key];
    if (to !== undefined) choose(to);
    else if (key.key === "Enter" && chosen >= 0) detail.focus();
    else return;
    key.preventDefault();
  });
  document.addEventListener("keydown", (key) => {
    const isTyping = ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName);
    if (key.key === "/" && !isTyping && !key.ctrlKey && !key.altKey && !key.metaKey) {
      key.preventDefault();
      search.focus();
    } else if (key.key === "Escape" && detail.contains(document.activeElement)) list.focus();
  });
  narrow.addEventListener("change", draw);
  addEventListener("resize", drawSoon);

  // --- the ladder ---

  const ladder = byId("ladder-rows"), ofSession = byId("ladder-session"), more = byId("ladder-more");
  const bySession = new Map();
  for (const event of events) {
    if (!bySession.has(event[SESSION])) bySession.set(event[SESSION], []);
    bySession.get(event[SESSION]).push(event);
  }
  options(ofSession, [...bySession.keys()].sort((one, other) => one - other).map((number) => {
    const { station, version } = sessions.get(number) || {};
    return [number, `${number} · ${station || "station"}${version ? ` · OCPP ${version}` : ""} · ${counted(bySession.get(number).length, "event")}`];
  }));
  let drawnInLadder = 0;
  const rung = (event) => {
    const way = ["", "up", "down"][event[DIRECTION]];
    const bad = isBad(event) || unanswered.has(event[N]) ? " bad" : "";
    const sort = isAnswer(event) ? " answer" : isMessage(event) || event[KIND] === "damaged" ? "" : way ? " control" : " whole";
    const mark = event[SEVERITY] ? make("span", `mark ${event[SEVERITY]}`, `${MARKS[event[SEVERITY]]} `) : "";
    const arrow = link("", `#m${event[N]}`);
    arrow.className = `arrow ${way}${sort}${bad}`;
    arrow.append(mark, ...words(event));
    arrow.title = arrow.textContent;
    const lane = make("div", "lane", arrow);
    if (way) lane.append(make("div", `head ${way}${bad}`));
    const time = make("time", "", clock(event[TIME]).slice(-12));
    time.title = stamp(event[TIME]);
    return make("li", "", time, lane);
  };
  const climb = () => {
    const all = bySession.get(Number(ofSession.value)) || [];
    ladder.append(...all.slice(drawnInLadder, drawnInLadder + LADDER_STEP).map(rung));
    drawnInLadder = Math.min(drawnInLadder + LADDER_STEP, all.length);
    note();
  };
  const note = () => {
    const all = (bySession.get(Number(ofSession.value)) || []).length;
    more.hidden = drawnInLadder === all;
    byId("ladder-note").textContent = more.hidden ? "" : `The first ${drawnInLadder.toLocaleString("en")} of ${counted(all, "event")}.`;
  };
  more.addEventListener("click", climb);
  ofSession.addEventListener("change", () => { ladder.replaceChildren(); drawnInLadder = 0; climb(); });

  // --- paper: all rows and rungs, up to a number that a browser can still lay out ---

  let opened = [], rungs = 0;
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
    onPaper = true;
    draw();
    rungs = drawnInLadder;
    while (!more.hidden && drawnInLadder < PAPER) climb();
    byId("paper").textContent = shown.length > PAPER
      ? `On paper: the first ${PAPER.toLocaleString("en")} of ${counted(shown.length, "event")}, a line each. Search for fewer to print others.`
      : `On paper: ${counted(shown.length, "event")}, a line each. In a browser, this report shows each whole.`;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    onPaper = false;
    drawSoon();  // the list has its height again only then
    while (ladder.children.length > rungs) ladder.lastChild.remove();
    drawnInLadder = rungs;
    note();
  });

  for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
  climb();
  find();
  follow(location.hash);
})();
