// Keeps a page current: fetches it again when there are newer figures, and changes what differs. The server has drawn it.

const every = 1000 * Number(document.body.dataset.every);
const connection = document.getElementById("connection");
let fetched = Date.now();
let announced = { at: Date.now(), text: document.getElementById("announcement")?.textContent };
let waiting;

const key = (node) => node.dataset?.key || node.id || undefined;

/** Make `old` like `fresh`, and leave what is equal as it is: the focus, what is folded out, what is being written. */
function become(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType === Node.TEXT_NODE) { old.data = fresh.data; return; }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  becomeChildren(old, [...fresh.childNodes]);
}

/** Sections and rows keep their elements by their keys, wherever they move: a focused link never becomes another one. */
function becomeChildren(old, wanted) {
  const keys = new Set(wanted.map(key));
  for (const node of [...old.childNodes]) if (key(node) && !keys.has(key(node))) node.remove();
  const known = new Map([...old.childNodes].filter(key).map((node) => [key(node), node]));
  let place = old.firstChild;
  for (const node of wanted) {
    const mine = key(node) ? known.get(key(node)) : place && !key(place) && place;
    if (!mine) { old.insertBefore(node, place); continue; }
    known.delete(key(node));
    if (mine === place) place = place.nextSibling;
    else old.insertBefore(mine, place);
    become(mine, node);
  }
  while (place) { const gone = place; place = place.nextSibling; gone.remove(); }
}

function draw(fresh) {
  const writing = document.activeElement?.closest?.("main form");
  if (!writing) become(document.getElementById("main"), document.adoptNode(fresh.getElementById("main")));
  for (const name of ["as-of", "connection"]) become(document.getElementById(name), document.adoptNode(fresh.getElementById(name)));
  announce();
}

/** Tell a screen reader the most important figures: when they have changed, and not more than twice a minute. */
function announce() {
  const text = document.getElementById("announcement")?.textContent;
  if (!text || text === announced.text || Date.now() - announced.at < 30000) return;
  announced = { at: Date.now(), text };
  connection.append(Object.assign(document.createElement("span"), { className: "unseen", textContent: ` ${text}` }));
}

function fetchAgain() {
  clearTimeout(waiting);
  waiting = undefined;
  fetched = Date.now();
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.addEventListener("load", () => { if (request.status === 200 && request.response) draw(request.response); });
  request.send();
}

function soon() {
  waiting ??= setTimeout(fetchAgain, Math.max(0, fetched + every - Date.now()));
}

let stream;
let drawn; // what the server has drawn, until the connection was lost

function listen() {
  stream?.close();
  stream = new EventSource("/figures/stream");
  stream.addEventListener("open", () => { if (connection.dataset.state === "lost") state(...drawn); });
  stream.addEventListener("message", soon);
  stream.addEventListener("error", () => {
    if (connection.dataset.state !== "lost") drawn = [connection.dataset.state, connection.firstChild.data];
    state("lost", document.body.dataset.lost);
    // the browser tries again by itself, unless it was refused
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 10000);
  });
}

function state(name, text) {
  connection.dataset.state = name;
  connection.textContent = text;
}

if (every) {
  // a page that is not visible holds no connection
  document.addEventListener("visibilitychange", () => (document.hidden ? stream?.close() : listen()));
  listen();
}
