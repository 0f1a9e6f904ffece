/** Search, filters and order take effect as they are set; all of it is in the address. */

import { list, reload } from "./list.js";
import { toast } from "./toast.js";

const TYPING = 220;
let timer = 0;

const search = () => /** @type {HTMLInputElement} */ (document.getElementById("q"));

/** The address of what is set now. */
function address() {
  const fields = new FormData(/** @type {HTMLFormElement} */ (document.getElementById("filters")));
  fields.set("q", search().value.trim());
  const set = [...fields].filter(([, value]) => value);
  return `/?${new URLSearchParams(/** @type {[string, string][]} */ (set))}`;
}

/** @param {string} to */
async function show(to) {
  history.replaceState(null, "", to);
  try {
    await reload(to);
  } catch (failure) {
    toast({ title: failure.message, alert: true });
  }
}

/** Begin, where the page has a list. */
export function keepFilters() {
  if (!list()) return;
  document.addEventListener("change", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (!target.closest("#filters")) return;
    const { name } = /** @type {HTMLSelectElement} */ (target);
    show(address()).then(() => /** @type {HTMLElement} */ (document.querySelector(`#filters [name="${name}"]`))?.focus());
  });
  search().addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => show(address()), TYPING);
  });
  document.addEventListener("submit", (event) => {
    if (!(/** @type {Element} */ (event.target).matches("#search, #filters"))) return;
    event.preventDefault();
    clearTimeout(timer);
    show(address());
  });
  document.addEventListener("click", (event) => {
    const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (event.target).closest("#clear, #empty a"));
    if (!link) return;
    event.preventDefault();
    search().value = "";
    show(link.href);
  });
}
