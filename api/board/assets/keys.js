/** Everything by keyboard. One row at a time is in the order of tabs; j and k choose which. */

import { claimRow } from "./claim.js";
import { closeLead } from "./drawer.js";
import { admit, allRows, list, next } from "./list.js";

const SECOND_KEY = 1500;
let awaiting = 0;

/** @returns {HTMLElement | undefined} the row that has the focus, or whose lead is open */
function current() {
  return document.activeElement?.closest(".row") ?? document.querySelector(".row.current") ?? undefined;
}

/** @param {1 | -1} way */
function move(way) {
  const to = next(current() ?? null, way);
  to?.querySelector(".open").focus();
  to?.scrollIntoView({ block: "nearest" });
}

/** @param {HTMLElement | undefined} row the one row in the order of tabs */
function rove(row) {
  for (const each of allRows()) {
    const index = each === row ? 0 : -1;
    each.querySelectorAll("a, button").forEach((reached) => (reached.tabIndex = index));
  }
}

/** @param {string} key */
function go(key) {
  const link = document.querySelector(`.rail a[aria-keyshortcuts="g ${CSS.escape(key)}"]`);
  if (link) location.assign(/** @type {HTMLAnchorElement} */ (link).href);
  return Boolean(link);
}

/** @type {Record<string, () => unknown>} */
const ON_LIST = {
  j: () => move(1),
  ArrowDown: () => move(1),
  k: () => move(-1),
  ArrowUp: () => move(-1),
  c: () => claimRow(current()),
  n: admit,
};
/** @type {Record<string, () => unknown>} */
const ANYWHERE = {
  "/": () => /** @type {HTMLInputElement} */ (document.getElementById("q")).select(),
  "?": help,
  g: () => (awaiting = Date.now()),
};

function help() {
  /** @type {HTMLDialogElement} */ (document.getElementById("help")).showModal();
}

/** @param {KeyboardEvent} event */
function escape(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
  } else if (target.matches("#q")) target.blur();
  else if (!document.getElementById("notices")) closeLead();
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return escape(event);
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.matches("input, textarea, select, [contenteditable]")) return;
  if (target.closest("#drawer") && event.key.startsWith("Arrow")) return;
  const second = Date.now() - awaiting < SECOND_KEY;
  awaiting = 0;
  const known = (second && go(event.key)) || (ANYWHERE[event.key] ?? (list() ? ON_LIST[event.key] : undefined));
  if (!known) return;
  event.preventDefault();
  if (typeof known === "function") known();
}

/** Begin. */
export function keepKeys() {
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => /** @type {Element} */ (event.target).closest("[data-help]") && help());
  if (!list()) return;
  rove(allRows()[0]);
  document.addEventListener("focusin", (event) => {
    const row = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".row"));
    if (row) rove(row);
  });
  document.addEventListener("twoway:changed", () => rove(current() ?? allRows()[0]));
}
