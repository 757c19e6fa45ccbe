// Finds a complaint and draws its history and its deadlines.

import { byId, draw, element, setText } from "./elements.js";
import { away, count, fill, language, moment, national, say, word, words } from "./words.js";

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
    ["label_asked_office", found.asked_office && say("asked_office", { office: found.asked_office })],
    ["label_waiting", found.waiting_for && [word("why", found.waiting_for.why), found.waiting_for.who].filter(Boolean).join(": ")],
    ["label_follows", found.follows],
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
        { text: clock.due_at ? `${moment(clock.due_at, clock.zone ?? national.zone)} (${away(clock.due_at)})` : "–" },
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

export function visit(number) {
  history.pushState({}, "", `?complaint=${encodeURIComponent(number)}&lang=${language}`);
  open(number);
}

export function fromAddress() {
  const number = new URLSearchParams(location.search).get("complaint")?.trim();
  if (number) open(number);
  else close();
}
