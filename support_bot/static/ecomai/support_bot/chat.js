/* The chat on a shop page. Speaks the protocol of docs/chat-protocol.md over a socket, or over requests where
   sockets do not get through. What could not be sent yet stays in the browser until it is accepted. */
(function () {
  "use strict";
  const script = document.currentScript;
  if (!script || window.ecomaiChat) return;
  const { endpoint, socket: socketPath, key: pageKey, customer, language, style, media: mediaPath } = script.dataset;
  const texts = JSON.parse(script.dataset.texts);
  const STORE = "ecomai_chat", PING_SECONDS = 25, PAUSE_SECONDS = 4, LONGEST_WAIT_SECONDS = 30, TRIES_BEFORE_POLLING = 3,
        TYPING_SECONDS = 3;

  /* -- what is kept in the browser: the secret, where we are, and what was not accepted yet ---------------- */

  function load() {
    try { return JSON.parse(localStorage.getItem(STORE)) || {}; } catch (error) { return {}; }
  }
  const kept = Object.assign({ visitor: "", conversation: "", queue: [] }, load());
  function keep() {
    try { localStorage.setItem(STORE, JSON.stringify(kept)); } catch (error) { /* a private window keeps nothing */ }
  }

  /* -- the page ------------------------------------------------------------------------------------------- */

  function make(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text) node.textContent = text;
    return node;
  }
  const host = document.body.appendChild(make("ecomai-chat"));
  const root = host.attachShadow({ mode: "open" });
  const sheet = root.appendChild(make("link"));
  sheet.rel = "stylesheet";
  sheet.href = style;
  const page = root.appendChild(make("div", "root"));
  page.lang = language;
  page.hidden = true;
  sheet.addEventListener("load", () => { page.hidden = false; });

  const bubble = page.appendChild(make("button", "bubble", texts.open));
  bubble.type = "button";
  bubble.setAttribute("aria-expanded", "false");
  const panel = page.appendChild(make("section", "window"));
  panel.hidden = true;
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", texts.title);
  const head = panel.appendChild(make("header"));
  head.appendChild(make("h2", "", texts.title));
  const person = head.appendChild(make("button", "", texts.person));
  const end = head.appendChild(make("button", "", texts.shortEnd));
  end.setAttribute("aria-label", texts.end);
  const close = head.appendChild(make("button", "", "✕"));
  person.type = end.type = close.type = "button";
  end.hidden = true;
  close.setAttribute("aria-label", texts.close);
  const log = panel.appendChild(make("div", "log"));
  log.setAttribute("role", "log");
  log.setAttribute("aria-label", texts.conversation);
  log.tabIndex = 0;
  const note = panel.appendChild(make("div", "note"));
  note.setAttribute("role", "status");
  const rating = panel.appendChild(make("fieldset", "rating"));
  rating.hidden = true;
  const form = panel.appendChild(make("form"));
  const field = form.appendChild(make("textarea"));
  field.rows = 1;
  field.placeholder = texts.placeholder;
  field.setAttribute("aria-label", texts.placeholder);
  const send = form.appendChild(make("button", "", texts.send));
  send.type = "submit";

  const shown = new Map();     // sequence -> node
  const pending = new Map();   // key -> node
  const growing = new Map();   // number of the message that is being answered -> {node, text, next}
  let newest = 0, answered = 0, state = "bot", greeted = false, rated = "";

  function show(frame) {
    if (shown.has(frame.sequence)) return;
    if (frame.key && pending.has(frame.key)) { pending.get(frame.key).remove(); pending.delete(frame.key); }
    if (frame.from !== "customer") { stopGrowing(); answered = Math.max(answered, frame.sequence); }
    const node = messageNode(frame);
    log.appendChild(node);
    shown.set(frame.sequence, node);
    newest = Math.max(newest, frame.sequence);
    log.querySelectorAll(".choices").forEach((choices) => { if (choices.parentElement !== node) choices.remove(); });
    note.textContent = standing();
    log.scrollTop = log.scrollHeight;
  }

  /* A reply that is still being written. Its sentences have been checked; the message that follows has all of it,
     and is what a screen reader says. */
  function grow(frame) {
    let known = growing.get(frame.answers);
    if (frame.at === 0 && known) { known.node.remove(); known = null; }
    if (!known && frame.at === 0 && frame.answers > answered) { // else it came after the message
      const node = messageNode({ from: "bot", text: "" });
      node.classList.add("is-growing");
      node.setAttribute("aria-live", "off");
      node.setAttribute("aria-busy", "true");
      known = { node: log.appendChild(node), text: node.lastElementChild, next: 0 };
      growing.set(frame.answers, known);
    }
    if (!known || frame.at !== known.next) return; // the message will have what this tab missed
    known.text.append(frame.text);
    known.next += 1;
    log.scrollTop = log.scrollHeight;
  }

  function stopGrowing() {
    growing.forEach(({ node }) => node.remove());
    growing.clear();
  }

  function messageNode(frame) {
    const node = make("div", `said ${frame.from}`);
    const who = { customer: texts.you, bot: texts.bot, agent: texts.agent }[frame.from];
    if (who) node.appendChild(make("span", "who", who));
    if (frame.attachments) node.appendChild(pictures(frame.attachments));
    node.appendChild(make("span", "", frame.text || ""));
    if (frame.citations) node.appendChild(sources(frame.citations));
    if (frame.cards) node.appendChild(cards(frame.cards));
    if (frame.choices) node.appendChild(choices(frame.choices));
    return node;
  }

  function pictures(rows) {
    const strip = make("div", "pictures");
    for (const each of rows) {
      const picture = strip.appendChild(make("img"));
      picture.alt = each.alt || texts.picture;
      if (each.width) { picture.width = each.width; picture.height = each.height; }
      if (each.source) picture.src = each.source;
      else loadFile(each.id).then((source) => { picture.src = source; }, () => { /* the alternative text stays */ });
    }
    return strip;
  }

  async function loadFile(id) {
    const answer = await fetch(`${attachmentsPath}${encodeURIComponent(id)}/file/`, { headers: headers(), credentials: "same-origin" });
    if (!answer.ok) throw new Error(answer.status);
    return asAddress(await answer.blob());
  }

  function asAddress(blob) {
    return new Promise((done, failed) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result);
      reader.onerror = failed;
      reader.readAsDataURL(blob);
    });
  }

  function link(url, text) {
    const isSafe = /^(https?:\/\/|\/(?!\/))/.test(url || "");
    const node = make(isSafe ? "a" : "span", "", text);
    if (isSafe) node.href = url;
    return node;
  }

  function sources(citations) {
    const list = make("ul", "sources");
    list.setAttribute("aria-label", texts.sources);
    for (const each of citations) list.appendChild(make("li")).appendChild(link(each.url, each.title));
    return list;
  }

  function cards(rows) {
    const strip = make("div", "cards");
    for (const each of rows) {
      const card = strip.appendChild(make("div", "card"));
      if (/^(https?:\/\/|\/(?!\/))/.test(each.image_url || "")) {
        const picture = card.appendChild(make("img"));
        picture.src = each.image_url;
        picture.alt = "";
      }
      card.appendChild(link(each.url, each.title));
      for (const text of [each.price, each.reason]) if (text) card.appendChild(make("div", "", text));
    }
    return strip;
  }

  function choices(rows) {
    const line = make("div", "choices");
    for (const each of rows) {
      const button = line.appendChild(make("button", "", each.label));
      button.type = "button";
      button.addEventListener("click", () => { say(each.label, each.value); field.focus(); }); // it goes away
    }
    return line;
  }

  function known() {
    return kept.conversation ? newest : 0;
  }

  function standing() {
    return { waiting: texts.waiting, closed: texts.closed }[state] || "";
  }

  function say(text, value, sent) {
    text = text.trim();
    if (!text && !sent) return;
    const entry = { key: newKey(), text, value: value || "", attachments: sent || [] };
    kept.queue.push(entry);
    keep();
    showPending(entry);
    flush();
  }

  function showPending(entry) {
    const node = messageNode({ from: "customer", text: entry.text, attachments: (entry.attachments || []).map((id) => ({ id })) });
    node.classList.add("is-pending");
    node.setAttribute("aria-busy", "true");
    pending.set(entry.key, log.appendChild(node));
    log.scrollTop = log.scrollHeight;
  }

  function newKey() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function drop(key) {
    kept.queue = kept.queue.filter((entry) => entry.key !== key);
    keep();
  }

  function take(frame) {
    switch (frame.type) {
      case "welcome":
        kept.visitor = frame.visitor;
        if (frame.conversation !== kept.conversation) forget();
        kept.conversation = frame.conversation;
        keep();
        setState(frame.state);
        if (!greeted) { greeted = true; log.prepend(messageNode({ from: "bot", text: frame.greeting })); }
        break;
      case "accepted":
        if (frame.conversation !== kept.conversation) { shown.clear(); newest = answered = 0; } // what was said stays to be read
        kept.conversation = frame.conversation;
        drop(frame.key);
        setState(state === "closed" ? "bot" : state);
        break;
      case "message": show(frame); break;
      case "state": setState(frame.state); break;
      case "typing": note.textContent = `${frame.from === "agent" ? texts.agent : texts.bot} ${texts.typing}`; break;
      case "delta": grow(frame); break;
      case "progress": note.textContent = frame.text; break;
      case "rated": showThanks(); break;
      case "error": refuse(frame); break;
    }
  }

  function refuse(frame) {
    note.textContent = frame.message;
    if (!frame.key) return;
    if (frame.code === "conversation_closed") { kept.conversation = ""; keep(); hello(); return; }
    const isLater = frame.code === "too_many_messages" || frame.code === "internal_error";
    if (isLater) { setTimeout(flush, 15000); return; }
    drop(frame.key);
    const node = pending.get(frame.key);
    if (node) { node.remove(); pending.delete(frame.key); }
  }

  function forget() {
    stopGrowing();
    shown.forEach((node) => node.remove());
    shown.clear();
    newest = answered = 0;
  }

  function setState(next) {
    if (next === "closed" && kept.conversation) askRating(kept.conversation);
    state = next;
    person.hidden = state !== "bot";
    end.hidden = state === "closed" || !kept.conversation;
    note.textContent = standing();
    if (state !== "bot") stopGrowing();
    if (state === "closed") { kept.conversation = ""; keep(); } else { rating.hidden = true; }
  }

  /* -- what the customer thinks of it ---------------------------------------------------------------------- */

  function askRating(conversation) {
    if (rated === conversation) return;
    rating.replaceChildren(make("legend", "", texts.rate));
    const stars = rating.appendChild(make("div", "stars"));
    for (let n = 1; n <= 5; n += 1) {
      const star = stars.appendChild(make("button", "", "★"));
      star.type = "button";
      star.setAttribute("aria-label", texts.stars.replace("%s", n));
      star.setAttribute("aria-pressed", "false");
      star.addEventListener("click", () => rate(conversation, n, ""));
    }
    rating.hidden = false;
  }

  function rate(conversation, stars, text) {
    rated = conversation;
    rating.querySelectorAll(".stars button").forEach((star, place) => {
      star.classList.toggle("is-given", place < stars);
      star.setAttribute("aria-pressed", String(place + 1 === stars));
    });
    rating.dataset.conversation = conversation;
    rating.dataset.stars = stars;
    if (!poller && isReady) { transmit({ type: "rate", conversation, stars, text }); return; }
    ask(endpoint.replace(/messages\/$/, "rating/"), { conversation, stars, text })
      .then((answer) => { if (answer.isError) refuse(answer); else showThanks(); })
      .catch(() => { note.textContent = texts.offline; });
  }

  function showThanks() {
    note.textContent = texts.thanks;
    if (rating.querySelector("input")) { rating.hidden = true; return; }
    const line = rating.appendChild(make("div", "more"));
    const more = line.appendChild(make("input"));
    more.placeholder = texts.more;
    more.setAttribute("aria-label", texts.more);
    more.maxLength = 1000;
    const tell = line.appendChild(make("button", "", texts.send));
    tell.type = "button";
    tell.addEventListener("click", () => {
      if (!more.value.trim()) return;
      rate(rating.dataset.conversation, Number(rating.dataset.stars), more.value.trim());
      field.focus();
    });
  }

  /* -- the socket ----------------------------------------------------------------------------------------- */

  let socket = null, isReady = false, failures = 0, pinger = 0, poller = null;

  function connect() {
    if (socket || poller) return;
    const address = new URL(socketPath, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    try { socket = new WebSocket(address); } catch (error) { poll(); return; }
    socket.addEventListener("open", hello);
    socket.addEventListener("message", (event) => {
      const frame = JSON.parse(event.data);
      take(frame);
      if (frame.type === "welcome") { failures = 0; isReady = true; flush(); }
      if (frame.type === "message") transmit({ type: "ack", sequence: newest });
    });
    socket.addEventListener("close", () => {
      stopGrowing(); // who comes back is sent the whole of it
      socket = null;
      isReady = false;
      clearInterval(pinger);
      failures += 1;
      note.textContent = texts.offline;
      if (failures >= TRIES_BEFORE_POLLING) { poll(); return; }
      setTimeout(connect, Math.min(2 ** failures, LONGEST_WAIT_SECONDS) * 500 * (1 + Math.random()));
    });
  }

  function hello() {
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    transmit({
      type: "hello", version: 2, visitor: kept.visitor, conversation: kept.conversation, after: known(),
      language, customer, key: pageKey, session: window.ecomai ? window.ecomai.session() : "",
    });
    clearInterval(pinger);
    pinger = setInterval(() => transmit({ type: "ping" }), PING_SECONDS * 1000);
  }

  function transmit(frame) {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  }

  function flush() {
    if (poller) { flushByRequest(); return; }
    if (!isReady) { connect(); return; }
    for (const { key, text, value, attachments } of kept.queue) transmit({ type: "message", key, text, value, attachments: attachments || [] });
  }

  /* -- without a socket ----------------------------------------------------------------------------------- */

  const attachmentsPath = endpoint.replace(/messages\/$/, "attachments/");

  function headers() {
    const found = { "X-Ecomai-Key": pageKey, "X-Ecomai-Visitor": kept.visitor };
    if (customer) found["X-Ecomai-Customer"] = customer;
    return found;
  }

  async function ask(address, body) {
    const isForm = body instanceof FormData;
    const answer = await fetch(address, {
      method: body ? "POST" : "GET", credentials: "same-origin",
      headers: body && !isForm ? { ...headers(), "Content-Type": "application/json" } : headers(),
      body: isForm ? body : body && JSON.stringify(body),
    });
    const content = await answer.json();
    if (content.error) return Object.assign(content.error, { isError: true });
    return content;
  }

  /* The server holds each question until there is something new; one that cannot answers at once. */
  async function poll() {
    if (poller) return;
    const mine = poller = {};
    let first = true;
    while (poller === mine) {
      const began = Date.now();
      const isAnswered = !document.hidden && await read(first);
      if (first && isAnswered) { first = false; flushByRequest(); continue; }
      if (!isAnswered || Date.now() - began < 1000) await new Promise((go) => setTimeout(go, PAUSE_SECONDS * 1000));
    }
  }

  async function read(isFirst) {
    const query = new URLSearchParams({ conversation: kept.conversation, after: known(), language });
    if (!isFirst) query.set("state", state);
    try {
      const answer = await ask(`${endpoint}${isFirst ? "" : "wait/"}?${query}`);
      if (answer.isError) return false;
      answer.frames.forEach(take);
      return true;
    } catch (error) { note.textContent = texts.offline; return false; }
  }

  let isFlushing = false;
  async function flushByRequest() {
    if (isFlushing) return;
    isFlushing = true;
    try {
      for (const entry of [...kept.queue]) {
        const answer = await ask(endpoint, { ...entry, conversation: kept.conversation, after: known() });
        if (answer.isError) { refuse({ ...answer, key: entry.key }); continue; }
        kept.visitor = answer.visitor;
        take({ type: "accepted", conversation: answer.conversation, key: entry.key });
        answer.frames.forEach(take);
      }
    } catch (error) { note.textContent = texts.offline; }
    isFlushing = false;
  }

  /* -- hands and keys ------------------------------------------------------------------------------------- */

  let media = null;
  function loadMedia() {
    if (!mediaPath || media) return;
    media = { submit: null };
    const more = document.createElement("script");
    more.src = mediaPath;
    more.addEventListener("load", () => {
      media = window.ecomaiChatMedia({ form, field, note, send, texts, language, make, say, asAddress, ask, attachmentsPath, keepVisitor });
    });
    document.head.appendChild(more);
  }
  function keepVisitor(secret) {
    kept.visitor = secret;
    keep();
  }

  function open() {
    loadMedia();
    panel.hidden = false;
    bubble.hidden = true;
    bubble.setAttribute("aria-expanded", "true");
    connect();
    field.focus();
  }
  function shut() {
    panel.hidden = true;
    bubble.hidden = false;
    bubble.setAttribute("aria-expanded", "false");
    bubble.focus();
  }
  function submit() {
    const text = field.value;
    field.value = "";
    if (media && media.submit && media.submit(text)) return;
    say(text);
  }
  bubble.addEventListener("click", open);
  close.addEventListener("click", shut);
  person.addEventListener("click", () => { say(texts.person, "person"); field.focus(); });
  end.addEventListener("click", () => {
    field.focus();
    if (!poller && isReady) { transmit({ type: "end" }); return; }
    ask(endpoint.replace(/messages\/$/, "end/"), { conversation: kept.conversation })
      .then((answer) => { if (answer.isError) refuse(answer); else setState(answer.state); })
      .catch(() => { note.textContent = texts.offline; });
  });
  let typedAt = 0;
  field.addEventListener("input", () => {
    if (Date.now() - typedAt < TYPING_SECONDS * 1000 || state === "bot" || !isReady) return;
    typedAt = Date.now();
    transmit({ type: "typing" });
  });
  panel.addEventListener("keydown", (event) => { if (event.key === "Escape") shut(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(); field.focus(); });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
  window.addEventListener("online", () => { failures = 0; poller = null; connect(); });
  kept.queue.forEach(showPending);
  if (kept.queue.length) connect();
  window.ecomaiChat = { open, close: shut };
})();
