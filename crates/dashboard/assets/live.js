"use strict";
// Keeps a page as it is now: the server sends the parts that changed, and what is other in them is changed where it stands.
(() => {
  const source = document.body.dataset.live;
  if (!source) return;
  const lost = document.getElementById("connection");
  let heard = Date.now();
  listen();
  // The server ends each stream after a minute, and the browser begins the next one: that is no loss.
  setInterval(() => { lost.hidden = Date.now() - heard < 8000; }, 1000);

  function listen() {
    const events = new EventSource(source);
    events.addEventListener("parts", (event) => {
      heard = Date.now();
      for (const [id, html] of Object.entries(JSON.parse(event.data))) {
        const part = document.getElementById(id);
        if (part) children(part, fragment(html));
      }
    });
    events.addEventListener("alive", () => { heard = Date.now(); });
    // A browser begins again by itself where the connection broke, and not where the answer was no stream: the database may
    // be away, or the session over.
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) setTimeout(again, 3000);
    });
  }

  async function again() {
    try {
      const page = await fetch(location.href, { redirect: "manual", cache: "no-store", headers: { accept: "text/html" } });
      if (page.type === "opaqueredirect") return location.reload();
    } catch { /* It is tried again below. */ }
    listen();
  }

  function fragment(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  }

  // Only what is other is touched: whoever stands on a link by keyboard, holds the mouse down, has marked a text or scrolled a
  // table is left there, and a screen reader reads nothing twice.
  function children(old, now) {
    const next = [...now.childNodes];
    while (old.childNodes.length > next.length) old.lastChild.remove();
    next.forEach((node, n) => (n < old.childNodes.length ? morph(old.childNodes[n], node) : old.append(node)));
  }

  function morph(old, now) {
    if (old.nodeName !== now.nodeName || old.id !== now.id) {
      old.replaceWith(now);
    } else if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== now.data) old.data = now.data;
    } else {
      for (const { name, value } of now.attributes) {
        if (old.getAttribute(name) !== value) old.setAttribute(name, value);
      }
      for (const { name } of [...old.attributes]) {
        if (!now.hasAttribute(name)) old.removeAttribute(name);
      }
      children(old, now);
    }
  }
})();
