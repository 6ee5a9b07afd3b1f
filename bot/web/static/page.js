// The seeker page works without this file; here it only gets quicker: leaving, sending, waiting for an answer.
// Nothing is kept in this browser: no cookie, no storage, no history entry. Text of people is only ever set as text.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const exit = $("exit"), pressed = $("pressed"), dots = $("dots");
  const form = $("say");
  const token = document.querySelector("input[name=token]");
  let stopped = false;

  function make(tag, more) {
    return Object.assign(document.createElement(tag), more);
  }
  function fill(node, children) { // replaceChildren, also for phones of 2019
    node.textContent = "";
    node.append(...children);
  }

  // --- leaving ---------------------------------------------------------------------------------------------------
  function leave() {
    stopped = true;
    try {
      root.classList.add("gone"); // blank at once, however slow the network is
      for (const sound of document.querySelectorAll("audio")) sound.pause();
      const ghost = make("div", { className: "ghost" });
      ghost.setAttribute("role", "alert");
      fill(document.body, [ghost]); // nothing is left to look at, to go through by keyboard, or to listen to
      ghost.textContent = pressed.dataset.leaving;
      const body = new URLSearchParams({ token: token ? token.value : "" });
      if (!navigator.sendBeacon("/exit", body)) fetch("/exit", { method: "POST", body, keepalive: true });
    } finally { // whatever went wrong above, leaving matters more
      location.replace(exit.href); // in this tab and in place of this page: Back does not lead to it
    }
  }
  exit.addEventListener("click", (event) => {
    event.preventDefault();
    leave();
  });

  // Shift or Esc three times, each pressed and let go alone; at most 5 s apart.
  let alone = "", last = "", times = 0, timer = 0;
  function count(key, late) {
    clearTimeout(timer);
    times = key && key === last ? times + 1 : Number(Boolean(key));
    last = key;
    if (times === 3) return leave();
    fill(dots, times ? [0, 1, 2].map((at) => make("i", { className: at < times ? "on" : "" })) : []);
    const { two, one, late: expired } = pressed.dataset;
    const name = key === "Shift" ? key : "Esc"; // as it stands on the keyboard
    pressed.textContent = times ? (times === 1 ? two : one).replace("{key}", name) : late ? expired : "";
    timer = setTimeout(() => (times ? count("", true) : (pressed.textContent = "")), 5000);
  }
  addEventListener("keydown", (event) => {
    if (event.repeat) return;
    const counts = (event.key === "Shift" || event.key === "Escape") && !event.isComposing && event.keyCode !== 229;
    alone = counts ? event.key : "";
    if (!counts && times) count("");
  }, true);
  addEventListener("keyup", (event) => {
    if (alone && event.key === alone && !event.isComposing) count(alone);
    alone = "";
  }, true);
  addEventListener("pageshow", (event) => {
    if (event.persisted && stopped) location.replace("/");
  });
  addEventListener("play", (event) => { // one voice at a time
    for (const sound of document.querySelectorAll("audio")) if (sound !== event.target) sound.pause();
  }, true);
  if ($("keys")) $("keys").hidden = false;
  if (!form) return;

  // --- showing ---------------------------------------------------------------------------------------------------
  const log = $("log"), hint = $("hint"), text = $("text"), choices = $("choices"), place = $("place"), look = $("look");
  const words = hint.dataset;
  const send = form.querySelector("button.main");
  const numbers = document.body.dataset.numbers.split("|").filter(Boolean).sort((a, b) => b.length - a.length);
  const known = numbers.length ? new RegExp("(^|[^\\d+])(" + numbers.join("|") + ")(?!\\d)") : /$^/;
  let after = Number(form.after.value) || 0;
  let over = log.dataset.over === "1"; // she has said stop or delete
  let human = Boolean(log.querySelector("li.person")) && hint.textContent === words.human;

  function say(message) {
    if (hint.textContent !== message) hint.textContent = message;
  }
  function calm() {
    say(human && !over ? words.human : "");
  }
  function write(p, content) {
    p.textContent = "";
    for (let found; (found = known.exec(content)); ) { // our own numbers can be tapped, all else is plain text
      const start = found.index + found[1].length;
      p.append(content.slice(0, start), make("a", { href: "tel:" + found[2].replace(/ /g, ""), textContent: found[2] }));
      content = content.slice(start + found[2].length);
    }
    p.append(content);
  }
  function item(who, content, audio, lang) {
    const li = make("li", { className: who });
    const p = make("p", lang ? { lang } : {});
    write(p, content);
    li.append(make("span", { className: "who", textContent: words[who] || "" }), p);
    if (audio) {
      const sound = make("audio", { controls: true, preload: "none", src: `/audio/${audio}.mp3` });
      sound.setAttribute("aria-label", words.listen);
      li.append(sound);
    }
    return li;
  }
  function offer(buttons, lang) {
    const inside = choices.contains(document.activeElement);
    fill(choices, buttons.map(({ label, data }) => make("button", { name: "choice", value: data, textContent: label, lang })));
    choices.hidden = !buttons.length;
    // The pressed button is gone: who goes by keyboard or screen reader stays where the answers are.
    if (inside) (buttons.length ? choices : text).focus({ preventScroll: true });
  }
  let pending = null; // her own line, shown before the server has read it back to us
  function drop() {
    if (pending) pending.remove();
    pending = null;
  }
  function show(view) {
    if (view.turn) { // the talk goes on in another language: the server draws the page in it
      stopped = true;
      return look.click();
    }
    form.spoke.value = view.spoke;
    let fresh = null, asked = null;
    if (view.over !== over) { // another talk from here on: the answer holds all of it, with numbers of its own
      over = view.over;
      after = 0;
      log.textContent = "";
      if (over) pending = null;
      calm();
    }
    for (const line of view.lines) {
      if (line.seq <= after) continue;
      if (line.who === "me" && pending) { // the line that stands there already, so that it is not read out twice
        fresh = pending;
        pending = null;
        fresh.classList.remove("wait");
        write(fresh.lastChild, line.text);
      } else {
        fresh = item(line.who, line.text, line.audio, line.lang);
        log.insertBefore(fresh, pending);
      }
      fresh.dataset.seq = line.seq;
      after = line.seq;
      if (line.who === "me" || line.buttons.length || line.wants_location) asked = line; // else the question stays open
    }
    if (asked || view.over || view.human) { // while a person talks, the machine's choices mean nothing
      const open = asked && !view.over && !view.human;
      offer(open ? asked.buttons : [], asked ? asked.lang : "");
      place.hidden = !(open && asked.wants_location && navigator.geolocation);
      place.removeAttribute("data-off");
    }
    if (view.over) { // she said stop or delete: only our last words stay on the screen
      const own = [...log.querySelectorAll("li.me")].pop();
      while (own && log.firstChild !== own) log.firstChild.remove();
      if (own) own.remove();
    }
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
    const stands = { token: token.value, lang: form.lang.value, spoke: form.spoke.value, after, over: Number(over) };
    try {
      const answer = await fetch(path, {
        method: "POST", body: new URLSearchParams({ ...fields, ...stands }), headers: { Accept: "application/json" },
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
    if (busy) return;
    busy = true;
    send.disabled = true;
    const same = unsent && JSON.stringify(unsent.fields) === JSON.stringify(fields);
    const mid = same ? unsent.mid : newKey();
    drop();
    pending = item("me", shown);
    pending.classList.add("wait");
    log.append(pending);
    pending.scrollIntoView({ block: "nearest" });
    say(words.sending);
    const slow = setTimeout(() => say(words.slow), 6000);
    let failure = null;
    for (const pause of [0, 1500, 3000]) {
      await sleep(pause);
      try {
        const view = await post("/", { ...fields, mid }, 15000);
        unsent = failure = null;
        if (pending) pending.classList.remove("wait");
        if (fields.text && text.value === fields.text) text.value = "";
        if (!stopped) calm();
        if (!stopped) show(view);
        break;
      } catch (error) {
        failure = error;
        if (error.status && error.status < 500) break;
      }
    }
    clearTimeout(slow);
    if (failure) {
      unsent = { fields, mid };
      drop();
      say(failure.status === 413 ? words.tooBig : fields.text ? words.notSent : words.again);
    }
    busy = send.disabled = false;
  }
  async function sendText() {
    const value = text.value;
    if (!value.trim()) return say(words.empty);
    await submit({ act: "say", text: value }, value);
    text.focus({ preventScroll: true });
  }
  let clicked = null; // older phones do not say which button sent a form
  addEventListener("click", (event) => { clicked = event.target.closest("button"); }, true);
  form.addEventListener("submit", (event) => {
    const button = event.submitter || clicked;
    const leads = button && (button.name === "speak" || button.hasAttribute("formaction")); // to a page drawn anew
    if (button === look || (leads && !busy)) return;
    event.preventDefault();
    if (button && button.name === "choice") submit({ choice: button.value }, button.textContent);
    else if (!busy) sendText();
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
        const view = await post("/poll", { human: Number(human) }, 60000);
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
    const again = make("form", { method: "post", action: "/#m", className: "blank" });
    const kept = { token: token.value, lang: form.lang.value, spoke: form.spoke.value, after, mid: newKey(), act: "look" };
    for (const name in kept) again.append(make("input", { type: "hidden", name, value: kept[name] }));
    again.append(make("button", { textContent: words.resume }));
    fill(document.body, [exit.parentNode, again]);
  }
  for (const kind of ["keydown", "pointerdown", "touchmove", "wheel", "input"]) {
    addEventListener(kind, () => {
      if (Date.now() - touched >= idle) hide();
      else touched = Date.now();
    }, { passive: true, capture: true });
  }
  addEventListener("visibilitychange", hide);
  setInterval(hide, 5000);
  root.classList.add("js"); // last: where anything above fails, the page stays as without script
})();
