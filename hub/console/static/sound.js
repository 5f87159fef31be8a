// Tones while somebody waits. The browser may hold sound back until the person has touched the page.

const PANIC = { every_ms: 1300, notes: [[880, 0], [660, 0.22]], level: 0.35 };
const OTHER = { every_ms: 4000, notes: [[523, 0]], level: 0.2 };
const STALE = { every_ms: 6000, notes: [[330, 0], [262, 0.25]], level: 0.2 };

let context = null;
let next = 0;

export const blocked = () => !context || context.state !== "running";

export async function enable() {
  context ??= new AudioContext();
  await context.resume();
}

function note(hertz, after_s, level) {
  const [tone, gain, at] = [context.createOscillator(), context.createGain(), context.currentTime + after_s];
  tone.frequency.value = hertz;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(level, at + 0.02);
  gain.gain.setValueAtTime(level, at + 0.16);
  gain.gain.linearRampToValueAtTime(0, at + 0.2);
  tone.connect(gain).connect(context.destination);
  tone.start(at);
  tone.stop(at + 0.21);
}

// Called often; sounds when it is time. Returns how often it has sounded, for those who cannot hear it.
let played = 0;
export function sound(open, stale, now) {
  const what = open.some((row) => row.kind === "panic") ? PANIC : open.length ? OTHER : stale ? STALE : null;
  if (!what || blocked()) next = 0;
  else if (now >= next) {
    for (const [hertz, after_s] of what.notes) note(hertz, after_s, what.level);
    next = now + what.every_ms;
    played += 1;
  }
  return played;
}
