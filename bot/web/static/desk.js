// The desk works without this file; with it, the list and the talk update by themselves and the phone rings.
// Text of people is only ever set as text. Of this page the browser keeps only whether the bell is on.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const meta = document.querySelector("meta[name=csrf]");
  if (!meta) return;
  const csrf = meta.content, said = document.body.dataset;
  const live = $("live"), bell = $("bell"), cards = $("cards"), talk = $("talk");

  function make(tag, name, words) {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (words !== undefined) node.textContent = words;
    return node;
  }
  function hidden(name, value) {
    const field = make("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    return field;
  }
  function fill(node, children) { // replaceChildren, also for phones of 2019
    node.textContent = "";
    node.append(...children);
  }
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  async function post(path, fields) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 15000);
    try {
      const answer = await fetch(path, {
        method: "POST", body: new URLSearchParams(fields), cache: "no-store", signal: stop.signal,
        headers: { Accept: "application/json", "X-CSRF-Token": csrf },
      });
      const told = await answer.json().catch(() => ({}));
      if (!answer.ok) throw Object.assign(new Error(), { status: answer.status, words: told.words || said.error });
      return told;
    } finally {
      clearTimeout(timer);
    }
  }

  // --- the bell ----------------------------------------------------------------------------------------------------
  let sound = null;
  let ringing = 0, loud = false;
  bell.hidden = !window.AudioContext;
  const bellNote = $("bell-note");
  if (bellNote) bellNote.hidden = bell.hidden;
  function showBell(on) {
    bell.textContent = on ? bell.dataset.ready : bell.dataset.off;
    bell.classList.toggle("on", on);
    bell.setAttribute("aria-pressed", String(on));
    if (bellNote) bellNote.hidden = on;
  }
  async function arm(test) { // a browser lets a page make sound only after a tap
    sound = sound || new AudioContext();
    await Promise.race([sound.resume(), sleep(300)]);
    showBell(sound.state === "running");
    if (test) beep(1);
  }
  function remember(on) {
    try { sessionStorage.setItem("bell", on); } catch { /* then it is armed anew on each page */ }
  }
  function remembered() {
    try { return sessionStorage.getItem("bell"); } catch { return ""; }
  }
  bell.dataset.off = bell.textContent;
  bell.addEventListener("click", async () => {
    if (sound && sound.state === "running") {
      await sound.suspend();
      showBell(false);
    } else await arm(true);
    remember(sound.state === "running" ? "1" : "");
  });
  if (remembered()) { // armed on the page before: go on ringing, with the next tap at the latest
    arm(false);
    addEventListener("pointerdown", () => { if (sound.state !== "running" && remembered()) arm(false); });
  }
  function beep(times) {
    if (navigator.vibrate && sound) navigator.vibrate(Array(times).fill([300, 150]).flat());
    if (!sound || sound.state !== "running") return;
    for (let turn = 0; turn < times; turn += 1) {
      const start = sound.currentTime + turn * 0.45;
      const tone = sound.createOscillator(), level = sound.createGain();
      tone.frequency.setValueAtTime(740, start);
      tone.frequency.setValueAtTime(988, start + 0.15);
      level.gain.setValueAtTime(0.0001, start);
      level.gain.exponentialRampToValueAtTime(0.4, start + 0.03);
      level.gain.exponentialRampToValueAtTime(0.0001, start + 0.35);
      tone.connect(level).connect(sound.destination);
      tone.start(start);
      tone.stop(start + 0.4);
    }
  }
  setInterval(() => { if (ringing) beep(loud ? 3 : 1); }, 6000);

  // --- the list ------------------------------------------------------------------------------------------------------
  function waited(since) {
    const s = Math.max(0, Math.floor((Date.now() - since) / 1000));
    return s < 120 ? s + " giây" : s < 7200 ? Math.floor(s / 60) + " phút" : Math.floor(s / 3600) + " giờ";
  }
  function tick() {
    for (const time of document.querySelectorAll("time[data-since]")) time.textContent = waited(Number(time.dataset.since));
  }
  setInterval(tick, 1000);
  function drawCard(card) {
    const words = cards.dataset;
    const li = make("li", "card " + card.level + (card.rings ? " rings" : "") + (card.mine ? " mine" : ""));
    const top = make("p", "top");
    top.append(make("b", "", card.severity), " ", make("span", "", card.code));
    li.append(top);
    if (card.category) li.append(make("p", "category", card.category));
    const state = make("p");
    if (card.mine) state.append(make("strong", "", words.mine), " · ");
    state.append(card.state + (card.owner ? " · " + words.held + ": " + card.owner : ""));
    const wait = make("p", "soft", words.waited + " ");
    const time = make("time", "", waited(card.since));
    time.dataset.since = card.since;
    wait.append(time);
    li.append(state, wait, ...card.flags.map((flag) => make("p", "flag", flag)));
    const path = "/desk/cases/" + encodeURIComponent(card.code);
    const command = (act, kind, said) => {
      const form = make("form");
      form.method = "post";
      form.action = path + act;
      form.append(hidden("csrf", csrf), hidden("epoch", card.epoch), make("button", kind, said));
      li.append(form);
    };
    if (card.can_claim) command("/claim", "main", words.claim);
    if (card.can_pass) command("/pass-up", "plain wide", words.pass);
    if (card.can_open) {
      const link = make("a", "button", card.mine ? words.open : words.look);
      link.href = path;
      li.append(link);
    }
    return li;
  }
  function drawQueue(queue) {
    ringing = queue.ringing;
    loud = queue.cards.some((card) => card.rings && card.level === "emergency");
    document.title = (ringing ? "(" + ringing + ") " : "") + said.title;
    if (!cards) live.textContent = ringing ? ringing + " " + said.others : said.live;
    if (!cards) return watch(queue);
    const focused = document.activeElement && document.activeElement.closest ? document.activeElement.closest("li.card") : null;
    const code = focused ? focused.querySelector(".top span").textContent : "";
    fill(cards, queue.cards.map(drawCard));
    if (code) for (const li of cards.children) {
      if (li.querySelector(".top span").textContent === code) (li.querySelector("button, a") || li).focus();
    }
    $("empty").hidden = queue.cards.length > 0;
    $("duty").textContent = queue.duty_words;
    const who = $("on-duty");
    who.textContent = queue.on_duty.length ? who.dataset.lead + ": " + queue.on_duty.join(", ") : who.dataset.nobody;
    $("alarm").textContent = queue.alarm;
    $("alarm").hidden = !queue.alarm;
    $("gap").textContent = queue.gap;
    $("gap").hidden = !queue.gap;
  }

  // --- the page of a case that is not hers yet: somebody else may take it while she reads --------------------------------
  let seen = false;
  function watch(queue) {
    const page = $("case"), claim = $("claim");
    if (!page || !claim) return;
    const words = page.dataset, card = queue.cards.find((one) => one.code === words.code);
    if (!card) {
      claim.hidden = claim.hidden || seen;
      return seen ? report(words.away) : undefined;
    }
    seen = true;
    drawState(card);
    const owner = $("owner"), held = card.owner ? " · " + owner.dataset.lead + ": " + card.owner : "";
    const news = owner.textContent !== held || claim.hidden === card.can_claim;
    owner.textContent = held;
    claim.elements.epoch.value = card.epoch; // it may have begun to call anew: the button takes the case as it stands now
    claim.hidden = !card.can_claim;
    if (card.mine) report(words.yours, words.open);
    else if (news && card.can_claim) report(card.owner ? card.flags.join(" · ") : words.free);
    else if (news && card.owner) report(card.owner + " " + words.taken);
  }
  function report(news, open) {
    if ($("news").dataset.said === news) return; // said aloud once
    $("news").dataset.said = news;
    $("news").textContent = news;
    if (open) $("news").append(" ", Object.assign(make("a", "", open), { href: location.pathname }));
  }

  // --- the talk ------------------------------------------------------------------------------------------------------
  function drawState(state) {
    $("state").textContent = state.state;
    $("severity").textContent = state.severity;
    $("severity").parentNode.className = "case " + state.level;
    $("category").textContent = state.category ? " · " + state.category : "";
  }
  function drawLine(line) {
    const li = make("li", line.kind);
    if (line.seq) li.dataset.seq = line.seq;
    li.append(make("p", "by", line.author ? line.author + " · " + line.at : ""), make("p", "words", line.text));
    if (line.media) {
      const p = make("p", "media", line.media.uid ? "" : line.media.words);
      if (line.media.uid) {
        const a = make("a", "", line.media.words);
        a.href = "/desk/cases/" + encodeURIComponent(talk.dataset.code) + "/media/" + encodeURIComponent(line.media.uid);
        a.target = "_blank";
        a.rel = "noopener";
        p.append(a);
      }
      li.append(p);
    }
    li.append(make("p", "mark " + line.delivery, line.mark));
    return li;
  }
  function atSeq(seq) {
    return talk.querySelector('li[data-seq="' + Number(seq) + '"]');
  }
  function mark(li, delivery, words) {
    const p = li.querySelector(".mark");
    p.className = "mark " + delivery;
    p.textContent = words;
  }
  let last = talk ? Number(talk.dataset.after) || 0 : 0;
  function addLine(line) {
    if (line.seq <= last || atSeq(line.seq)) return;
    last = line.seq;
    const li = drawLine(line);
    const firstUnsaved = talk.querySelector("li:not([data-seq])");
    talk.insertBefore(li, firstUnsaved);
    const near = innerHeight + scrollY > document.body.scrollHeight - 500;
    if (near || line.kind === "in") li.scrollIntoView({ block: "nearest" });
    keepBox();
    if (line.kind === "in") beep(1);
  }
  function told() { // the summary as it stands, one string a row; what a clock changes is no news
    return new Set([...$("facts").children].filter((row) => row.firstChild.textContent !== $("facts").dataset.quiet)
      .map((row) => [...row.children].map((one) => one.textContent).join(": "))
      .concat([...$("reasons").children].map((li) => li.textContent)));
  }
  function drawSummary(summary) {
    const before = told();
    fill($("facts"), [...summary.facts, ...summary.answers].map(([name, words]) => {
      const row = make("div");
      row.append(make("dt", "", name), make("dd", "", words));
      return row;
    }));
    fill($("reasons"), [...summary.why.map((reason) => make("li", "", reason)), ...summary.signs.map(([sign, places]) => {
      const li = make("li", "", sign);
      places.forEach((words, at) => li.append(at ? ", " : ": ", make("q", "", words)));
      return li;
    })]);
    $("why").hidden = !$("reasons").children.length;
    if ($("refer") && summary.commune) $("refer").search = "?near=" + encodeURIComponent(summary.commune);
    tell([...told()].filter((row) => !before.has(row)));
  }
  function tell(news) { // beside the box she writes in: the summary itself stands far above it; until her next line
    const p = $("told");
    for (const one of news) p.textContent += (p.textContent ? " · " : p.dataset.lead + ": ") + one;
    if (news.length) keepBox();
  }
  function keepBox() { // whoever is writing keeps her box before her eyes, whatever comes in above it
    const box = document.activeElement;
    if (box && box.tagName === "TEXTAREA") box.scrollIntoView({ block: "nearest" });
  }
  function newKey() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
  }
  let unsaved = 0;
  let chain = Promise.resolve(); // one after the other, so that lines keep their order
  async function save(form, text, li, key) {
    for (let pause = 1000; ; pause = Math.min(pause * 2, 15000)) {
      try {
        const told = await post(form.action, { text, client_key: key });
        li.remove();
        unsaved -= 1;
        const hint = document.querySelector(".hint"); // "answer soon": done
        if (hint) hint.remove();
        $("new").textContent = told.held ? talk.dataset.held : "";
        if (!atSeq(told.seq) && told.seq > last) { // its own line comes with the stream; until then show that it is stored
          mark(li, "pending", talk.dataset.pending);
          li.dataset.seq = told.seq;
          talk.append(li);
        }
        return;
      } catch (error) {
        if (error.status && error.status < 500) {
          li.remove();
          unsaved -= 1;
          $("new").textContent = error.words + " " + talk.dataset.unsaved;
          const box = form.querySelector("textarea");
          box.value = box.value ? text + "\n" + box.value : text;
          return;
        }
        mark(li, "again", talk.dataset.again);
        await sleep(pause);
      }
    }
  }
  function take(form, kind) {
    const box = form.querySelector("textarea");
    const text = box.value;
    if (!text.trim()) return;
    box.value = "";
    $("told").textContent = ""; // seen
    unsaved += 1;
    const li = drawLine({ kind, author: "", at: "", text, delivery: "", mark: talk.dataset.saving });
    talk.append(li);
    li.scrollIntoView({ block: "nearest" });
    const key = newKey(); // kept through every retry, so that the line is stored once
    chain = chain.then(() => save(form, text, li, key));
  }
  for (const [id, kind] of [["reply", "out"], ["note", "note"]]) {
    const form = $(id);
    if (!form || !talk) continue;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      take(form, kind);
    });
  }
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  for (const form of document.forms) { // a second tap on a button does nothing more
    if (form.id !== "reply" && form.id !== "note") form.addEventListener("submit", () => {
      setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
    });
  }

  // --- the stream ----------------------------------------------------------------------------------------------------
  if (!said.queue) return;
  const query = talk && talk.dataset.mine
    ? "?" + new URLSearchParams({ case: talk.dataset.code, after: last, open: talk.dataset.open }) : "";
  let source = null, heard = Date.now(), warned = "";
  function alive() {
    heard = Date.now();
    if (live.classList.contains("lost") || !live.textContent) live.textContent = said.live;
    live.classList.remove("lost");
  }
  function lost() {
    live.textContent = said.lost;
    live.classList.add("lost");
  }
  function connect() {
    source = new EventSource("/desk/events" + query);
    const on = (name, does) => source.addEventListener(name, (event) => {
      alive();
      does(JSON.parse(event.data));
    });
    source.onopen = alive;
    source.onerror = () => {
      lost();
      if (source.readyState === EventSource.CLOSED) setTimeout(check, 3000);
    };
    on("alive", () => {});
    on("queue", drawQueue);
    on("page", (page) => beep(page.level === "emergency" ? 3 : 2));
    on("line", (line) => { // takes the place of the line shown while it was being saved
      const shown = atSeq(line.seq);
      if (shown && line.seq > last) shown.remove();
      addLine(line);
    });
    on("mark", (line) => { const li = atSeq(line.seq); if (li) mark(li, line.delivery, line.mark); });
    on("state", (state) => {
      const news = [];
      for (const name of ["severity", "category"]) {
        if (state[name] !== $(name).textContent.replace(/^ · /, "") && state[name]) news.push(state[name]);
      }
      tell(news);
      drawState(state);
      const banners = JSON.stringify(state.banners);
      if (banners !== warned) fill($("banners"), state.banners.map((one) => make("p", "banner " + one.kind, one.words)));
      warned = banners; // said aloud once, not with every line
      if (state.readable && !talk.dataset.readable) location.reload();
    });
    on("summary", drawSummary);
    on("lost", () => {
      $("new").textContent = talk.dataset.lost;
      document.querySelectorAll("#reply button, #note button").forEach((button) => { button.disabled = true; });
    });
    on("gone", () => {
      source.close();
      live.textContent = said.gone;
      if (cards || talk) location.assign("/desk/sign-in"); // elsewhere a form may be half written: posting it keeps its words
    });
  }
  async function check() { // refused for good: signed out, or the server starts anew
    try {
      const answer = await fetch("/desk/events" + query, { method: "GET", headers: { Accept: "text/event-stream" }, signal: AbortSignal.timeout(4000) });
      if (answer.status === 401) return cards || talk ? location.assign("/desk/sign-in") : undefined;
      if (answer.body) answer.body.cancel();
    } catch { /* still away */ }
    connect();
  }
  setInterval(() => { if (Date.now() - heard > 9000) lost(); }, 3000);
  connect();
  document.documentElement.classList.add("js"); // last: where anything above fails, the page stays as without script
})();
