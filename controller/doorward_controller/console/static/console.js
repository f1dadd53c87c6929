// Behaviour of the pages. Everything here is comfort: each page works without it.
(() => {
  const MAX_ROWS = 100;
  const AGE_EVERY_MS = 15_000;
  const JUST_NOW_S = 5;
  const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  // Ages ("2 minutes ago") grow while the page stays open.
  const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });
  let clockAhead_ms = 0;
  function ageOf(at_ms) {
    const seconds = (at_ms - Date.now() + clockAhead_ms) / 1000;
    if (Math.abs(seconds) < JUST_NOW_S) return document.body.dataset.wordJustNow;
    const [unit, size] = UNITS.find(([, s]) => Math.abs(seconds) >= s * 1.2) ?? UNITS[6];
    return relative.format(Math.round(seconds / size), unit);
  }
  function growAges() {
    for (const time of document.querySelectorAll("time[data-age]")) {
      const text = time.querySelector("[data-age-text]");
      if (text) text.textContent = ageOf(Number(time.dataset.age));
    }
  }
  setInterval(growAges, AGE_EVERY_MS);

  // A list of pages that is longer than the window shows where one is.
  document.querySelector(".shell > .side [aria-current]")?.scrollIntoView({ block: "nearest" });

  // The word beside the dot says whether the stream is open.
  function setLive(state) {
    const live = document.getElementById("live-state");
    if (!live) return;
    live.dataset.state = state;
    const word = live.querySelector("[data-live-word]");
    word.textContent = state === "lost" ? document.body.dataset.wordLost : document.body.dataset.wordLive;
  }
  document.addEventListener("htmx:sseOpen", () => setLive("open"));
  document.addEventListener("htmx:sseError", () => setLive("lost"));

  // The feed: a row that is there already is not added twice, old rows leave at the end.
  const summary = { scans: 0, refused: 0, timer: 0 };
  function tellSummary() {
    const place = document.querySelector("[data-feed-summary]");
    if (place) place.textContent = `${summary.scans} ${place.dataset.wordSummary} ${summary.refused}`;
    Object.assign(summary, { scans: 0, refused: 0, timer: 0 });
  }
  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    const feed = document.getElementById("feed");
    if (!feed || event.detail.type !== "rows") return;
    const holder = document.createElement("template");
    holder.innerHTML = event.detail.data;
    const rows = [...holder.content.querySelectorAll("tr")].filter((row) => !document.getElementById(row.id));
    event.preventDefault();
    if (!rows.length) return;
    const box = feed.closest("[data-paused]");
    if (box?.dataset.paused === "true") {
      box.dispatchEvent(new CustomEvent("feed-held", { detail: rows.length }));
      return;
    }
    feed.prepend(...rows);
    htmx.process(feed);
    while (feed.rows.length > MAX_ROWS) feed.lastElementChild.remove();
    document.querySelector(".if-empty")?.remove();
    summary.scans += rows.length;
    summary.refused += rows.filter((row) => row.dataset.outcome === "deny").length;
    summary.timer ||= setTimeout(tellSummary, 4000);
  });
  // A session that ended answers parts of pages with a refusal: go and sign in.
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) window.location.assign("/sign-in");
  });

  // A part asks at most once in its rest, and asks at the end of it for what came meanwhile: htmx's
  // own throttle drops that, and the last change would not be seen.
  const rests = new WeakMap();
  document.addEventListener("htmx:confirm", (event) => {
    const { elt, issueRequest } = event.detail;
    if (!elt.dataset.rest) return;
    event.preventDefault();
    const rest = rests.get(elt) ?? { endsAt: 0, timer: 0 };
    rests.set(elt, rest);
    rest.timer ||= setTimeout(() => {
      Object.assign(rest, { endsAt: performance.now() + Number(elt.dataset.rest), timer: 0 });
      issueRequest(true);
    }, rest.endsAt - performance.now());
  });

  // What has not changed is not exchanged: a button that is replaced under a finger is not pressed.
  const sent = new WeakMap();
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const before = sent.get(target) ?? target.innerHTML.trim();
    const now = fragment.innerHTML.trim();
    sent.set(target, now);
    if (before === now) event.detail.shouldSwap = false;
  });

  // A part that exchanges itself waits while somebody has a question open in it.
  const heldBack = new WeakSet();
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, elt } = event.detail;
    if (target !== elt || !target.querySelector("details.act[open]")) return;
    event.detail.shouldSwap = false;
    heldBack.add(target);
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.open) return;
    for (let part = event.target.parentElement; part; part = part.parentElement) {
      if (heldBack.delete(part)) htmx.trigger(part, "sse:reset");
    }
  }, true);

  // What was just done is said, then leaves.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "said") return;
    const text = event.target.firstElementChild;
    setTimeout(() => { if (event.target.firstElementChild === text) event.target.replaceChildren(); }, 4000);
  });

  document.addEventListener("alpine:init", () => {
    // A <details> that closes on Escape and on a click elsewhere.
    Alpine.data("menu", () => ({
      init() {
        this.onKey = (event) => {
          if (event.key !== "Escape" || !this.$el.open) return;
          this.$el.open = false;
          this.$el.querySelector("summary").focus();
        };
        this.onClick = (event) => { if (!this.$el.contains(event.target)) this.$el.open = false; };
        document.addEventListener("keydown", this.onKey);
        document.addEventListener("click", this.onClick);
      },
      destroy() {
        document.removeEventListener("keydown", this.onKey);
        document.removeEventListener("click", this.onClick);
      },
    }));
    // Filters apply when one is chosen; the button stays for those who type.
    Alpine.data("filters", () => ({
      init() {
        this.$el.addEventListener("change", (event) => {
          if (event.target.tagName === "SELECT") this.$el.requestSubmit();
        });
      },
    }));
    // The feed can be held still while somebody reads it.
    Alpine.data("feed", () => ({
      paused: false,
      waiting: 0,
      get running() { return !this.paused; },
      init() {
        this.$el.dataset.paused = "false";
        this.$el.addEventListener("feed-held", (event) => { this.waiting += event.detail; });
      },
      toggle() {
        if (this.paused && this.waiting) { window.location.reload(); return; }
        this.paused = !this.paused;
        this.$root.dataset.paused = String(this.paused);
      },
    }));
    Alpine.data("printer", () => ({ print() { window.print(); } }));
  });
})();
