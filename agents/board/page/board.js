// The board in the browser: draws the figures as they come and a complaint when it is asked for.
// Text from outside goes into the page as text and in no other way; the policy of the page forbids the rest.

const language = document.documentElement.lang;
const words = await (await fetch(`/${language}.json`)).json();
const locale = language === "en" ? "en-GB" : language; // days before months, hours up to 24
const count = new Intl.NumberFormat(locale);
const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "long" });
const byId = (id) => document.getElementById(id);

let zone = "Asia/Jakarta";
const zoneNames = { "Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT" };

// ---- words and numbers

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
const say = (name, values = {}) => fill(words.say[name], values);
const word = (kind, name) => words[kind][name] ?? name;

function inZone(text, parts, at) {
  return `${new Intl.DateTimeFormat(locale, { ...parts, timeZone: at }).format(new Date(text))} ${zoneNames[at] ?? at}`;
}

const moment = (text, at = zone) => inZone(text, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }, at);
const clockTime = (text) => inZone(text, { hour: "2-digit", minute: "2-digit", second: "2-digit" }, zone);

function day(text) {
  const parts = { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" };
  return new Intl.DateTimeFormat(locale, parts).format(new Date(`${text}T00:00:00Z`));
}

function away(text) {
  const seconds = (new Date(text) - Date.now()) / 1000;
  const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]].find(([each]) => Math.abs(seconds) >= each) ?? [1, "second"];
  return relative.format(Math.trunc(seconds / size), unit);
}

// ---- elements

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const numberCell = (value, tone) => ({ text: count.format(value), kind: `number${tone && value ? ` ${tone}` : ""}` });

/** Bring the body of a table to what `rows` say: each has a key and cells. Rows that stay keep their elements, and so the focus. */
function draw(table, rows) {
  const body = table.tBodies[0];
  const columns = table.tHead.rows[0].cells.length;
  const wanted = rows.length ? rows : [{ key: "", cells: [{ text: say("none"), kind: "quiet", span: columns }] }];
  const known = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const kept = new Set(wanted.map((each) => each.key));
  for (const [key, row] of known) if (!kept.has(key)) row.remove();
  let place = body.firstElementChild;
  for (const { key, cells } of wanted) {
    let row = known.get(key);
    if (row && row.cells.length !== cells.length) { row.remove(); if (place === row) place = body.firstElementChild; row = undefined; }
    if (!row) {
      row = element("tr", {}, ...cells.map((cell, index) => (index === 0 && !cell.span ? element("th", { scope: "row" }) : element("td", { colspan: cell.span }))));
      row.dataset.key = key;
    }
    if (row === place) place = place.nextElementSibling;
    else body.insertBefore(row, place);
    cells.forEach((cell, index) => drawCell(row.cells[index], cell));
  }
}

function drawCell(node, cell) {
  if (node.className !== (cell.kind ?? "")) node.className = cell.kind ?? "";
  if (cell.series) return drawSeries(node, cell);
  const link = cell.complaint && (node.querySelector("a") ?? node.appendChild(element("a")));
  if (link) {
    link.href = `?complaint=${encodeURIComponent(cell.complaint)}&lang=${language}`;
    link.dataset.complaint = cell.complaint;
    setText(link, cell.text);
  } else if (cell.share === undefined) {
    setText(node, cell.text);
  } else {
    const label = node.firstElementChild ?? node.appendChild(element("span"));
    const bar = label.nextElementSibling ?? node.appendChild(element("span", { class: "bar", "aria-hidden": "true" }));
    setText(label, cell.text);
    bar.style.inlineSize = `${Math.round(cell.share * 100)}%`;
  }
  return undefined;
}

