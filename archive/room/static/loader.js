// Starts the replay worker, tells it where the raw records are, and goes to the capture.
"use strict";

const config = JSON.parse(document.body.dataset.config);
const target = `/replay/${config.at}mp_/${config.url}`;

function say(text) {
  document.querySelector("#said").textContent = text;
  document.body.classList.add("stuck");
}

function activated(worker) {
  return new Promise((resolve, reject) => {
    const check = () => {
      if (worker.state === "activated") resolve();
      if (worker.state === "redundant") reject(new Error("the worker could not be installed"));
    };
    worker.addEventListener("statechange", check);
    check();
  });
}

function added(worker) {
  return new Promise((resolve, reject) => {
    navigator.serviceWorker.addEventListener("message", (event) => {
      if (event.data.name !== config.name) return;
      if (event.data.msg_type === "collAdded") resolve();
      if (event.data.msg_type === "collProgress" && event.data.error) reject(new Error(event.data.error));
    });
    navigator.serviceWorker.startMessages();
    worker.postMessage({
      msg_type: "addColl",
      name: config.name,
      type: "live",
      root: true,
      skipExisting: true,
      file: { sourceUrl: "proxy:" },
      extraConfig: config.extraConfig,
    });
  });
}

// Where the worker is registered and yet does not answer (a forced reload goes past it), do not go in circles: the
// same capture again and again. A reader may well look at many captures one after another.
function goesInCircles() {
  const now = Date.now();
  const known = JSON.parse(sessionStorage.getItem("morgue-went") || "[]");
  const recent = known.filter(([at, where]) => now - at < 10000 && where === target);
  sessionStorage.setItem("morgue-went", JSON.stringify([...recent, [now, target]]));
  return recent.length >= 8;
}

async function start() {
  if (!("serviceWorker" in navigator)) {
    say("Replay needs a service worker, which browsers allow on https:// and on localhost only.");
    return;
  }
  try {
    const script = `/sw.js?replayPrefix=&root=${config.name}&injectScripts=/mend.js`;
    const options = { scope: "/replay/", updateViaCache: "all" };
    const registration = await navigator.serviceWorker.register(script, options);
    const worker = registration.installing || registration.waiting || registration.active;
    await activated(worker);
    await added(worker);
    if (goesInCircles()) {
      say("This browser's replay worker does not answer. Close its other tabs of this archive and try again.");
      return;
    }
    location.replace(target);
  } catch (error) {
    say(
      `This browser did not start the replay worker (${error.message}). ` +
        "Private windows and blocked third-party storage can be the cause: " +
        "room and replay must be of one site, such as archive.example.org and replay.archive.example.org.",
    );
  }
}

start();
