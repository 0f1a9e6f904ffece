/**
 * The feed that keeps the page up to date, and what the page says when it is cut off.
 * It goes on where it stopped: every event has a number, and the server tells everything after the last one.
 */

import { make } from "./dom.js";

const PATIENCE = 3000, RETRY = 3000, ASLEEP = 60_000;

/** @type {EventSource | undefined} */
let source;
let latest = document.body.dataset.change;
let lostAt = 0;
let stripTimer = 0;
let hiddenAt = 0;
let signedOut = false;
/** @type {Record<string, (data: string) => void>} */
let handlers = {};

function connect() {
  source?.close();
  clearTimeout(connect.timer);
  if (signedOut) return;
  source = new EventSource(`/live?after=${latest}`);
  source.onopen = found;
  source.onerror = () => {
    lost();
    if (source.readyState === EventSource.CLOSED) look();
  };
  source.addEventListener("hello", note);
  source.addEventListener("reconnect", () => later(Math.random() * 1000));
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => {
      note(event);
      handle(event.data);
    });
  }
}
connect.timer = 0;

/** @param {number} wait milliseconds */
function later(wait) {
  source?.close();
  clearTimeout(connect.timer);
  connect.timer = setTimeout(connect, wait);
}

/** @param {MessageEvent} event */
function note(event) {
  if (event.lastEventId) latest = event.lastEventId;
}

/** The server refused the feed: because nobody is signed in any more, or because it cannot serve it now. */
async function look() {
  try {
    const answer = await fetch("/rows?limit=1", { headers: { "X-Part": "rows" } });
    if (answer.status === 401) return signOut();
  } catch {
    // out of reach: nothing is known about the session
  }
  later(RETRY);
}

function found() {
  lostAt = 0;
  clearTimeout(stripTimer);
  show("on", "Live");
  strip();
}

/** @param {number} patience milliseconds until it is said */
function lost(patience = PATIENCE) {
  if (lostAt) return;
  lostAt = Date.now();
  clearTimeout(stripTimer);
  stripTimer = setTimeout(() => {
    show("lost", "Not live");
    const since = new Date(lostAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    strip(`Not connected since ${since}. What you see may be old; it catches up by itself.`);
  }, patience);
}

function signOut() {
  signedOut = true;
  source?.close();
  clearTimeout(stripTimer);
  show("lost", "Signed out");
  const next = encodeURIComponent(location.pathname + location.search);
  strip("You are signed out. ", make("a", { href: `/login?next=${next}` }, "Sign in again"));
}

/** @param {string} state @param {string} word */
function show(state, word) {
  const light = document.getElementById("live");
  light.dataset.state = state;
  light.querySelector(".live-word").textContent = word;
  document.body.classList.toggle("offline", state === "lost");
  document.querySelectorAll(".row .act :is(button, a)").forEach((each) => state === "on" ? each.removeAttribute("aria-disabled") : each.setAttribute("aria-disabled", "true"));
}

/** @param {...(string | Node)} words nothing hides it */
function strip(...words) {
  const place = document.getElementById("strip");
  place.replaceChildren(...words);
  place.hidden = words.length === 0;
}

/**
 * Begin.
 * @param {Record<string, (data: string) => void>} by what to do with each kind of event
 */
export function keepLive(by) {
  handlers = by;
  connect();
  document.addEventListener("twoway:signedout", signOut);
  addEventListener("offline", () => {
    source?.close();
    lost(0);
  });
  addEventListener("online", connect);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (Date.now() - hiddenAt > ASLEEP) connect(); // a connection that died in a sleep looks open
  });
}