function drawSeries(node, cell) {
  const svgNames = "http://www.w3.org/2000/svg";
  let svg = node.querySelector("svg");
  if (!svg) {
    svg = node.appendChild(document.createElementNS(svgNames, "svg"));
    for (const [name, value] of [["class", "line"], ["viewBox", "0 0 60 20"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
    svg.append(document.createElementNS(svgNames, "polyline"));
    node.append(element("span"));
  }
  const most = Math.max(1, ...cell.series);
  const step = 60 / Math.max(1, cell.series.length - 1);
  const points = cell.series.map((value, index) => `${(index * step).toFixed(1)},${(19 - (18 * value) / most).toFixed(1)}`);
  svg.firstElementChild.setAttribute("points", points.join(" "));
  setText(node.lastElementChild, cell.text);
}

// ---- the figures

let announced = { at: 0, text: "" };

function show(figures) {
  zone = figures.zone;
  const lost = figures.trouble;
  const connection = byId("connection");
  setText(connection, figures.reading ? say("reading", { count: count.format(figures.complaints) }) : say("live"));
  connection.dataset.state = figures.reading || lost ? "" : "live";
  setText(byId("as-of"), say("as_of", { time: clockTime(figures.at) }));
  byId("trouble").hidden = !lost;
  setText(byId("trouble"), lost ? words.say.trouble[lost] ?? lost : "");
  showKey(figures);
  showStatuses(figures);
  showFunnel(figures.funnel);
  showLag(figures.lag);
  showOffices(figures.offices);
  showFlow(figures.flow.days);
  for (const name of ["next", "longest", "incidents"]) draw(byId(name), figures[name].map(complaintRow));
  showLetters(figures.letters);
  announce(figures);
}

function showKey(figures) {
  const values = { ...figures, received_day: figures.flow.day.received, closed_day: figures.flow.day.closed, letters: figures.letters?.total };
  for (const node of byId("key").querySelectorAll("dd")) {
    const value = values[node.dataset.figure];
    setText(node, value === undefined ? "–" : count.format(value));
    node.dataset.some = String(value > 0);
  }
}

function showStatuses(figures) {
  const most = Math.max(1, ...Object.values(figures.statuses));
  const rows = Object.entries(figures.statuses).map(([status, value]) => ({
    key: status,
    cells: [{ text: word("status", status), share: value / most }, numberCell(value)],
  }));
  rows.push({ key: "*", cells: [{ text: "Σ", share: 0 }, numberCell(figures.complaints)] });
  draw(byId("statuses"), rows);
}

function showFunnel(funnel) {
  const whole = Math.max(1, funnel.received);
  draw(byId("funnel"), Object.entries(funnel).map(([step, value]) => ({
    key: step,
    cells: [{ text: word("step", step), share: value / whole }, numberCell(value), { text: share.format(value / whole), kind: "number" }],
  })));
}

function showLag(lag) {
  if (!lag) return draw(byId("lag"), [missing(3, "waiting")]);
  return draw(byId("lag"), lag.map((row) => ({
    key: row.stage,
    cells: [{ text: row.stage }, numberCell(row.behind), { text: word("trend", row.trend), series: row.series, kind: row.trend === "rising" ? "soon" : "quiet" }],
  })));
}

function showOffices({ rows, others }) {
  const cells = (text, row) => [{ text, kind: "free" }, numberCell(row.open), numberCell(row.due_soon, "soon"), numberCell(row.overdue, "late"), numberCell(row.exhausted, "late")];
  const drawn = rows.map((row) => ({ key: `office ${row.office ?? ""}`, cells: cells(row.office ?? say("no_office"), row) }));
  if (others.offices) drawn.push({ key: "others", cells: cells(say("other_offices", { count: count.format(others.offices) }), others) });
  draw(byId("offices"), drawn);
}

function showFlow(days) {
  const most = Math.max(1, ...days.flatMap((each) => [each.received, each.closed]));
  draw(byId("flow"), days.map((each) => ({
    key: each.day,
    cells: [
      { text: day(each.day) },
      { ...numberCell(each.received), share: each.received / most },
      { ...numberCell(each.closed), share: each.closed / most },
      numberCell(each.archived + each.withdrawn),
    ],
  })));
}

function complaintRow(row) {
  const late = row.due && new Date(row.due) < Date.now();
  return {
    key: row.tracking,
    cells: [
      { text: row.tracking, complaint: row.tracking, kind: row.tracking.length < 12 ? "plain" : "free" },
      { text: row.clock ? word("clock", row.clock) : "–" },
      { text: row.office ?? say("no_office"), kind: "free" },
      { text: row.due ? away(row.due) : "–", kind: late ? "late" : "" },
    ],
  };
}

function showLetters(letters) {
  if (!letters) return draw(byId("letters"), [missing(3, "unknown")]);
  const rows = letters.rows.map((row) => ({ key: `${row.stage} ${row.code}`, cells: [{ text: row.stage, kind: "free" }, { text: row.code, kind: "free" }, numberCell(row.count)] }));
  if (letters.others) rows.push({ key: "others", cells: [{ text: "–" }, { text: say("other_reasons") }, numberCell(letters.others)] });
  return draw(byId("letters"), rows);
}

const missing = (span, why) => ({ key: why, cells: [{ text: say(why), kind: "quiet", span }] });

/** Tell a screen reader the most important figures: when they have changed, and not more than twice a minute. */
function announce(figures) {
  const text = say("announcement", { open: count.format(figures.open), due_soon: count.format(figures.due_soon), overdue: count.format(figures.overdue) });
  if (figures.reading || text === announced.text || Date.now() - announced.at < 30000) return;
  announced = { at: Date.now(), text };
  setText(byId("announcement"), text);
}

// ---- one complaint

function details(fact) {
  const parts = [];
  if (fact.office) parts.push(say("to", { office: fact.office }));
  if (fact.round) parts.push(say("round", fact));
  if (fact.rung) parts.push(say("rung", fact));
  if (fact.clock) parts.push(word("clock", fact.clock));
  if (fact.working_days) parts.push(say("extended_by", { days: fact.working_days }));
  if (fact.due_at) parts.push(say("due", { time: moment(fact.due_at) }));
  if (fact.reason) parts.push(word("reason", fact.reason));
  if (fact.rating) parts.push(say("rating", fact));
  if (fact.missing) parts.push(say("missing", { fields: fact.missing.join(", ") }));
  if (fact.deadline) parts.push(say("deadline"));
  return parts.join(", ");
}

function who(by) {
  return fill(words.by[by.kind], { name: by.name });
}

function about(found) {
  const flags = [word("class", found.class), ...(found.anonymous ? [say("anonymous")] : [])].join(", ");
  const rows = [
    ["label_status", word("status", found.status)],
    ["label_title", found.title],
    ["label_class", flags],
    ["label_category", found.category],
    ["label_place", found.place],
    ["label_office", found.office ?? say("no_office")],
    ["label_received", moment(found.received_at)],
    ["label_closed", found.closed_at && moment(found.closed_at)],
    ["label_counts", say("counts", found)],
    ["label_rating", found.rating && say("rating", found)],
  ];
  return element("dl", { class: "about" }, ...rows.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", {}, say(name)), element("dd", {}, value)]));
}

function timeline(found) {
  const late = new Set(["breached", "escalated", "escalation-exhausted"]);
  return element("ol", { class: "timeline" }, ...found.facts.map((fact) => element(
    "li",
    { "data-tone": late.has(fact.fact) ? "late" : undefined },
    element("time", { datetime: fact.at }, moment(fact.at)),
    element("p", {}, element("strong", {}, word("fact", fact.fact)), ` ${say("by", { who: who(fact.by) })}${details(fact) ? `: ${details(fact)}` : ""}`),
    fact.text ? element("p", { class: "quiet" }, fact.text) : undefined,
  )));
}

function clocks(found) {
  if (!found.clocks.length) return element("p", {}, say("no_clocks"));
  const head = ["col_clock", "col_due"].map((name) => words.page[name]);
  const table = element(
    "table",
    {},
    element("caption", {}, say("clocks_caption")),
    element("thead", {}, element("tr", {}, ...[head[0], head[1], say("col_state")].map((text) => element("th", { scope: "col" }, text)))),
    element("tbody"),
  );
  draw(table, found.clocks.map((clock) => {
    const state = clock.paused ? say("paused", clock) : clock.breached ? say("overdue") : clock.warned ? say("warned") : say("running");
    return {
      key: clock.clock,
      cells: [
        { text: word("clock", clock.clock) },
        { text: clock.due_at ? `${moment(clock.due_at, clock.zone ?? zone)} (${away(clock.due_at)})` : "–" },
        { text: state, kind: clock.breached ? "late" : clock.warned ? "soon" : "" },
      ],
    };
  }));
  return table;
}

function drawComplaint(found) {
  const heading = element("h3", { id: "complaint-heading", tabindex: "-1" }, say("found", { number: found.tracking }));
  const button = element("button", { type: "button" }, say("close"));
  button.addEventListener("click", () => leave());
  const notes = [
    found.secret && say("secret"),
    !found.whole && say("not_whole"),
    found.earlier > 0 && say("earlier", { count: count.format(found.earlier) }),
  ].filter(Boolean);
  byId("complaint").replaceChildren(
    element("header", {}, heading, button),
    ...notes.map((text) => element("p", { class: "soon" }, text)),
    about(found),
    element(
      "div",
      { class: "columns" },
      element("div", {}, element("h4", {}, say("clocks")), clocks(found)),
      element("div", {}, element("h4", {}, say("facts")), timeline(found)),
    ),
  );
  byId("complaint").hidden = false;
  heading.focus();
}

let asked = 0;

async function open(number) {
  const mine = ++asked;
  setText(byId("answer"), say("searching"));
  byId("complaint").hidden = true;
  byId("number").value = number;
  for (const link of document.querySelectorAll("[data-language]")) link.href = `?lang=${link.dataset.language}&complaint=${encodeURIComponent(number)}`;
  const [found, problem] = await ask(number);
  if (mine !== asked) return;
  setText(byId("answer"), problem ? fill(words.problem[problem] ?? words.problem.failed, { number }) : "");
  if (found) drawComplaint(found);
}

async function ask(number) {
  try {
    const answer = await fetch(`/complaints/${encodeURIComponent(number)}`);
    const body = await answer.json();
    return answer.ok ? [body, undefined] : [undefined, body.problem];
  } catch {
    return [undefined, "failed"];
  }
}

function leave() {
  history.pushState({}, "", `?lang=${language}`);
  close();
  byId("number").focus();
}

function close() {
  asked += 1;
  byId("complaint").hidden = true;
  setText(byId("answer"), "");
  for (const link of document.querySelectorAll("[data-language]")) link.href = `?lang=${link.dataset.language}`;
}

function visit(number) {
  history.pushState({}, "", `?complaint=${encodeURIComponent(number)}&lang=${language}`);
  open(number);
}

function fromAddress() {
  const number = new URLSearchParams(location.search).get("complaint")?.trim();
  if (number) open(number);
  else close();
}

byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const number = byId("number").value.trim();
  if (number) visit(number);
});
document.addEventListener("click", (event) => {
  const number = event.target.closest?.("a[data-complaint]")?.dataset.complaint;
  if (!number || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  visit(number);
});
addEventListener("popstate", fromAddress);

// ---- the stream

let stream;

function listen() {
  stream?.close();
  stream = new EventSource("/figures/stream");
  stream.addEventListener("message", (event) => show(JSON.parse(event.data)));
  stream.addEventListener("error", () => {
    const connection = byId("connection");
    setText(connection, say("lost"));
    connection.dataset.state = "lost";
    // the browser tries again by itself, unless it was told no
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 10000);
  });
}

// a page that nobody looks at holds no connection
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stream?.close();
  else listen();
});

listen();
fromAddress();
