// The supervisors' console: the pushed document in, the page out; what a person does goes to hub/acknowledge.
// Nothing is shown as answered before the hub says so.

import * as cards from "./cards.js";
import * as person from "./person.js";
import * as shift from "./shift.js";
import * as sound from "./sound.js";
import * as words from "./words.js";

const STALE_MS = 5000, REOPEN_MS = 3000, TICK_MS = 200, SETTLE_MS = 500;
const element = (id) => document.getElementById(id);
const view = { hub: null, heard: -Infinity, skew: 0, selected: null, muted: new Set(), mutedStale: false, settled: 0 };
let source = null, opened = 0;

const now = () => Date.now() + view.skew;
const stale = () => performance.now() - view.heard > STALE_MS;
const open = () => (view.hub ? view.hub.alerts.filter((row) => row.acknowledged_by === null) : []);
const live = () => !stale() && view.hub?.broker.state === "connected";

function listen() {
  source?.close();
  opened = performance.now();
  source = new EventSource("events");
  source.onmessage = (event) => take(JSON.parse(event.data));
}

function take(hub) {
  const before = new Set((view.hub?.alerts ?? []).map((row) => row.id));
  const first = view.hub === null;
  Object.assign(view, { hub, heard: performance.now(), skew: Date.parse(hub.at) - Date.now() });
  const fresh = open().filter((row) => !before.has(row.id));
  if (fresh.length) speak("spoken", fresh.map((row) => `${words.kind(row.kind)} from ${row.unit}`).join(". "));
  if (first) document.body.classList.remove("waiting");
  show();
}

function speak(where, line) { element(where).textContent = line; }

function show() {
  const rows = open();
  if (!rows.some((row) => row.id === view.selected)) view.selected = rows[0]?.id ?? null;
  if (cards.alerts(rows, view.selected, now())) view.settled = performance.now() + SETTLE_MS;
  if (view.hub) rest();
  showConnection();
  showSound(rows);
  document.title = rows.length ? `(${rows.length}) ${words.kind(rows[0].kind)}, ${rows[0].unit}` : "Supervisors' console";
}

function rest() {
  cards.units(view.hub.units, live(), now());
  cards.answered(view.hub.alerts.filter((row) => row.acknowledged_by !== null));
  cards.text(element("summary"), live() ? words.summary(view.hub) : "Not live");
  cards.text(element("ignored"), words.ignored(view.hub.ignored));
  cards.text(element("clock"), words.clock(now()));
}

function trouble() {
  if (!view.hub) return performance.now() > STALE_MS ? "No connection to the console. Nothing is known." : "";
  if (stale()) return `No connection to the console. Alerts cannot arrive. What you see is from ${words.clock(view.hub.at)}.`;
  if (view.hub.broker.state !== "connected") return `The console has lost the broker. Alerts cannot arrive. What you see is from ${words.clock(view.hub.broker.since)}.`;
  return "";
}

function showConnection() {
  const line = trouble();
  element("banner").hidden = !line;
  cards.text(element("banner"), line);
  document.body.classList.toggle("stale", Boolean(line));
  cards.text(element("none").firstElementChild, live() ? "No open alerts" : "Not known whether there are alerts");
  if (!line) view.mutedStale = false;
}

function showSound(rows) {
  const loud = rows.filter((row) => !view.muted.has(row.id));
  const bad = document.body.classList.contains("stale");
  const button = element("sound");
  const muted = (rows.length > 0 && !loud.length) || (bad && view.mutedStale);
  button.dataset.state = sound.blocked() ? "blocked" : muted ? "muted" : "on";
  cards.text(button, { blocked: "Enable sound", muted: "Muted until the next alert", on: "Sound on" }[button.dataset.state]);
  document.body.dataset.sounded = sound.sound(loud, bad && !view.mutedStale, performance.now());
}

async function acknowledge(id) {
  if (!id || performance.now() < view.settled || !open().some((row) => row.id === id)) return;
  const by = person.known() || await person.ask();
  if (!by) return;
  cards.sending(id, true);
  cards.trouble(id, "");
  const failed = await send(id, by);
  cards.sending(id, false);
  cards.trouble(id, failed);
  if (!failed) speak("spoken-calmly", "Acknowledged");
}

// "" when the hub has it, else why not.
async function send(alert, by) {
  try {
    const answer = await fetch("hub/acknowledge", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ alert, by }), signal: AbortSignal.timeout(8000),
    });
    return answer.ok ? "" : `Not acknowledged: ${(await answer.text()).trim().replace(/^acknowledge: /, "")}`;
  } catch (error) {
    return `Not acknowledged: the console does not answer (${error.name}). Try again.`;
  }
}

function mute() {
  const rows = open();
  const loud = rows.some((row) => !view.muted.has(row.id));
  view.muted = new Set(loud ? rows.map((row) => row.id) : []);
  view.mutedStale = loud || !view.mutedStale;
  show();
}

function select(step) {
  const rows = open();
  const place = rows.findIndex((row) => row.id === view.selected) + step;
  view.selected = rows[Math.min(Math.max(place, 0), rows.length - 1)]?.id ?? null;
  show();
  document.querySelector('.alert[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  a: () => acknowledge(view.selected), Enter: () => acknowledge(view.selected), m: mute,
  ArrowUp: () => select(-1), ArrowLeft: () => select(-1), ArrowDown: () => select(1), ArrowRight: () => select(1),
};

function pressed(event) {
  if (person.asking() || shift.asking() || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" && event.target.closest("button")) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function tick() {
  const since = performance.now() - opened;
  if ((source.readyState === EventSource.CLOSED && since > 1000) || (stale() && since > REOPEN_MS)) listen();
  show();
}

element("open").addEventListener("click", (event) => {
  const card = event.target.closest(".alert");
  if (!card) return;
  if (event.target.closest(".acknowledge")) acknowledge(card.dataset.key);
  else { view.selected = card.dataset.key; show(); }
});
element("units").addEventListener("click", (event) => {
  if (event.target.closest(".sign")) shift.sign(event.target.closest(".card"));
});
element("who").addEventListener("click", () => person.ask());
element("sound").addEventListener("click", () => (sound.blocked() ? sound.enable().then(show) : mute()));
for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => { if (sound.blocked()) sound.enable(); }, { capture: true });
addEventListener("keydown", pressed);
person.show();
sound.enable().catch(() => {});
listen();
setInterval(tick, TICK_MS);
