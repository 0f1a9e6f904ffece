/**
 * The list in the page: which rows belong into it, where they go, how they come and leave.
 * Nothing moves under the pointer: arrivals wait behind "3 new" while the list is scrolled or pointed at.
 */

import { changed, elements, fetchPart, make, me, say } from "./dom.js";

const SHOWN_AS_GONE = 2000, SHOWN_AS_REFUSED = 6000, ASK_AFTER = 150;
/** Orders in which the smaller value comes first. */
const RISING = new Set(["deadline"]);
/** What each order goes by; undefined for a row that has no such thing. @type {Record<string, (row: HTMLElement) => string | number | undefined>} */
const KEYS = {
  newest: (row) => row.querySelector("time").dateTime,
  score: (row) => row.dataset.score && Number(row.dataset.score),
  deadline: (row) => row.querySelector(".clock")?.dataset.deadline,
  handed_back: (row) => row.dataset.handedBack,
};

/** Rows that arrived while nothing may move, by id. @type {Map<string, HTMLElement>} */
const waiting = new Map();
/** Rows of a filtered list whose place the server is asked for, by id. @type {Map<string, HTMLElement>} */
const asking = new Map();
/** Leads that this page is acting on, each with the latest row that came meanwhile. @type {Map<string, string>} */
const busy = new Map();
let askTimer = 0;

export const list = () => document.getElementById("list");
const rows = () => document.getElementById("rows");
/** @param {string} id @returns {HTMLElement | null} */
export const rowOf = (id) => document.getElementById(`lead-${id}`);
/** The rows that are there to stay. @returns {HTMLElement[]} */
export const allRows = () => [...rows().querySelectorAll(".row:not(.leaving)")];

/**
 * Whether nothing may move now.
 */
function still() {
  return window.scrollY > 8 || (matchMedia("(hover: hover)").matches && rows().matches(":hover"));
}

/** @param {HTMLElement} row */
function belongs(row) {
  const { view } = list().dataset;
  return row.dataset.views.split(" ").includes(view) && (view !== "mine" || row.dataset.owner === me);
}

/** @param {HTMLElement} row */
function mark(row) {
  row.classList.toggle("mine", row.dataset.owner === me);
}

/**
 * What two rows are sorted by: before 0 when `a` comes first. Rows without a value come last.
 * @param {HTMLElement} a
 * @param {HTMLElement} b
 */
function order(a, b) {
  const { sort } = list().dataset;
  const [x, y] = [KEYS[sort](a), KEYS[sort](b)];
  if ((x === undefined) !== (y === undefined)) return x === undefined ? 1 : -1;
  const rising = RISING.has(sort) ? 1 : -1;
  if (x !== y) return (x < y ? -1 : 1) * rising;
  return (a.dataset.id < b.dataset.id ? -1 : 1) * rising;
}

/**
 * Put a row where it belongs. One that belongs beyond what is loaded is left for later.
 * @param {HTMLElement} row
 * @returns {boolean} whether it is in the page now
 */
function put(row) {
  const others = allRows().filter((other) => other !== row);
  const after = others.find((other) => order(row, other) < 0);
  const more = document.getElementById("more");
  const before = list().hasAttribute("data-midway") && after === others[0];
  if (before || (!after && more && others.length)) {
    row.remove();
    return false;
  }
  if (after) after.before(row);
  else if (more) more.before(row);
  else rows().append(row);
  return true;
}

/** @param {HTMLElement} row */
function insert(row) {
  mark(row);
  if (!put(row)) return;
  row.classList.add("arrived");
  setTimeout(() => row.classList.remove("arrived"), 2600);
  emptiness();
  changed(row);
}

/**
 * Put a row in the place of an older one about the same lead. Focus stays where it was.
 * @param {HTMLElement} old
 * @param {HTMLElement} row
 */
