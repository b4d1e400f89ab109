// Reads a page anew every few seconds, and puts what is new in the place of what was: the reader's place on the
// page and the focus outside of it stay. Without scripts the whole page is loaded again (base.html).
"use strict";

const seconds = Number(document.querySelector("script[data-seconds]").dataset.seconds);

async function again() {
  try {
    const answer = await fetch(location.href);
    if (answer.redirected) return location.replace(answer.url);
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.getElementById("main").replaceWith(page.getElementById("main"));
      if (!page.querySelector("script[data-seconds]")) return; // nothing runs any more
    }
  } catch {
    // The room is away for a moment: it is asked again.
  }
  setTimeout(again, seconds * 1000);
}

setTimeout(again, seconds * 1000);
