// The seeker page works without this file; here it only gets quicker: leaving, sending, waiting for an answer.
// Nothing is kept in this browser: no cookie, no storage, no history entry. Text of people is only ever set as text.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const exit = $("exit");
  const form = $("say");
  const token = document.querySelector("input[name=token]");

  // --- leaving ---------------------------------------------------------------------------------------------------
  function leave() {
    document.documentElement.classList.add("gone"); // blank at once, however slow the network is
    const body = new URLSearchParams({ token: token ? token.value : "" });
    try {
      if (form && !navigator.sendBeacon("/exit", body)) fetch("/exit", { method: "POST", body, keepalive: true });
    } catch { /* leaving matters more */ }
    if (form) form.reset();
    location.replace(exit.href);
  }
  exit.addEventListener("click", (event) => {
    event.preventDefault();
    leave();
  });
  const pressed = { Shift: [], Escape: [] };
  addEventListener("keydown", (event) => {
    for (const key in pressed) if (key !== event.key) pressed[key] = [];
    if (!pressed[event.key] || event.isComposing || event.repeat || event.keyCode === 229) return;
    pressed[event.key] = [...pressed[event.key], event.timeStamp].slice(-3);
    if (pressed[event.key].length === 3 && event.timeStamp - pressed[event.key][0] < 5000) leave();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted && (stopped || document.documentElement.classList.contains("gone"))) location.replace("/");
  });
  let stopped = false;
  if (!form) return;

  // --- showing ---------------------------------------------------------------------------------------------------
  const log = $("log"), hint = $("hint"), text = $("text"), choices = $("choices"), place = $("place");
  const words = hint.dataset;
  const send = form.querySelector("button.main");
  const numbers = document.body.dataset.numbers.split("|").filter(Boolean).sort((a, b) => b.length - a.length);
  const known = numbers.length ? new RegExp("(^|[^\\d+])(" + numbers.join("|") + ")(?!\\d)") : /$^/;
  let after = Number(form.after.value) || 0;
  let over = log.dataset.over === "1"; // she has said stop or delete
  let human = Boolean(log.querySelector("li.person")) && hint.textContent === words.human;

  function fill(node, children) { // replaceChildren, also for phones of 2019
    node.textContent = "";
    node.append(...children);
  }
  function say(message) {
    if (hint.textContent !== message) hint.textContent = message;
  }
  function calm() {
    say(human && !over ? words.human : "");
  }
  function item(who, content, seq, audio, lang) {
    const li = document.createElement("li");
    li.className = who;
    if (seq) li.dataset.seq = seq;
    const name = document.createElement("span");
    name.className = "who";
    name.textContent = words[who] || "";
    const p = document.createElement("p");
    for (let found; (found = known.exec(content)); ) { // our own numbers can be tapped, all else is plain text
      const start = found.index + found[1].length;
      const call = document.createElement("a");
      call.href = "tel:" + found[2].replace(/ /g, "");
      call.textContent = found[2];
      p.append(content.slice(0, start), call);
      content = content.slice(start + found[2].length);
    }
    p.append(content);
    if (lang) p.lang = lang;
    li.append(name, p);
    if (audio) {
      const sound = document.createElement("audio");
      sound.controls = true;
      sound.preload = "none";
      sound.src = `/audio/${audio}.mp3`;
      sound.setAttribute("aria-label", words.listen);
      li.append(sound);
    }
    return li;
  }
  let pending = null; // her own line, shown before the server has read it back to us
  function show(view) {
    let fresh = null;
    if (view.over !== over) { // another talk from here on: the answer holds all of it, with numbers of its own
      over = view.over;
      after = 0;
      log.textContent = "";
      if (over) pending = null;
      calm();
    }
    for (const line of view.lines) {
      if (line.seq <= after) continue;
      if (line.who === "me" && pending) { pending.remove(); pending = null; }
      fresh = item(line.who, line.text, line.seq, line.audio, line.lang);
      log.append(fresh);
      after = line.seq;
      if (line.who !== "me" && !line.buttons.length && !line.wants_location) continue; // the question stays open
      fill(choices, line.buttons.map((button) => {
        const b = document.createElement("button");
        b.name = "choice";
        b.value = button.data;
        b.textContent = button.label;
        return b;
      }));
      place.hidden = !(line.wants_location && navigator.geolocation);
      place.removeAttribute("data-off");
    }
    if (view.over) { // she said stop or delete: only our last words stay on the screen
      const own = [...log.querySelectorAll("li.me")].pop();
      while (own && log.firstChild !== own) log.firstChild.remove();
      if (own) own.remove();
      fill(choices, []);
    }
    if (view.human) { // while a person talks, the machine's choices mean nothing
      fill(choices, []);
      place.hidden = true;
    }
    if (pending) log.append(pending);
    if (view.human !== human) {
      human = view.human;
      if (!over) say(human ? words.human : words.humanOver);
    }
    if (fresh) fresh.scrollIntoView({ block: fresh.clientHeight > innerHeight / 2 ? "start" : "nearest" });
  }
  if (navigator.geolocation && !place.hasAttribute("data-off")) place.hidden = false;

  // --- sending ---------------------------------------------------------------------------------------------------
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  }
  async function post(path, fields, limit) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), limit);
    try {
      const answer = await fetch(path, {
        method: "POST", body: new URLSearchParams(fields), headers: { Accept: "application/json" },
        credentials: "omit", cache: "no-store", signal: stop.signal,
      });
      if (!answer.ok) throw Object.assign(new Error(), { status: answer.status });
      return await answer.json();
    } finally {
      clearTimeout(timer);
    }
  }
  let busy = false;
  let unsent = null; // the message whose sending failed: the same one again keeps its key, so that it arrives once
  async function submit(fields, shown) {
    if (busy) return false;
    busy = true;
    send.disabled = true;
    const same = unsent && JSON.stringify(unsent.fields) === JSON.stringify(fields);
    const mid = same ? unsent.mid : newKey();
    if (pending) pending.remove();
    pending = item("me", shown, 0);
    pending.classList.add("wait");
    log.append(pending);
    pending.scrollIntoView({ block: "nearest" });
    say(words.sending);
    let failure = null;
    for (const pause of [0, 1500, 3000]) {
      await sleep(pause);
      try {
        const view = await post("/", { ...fields, token: token.value, mid, after, over: Number(over) }, 15000);
        unsent = null;
        if (pending) pending.classList.remove("wait");
        calm();
        show(view);
        busy = send.disabled = false;
        return true;
      } catch (error) {
        failure = error;
        if (error.status && error.status < 500) break;
      }
    }
    unsent = { fields, mid };
    if (pending) { pending.remove(); pending = null; }
    say(failure.status === 413 ? words.tooBig : words.notSent);
    busy = send.disabled = false;
    return false;
  }
  async function sendText() {
    const value = text.value;
    if (!value.trim()) return say(words.empty);
    if (await submit({ act: "say", text: value }, value) && text.value === value) text.value = "";
    text.focus({ preventScroll: true });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = event.submitter || document.activeElement;
    if (button && button.name === "choice") submit({ choice: button.value }, button.textContent);
    else sendText();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    sendText();
  });
  place.addEventListener("click", () => {
    say(words.asking);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => submit({ act: "location", lat: coords.latitude, lon: coords.longitude }, place.textContent),
      () => say(words.denied),
      { timeout: 20000, maximumAge: 60000 },
    );
  });

  // --- waiting for answers -----------------------------------------------------------------------------------------
  async function listen() {
    let failures = 0;
    while (!stopped) {
      try {
        const view = await post("/poll", { token: token.value, after, human: Number(human), over: Number(over) }, 60000);
        if (stopped) return;
        if (failures > 1 && !busy) calm();
        failures = 0;
        show(view);
      } catch {
        failures += 1;
        if (failures > 1 && !busy && !unsent) say(words.lost);
        await sleep(Math.min(1000 * failures, 8000));
      }
    }
  }
  listen();

  // --- an unattended page goes blank ---------------------------------------------------------------------------------
  const idle = 15 * 60 * 1000;
  let touched = Date.now();
  function hide() {
    if (stopped || Date.now() - touched < idle) return;
    stopped = true; // also stops fetching: what nobody reads must not count as delivered
    const again = document.createElement("form");
    again.method = "post";
    again.action = "/#m";
    again.className = "blank";
    for (const [name, value] of [["token", token.value], ["mid", newKey()], ["act", "look"]]) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      again.append(field);
    }
    const go = document.createElement("button");
    go.textContent = words.resume;
    again.append(go);
    fill(document.body, [exit, again]);
  }
  for (const kind of ["keydown", "pointerdown", "touchmove", "wheel", "input"]) {
    addEventListener(kind, () => {
      if (Date.now() - touched >= idle) hide();
      else touched = Date.now();
    }, { passive: true, capture: true });
  }
  addEventListener("visibilitychange", hide);
  setInterval(hide, 5000);
  document.documentElement.classList.add("js"); // last: where anything above fails, the page stays as without script
})();
