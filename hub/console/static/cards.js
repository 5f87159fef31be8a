// The document on the page. A card stays the same element as long as its alert or unit is shown: a click is never lost.

import * as words from "./words.js";

const element = (id) => document.getElementById(id);

export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

function looks(node, [look, value]) {
  if (node.dataset.look !== look) node.dataset.look = look;
  text(node, value);
}

// Makes the children of `list` be one card for each row, in order; `key` tells rows apart.
function keyed(list, template, rows, key, update) {
  const old = new Map([...list.children].map((card) => [card.dataset.key, card]));
  rows.forEach((row, place) => {
    let card = old.get(row[key]);
    if (!card) {
      card = element(template).content.firstElementChild.cloneNode(true);
      card.dataset.key = row[key];
    }
    old.delete(row[key]);
    if (list.children[place] !== card) list.insertBefore(card, list.children[place] ?? null);
    update((part) => card.querySelector(`.${part}`), row, card);
  });
  for (const card of old.values()) card.remove();
  return old.size;
}

// Returns how many cards left the page.
export function alerts(rows, selected, now) {
  element("none").hidden = rows.length > 0;
  return keyed(element("open"), "alert-card", rows, "id", (part, row, card) => {
    card.dataset.kind = row.kind ?? "unknown";
    card.setAttribute("aria-current", String(row.id === selected));
    text(part("kind"), words.kind(row.kind));
    text(part("unit"), row.unit);
    text(part("how"), words.how(row));
    text(part("age"), words.span((now - words.began(row, now)) / 1000));
    part("acknowledge").setAttribute("aria-label", `Acknowledge ${words.kind(row.kind)} of ${row.unit}`);
  });
}

function uplinks(list, all) {
  const chips = (all ?? []).map(words.uplink);
  const said = JSON.stringify(chips);
  if (list.dataset.said === said) return;
  list.dataset.said = said;
  list.replaceChildren(...chips.map((chip) => {
    const item = document.createElement("li");
    item.dataset.look = chip.looks;
    item.dataset.active = chip.active;
    item.title = chip.why;
    item.textContent = chip.text;
    return item;
  }));
  if (!chips.length) list.textContent = "Uplinks unknown";
}

export function units(rows, live, now) {
  keyed(element("units"), "unit-card", rows, "unit", (part, unit, card) => {
    const [look] = words.verdict(unit, live);
    card.dataset.look = look;
    card.classList.toggle("old", !live || !unit.online);
    text(part("unit"), unit.unit);
    looks(part("online"), words.online(unit, live));
    looks(part("verdict"), words.verdict(unit, live));
    text(part("reasons"), (unit.readiness?.reasons ?? []).concat(unit.panel?.faults ?? []).join(" · "));
    uplinks(part("uplinks"), unit.uplinks);
    looks(part("power"), words.power(unit.power));
    looks(part("call"), words.call(unit.call));
    looks(part("microphone"), words.microphone(unit.panel));
    looks(part("selftest"), words.selftest(unit.selftest));
    looks(part("shift"), words.shift(unit.shift));
    part("accepting").hidden = !unit.acceptance?.state;
    looks(part("acceptance"), words.acceptance(unit.acceptance));
    text(part("sign"), unit.shift?.on ? "Sign off" : "Sign on");
    part("sign").setAttribute("aria-label", `${unit.shift?.on ? "Sign off" : "Sign on"} at ${unit.unit}`);
    text(part("seen"), words.seen(unit, now));
  });
}

const ANSWERED_ROWS = 30;
export function answered(rows) {
  element("done").hidden = rows.length === 0;
  keyed(element("answered"), "answered-row", rows.slice(0, ANSWERED_ROWS), "id", (part, row) => {
    const after = (Date.parse(row.acknowledged_at) - Date.parse(row.raised_at)) / 1000;
    text(part("kind"), words.kind(row.kind));
    text(part("unit"), row.unit);
    text(part("by"), row.acknowledged_by);
    text(part("when"), `${words.clock(row.acknowledged_at)}, after ${words.span(after)}`);
  });
}

export function trouble(id, line, list = "open") {
  const card = [...element(list).children].find((each) => each.dataset.key === id);
  if (!card) return;
  const place = card.querySelector(".trouble");
  place.hidden = !line;
  text(place, line);
}

export function sending(id, is) {
  const card = [...element("open").children].find((each) => each.dataset.key === id);
  if (!card) return;
  const button = card.querySelector(".acknowledge");
  button.disabled = is;
  text(button, is ? "Sending …" : "Acknowledge");
}
