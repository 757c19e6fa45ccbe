// Draws the figures.

import { byId, draw, numberCell, setText } from "./elements.js";
import { age, away, clockTime, count, day, national, say, share, word, words } from "./words.js";

let announced = { at: 0, text: "" };

export function show(figures) {
  national.zone = figures.zone;
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

const tones = { ok: "quiet", warning: "soon", error: "late" };

function showLag(lag) {
  if (!lag?.length) return draw(byId("lag"), [missing(3, lag ? "waiting" : "refused")]);
  return draw(byId("lag"), lag.map((row) => ({
    key: row.stage,
    cells: [{ text: row.stage }, { ...numberCell(row.behind), more: row.age ? age(row.age) : "" }, { text: `${word("lag", row.status)}, ${word("trend", row.trend)}`, series: row.series, kind: tones[row.severity] }],
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
      { text: day(each.day), kind: "plain" },
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
      { text: row.office ?? (row.why ? word("why", row.why) : say("no_office")), kind: "free" },
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
