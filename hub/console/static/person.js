// Who sits here: asked once, kept in this browser, shown, changed at will.

const KEY = "supervisor";
const element = (id) => document.getElementById(id);
let name = "";
try { name = localStorage.getItem(KEY) ?? ""; } catch { /* a browser that keeps nothing asks again next time */ }

export const known = () => name;
export const asking = () => element("naming").open;

function keep(given) {
  name = given.trim().replace(/\s+/g, " ");
  try { localStorage.setItem(KEY, name); } catch { /* see above */ }
  show();
}

export function show() {
  element("who").textContent = name ? `${name} · change` : "Who are you?";
}

// The name, or "" where the person did not say.
export function ask() {
  const [dialog, field, form] = [element("naming"), element("name"), element("naming-form")];
  if (dialog.open) return Promise.resolve("");
  field.value = name;
  dialog.showModal();
  field.select();
  return new Promise((resolve) => {
    form.onsubmit = (event) => {
      event.preventDefault();
      if (!field.value.trim()) return;
      keep(field.value);
      dialog.close("named");
    };
    element("naming-cancel").onclick = () => dialog.close("");
    dialog.onclose = () => { resolve(dialog.returnValue === "named" ? name : ""); dialog.returnValue = ""; };
  });
}
