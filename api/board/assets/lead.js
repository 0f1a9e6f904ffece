// A lead's forms, without leaving the page: each is a real form that works by itself, and is only made quicker here.
// Everything listens on the document, so it does not matter when a lead is put into the page.

const TROUBLE = {
  offline: "There is no connection. Nothing was saved; send it again when you are back.",
  odd: "Something went wrong here. Please try again.",
};
const sending = new WeakSet();
const stale = new Set();

const leadOf = (element) => element.closest(".lead");
const announce = (element) => document.dispatchEvent(new CustomEvent("twoway:changed", { detail: { element } }));
const signIn = () => location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);

async function ask(address, part, options = {}) {
  const answer = await fetch(address, { ...options, headers: { "X-Part": part, ...options.headers } });
  if (answer.status === 401 || (answer.redirected && new URL(answer.url).pathname === "/login")) {
    signIn();
    return null;
  }
  return answer;
}

const isPart = (answer) => (answer.headers.get("Content-Type") ?? "").startsWith("text/html");

async function troubleIn(answer) {
  try {
    const problem = await answer.json();
    return problem.detail ?? problem.title ?? TROUBLE.odd;
  } catch {
    return TROUBLE.odd;
  }
}

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

// --- putting a lead in place of what stood there ---------------------------------------------------------------------

// What has the focus, by something that the new content has too.
function handleOf(element) {
  if (!element || element === document.body) return null;
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (element.dataset.dialog) return `[data-dialog="${element.dataset.dialog}"]`;
  if (element.matches("summary")) return element.closest(".rest") ? ".rest > summary" : null;
  return null;
}

function put(lead, html, { focus = null, keepWord = false } = {}) {
  const fresh = parsed(html).querySelector(".lead");
  if (!fresh) return null;
  const scroller = lead.closest("#drawer") ?? document.scrollingElement;
  const top = scroller.scrollTop;
  const had = lead.contains(document.activeElement) ? (focus ?? handleOf(document.activeElement) ?? "#lead-name") : null;
  const word = keepWord ? lead.querySelector(".done") : null;
  if (lead.querySelector(".rest[open]")) fresh.querySelector(".rest")?.setAttribute("open", "");
  if (word && !fresh.querySelector(".done")) fresh.querySelector(".head").after(word);
  lead.replaceWith(fresh);
  scroller.scrollTop = top;
  stale.delete(fresh.dataset.lead);
  openSheets(fresh);
  if (had && !fresh.querySelector("dialog:modal")) (fresh.querySelector(had) ?? fresh.querySelector("#lead-name")).focus({ preventScroll: true });
  announce(fresh);
  return fresh;
}

// A form that came back with something to mend is open already; only a script can make it modal.
function openSheets(lead) {
  for (const sheet of lead.querySelectorAll("dialog[open]")) {
    sheet.removeAttribute("open");
    show(sheet);
    (sheet.querySelector('[aria-invalid="true"]') ?? sheet.querySelector(".problem")).focus?.();
  }
}

function show(sheet) {
  if (sheet.open) return;
  sheet.showModal();
  if (!sheet.querySelector(".problem p")) firstField(sheet)?.focus();
}

const firstField = (sheet) => sheet.querySelector("input:checked, textarea, select, input:not([type=hidden]):not(:disabled)");

// --- sending -----------------------------------------------------------------------------------------------------------

function busy(form, is) {
  if (is) sending.add(form);
  else sending.delete(form);
  form.setAttribute("aria-busy", String(is));
}

function complain(form, message) {
  const place = form.querySelector(".problem") ?? leadOf(form).querySelector(".next > .problem");
  const said = document.createElement("p");
  said.className = "alert";
  said.textContent = message;
  place.replaceChildren(said);
}

async function send(form, submitter) {
  const lead = leadOf(form);
  const body = new URLSearchParams(new FormData(form, submitter));
  busy(form, true);
  try {
    const answer = await ask(form.action, "drawer", { method: "POST", body });
    if (!answer) return;
    if (answer.redirected) location.assign(answer.url);
    else if (isPart(answer)) put(lead, await answer.text(), { focus: `[data-dialog="${form.dataset.action}"]` });
    else complain(form, await troubleIn(answer));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    complain(form, TROUBLE.offline);
  } finally {
    busy(form, false);
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-action]") || !leadOf(form)) return;
  event.preventDefault();
  if (!sending.has(form)) send(form, event.submitter);
});