function replace(old, row) {
  const focused = old.contains(document.activeElement) ? (document.activeElement.matches(".open") ? ".open" : ".act *") : "";
  mark(row);
  row.classList.toggle("current", old.classList.contains("current"));
  old.replaceWith(row);
  if (focused) (row.querySelector(`${focused}:is(a, button)`) ?? row.querySelector(".open")).focus({ preventScroll: true });
  row.classList.add("changed");
  setTimeout(() => row.classList.remove("changed"), 1800);
  if (!still() && !focused) put(row);
  changed(row);
}

/**
 * Let a row say where it went, then fold it.
 * @param {HTMLElement} row the one in the page
 * @param {string} place where the lead is now
 * @param {number} after milliseconds
 */
function leave(row, place, after = SHOWN_AS_GONE) {
  row.classList.add("leaving");
  row.querySelector(".went")?.remove();
  const name = row.querySelector(".open").textContent;
  row.append(make("p", { class: "went" }, make("strong", { dir: "auto" }, name), make("span", { class: "quiet", dir: "auto" }, place)));
  setTimeout(() => fold(row), after);
}

/** @param {HTMLElement} row */
function fold(row) {
  if (!row.isConnected || !row.classList.contains("leaving")) return;
  if (matchMedia("(hover: hover)").matches && rows().matches(":hover")) {
    rows().addEventListener("pointerleave", () => fold(row), { once: true });
    return;
  }
  if (row.contains(document.activeElement)) (next(row, 1) ?? next(row, -1))?.querySelector(".open").focus({ preventScroll: true });
  row.style.maxHeight = `${row.offsetHeight}px`;
  requestAnimationFrame(() => row.classList.add("folding"));
  setTimeout(() => {
    row.remove();
    emptiness();
  }, 220);
}

/**
 * The row after or before one.
 * @param {HTMLElement | null} row none begins at the top
 * @param {1 | -1} way
 * @returns {HTMLElement | undefined}
 */
export function next(row, way) {
  if (!row) return allRows()[0];
  let found = row;
  do found = /** @type {HTMLElement} */ (way > 0 ? found.nextElementSibling : found.previousElementSibling);
  while (found && !found.matches(".row:not(.leaving)"));
  return found ?? undefined;
}

function emptiness() {
  document.getElementById("empty").hidden = Boolean(rows().querySelector(".row"));
}

/**
 * Show how a lead is now.
 * @param {HTMLElement} row
 * @param {boolean} inside whether it belongs into this list
 */
function place(row, inside) {
  const { id } = row.dataset;
  const old = rowOf(id);
  if (old && Number(old.dataset.change) >= Number(row.dataset.change)) return;
  if (!inside && old?.dataset.kept === "" && row.dataset.owner === me) {
    row.dataset.kept = ""; // taken from this list: it stays where it was taken
    replace(old, row);
  } else if (!inside) {
    waiting.delete(id);
    if (old && !old.classList.contains("leaving")) {
      old.dataset.change = row.dataset.change;
      leave(old, row.dataset.owner === me ? "Yours now" : row.dataset.place);
    }
  } else if (old) replace(old, row);
  else if (still()) waiting.set(id, row);
  else insert(row);
  showWaiting();
}

/**
 * A lead changed.
 * @param {string} html its row
 */
export function receive(html) {
  const [row] = elements(html);
  const { id } = row.dataset;
  document.dispatchEvent(new CustomEvent("twoway:lead", { detail: { id } }));
  if (!list()) return;
  if (busy.has(id)) {
    busy.set(id, html);
    return;
  }
  if (list().hasAttribute("data-filtered")) ask(row);
  else place(row, belongs(row));
}

/**
 * A lead is gone for good.
 * @param {string} id
 */
export function forget(id) {
  waiting.delete(id);
  const row = rowOf(id);
  if (row) leave(row, "Erased");
  showWaiting();
}

/**
 * Whether a row belongs into a filtered list only the server knows; it is asked about many at once.
 * @param {HTMLElement} row
 */
