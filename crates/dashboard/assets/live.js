"use strict";
// Keeps a page as it is now: the server sends the parts that changed, and they replace what stands there.
(() => {
  const source = document.body.dataset.live;
  if (!source) return;
  const lost = document.getElementById("connection");
  let heard = Date.now();
  const events = new EventSource(source);
  events.addEventListener("parts", (event) => {
    heard = Date.now();
    for (const [id, html] of Object.entries(JSON.parse(event.data))) {
      const part = document.getElementById(id);
      if (part) replace(part, html);
    }
  });
  events.addEventListener("alive", () => { heard = Date.now(); });
  // The server ends each stream after a minute, and the browser begins the next one: that is no loss.
  setInterval(() => { lost.hidden = Date.now() - heard < 8000; }, 1000);

  // Whoever stands on a link by keyboard, or has scrolled a table, is left there.
  function replace(part, html) {
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = [...part.querySelectorAll(".wide")].map((table) => table.scrollLeft);
    part.innerHTML = html;
    [...part.querySelectorAll(".wide")].forEach((table, n) => { table.scrollLeft = scrolled[n] || 0; });
    if (focused) document.getElementById(focused)?.focus();
  }
})();
