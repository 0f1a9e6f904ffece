/** Small things every module needs: parts of pages, whoever reads, and what is said aloud. */

/** Who reads, by id. */
export const me = document.body.dataset.me;

/**
 * The elements that a piece of our own server's HTML consists of.
 * @param {string} html
 * @returns {HTMLElement[]}
 */
export function elements(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return /** @type {HTMLElement[]} */ ([...template.content.children]);
}

/**
 * Make an element.
 * @param {string} name of the tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children text stays text
 * @returns {HTMLElement}
 */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/**
 * Tell the other modules that something was put into the page.
 * @param {HTMLElement} element
 */
export function changed(element) {
  document.dispatchEvent(new CustomEvent("twoway:changed", { detail: { element } }));
}

/**
 * Say something to whoever listens to the page.
 * @param {string} words
 */
export function say(words) {
  document.getElementById("said").textContent = words;
}

/** The server says no, or does not answer. */
export class Failure extends Error {
  /**
   * @param {string} message a sentence for people
   * @param {number} status of HTTP; 0 when no answer came
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * Ask for a part of a page.
 * @param {string} address
 * @param {string} part its name, as the server knows it
 * @param {RequestInit & {accepts?: number[]}} options `accepts` are further statuses that are answers all the same
 * @returns {Promise<{status: number, html: string}>}
 * @throws {Failure}
 */
export async function fetchPart(address, part, { accepts = [], ...options } = {}) {
  let answer;
  try {
    answer = await fetch(address, { ...options, headers: { "X-Part": part, Accept: "text/html", ...options.headers } });
  } catch {
    throw new Failure("The server cannot be reached. Are you online?", 0);
  }
  const body = await answer.text();
  const isHtml = (answer.headers.get("Content-Type") ?? "").startsWith("text/html");
  if (answer.status === 401) document.dispatchEvent(new CustomEvent("twoway:signedout"));
  if (isHtml && (answer.ok || accepts.includes(answer.status))) return { status: answer.status, html: body };
  throw new Failure(problem(body), answer.status);
}

/** @param {string} body of an answer, hopefully a problem as RFC 9457 describes it */
function problem(body) {
  try {
    const found = JSON.parse(body);
    return found.detail || found.title;
  } catch {
    return "Something went wrong. Please try again.";
  }
}