// --- opening and closing -----------------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const opener = event.target.closest(".lead [data-dialog]");
  const closer = event.target.closest(".lead [data-close]");
  const older = event.target.closest(".lead [data-older]");
  const again = event.target.closest(".lead [data-again]");
  if (opener) openFrom(event, opener);
  if (closer) {
    event.preventDefault();
    closer.closest("dialog").close();
  }
  if (older) {
    event.preventDefault();
    tellOlder(older);
  }
  if (again) refresh(leadOf(again), { anyhow: true });
});

function openFrom(event, opener) {
  const sheet = leadOf(opener).querySelector(`dialog#${CSS.escape(opener.dataset.dialog)}`);
  if (!sheet) return;
  event.preventDefault();
  opener.focus();
  show(sheet);
}

document.addEventListener("close", (event) => {
  const lead = leadOf(event.target);
  if (lead && stale.has(lead.dataset.lead) && !occupied(lead)) refresh(lead);
}, true);

// A link that names a form opens it: from a row of the list, or from elsewhere.
function followHash() {
  const lead = document.querySelector(".lead");
  const sheet = location.hash.length > 1 && lead?.querySelector(`dialog#${CSS.escape(location.hash.slice(1))}`);
  if (!sheet) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  show(sheet);
}

// --- the story ---------------------------------------------------------------------------------------------------------

async function tellOlder(link) {
  if (sending.has(link)) return;
  sending.add(link);
  try {
    const answer = await ask(link.href, "story");
    if (!answer?.ok) return;
    const part = parsed(await answer.text());
    const story = leadOf(link).querySelector(".story");
    const first = part.querySelector(".event");
    story.dataset.events = Number(story.dataset.events) + Number(part.querySelector(".story").dataset.events);
    story.append(...part.querySelectorAll(".story > .event"));
    link.closest(".older").replaceWith(...part.querySelectorAll(".older"));
    first?.setAttribute("tabindex", "-1");
    first?.focus({ preventScroll: true });
    announce(story);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  } finally {
    sending.delete(link);
  }
}

// --- staying up to date ------------------------------------------------------------------------------------------------

const changed = (control) =>
  control.type === "radio" || control.type === "checkbox" ? control.checked !== control.defaultChecked : control.value !== control.defaultValue;

// Somebody is in the middle of something here.
function occupied(lead) {
  if (lead.querySelector("dialog:modal")) return true;
  return [...lead.querySelectorAll("textarea, input:not([type=hidden])")].some(changed) || [...lead.querySelectorAll("form")].some((form) => sending.has(form));
}

async function refresh(lead, { anyhow = false } = {}) {
  stale.delete(lead.dataset.lead);
  const shown = Math.min(Math.max(Number(lead.querySelector(".story")?.dataset.events) || 0, 40), 400);
  try {
    const answer = await ask(`/leads/${lead.dataset.lead}?events=${shown}`, "drawer");
    if (answer?.ok && lead.isConnected && (anyhow || !occupied(lead))) put(lead, await answer.text(), { keepWord: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // away: the live feed says so, and dispatches again once it is back
  }
}

function sayChanged(lead) {
  if (lead.querySelector(".changed")) return;
  const bar = document.createElement("p");
  bar.className = "changed";
  bar.setAttribute("role", "status");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.dataset.again = "";
  button.textContent = "Show it as it is now";
  bar.append("This lead changed while you were writing.", button);
  (lead.querySelector("dialog:modal form > header") ?? lead.querySelector(".head")).after(bar);
}

document.addEventListener("twoway:lead", (event) => {
  for (const lead of document.querySelectorAll(".lead")) {
    if (lead.dataset.lead !== event.detail.id) continue;
    if (!occupied(lead)) refresh(lead);
    else {
      stale.add(lead.dataset.lead);
      sayChanged(lead);
    }
  }
});

// --- their local time --------------------------------------------------------------------------------------------------

function tellTime() {
  for (const place of document.querySelectorAll(".lead [data-zone]")) {
    place.textContent = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: place.dataset.zone }).format();
  }
}
setInterval(tellTime, 20_000);

document.addEventListener("twoway:changed", (event) => {
  if (event.detail.element.querySelector?.("dialog.sheet")) followHash();
});
for (const lead of document.querySelectorAll(".lead")) openSheets(lead);
followHash();
