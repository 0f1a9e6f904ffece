/** Keeps what is under way up to date, and sees to it that a form is sent once. */

const EVERY = 1000;
const AT_MOST = 15_000;

/** @param {number} time in milliseconds */
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

/**
 * Put new HTML of our own server's in place, and leave the keyboard where it was.
 * @param {HTMLElement} place
 * @param {string} html
 */
function replace(place, html) {
  const at = place.contains(document.activeElement) ? document.activeElement.id : "";
  const template = document.createElement("template");
  template.innerHTML = html;
  place.replaceChildren(template.content);
  if (at) document.getElementById(at)?.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("twoway:changed", { detail: { element: place } }));
}

/**
 * Say every quarter, and the end, to whoever listens to the page.
 * @param {HTMLElement} place
 * @param {number} before
 * @returns {number} how much is done, in percent
 */
function say(place, before) {
  const part = place.querySelector("[data-percent]");
  if (!part) return before;
  const now = Number(part.dataset.percent);
  const over = part.hasAttribute("data-over");
  if (over || Math.floor(now / 25) > Math.floor(before / 25)) {
    place.dispatchEvent(new CustomEvent("say", { detail: over ? part.querySelector(".bulk-bar p, .alert")?.textContent : `${now} percent done` }));
  }
  return now;
}

/** @param {HTMLElement} place whose `data-progress` is the address of what it holds */
async function follow(place) {
  const trouble = /** @type {HTMLElement} */ (place.parentElement.querySelector("[data-trouble]"));
  const aloud = document.createElement("p");
  aloud.className = "bulk-aloud";
  aloud.setAttribute("role", "status");
  place.after(aloud);
  place.addEventListener("say", (event) => { aloud.textContent = /** @type {CustomEvent} */ (event).detail; });
  let wait = EVERY, last = "", done = 0;
  while (!place.querySelector("[data-over]")) {
    await pause(wait);
    if (document.hidden) continue;
    try {
      const answer = await fetch(place.dataset.progress, { headers: { "X-Part": "progress" } });
      if (answer.status === 401) {
        trouble.textContent = "You are signed out. Reload the page to sign in again; the work goes on meanwhile.";
        trouble.hidden = false;
        return;
      }
      if (!answer.ok) throw new Error(answer.statusText);
      const html = await answer.text();
      if (html !== last) replace(place, html);
      last = html;
      done = say(place, done);
      wait = EVERY;
      trouble.hidden = true;
    } catch {
      wait = Math.min(wait * 2, AT_MOST);
      trouble.textContent = "The server does not answer. The figures are as old as that; they go on by themselves.";
      trouble.hidden = false;
    }
  }
  document.querySelector(".bulk-refresh")?.remove();
}

document.querySelectorAll("[data-progress]").forEach(follow);

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.dataset.once) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
  const button = /** @type {SubmitEvent} */ (event).submitter;
  if (button) button.dataset.busy = form.dataset.once;
});

// Whoever comes back by the browser's own way back finds the form as it was.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
    form.querySelectorAll("[data-busy]").forEach((button) => delete button.dataset.busy);
  }
});