function ask(row) {
  asking.set(row.dataset.id, row);
  askTimer ||= setTimeout(async () => {
    askTimer = 0;
    const asked = new Map(asking);
    asking.clear();
    try {
      const { html } = await fetchPart(`${list().dataset.rows}&ids=${[...asked.keys()].join(",")}`, "rows");
      const found = elements(html).filter((each) => each.matches(".row"));
      found.forEach((each) => place(each, true));
      const inside = new Set(found.map((each) => each.dataset.id));
      asked.forEach((each, id) => inside.has(id) || place(each, false));
    } catch {
      asked.forEach((each) => rowOf(each.dataset.id) && place(each, true)); // what is shown is true, if not its place
    }
  }, ASK_AFTER);
}

function showWaiting() {
  const news = document.getElementById("news");
  news.hidden = waiting.size === 0;
  news.querySelector("button").textContent = `${waiting.size} new`;
}

/** Let in what waits. */
export function admit() {
  const found = [...waiting.values()];
  waiting.clear();
  found.forEach((row) => rowOf(row.dataset.id) || insert(row));
  if (found.length) say(`${found.length} new`);
  showWaiting();
}

/**
 * Show the row that a request about a lead was answered with.
 * @param {string} id
 * @param {string} html
 * @returns {HTMLElement} the row
 */
export function answer(id, html) {
  const [row] = elements(html);
  const old = rowOf(id);
  row.dataset.kept = "";
  if (old) replace(old, row);
  if (row.querySelector(".said") && !belongs(row)) setTimeout(() => row.isConnected && leave(row, row.dataset.place), SHOWN_AS_REFUSED);
  return row;
}

/**
 * Keep a lead's news back while something is done with it: the answer shows what came of it, in its place.
 * @param {string} id
 * @param {() => Promise<void>} work
 */
export async function holding(id, work) {
  busy.set(id, "");
  try {
    await work();
  } finally {
    const held = busy.get(id);
    busy.delete(id);
    if (held) receive(held);
  }
}

/**
 * Load the list anew.
 * @param {string} address
 */
export async function reload(address = list().dataset.address) {
  rows().setAttribute("aria-busy", "true");
  try {
    const { html } = await fetchPart(address, "list");
    waiting.clear();
    const [fresh] = elements(html);
    list().replaceWith(fresh);
    begin();
    changed(fresh);
  } finally {
    rows().removeAttribute("aria-busy");
  }
}

/** @param {HTMLAnchorElement} link to the rows after these */
async function loadMore(link) {
  const item = document.getElementById("more");
  if (item.hasAttribute("aria-busy")) return;
  item.setAttribute("aria-busy", "true");
  item.replaceChildren(...[1, 2, 3].map(() => make("div", { class: "skeleton" })));
  try {
    const { html } = await fetchPart(link.dataset.more, "rows");
    const found = elements(html).filter((each) => !each.matches(".row") || !rowOf(each.dataset.id));
    found.forEach(mark);
    item.replaceWith(...found);
    changed(rows());
    watchEnd();
  } catch (failure) {
    item.removeAttribute("aria-busy");
    item.replaceChildren(make("p", { class: "trouble" }, failure.message, link));
    link.textContent = "Try again";
  }
}

const end = new IntersectionObserver(
  (seen) => seen.forEach((entry) => entry.isIntersecting && loadMore(entry.target.querySelector("a"))),
  { rootMargin: "800px" },
);

function watchEnd() {
  end.disconnect();
  const more = document.getElementById("more");
  if (more) end.observe(more);
}

/** Take hold of the list that is in the page now. */
function begin() {
  allRows().forEach(mark);
  watchEnd();
  rows().addEventListener("pointerleave", () => still() || admit());
  showWaiting();
}

/** Begin, where the page has a list. */
export function keepList() {
  if (!list()) return;
  begin();
  document.addEventListener("scroll", () => waiting.size && !still() && admit(), { passive: true });
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("#news")) {
      window.scrollTo({ top: 0 });
      admit();
    } else if (target.closest("#more a")) {
      event.preventDefault();
      loadMore(target.closest("a"));
    }
  });
}
