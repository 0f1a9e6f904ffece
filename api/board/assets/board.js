/** What every framed page does once it is there. Each module takes care of one thing and waits for what concerns it. */

import { keepClaims } from "./claim.js";
import { keepDrawer } from "./drawer.js";
import { keepFilters } from "./filters.js";
import { keepKeys } from "./keys.js";
import { forget, keepList, list, receive, reload } from "./list.js";
import { keepLive } from "./live.js";
import { keepNotices, receiveNotice } from "./notices.js";
import { keepTime } from "./time.js";

/** @param {string} json each view's count, as it is shown */
function count(json) {
  for (const [view, shown] of Object.entries(JSON.parse(json))) {
    const place = document.querySelector(`[data-count="${view}"]`);
    if (place) place.textContent = String(shown);
  }
}

document.querySelector(".rail [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.querySelector("summary").contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  }
});
keepTime();
keepList();
keepFilters();
keepClaims();
keepDrawer();
keepKeys();
keepNotices();
keepLive({
  row: receive,
  gone: (id) => list() && forget(id),
  notice: receiveNotice,
  counts: count,
  reset: () => list() && reload(),
});
