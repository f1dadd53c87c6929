// The wall screen: asks for the board every few seconds and keeps the last one while nobody answers.
(() => {
  const EVERY_MS = 5_000;
  const WITHIN_MS = 8_000;
  const OLD_MS = 180_000;
  const words = document.body.dataset;
  const relative = new Intl.RelativeTimeFormat(words.language, { numeric: "always" });
  const clock = new Intl.DateTimeFormat(words.language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
  let board = JSON.parse(document.getElementById("first").content.textContent);
  let heardAt = Date.now();
  let isKept = false;

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  function icon(name) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    made.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${words.icons}#${name}`);
    made.append(use);
    return made;
  }
  // Both ends of an age are the controller's; the browser's clock only counts on.
  const now = () => board.now_ms + (Date.now() - heardAt);
  function age(at_ms) {
    const seconds = Math.max(0, Math.round((now() - at_ms) / 1000));
    const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? UNITS[3];
    return relative.format(-Math.floor(seconds / size), unit);
  }

  function tileOf(tile) {
    const look = board.severities[tile.severity];
    const tone = tile.severity === "normal" ? tile.state.tone : look.tone;
    const made = element("section", `tile${tile.stale ? " is-stale" : ""}`);
    made.dataset.tone = tone;
    made.append(element("h2", "", tile.labels[0] ?? tile.name));
    const shown = tile.severity === "normal" ? [tile.state] : tile.stale ? [look, tile.state] : [look];
    for (const each of shown) {
      const word = element("p", "word");
      word.append(icon(each.icon), element("span", "", each.word));
      made.append(word);
    }
    for (const fact of tile.facts) made.append(element("p", "fact", fact));
    const parts = tile.labels.length ? [tile.name] : [];
    if (tile.seen_ms !== null) parts.push(`${words.wordSeen} ${age(tile.seen_ms)}`);
    made.append(element("p", "more", parts.join(" · ")));
    return made;
  }

  function draw() {
    const tiles = document.getElementById("tiles");
    const general = board.general.map((each) => {
      const look = board.severities[each.severity];
      const made = element("section", "tile");
      made.dataset.tone = look.tone;
      const word = element("p", "word");
      word.append(icon(look.icon), element("span", "", look.word));
      made.append(word, element("p", "fact", each.text));
      return made;
    });
    tiles.replaceChildren(...general, ...board.tiles.map(tileOf));
    if (!board.tiles.length) tiles.append(element("p", "fact", words.wordEmpty));
    // What cannot be seen is not in order: it is counted under its own word.
    const looks = ["alarm", "warning", "notice", "normal"].map((each) => board.severities[each]);
    const counts = new Map(looks.map((look) => [look.word, { look, count: 0 }]));
    for (const each of [...board.tiles, ...board.general]) {
      const look = each.severity === "normal" && each.stale ? each.state : board.severities[each.severity];
      const counted = counts.get(look.word) ?? { look, count: 0 };
      counted.count += 1;
      counts.set(look.word, counted);
    }
    document.getElementById("counts").replaceChildren(
      ...[...counts.values()].filter((each) => each.count).map(({ look, count }) => {
        const made = element("li", `tone-${look.tone}`);
        made.append(icon(look.icon), element("span", "", `${count} ${look.word}`));
        return made;
      }),
    );
    const site = document.getElementById("site");
    site.hidden = !board.site;
    if (board.site) site.textContent = `${board.site.text} (${words.wordSince} ${clock.format(board.site.since_ms)})`;
  }

  function drawAge() {
    const place = document.getElementById("age");
    document.body.classList.toggle("is-kept", isKept);
    if (isKept) {
      place.replaceChildren(`${words.wordKept} `, element("strong", "", clock.format(heardAt)));
      place.className = "is-old";
    } else if (board.newest_ms === null) {
      place.replaceChildren(words.wordNone);
      place.className = "";
    } else {
      place.replaceChildren(`${words.wordAge}: `, element("strong", "", age(board.newest_ms)));
      place.className = now() - board.newest_ms > OLD_MS ? "is-old" : "";
    }
  }

  async function ask() {
    try {
      const answer = await fetch(words.board, { cache: "no-store", signal: AbortSignal.timeout(WITHIN_MS) });
      if (answer.status === 404) {
        document.getElementById("tiles").replaceChildren(element("p", "fact", words.wordEnded));
        document.getElementById("age").replaceChildren();
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      board = await answer.json();
      heardAt = Date.now();
      isKept = false;
      draw();
    } catch {
      isKept = true;
    }
    drawAge();
    setTimeout(ask, EVERY_MS);
  }

  draw();
  drawAge();
  setInterval(drawAge, 1_000);
  setTimeout(ask, EVERY_MS);
})();
