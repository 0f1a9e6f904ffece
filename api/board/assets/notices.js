/** What this reader is told: the bell, messages in the page, and on the computer once they asked for it. */

import { changed, elements, fetchPart, make } from "./dom.js";
import { toast } from "./toast.js";

const WANTED = "twoway.notices";
const MOST = 99;

const bell = () => /** @type {HTMLAnchorElement} */ (document.getElementById("bell"));
const popover = () => document.getElementById("notices");

/** @param {number} count */
function badge(count) {
  const place = document.getElementById("unread");
  place.hidden = count === 0;
  place.dataset.count = String(count);
  place.textContent = count > MOST ? `${MOST}+` : String(count);
}

const unread = () => Number(document.getElementById("unread").dataset.count ?? 0);
const wanted = () => "Notification" in window && Notification.permission === "granted" && localStorage.getItem(WANTED) === "on";

/**
 * Tell the reader something, on the computer too when they are elsewhere and asked for it.
 * @param {{title: string, text: string, href?: string}} what
 */
function tell({ title, text, href = "" }) {
  toast({ title, text, href });
  if (!document.hidden || !wanted()) return;
  const shown = new Notification(title, { body: text, tag: href });
  shown.onclick = () => {
    window.focus();
    if (href) location.assign(href);
  };
}

/**
 * A notice came.
 * @param {string} html
 */
export function receiveNotice(html) {
  const [item] = elements(html);
  badge(unread() + 1);
  const part = (name) => item.querySelector(name).textContent;
  if ("loud" in item.dataset) tell({ title: part(".notice-title"), text: part(".notice-text"), href: item.querySelector("a").getAttribute("href") });
  const shown = popover()?.querySelector(".notices");
  shown?.prepend(item);
  if (shown) changed(item);
}

async function open() {
  const place = make("div", { class: "popover", id: "notices", role: "region", "aria-label": "Notices", tabindex: "-1" });
  document.querySelector(".top").append(place);
  bell().setAttribute("aria-expanded", "true");
  place.focus();
  await fill();
}

async function fill() {
  try {
    const { html } = await fetchPart("/notices", "notices");
    popover()?.replaceChildren(...elements(html));
    if (popover()) changed(popover());
  } catch (failure) {
    popover()?.replaceChildren(make("p", { class: "trouble", role: "alert" }, failure.message));
  }
}

function close() {
  if (!popover()) return;
  popover().remove();
  bell().setAttribute("aria-expanded", "false");
}

/** @param {HTMLFormElement} form */
async function read(form) {
  try {
    await fetchPart(form.getAttribute("action"), "notices", { method: "POST", body: new URLSearchParams(new FormData(form)) });
    badge(0);
  } catch (failure) {
    toast({ title: failure.message, alert: true });
  }
  await fill();
}

function offer() {
  const button = document.getElementById("allow-notices");
  if (!("Notification" in window) || Notification.permission === "denied") return;
  const label = () => (button.textContent = wanted() ? "Stop telling me on this computer" : "Tell me on this computer");
  button.hidden = false;
  label();
  button.addEventListener("click", async () => {
    if (wanted()) localStorage.setItem(WANTED, "off");
    else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(WANTED, "on");
    label();
  });
}

/** Begin. */
export function keepNotices() {
  badge(Number.parseInt(document.getElementById("unread").textContent, 10));
  offer();
  bell().setAttribute("role", "button");
  bell().setAttribute("aria-expanded", "false");
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("#bell")) {
      event.preventDefault();
      popover() ? close() : open();
    } else if (!target.closest("#notices") || target.closest("#notices a")) close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === " " && document.activeElement === bell()) {
      event.preventDefault();
      bell().click();
      return;
    }
    if (event.key !== "Escape" || !popover()) return;
    close();
    bell().focus();
    event.preventDefault();
  }, { capture: true });
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("form[data-read]") || !popover()) return;
    event.preventDefault();
    read(form);
  });
  document.addEventListener("twoway:toolate", (event) => {
    tell({ title: "Somebody was first", text: /** @type {CustomEvent} */ (event).detail.text });
  });
}
