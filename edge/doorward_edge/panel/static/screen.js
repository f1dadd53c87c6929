// The screen of a portal: puts on the page what the gateway tells, and says when it tells nothing.
"use strict";

const body = document.body;
const at = (id) => document.getElementById(id);
const SILENCE_MS = 25000; // the gateway speaks every 10 s
const TEXTS = { zh: "zh", en: "en", "why-zh": "why_zh", "why-en": "why_en", "next-zh": "next_zh", "next-en": "next_en" };

let heardAt = performance.now();
let localMs = null; // the gateway's local time, and when it was told
let toldAt = 0;

const twoDigits = (number) => String(number).padStart(2, "0");

function showClock() {
  if (localMs === null) {
    at("clock").textContent = "--:--";
    at("date").textContent = "";
    return;
  }
  const now = new Date(localMs + performance.now() - toldAt);
  const time = `${twoDigits(now.getUTCHours())}:${twoDigits(now.getUTCMinutes())}`;
  const full = { timeZone: "UTC", year: "numeric", month: "long", day: "numeric", weekday: "long" };
  const date = `${now.toLocaleDateString("zh-CN", full)}  ·  ${now.toLocaleDateString("en-GB", full)}`;
  if (at("clock").textContent !== time) at("clock").textContent = time;
  if (at("date").textContent !== date) at("date").textContent = date;
}

function showFace(face) {
  for (const [id, key] of Object.entries(TEXTS)) {
    at(id).textContent = face[key] || "";
  }
  at("why").hidden = !face.why_zh;
  at("icon").setAttribute("href", `/static/icons.svg#${face.signal}`);
  body.dataset.signal = face.signal;
  body.dataset.offline = face.offline ? "yes" : "no";
}

function heard() {
  heardAt = performance.now();
  body.removeAttribute("data-gone");
}

const events = new EventSource(body.dataset.events);
events.addEventListener("face", (event) => {
  heard();
  showFace(JSON.parse(event.data));
});
events.addEventListener("time", (event) => {
  heard();
  localMs = JSON.parse(event.data).local_ms;
  toldAt = performance.now();
  showClock();
});
events.addEventListener("error", () => {
  // Ended for good, for example refused while the gateway started: ask for the page anew.
  if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
});

setInterval(() => {
  showClock();
  if (performance.now() - heardAt > SILENCE_MS) {
    localMs = null;
    showFace({ signal: "gone", zh: "暂停使用", en: "Out of service" });
    body.dataset.gone = "yes";
  }
}, 1000);
