// Elements and tables. Text from outside goes into the page as text and in no other way; the policy of the page forbids
// the rest.

import { count, language, say } from "./words.js";

export const byId = (id) => document.getElementById(id);

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export const numberCell = (value, tone) => ({ text: count.format(value), kind: `number${tone && value ? ` ${tone}` : ""}` });

/** Bring the body of a table to what `rows` say: each has a key and cells. Rows that stay keep their elements, and so the focus. */
export function draw(table, rows) {
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
  } else if (cell.more !== undefined) {
    const label = node.firstElementChild ?? node.appendChild(element("span"));
    const more = label.nextElementSibling ?? node.appendChild(element("small"));
    setText(label, cell.text);
    setText(more, cell.more);
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
