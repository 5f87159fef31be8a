// Signing a dispatcher on and off at a unit. Shown as on shift only once the unit itself says so.

import * as cards from "./cards.js";

const WAIT_MS = 10000;
const element = (id) => document.getElementById(id);

export const asking = () => element("signing").open;

// { who, minutes }, or null where the person did not say.
function ask(unit) {
  const [dialog, form, who, hours] = ["signing", "signing-form", "signing-who", "signing-hours"].map(element);
  if (dialog.open) return Promise.resolve(null);
  element("signing-title").textContent = `Who goes on shift at ${unit}?`;
  who.value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    form.onsubmit = (event) => {
      event.preventDefault();
      if (who.value.trim()) dialog.close("signed");
    };
    element("signing-cancel").onclick = () => dialog.close("");
    dialog.onclose = () => {
      resolve(dialog.returnValue === "signed" ? { who: who.value.trim(), minutes: Math.round(hours.value * 60) } : null);
      dialog.returnValue = "";
    };
  });
}

export async function sign(card) {
  const unit = card.dataset.key, button = card.querySelector(".sign");
  const order = button.textContent === "Sign off" ? { who: "console", minutes: 0 } : await ask(unit);
  if (!order) return;
  button.disabled = true;
  cards.trouble(unit, "", "units");
  cards.trouble(unit, await send({ unit, ...order }), "units");
  button.disabled = false;
}

// "" when the unit has it, else why not.
async function send(order) {
  try {
    const answer = await fetch("hub/shift", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order), signal: AbortSignal.timeout(WAIT_MS),
    });
    return answer.ok ? "" : `Not done: ${(await answer.text()).trim().replace(/^shift: /, "")}`;
  } catch (error) {
    return `Not done: the console does not answer (${error.name}). Try again.`;
  }
}
