"use strict";
/* The hardware's switches and sliders, from one table: what a person can do to each twin. */
const say = (words) => { document.getElementById("said").textContent = words; };

async function post(path, body) {
  const answer = await fetch(path, {method: "POST", body: JSON.stringify(body)}).catch(() => null);
  const words = answer ? await answer.text() : "the bench does not answer";
  say(answer && answer.ok ? "" : words.trim());
  return Boolean(answer && answer.ok);
}

const UPLINK = (name) => ({
  title: `Uplink ${name}`, path: `twin/uplink/${name}`,
  of: (twins) => ((twins.uplink || {}).uplinks || twins.uplink || {})[name],
  keys: [["cable out", {cable: false}, (s) => s.cable === false], ["blackhole", {blackhole: true}, (s) => Boolean(s.blackhole) && s.blackhole !== "none"],
         ["heal", {heal: true}, () => false]],
  sliders: [["delay", "delay_ms", 0, 1000, Number, (s) => s.delay_ms || 0, "ms"], ["loss", "loss", 0, 100, (v) => v / 100, (s) => (s.loss || 0) * 100, "%"]],
});

const TWINS = [
  UPLINK("wired"), UPLINK("wired2"), UPLINK("lte"),
  {title: "Modem", path: "twin/modem", of: (twins) => twins.modem,
   keys: [["no network", {registered: false}, (s) => s.registered === false], ["silent", {silent: true}, (s) => s.silent === true], ["heal", {heal: true}, () => false]],
   sliders: [["signal", "signal_dbm", -113, -51, Number, (s) => s.signal_dbm, "dBm"]],
   words: (s) => (s.sms_sent || []).slice(-1).map((sms) => `SMS to ${sms.to}: ${sms.text}`)[0] || "no SMS sent"},
  {title: "Power", path: "twin/power", of: (twins) => twins.power,
   keys: [["mains off", {mains: false}, (s) => s.mains === false], ["mains on", {mains: true}, () => false], ["heal", {heal: true}, () => false]],
   sliders: [["battery", "percent", 0, 100, Number, (s) => s.percent, "%"]]},
  {title: "Headset", path: "twin/headset", of: (twins) => twins.headset,
   keys: [["unplugged", {plugged: false}, (s) => s.plugged === false], ["plug in", {plugged: true}, () => false], ["speak", {speaking: true}, (s) => s.speaking === true],
          ["be silent", {speaking: false}, () => false], ["its own mute", {button: "mute"}, () => false], ["switch that lies", {stuck_switch: true}, (s) => s.stuck_switch === true], ["heal", {heal: true}, () => false]],
   sliders: [], words: (s) => `heard at the far end: ${s.capture_rms > 0 ? "sound" : "silence"}; the lamp in the headset: ${s.own_lamp == null ? "unknown" : s.own_lamp ? "lit" : "dark"}`},
  {title: "The agency calls", path: "twin/call", of: (twins) => twins.call,
   keys: [["ring", {action: "ring"}, (s) => s.state === "ringing"], ["hang up", {action: "hang-up"}, () => false]],
   sliders: [], words: (s) => `the agency's phone: ${s.state || "unknown"}`},
];

function key(words, act) {
  const made = document.createElement("button");
  made.className = "key"; made.textContent = words; made.type = "button"; made.onclick = act;
  return made;
}

function twinCard(twin) {
  const card = document.createElement("fieldset"), controls = document.createElement("div");
  card.innerHTML = `<legend>${twin.title}</legend>`; controls.className = "controls"; card.append(controls);
  const keys = twin.keys.map(([words, body, on]) => {
    const made = key(words, () => post(twin.path, body));
    controls.append(made);
    return (state) => made.setAttribute("aria-pressed", String(on(state)));
  });
  const sliders = twin.sliders.map(([words, field, least, most, send, read, unit]) => {
    const label = document.createElement("label"), slider = document.createElement("input"), value = document.createElement("output");
    Object.assign(slider, {type: "range", min: least, max: most, onchange: () => post(twin.path, {[field]: send(Number(slider.value))})});
    slider.setAttribute("aria-label", `${twin.title} ${words}`);
    label.append(words, slider, value); controls.append(label);
    return (state) => { const now = read(state); if (document.activeElement !== slider && now != null) slider.value = now; value.textContent = now == null ? "unknown" : `${Math.round(now)} ${unit}`; };
  });
  const words = document.createElement("p"); words.className = "state"; if (twin.words) controls.append(words);
  document.getElementById("twins").append(card);
  return (twins) => {
    const state = twin.of(twins); card.hidden = !state;
    if (!state) return;
    [...keys, ...sliders].forEach((show) => show(state));
    card.classList.toggle("broken", keys.length > 0 && [...controls.querySelectorAll("[aria-pressed=true]")].length > 0);
    if (twin.words) words.textContent = twin.words(state);
  };
}

function wiring() {
  const place = document.getElementById("wiring");
  const controls = document.createElement("div"); controls.className = "controls"; place.append(controls);
  for (const [words, fault] of [["cut a PANIC wire", "cut"], ["short it", "short"], ["mend", "none"]])
    controls.append(key(words, () => post("twin/panel", {line: "panic", fault})));
}

const Hardware = (() => {
  wiring();
  const cards = TWINS.map(twinCard);
  return {show: (twins) => cards.forEach((card) => card(twins))};
})();
