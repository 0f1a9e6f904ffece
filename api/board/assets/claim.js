/** Claiming from a row, and taking that back: the answer is shown where the button was. */

import { fetchPart, me } from "./dom.js";
import { answer, holding, rowOf } from "./list.js";
import { toast } from "./toast.js";

const UNDONE = "Claimed by mistake";

/**
 * Do something with a lead and show its row as it is then.
 * @param {string} id
 * @param {string} action
 * @param {Record<string, string>} fields
 * @returns {Promise<HTMLElement | null>} the row; null when nothing came of it
 */
async function act(id, action, fields = {}) {
  let row = null;
  await holding(id, async () => {
    try {
      const sent = { method: "POST", body: new URLSearchParams(fields), accepts: [409] };
      const { status, html } = await fetchPart(`/leads/${id}/${action}`, "row", sent);
      row = answer(id, html);
      const refusal = status === 409 ? row.querySelector(".said")?.textContent : "";
      if (!refusal) return;
      const { owner } = row.dataset;
      if (owner && owner !== me) document.dispatchEvent(new CustomEvent("twoway:toolate", { detail: { text: refusal } }));
      row = null;
    } catch (failure) {
      toast({ title: failure.message, alert: true });
    }
  });
  return row;
}

/** @param {HTMLFormElement} form */
async function claim(form) {
  const row = /** @type {HTMLElement} */ (form.closest(".row"));
  const button = form.querySelector("button");
  const { id } = row.dataset;
  const name = row.querySelector(".open").textContent;
  if (button.disabled || document.body.classList.contains("offline")) return;
  button.disabled = true;
  const taken = await act(id, "claim", Object.fromEntries(new FormData(form)));
  button.disabled = false;
  if (!taken) return;
  const undo = { label: "Hand back", run: () => act(id, "release", { reason: UNDONE }) };
  const due = taken.querySelector(".clock")?.textContent;
  toast({ title: `${name} is yours`, text: due ? `Make contact within ${due}.` : "", action: undo });
}

/** Begin. */
export function keepClaims() {
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("form[data-row]")) return;
    event.preventDefault();
    claim(form);
  });
}

/**
 * Claim the lead of a row, if that is offered.
 * @param {HTMLElement | undefined} row
 */
export function claimRow(row) {
  const form = row && rowOf(row.dataset.id)?.querySelector("form[data-row='claim']");
  if (form?.checkVisibility()) form.requestSubmit();
}
