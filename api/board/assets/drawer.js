/** A lead beside the list: opened from a row, at the lead's own address, closed by Esc or the back button. */

import { changed, elements, fetchPart, make } from "./dom.js";
import { list, rowOf } from "./list.js";

const NARROW = matchMedia("(width < 900px)");
/** What only an open lead needs is loaded with the first one. @type {Promise<unknown> | undefined} */
let dressed;
const frame = () => document.getElementById("drawer-frame");
const drawer = () => document.getElementById("drawer");
/** The lead that is open, by id. */
let open = "";

/** Load the style and the script of a lead's page, once. */
function dress() {
  dressed ??= Promise.all([
    new Promise((done) => {
      const sheet = make("link", { rel: "stylesheet", href: new URL("lead.css", import.meta.url).href });
      sheet.onload = sheet.onerror = done;
      document.head.append(sheet);
    }),
    import("./lead.js").catch(() => undefined), // its forms work without it
  ]);
  return dressed;
}

/** @param {string} address of a lead's page */
const idOf = (address) => new URL(address, location.href).pathname.split("/")[2] ?? "";

/**
 * Open a lead in the drawer.
 * @param {string} address of its page
 * @param {{remember?: boolean}} how `remember` puts the address into the browser's history
 */
export async function openLead(address, { remember = true } = {}) {
  const id = idOf(address), { pathname, hash } = new URL(address, location.href);
  if (remember) history[open ? "replaceState" : "pushState"]({ drawer: true }, "", pathname);
  open = id;
  frame().hidden = false;
  document.getElementById("main").inert = NARROW.matches;
  /** @type {HTMLAnchorElement} */ (document.getElementById("drawer-page")).href = pathname;
  document.querySelectorAll(".row.current").forEach((row) => row.classList.remove("current"));
  rowOf(id)?.classList.add("current");
  drawer().setAttribute("aria-busy", "true");
  drawer().replaceChildren(...Array.from({ length: 6 }, () => make("div", { class: "skeleton" })));
  drawer().focus({ preventScroll: true });
  try {
    const [{ html }] = await Promise.all([fetchPart(pathname, "drawer"), dress()]);
    if (open !== id) return;
    drawer().replaceChildren(...elements(html));
    drawer().scrollTop = 0;
    changed(drawer());
    if (hash) /** @type {HTMLElement | null} */ (drawer().querySelector(`[data-dialog="${CSS.escape(hash.slice(1))}"]`))?.click();
  } catch (failure) {
    if (open !== id) return;
    const again = make("button", { type: "button", class: "button" }, "Try again");
    again.addEventListener("click", () => openLead(address, { remember: false }));
    drawer().replaceChildren(make("div", { class: "trouble", role: "alert" }, make("p", {}, failure.message), again));
  } finally {
    drawer().removeAttribute("aria-busy");
  }
}

function shut() {
  const row = rowOf(open);
  open = "";
  frame().hidden = true;
  document.getElementById("main").inert = false;
  drawer().replaceChildren();
  row?.classList.remove("current");
  row?.querySelector(".open").focus({ preventScroll: true });
}

/** Close it. @returns {boolean} whether it was open */
export function closeLead() {
  if (!open) return false;
  if (history.state?.drawer) history.back();
  else shut();
  return true;
}

/** Whether a click wants what a plain click on a link does. @param {MouseEvent} event */
const plain = (event) => event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

/** Begin, where the page has a list to stand beside. */
export function keepDrawer() {
  if (!list()) return;
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const link = /** @type {HTMLAnchorElement | null} */ (target.closest("a.open, a[data-open]"));
    if (link && plain(event) && !event.defaultPrevented) {
      event.preventDefault();
      openLead(link.href);
    } else if (target.closest("#drawer-close")) closeLead();
  });
  addEventListener("popstate", () => {
    if (location.pathname.startsWith("/leads/")) openLead(location.href, { remember: false });
    else if (open) shut();
  });
  NARROW.addEventListener("change", () => (document.getElementById("main").inert = Boolean(open) && NARROW.matches));
}
