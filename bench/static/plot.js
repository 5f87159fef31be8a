"use strict";
/* Round trip of each uplink over two minutes; loss hangs from the top, a band below shows who was active, marks say what was done to a line (by this page or by anybody) and what the unit decided. */
const Plot = (() => {
  const SPAN_MS = 120000, TOP_MS = 200;
  const COLOURS = {wired: "#6cb2ff", wired2: "#b79cff", lte: "#f2b84b"};
  const samples = [], marks = [], lines = {};

  function colour(name) { return COLOURS[name] || "#e8edf3"; }

  function add(uplinks) {
    const at = Date.now(), active = (uplinks.find((each) => each.active) || {}).name || null;
    const before = samples.length ? samples[samples.length - 1].active : active;
    samples.push({at, active, loss: Object.fromEntries(uplinks.map((each) => [each.name, each.loss])), rtt: Object.fromEntries(uplinks.map((each) => [each.name, each.state === "down" ? null : each.rtt_ms]))});
    if (before !== active) marks.push({at, words: active ? `→ ${active}` : "no uplink"});
    while (samples.length && samples[0].at < at - SPAN_MS) samples.shift();
    while (marks.length && marks[0].at < at - SPAN_MS) marks.shift();
  }

  function fault(line) {
    if (line.story) return line.story;
    const words = [line.cable === false && "cable out", line.blackhole && line.blackhole !== "none" && `blackhole ${line.blackhole}`,
                   line.loss && `loss ${Math.round(line.loss * 100)} %`, line.delay_ms && `delay ${line.delay_ms} ms`];
    return words.filter(Boolean).join(", ") || "well";
  }

  function faults(now) {
    for (const [name, line] of Object.entries(now)) {
      const words = fault(line);
      if (name in lines && lines[name] !== words) marks.push({at: Date.now(), words: `${name}: ${words}`});
      lines[name] = words;
    }
  }

  function marked() { return marks.map((each) => each.words); }

  function draw(canvas) {
    const pen = canvas.getContext("2d"), {width, height} = canvas, now = Date.now();
    const x = (at) => width - (now - at) / SPAN_MS * width;
    const y = (ms) => height - 18 - Math.min(Math.log10(1 + ms) / Math.log10(1 + TOP_MS), 1) * (height - 40);
    pen.clearRect(0, 0, width, height);
    pen.font = "12px system-ui"; pen.fillStyle = "#93a1b2"; pen.strokeStyle = "#2a3644"; pen.lineWidth = 1;
    for (const ms of [0, 1, 10, 50, 200]) {
      pen.beginPath(); pen.moveTo(0, y(ms)); pen.lineTo(width, y(ms)); pen.stroke();
      pen.fillText(`${ms} ms`, 4, y(ms) - 3);
    }
    samples.forEach((each, i) => {
      if (!each.active) return;
      const end = i + 1 < samples.length ? samples[i + 1].at : now;
      pen.fillStyle = colour(each.active); pen.fillRect(x(each.at), height - 8, x(end) - x(each.at) + .5, 8);
    });
    const names = new Set(samples.flatMap((each) => Object.keys(each.rtt)));
    for (const name of names) {
      pen.strokeStyle = colour(name); pen.lineWidth = 2; pen.beginPath();
      let down = false;
      for (const each of samples) {
        const ms = each.rtt[name];
        if (ms == null) { down = false; continue; }
        pen[down ? "lineTo" : "moveTo"](x(each.at), y(ms)); down = true;
      }
      pen.stroke();
    }
    samples.forEach((each) => Object.entries(each.loss).forEach(([name, share]) => {
      if (!share) return;
      pen.fillStyle = colour(name) + "55"; pen.fillRect(x(each.at), 0, 2, share * 36);
    }));
    const taken = [];
    pen.lineWidth = 1;
    for (const {at, words} of marks) {
      pen.strokeStyle = "#e8edf366"; pen.beginPath(); pen.moveTo(x(at), 0); pen.lineTo(x(at), height - 8); pen.stroke();
      const wide = pen.measureText(words).width + 8, left = x(at) + wide > width ? x(at) - wide : x(at);
      let row = taken.findIndex((until) => until <= left);
      if (row < 0) row = taken.length;
      taken[row] = left + wide;
      pen.fillStyle = "#e8edf3"; pen.fillText(words, left + 4, 12 + row * 13);
    }
  }

  function legend(names) { return names.map((name) => `<span><i style="background:${colour(name)}"></i>${name}</span>`).join(""); }
  return {add, faults, marked, draw, legend};
})();
