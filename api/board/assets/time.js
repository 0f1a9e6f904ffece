/** Keeps every time on the page true: how long ago, and how long still. One timer for all of them. */

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Milliseconds by which this computer's clock is behind the server's, where that is more than a request takes. */
const behind = (() => {
  const navigation = /** @type {PerformanceNavigationTiming} */ (performance.getEntriesByType("navigation")[0]);
  const received = performance.timeOrigin + (navigation?.responseStart ?? 0);
  const found = Date.parse(document.body.dataset.now) - received;
  return Math.abs(found) > 2000 ? found : 0;
})();

/** How much faster than real time the clock runs that is shown: 1, but for a demo. */
const pace = HOUR / (Number(document.body.dataset.demoHour) || HOUR);
const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** This moment by the server's clock, in milliseconds. */
export const now = () => Date.now() + behind;

/**
 * How long ago, as `times.ago` on the server says it.
 * @param {number} seconds
 * @param {Date} at
 */
export function ago(seconds, at) {
  if (seconds < MINUTE) return "just now";
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ago`;
  if (seconds < 30 * DAY) return `${Math.floor(seconds / DAY)} d ago`;
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/**
 * How long still, as `times.left` on the server says it.
 * @param {number} seconds negative once it is over
 */
export function left(seconds) {
  const whole = Math.trunc(seconds);
  if (whole >= 0) return span(whole);
  const late = -whole;
  return `${late < HOUR || late >= 2 * DAY ? span(late) : `${Math.floor(late / HOUR)} h`} late`;
}

/** @param {number} seconds */
function span(seconds) {
  if (seconds < 10 * MINUTE) return `${Math.floor(seconds / MINUTE)}:${String(seconds % MINUTE).padStart(2, "0")}`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 10 * HOUR) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}

/** @param {Node} node @param {string} words */
function write(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

/** @param {HTMLElement} clock */
function tickClock(clock) {
  if (!clock.firstElementChild) {
    const bar = document.createElement("span");
    bar.className = "clock-bar";
    bar.setAttribute("aria-hidden", "true");
    bar.append(document.createElement("span"));
    clock.replaceChildren(document.createElement("span"), bar);
  }
  const until = Date.parse(clock.dataset.deadline), from = Date.parse(clock.dataset.from);
  const share = until > from ? Math.min(Math.max((until - now()) / (until - from), 0), 1) : 0;
  const seconds = (until - now()) / 1000 * pace;
  const state = seconds < 0 ? "late" : share < 0.25 ? "near" : "calm";
  if (clock.dataset.state !== state) clock.dataset.state = state;
  write(clock.firstElementChild, left(seconds));
  const shown = share.toFixed(3);
  const bar = /** @type {HTMLElement} */ (clock.lastElementChild);
  if (bar.style.getPropertyValue("--left") !== shown) bar.style.setProperty("--left", shown);
}

/** @param {HTMLTimeElement} time */
function tickTime(time) {
  const at = new Date(time.dateTime);
  write(time, ago((now() - at.getTime()) / 1000 * pace, at));
}

/** The demo's weeks begin every 168 of its hours. @param {HTMLElement} clock */
function tickDemo(clock) {
  const hours = Math.floor(now() / 1000 * pace / HOUR) % (7 * 24);
  write(clock, `${DAYS[Math.floor(hours / 24)]} ${String(hours % 24).padStart(2, "0")}:00`);
}

/** @param {ParentNode} within */
function tick(within = document) {
  within.querySelectorAll(".clock[data-deadline]").forEach(tickClock);
  within.querySelectorAll("time[data-relative]").forEach(tickTime);
  within.querySelectorAll("[data-demo-clock]").forEach(tickDemo);
}

/** Begin. */
export function keepTime() {
  tick();
  setInterval(() => document.hidden || tick(), 1000);
  document.addEventListener("visibilitychange", () => document.hidden || tick());
  document.addEventListener("twoway:changed", (event) => tick(/** @type {CustomEvent} */ (event).detail.element));
}
