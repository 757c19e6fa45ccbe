// The board in the browser: figures as they come, and a complaint when it is asked for.

import { fromAddress, visit } from "./complaint.js";
import { byId, setText } from "./elements.js";
import { show } from "./figures.js";
import { say } from "./words.js";

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
