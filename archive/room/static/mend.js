// Goes round two faults of wabac.js where a page runs. The worker puts it into each page (its option injectScripts),
// behind wombat.js and before the page's own scripts.
"use strict";

(() => {
  // wombat.js takes addEventListener("message", ...) without `window.` for a listener of nobody, which hears nothing.
  const listen = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function addEventListener(...told) {
    return listen.apply(this ?? window, told);
  };

  // wombat.js gives the worker what a script sets as srcdoc. As such it is never in quirks mode, as a page of its
  // own it would be, without a doctype.
  const srcdoc = Object.getOwnPropertyDescriptor(HTMLIFrameElement.prototype, "srcdoc");
  const given = new WeakMap();
  Object.defineProperty(HTMLIFrameElement.prototype, "srcdoc", {
    ...srcdoc,
    get() {
      return given.get(this) ?? srcdoc.get.call(this);
    },
    set(page) {
      given.set(this, String(page));
      srcdoc.set.call(this, `<!doctype html>${page}`);
    },
  });

  // The worker does not rewrite a srcdoc that stands in the markup: it is set again, as by a script.
  function set(frame) {
    const page = frame.getAttribute("srcdoc");
    frame.removeAttribute("srcdoc");
    frame.srcdoc = page;
  }

  function look(changes) {
    for (const { addedNodes } of changes)
      for (const node of addedNodes)
        if (node.localName === "iframe" && node.hasAttribute("srcdoc")) set(node);
  }

  // The parser tells of each frame that it makes; of what comes later wombat.js takes care.
  const parsing = new MutationObserver(look);
  parsing.observe(document, { childList: true, subtree: true });
  document.addEventListener("DOMContentLoaded", () => {
    look(parsing.takeRecords());
    parsing.disconnect();
  });
})();
