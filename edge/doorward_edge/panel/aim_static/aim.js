"use strict";

const PAUSE_MS = 1500;
const byId = (id) => document.getElementById(id);
const body = document.body;
let seq = -1;

document.documentElement.lang = navigator.language.toLowerCase().startsWith("zh") ? "zh-Hans" : "en";

function stage(name) { body.dataset.stage = name; }

function pause() { return new Promise((resolve) => setTimeout(resolve, PAUSE_MS)); }

function minutes(left) {
  const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  byId("left").textContent = ` · ${text}`;
}

function number(id, told) {
  const box = byId(id), value = box.querySelector("dd");
  value.textContent = told ? `${told.value} ` : "–";
  if (told) {
    const aim = document.createElement("small");
    aim.textContent = `(${told.aim})`;
    value.append(aim);
  }
  box.dataset.ok = told && !told.ok ? "no" : "yes";
}

function words(state) {
  if (body.dataset.verdict !== state.verdict) {
    body.dataset.verdict = state.verdict;
    byId("said-en").textContent = state.said_en;
    byId("said-zh").textContent = state.said_zh;
    byId("advice-en").textContent = state.advice_en;
    byId("advice-zh").textContent = state.advice_zh;
  }
  byId("read").textContent = state.is_read ? "✓ read · 已读出" : "✗ not read · 未读出";
  byId("camera").textContent = state.camera;
  for (const id of ["module_px", "blur", "light", "washed"]) number(id, state.numbers[id]);
}

async function picture(state) {
  // A new element, whole before it is shown: one whose address changes is empty for a moment.
  const next = new Image();
  next.id = "picture";
  next.alt = `${state.said_en} · ${state.said_zh}`;
  next.src = `/picture/${state.seq}`;
  try { await next.decode(); } catch { return; }
  byId("picture").replaceWith(next);
  byId("frame").setAttribute("viewBox", `0 0 ${state.width} ${state.height}`);
  const corners = state.corners || [];
  byId("outline").setAttribute("points", corners.map((each) => each.join(",")).join(" "));
}

async function look() {
  const answer = await fetch(`/state?after=${seq}`, { cache: "no-store" });
  if (answer.status === 401) { stage("used"); return false; }
  if (!answer.ok) throw new Error(String(answer.status));
  const state = await answer.json();
  delete body.dataset.gone;
  if (state.over) { stage("over"); return false; }
  stage("live");
  minutes(state.left_s);
  if (state.seq > seq) {
    seq = state.seq;
    await picture(state);
    words(state);
  }
  return true;
}

async function run() {
  for (;;) {
    try {
      if (!await look()) return;
    } catch {
      body.dataset.gone = "";
      await pause();
    }
  }
}

byId("enter").addEventListener("click", async () => {
  const key = new URLSearchParams(location.search).get("key") || "";
  const answer = await fetch("/session", { method: "POST", body: new URLSearchParams({ key }) });
  history.replaceState(null, "", "/");
  if (answer.ok) run(); else stage("used");
});

if (!location.search) run();
