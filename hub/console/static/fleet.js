// The roll-out page: /fleet.json in, rings and units out. It changes nothing: what is to be done is said as a command.

const POLL_MS = 5000, STALE_MS = 20000, SHOWN = 300;
const element = (id) => document.getElementById(id);
const view = { fleet: null, heard: -Infinity, selected: null, show: "trouble" };

function text(where, words) { if (where.textContent !== words) where.textContent = words; }
const make = (kind, words, name) => Object.assign(document.createElement(kind), { textContent: words ?? "", className: name ?? "" });
const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

async function look() {
  try {
    const answer = await fetch("fleet.json", { cache: "no-store" });
    if (answer.ok) { view.fleet = await answer.json(); view.heard = performance.now(); }
  } catch { /* said by the banner */ }
  show();
}

const stale = () => performance.now() - view.heard > STALE_MS;
const done = (out) => out.rings.every((ring) => ring.units === 0 || ring.concerned === 0 ? out.percent[ring.ring] === 100 || ring.units === 0 : ring.proven === ring.units);
function state(out) {
  if (out.halted !== null) return ["stopped", `Stopped: ${out.halted}`];
  if (out.stop) return ["must-stop", `Must stop: ${out.stop}`];
  return done(out) ? ["done", "Everywhere"] : ["runs", out.urgent ? "Running, urgent" : "Running"];
}

function show() {
  const bad = stale() ? "No connection to the console. What you see is old." : view.fleet?.trouble ?? "";
  element("banner").hidden = !bad;
  text(element("banner"), bad);
  if (!view.fleet) return;
  const { roll_outs, units, silent, at } = view.fleet;
  text(element("summary"), `${count(units.length, "unit")}, ${silent.length} silent · ${count(roll_outs.length, "roll-out")}`);
  text(element("clock"), `as of ${new Date(at).toLocaleTimeString()}`);
  if (!roll_outs.some((out) => out.id === view.selected)) view.selected = roll_outs[0]?.id ?? null;
  list(roll_outs);
  const out = roll_outs.find((each) => each.id === view.selected);
  element("one").hidden = !out;
  if (out) one(out);
  table(units, new Set(silent));
}

function list(outs) {
  const box = document.querySelector("#roll-outs ul");
  box.replaceChildren(...outs.map((out) => {
    const item = make("li");
    item.id = `choice-${out.id}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(out.id === view.selected));
    item.dataset.state = state(out)[0];
    const words = { stopped: "stopped", "must-stop": "must stop", done: "everywhere", runs: "running" }[item.dataset.state];
    item.append(make("b", out.id), make("span", words), make("small", `${out.kind === "site" ? "settings" : "release"} ${out.version}`));
    item.onclick = () => choose(out.id);
    return item;
  }));
  box.setAttribute("aria-activedescendant", view.selected ? `choice-${view.selected}` : "");
}

function choose(id) { view.selected = id; show(); }

function one(out) {
  const [kind, words] = state(out);
  element("one").dataset.state = kind;
  text(element("name"), out.id);
  text(element("state"), words);
  element("rings").replaceChildren(...out.rings.map((each) => ring(each, out.percent[each.ring] ?? 0)));
  element("failures").replaceChildren(...out.failures.map(([why, number]) => {
    const item = make("li");
    item.append(make("b", `${count(number, "unit")}: `), why);
    return item;
  }));
  advise(out, kind);
}

function ring(each, percent) {
  const made = element("ring").content.cloneNode(true).firstElementChild;
  const total = Math.max(each.units, 1);
  text(made.querySelector("h3"), each.ring);
  text(made.querySelector(".reached"), percent ? `open to ${percent} %` : "not open yet");
  made.classList.toggle("none", !percent);
  for (const part of ["proven", "unproven", "failed"]) made.querySelector(`.bar .${part}`).style.width = `${each[part] / total * 100}%`;
  const bar = made.querySelector(".bar");
  const said = `${each.proven} of ${count(each.units, "unit")} proven` + (each.failed ? `, ${each.failed} failed` : "") + (each.silent ? `, ${each.silent} silent` : "");
  for (const [name, value] of Object.entries({ "aria-valuenow": each.proven, "aria-valuemax": each.units, "aria-valuetext": said, "aria-label": `ring ${each.ring}` })) bar.setAttribute(name, value);
  text(made.querySelector(".count"), `${each.proven} of ${each.units}${each.failed ? `, ${each.failed} failed` : ""}`);
  return made;
}

function advise(out, kind) {
  const where = element("advice");
  const say = (words, command) => where.replaceChildren(words, ...(command ? [make("code", command)] : []));
  if (kind === "stopped") say("To go on: ", `hdu publish resume REPO ${out.id} --online online.key`);
  else if (kind === "must-stop") say("To stop it: ", `hdu publish halt REPO ${out.id} --online online.key --reason "${out.stop}"`);
  else if (out.next) say("This step has settled. Next, to be signed: ", Object.entries(out.next).map(([name, percent]) => `${name} = ${percent}`).join(", "));
  else say(kind === "done" ? "" : "This step has not settled yet.");
}

function words(unit, silent) {
  if (unit.failed_version) return ["bad", `took back ${unit.failed_kind === "site" ? "settings" : "release"} ${unit.failed_version}: ${unit.failed}`];
  if (unit.refused) return ["bad", unit.refused];
  if (silent.has(unit.unit)) return ["warn", "silent"];
  if (unit.waits) return ["soft", `waits: ${unit.waits}`];
  return ["soft", ""];
}

function table(units, silent) {
  element("units").hidden = false;
  const rows = units.map((unit) => [unit, ...words(unit, silent)]).filter(([, look]) => view.show === "all" || look !== "soft");
  document.querySelector("tbody").replaceChildren(...rows.slice(0, SHOWN).map(([unit, look, said]) => {
    const line = make("tr");
    const booted = unit.version + (unit.proven ? "" : unit.proven === false ? " (not good)" : " (not proven)");
    const site = unit.site === "0" ? "as provisioned" : unit.site + (unit.site_proven ? "" : " (on trial)");
    for (const cell of [unit.unit, unit.ring, booted, site]) line.append(make("td", cell));
    line.append(make("td", said, look));
    return line;
  }));
  const more = rows.length > SHOWN ? `and ${rows.length - SHOWN} more: hdu fleet --units` : "";
  element("none").hidden = rows.length > 0 && !more;
  text(element("none"), rows.length ? more : view.show === "all" ? "No unit has said a word yet." : "Every unit is well.");
  for (const button of document.querySelectorAll("[data-show]")) button.setAttribute("aria-pressed", String(button.dataset.show === view.show));
}

function filter(which) { view.show = which; show(); }

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !view.fleet) return;
  const outs = view.fleet.roll_outs.map((out) => out.id);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && outs.length) {
    event.preventDefault();
    choose(outs[Math.min(Math.max(outs.indexOf(view.selected) + step, 0), outs.length - 1)]);
  } else if (event.key === "a" || event.key === "w") filter(event.key === "a" ? "all" : "trouble");
});
for (const button of document.querySelectorAll("[data-show]")) button.onclick = () => filter(button.dataset.show);
setInterval(look, POLL_MS);
look();
