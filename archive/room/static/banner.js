// Keeps the banner true: when a link in the frame has led to another capture, the room goes there as well.
// What the frame says is said by archived scripts: it is only ever taken for a question to the room.
"use strict";

const frame = document.querySelector("iframe");
const shown = frame.dataset;

function plain(text) {
  const url = new URL(text);
  url.hash = "";
  return url.href;
}

// Two hostile pages could send the room back and forth.
function goesInCircles() {
  const now = Date.now();
  const recent = JSON.parse(sessionStorage.getItem("turns") || "[]").filter((at) => now - at < 10000);
  sessionStorage.setItem("turns", JSON.stringify([...recent, now]));
  return recent.length >= 5;
}

// A page that gives itself another address (history.pushState) has led nowhere.
let renamed = "";

function follow(event) {
  const { wb_type: kind, url, ts } = event.data || {};
  if (event.origin !== shown.origin || event.source !== frame.contentWindow) return;
  if (kind === "replace-url") renamed = url;
  if (kind !== "load" || url === renamed) return;
  if (!/^https?:\/\//.test(url) || !/^\d{14}$/.test(ts) || !URL.canParse(url)) return;
  if ((plain(url) === plain(shown.url) && ts === shown.at) || goesInCircles()) return;
  location.replace(`/capture?${new URLSearchParams({ url: plain(url), at: ts })}`);
}

addEventListener("message", follow);

// How far apart in time the parts of the page are: asked for after the page itself, since it takes a while.
async function spread() {
  const link = document.querySelector("#parts");
  const answer = await fetch(`/api/parts${new URL(link.href).search}`);
  if (!answer.ok) return;
  const { at, oldest, newest, missing, errors, parts } = await answer.json();
  const apart = (one, other) => {
    const seconds = Math.abs(Date.parse(one) - Date.parse(other)) / 1000;
    for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
      if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${unit}`;
    }
    return `${Math.round(seconds)} s`;
  };
  const told = [`${parts.length} parts`];
  if (parts.length > missing) told.push(`${apart(oldest, at)} before to ${apart(newest, at)} after`);
  if (missing) told.push(`${missing} missing`);
  if (errors) told.push(`${errors} answered with an error`);
  link.textContent = told.join(", ");
}

spread();
