"use strict";
/* The page: what the bench says, at each change, and what a person presses. */
const at = (id) => document.getElementById(id);
const known = (value, unit = "") => value === null || value === undefined || value === "" ? "unknown" : `${typeof value === "number" ? Math.round(value * 10) / 10 : value}${unit}`;
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}[c]));
const tag = (text, kind = text) => `<span class="tag ${escape(kind)}">${escape(text)}</span>`;
const yes = (value, good, bad) => value === null || value === undefined ? tag("unknown") : value ? tag(good, "good") : tag(bad, "bad");

for (const button of document.querySelectorAll(".press")) {
  const send = (action) => { button.classList.toggle("down", action === "press"); post("twin/panel", {button: button.dataset.button, action}); };
  let down = false;
  const press = () => { if (!down) { down = true; send("press"); } };
  const release = () => { if (down) { down = false; send("release"); } };
  button.addEventListener("pointerdown", (event) => { button.setPointerCapture(event.pointerId); press(); });
  for (const name of ["pointerup", "pointercancel"]) button.addEventListener(name, release);
  button.addEventListener("keydown", (event) => { if ([" ", "Enter"].includes(event.key)) { event.preventDefault(); press(); } });
  button.addEventListener("keyup", release); button.addEventListener("blur", release);
}

function showPanel(panel, twin) {
  const lamps = (twin && twin.lamps) || panel.lamps;
  at("lamp-panic").dataset.pattern = lamps.panic; at("lamp-mute").dataset.pattern = lamps.mute; at("lamp-safe").dataset.colour = lamps.safe;
  const words = {idle: "No panic.", raised: "PANIC pressed: on disk, on its way.", delivered: "The centre has the alert. Waiting for a person.", acknowledged: "A supervisor has answered."};
  at("panel-words").textContent = [words[panel.panic] || "", ...panel.faults.map((fault) => `Fault: ${fault}.`)].join(" ");
}

function showVerdict(ready) {
  const words = ready.safe === null ? "Not known to be safe" : ready.safe ? "Safe to take calls" : "Not safe to take calls";
  at("verdict").dataset.colour = ready.colour || "off"; at("verdict-words").textContent = words;
  at("reasons").innerHTML = ready.reasons.map((reason) => `<li>${escape(reason)}</li>`).join("");
}

function probeRow(probe) {
  const counts = `${probe.lost} lost, ${probe.duplicated} doubled of ${probe.sent}`;
  return ["voice stream", tag(probe.lost || probe.duplicated ? "not whole" : "whole", probe.lost || probe.duplicated ? "suspect" : "good") + `${counts}; longest gap ${known(probe.longest_gap_ms, " ms")}`];
}

function acceptanceRow(fact) {
  const running = fact.state === "running";
  return ["acceptance", tag(running ? "running" : fact.verdict || "ended", running ? "active" : fact.verdict === "accepted" ? "good" : "suspect") + escape(running ? fact.ask || "the unit measures by itself" : fact.reason)];
}

function showFacts(unit, probe) {
  const rows = unit.uplinks.map((each) => [each.name, tag(each.state) + (each.active ? tag("in use", "active") : "") + known(each.rtt_ms, " ms") + (each.reason ? ` <small>${escape(each.reason)}</small>` : "")]);
  if (unit.acceptance.state) rows.unshift(acceptanceRow(unit.acceptance));
  rows.push(["hub", yes(unit.hub.connected, "connected", "not connected") + `${known(unit.hub.pending_alerts)} alerts waiting`]);
  rows.push(["headset", yes(unit.headset.present, "present", "not plugged in") + escape(unit.headset.mute_state || "mute unknown") + (unit.headset.level_dbfs == null ? "" : ` <meter min="-60" max="0" value="${unit.headset.level_dbfs}"></meter>`)]);
  rows.push(["ear", `${known(unit.headset.shift_dose_percent, " % of the shift's sound dose")}${unit.headset.shift_dose_spent ? tag("spent", "suspect") : ""}; peaks held at ${known(unit.headset.peak_limit_dbfs, " dBFS")}`]);
  rows.push(["shift", unit.shift.on ? tag("on", "active") + `${escape(unit.shift.who)}, until ${escape(unit.shift.until.slice(11, 16))} UTC` : tag(unit.shift.on === false ? "off" : "unknown")]);
  rows.push(["call", tag(known(unit.call.state), unit.call.state === "active" ? "active" : "") + `MOS ${known(unit.call.mos)}` + (unit.call.state === "active" ? `, ${escape(unit.call.codec)}, ${known(unit.call.lost_frames)} lost, ${known(unit.call.overruns)} overruns` : "")]);
  rows.push(["LTE", `${known(unit.lte.used_mb, " MB")} used, ${known(unit.lte.forecast_mb, " MB")} expected; last outage ${known(unit.outage_ms, " ms")}`]);
  rows.push(["modem", `${escape(known(unit.modem.operator))}, ${known(unit.modem.signal_dbm, " dBm")}` + (unit.modem.iccid ? `, SIM ${escape(unit.modem.iccid)}` : "")]);
  rows.push(["power", tag(unit.power.source, unit.power.source === "mains" ? "good" : "suspect") + `${known(unit.power.percent, " %")}, ${known(unit.power.minutes_left, " min left")}`]);
  if (probe && probe.sent) rows.push(probeRow(probe));
  at("facts").innerHTML = rows.map(([name, html]) => `<dt>${escape(name)}</dt><dd>${html}</dd>`).join("");
}

function showServices(services) {
  const place = at("services"), names = Object.keys(services).sort();
  if (place.dataset.names !== names.join()) {
    place.dataset.names = names.join(); place.replaceChildren(...names.map((name) => key(name, () => post("twin/process", {service: name, signal: "KILL"}))));
  }
  [...place.children].forEach((button) => button.setAttribute("aria-pressed", String(!services[button.textContent])));
}

const callActions = [["answer", "Answer"], ["hang-up", "Hang up"]].map(([action, words]) => key(words, () => post("unit/call", {action})));
at("call-actions").append(...callActions);

function showCall(call) {
  at("call-actions").hidden = !["ringing", "active"].includes(call.state); callActions[0].hidden = call.state !== "ringing";
}

let last = null;
function show(picture) {
  last = picture;
  at("unit").textContent = `${picture.unit.unit}, release ${picture.unit.version}`;
  showPanel(picture.unit.panel, picture.twins.panel); showVerdict(picture.unit.readiness); showFacts(picture.unit, picture.twins.probe);
  showServices(picture.services); showCall(picture.unit.call); Hardware.show(picture.twins); Plot.faults(picture.twins.uplink || {});
  at("legend").innerHTML = Plot.legend(picture.unit.uplinks.map((each) => each.name));
}

const events = new EventSource("events");
events.onmessage = (event) => { at("stale").hidden = true; show(JSON.parse(event.data)); };
events.onerror = () => { at("stale").hidden = false; };
setInterval(() => { if (last) { Plot.add(last.unit.uplinks); Plot.draw(at("plot")); } }, 250);
