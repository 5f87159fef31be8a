// The document in words: pure, no page. What is null is said to be unknown.

export const KINDS = {
  panic: "Panic", assist: "Technical help", wellness: "Peer support", tamper: "Tamper", power: "Power",
};
export const kind = (name) => (name === null ? "Unknown alert" : KINDS[name] ?? name);
export const VIAS = { wired: "wired", wired2: "second wired", lte: "LTE", sms: "SMS" };

const two = (number) => String(number).padStart(2, "0");

// 75 -> "1:15", 3675 -> "1:01:15"
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, two(whole % 60)];
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

// "12 s", "5 min", "3 h", "2 d"
export function roughly(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min`;
  return whole < 172800 ? `${Math.floor(whole / 3600)} h` : `${Math.floor(whole / 86400)} d`;
}

export function clock(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "unknown" : `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

// When an alert began, in ms: a unit whose clock is ahead has not raised it in the future.
export function began(row, now) {
  const raised = Date.parse(row.raised_at);
  return raised <= now || !row.received_at ? raised : Date.parse(row.received_at);
}

const LATE_S = 10;
export function how(row) {
  const late = row.received_at ? (Date.parse(row.received_at) - Date.parse(row.raised_at)) / 1000 : 0;
  return [
    `Raised ${clock(row.raised_at)}`,
    late > LATE_S && `came ${roughly(late)} later`,
    `via ${row.via ? VIAS[row.via] ?? row.via : "unknown"}`,
    row.attempt > 1 && `sent ${row.attempt} times`,
  ].filter(Boolean).join(" · ");
}

export const online = (unit, live) =>
  !live || unit.online === null ? ["unknown", "Not known if online"] : unit.online ? ["well", "Online"] : ["bad", "Offline"];

export function verdict(unit, live) {
  if (!live || unit.verdict === "unknown") return ["unknown", "Unknown"];
  return unit.verdict === "fit" ? ["well", "Fit"] : ["bad", "Not fit"];
}

export function uplink(each) {
  const looks = { up: "well", suspect: "warn", down: "bad" }[each.state] ?? "unknown";
  const details = [
    each.state,
    each.state === "up" && each.rtt_ms !== null && `${Math.round(each.rtt_ms)} ms`,
    each.loss > 0 && `${Math.round(each.loss * 100)} % lost`,
    each.active && "in use",
  ].filter(Boolean);
  return { looks, active: each.active, text: `${VIAS[each.name] ?? each.name}: ${details.join(", ")}`, why: each.reason };
}

export function power(fact) {
  if (!fact || fact.source === "unknown") return ["unknown", "unknown"];
  const percent = fact.percent === null ? "charge unknown" : `${Math.round(fact.percent)} %`;
  const left = fact.minutes_left === null ? "" : `, ${Math.round(fact.minutes_left)} min left`;
  const looks = fact.source === "mains" ? "well" : fact.state === "low" || fact.state === "ending" ? "bad" : "warn";
  return [looks, `${fact.source === "mains" ? "Mains" : "Battery"}, ${percent}${left}`];
}

export function call(fact) {
  if (!fact || fact.state === null) return ["unknown", "unknown"];
  const quality = fact.state !== "active" ? "" : fact.mos === null ? ", quality unknown" : `, MOS ${fact.mos.toFixed(1)}`;
  return [{ idle: "plain", ringing: "warn", active: "well" }[fact.state], { idle: "No call", ringing: "Ringing", active: "In a call" }[fact.state] + quality];
}

export function microphone(panel) {
  if (!panel || panel.mute === null) return ["unknown", "unknown"];
  return { live: ["plain", "Live"], muted: ["warn", "Muted"], fault: ["bad", "Mute fault"] }[panel.mute];
}

export function selftest(fact) {
  if (fact?.running) return ["plain", "Running"];
  if (!fact?.at || fact.passed === null) return ["unknown", "none yet"];
  return fact.passed
    ? ["well", `Passed at ${clock(fact.at)}`]
    : ["bad", `Not passed at ${clock(fact.at)}: ${fact.reasons.join(" ")}`];
}

export function shift(fact) {
  if (!fact || fact.on === null) return ["unknown", "unknown"];
  return fact.on ? ["well", `${fact.who}, until ${clock(fact.until)}`] : ["plain", "Nobody"];
}

// What the unit asks of whoever is with it, or what came of it.
export function acceptance(fact) {
  if (!fact?.state) return ["unknown", "none"];
  if (fact.state === "running") return ["warn", fact.ask || "The unit measures by itself; nothing to do"];
  if (!fact.verdict) return ["unknown", `Ended without a report: ${fact.reason}`];
  return [fact.verdict === "accepted" ? "well" : "bad", `${fact.verdict === "accepted" ? "Accepted" : "Not accepted"}, begun at ${clock(fact.began)}`];
}

export function seen(unit, now) {
  const when = unit.last_seen === null ? "Never seen" : `Last seen ${roughly((now - Date.parse(unit.last_seen)) / 1000)} ago`;
  return unit.version ? `${when} · version ${unit.version}` : when;
}

export function summary(document) {
  const fit = document.units.filter((unit) => unit.verdict === "fit").length;
  const units = `${document.units.length} ${document.units.length === 1 ? "unit" : "units"}`;
  return document.broker.state === "connected" ? `${units}, ${fit} fit to take calls` : `${units}, none known to be fit`;
}

export function ignored(counts) {
  const parts = Object.entries(counts).map(([reason, count]) => `${count} × ${reason}`);
  return parts.length ? `Ignored messages: ${parts.join(", ")}` : "";
}
