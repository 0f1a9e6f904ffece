/** Short messages in a corner of the page. */

import { make } from "./dom.js";

const MOST = 3, SHOWN = 8000;

/**
 * Say something for a while. It stays as long as it is pointed at or has the focus.
 * @param {{title: string, text?: string, href?: string, action?: {label: string, run: () => void}, alert?: boolean}} what
 */
export function toast({ title, text = "", href = "", action, alert = false }) {
  const place = document.getElementById("toasts");
  const head = href ? make("a", { href, "data-open": "" }, title) : make("strong", {}, title);
  const words = make("p", {}, head, make("span", { class: "quiet", dir: "auto" }, text));
  const shown = make("div", { class: "toast", role: alert ? "alert" : "status" }, words);
  if (action) {
    const button = make("button", { type: "button", class: "button" }, action.label);
    button.addEventListener("click", () => {
      shown.remove();
      action.run();
    });
    shown.append(button);
  }
  const close = make("button", { type: "button", class: "icon-button", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => shown.remove());
  shown.append(close);
  place.append(shown);
  while (place.children.length > MOST) place.firstElementChild.remove();
  const fade = () => (shown.matches(":hover, :focus-within") ? setTimeout(fade, 1000) : shown.remove());
  setTimeout(fade, SHOWN);
}
