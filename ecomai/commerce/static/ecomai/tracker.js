/* Sends what happens on the page to the shop's own ecomai; see docs/data-in.md. Nothing before consent. */
(function () {
  "use strict";
  const script = document.currentScript;
  if (!script || window.ecomai) return;
  const { endpoint, key, customer, consent } = script.dataset;
  const COOKIE = "ecomai_session", DAYS = 30, BATCH = 50, MOST = 200, WAIT = 2000, LONGEST_WAIT = 300000;
  const ON_LOAD = new Set(["view", "search", "checkout", "purchase"]);
  const refused = navigator.globalPrivacyControl === true;
  let granted = false, queue = [], sending = false, failures = 0, timer = 0;
  const done = new WeakMap();

  const id = () => crypto.randomUUID ? crypto.randomUUID()
    : Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  function setCookie(value, seconds) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${COOKIE}=${value}; Path=/; Max-Age=${seconds}; SameSite=Lax${secure}`;
  }

  function session() {
    const found = document.cookie.match(/(?:^|; )ecomai_session=([\w-]{8,128})/);
    const value = found ? found[1] : id();
    setCookie(value, DAYS * 86400);
    return value;
  }

  function track(type, fields) {
    if (!granted) return;
    queue.push(Object.assign({ type, key: id(), occurred_at: new Date().toISOString() }, fields));
    queue = queue.slice(-MOST);
    plan(queue.length >= 20 ? 0 : WAIT);
  }

  function plan(delay) {
    clearTimeout(timer);
    timer = setTimeout(flush, failures ? Math.min(WAIT * 2 ** failures, LONGEST_WAIT) : delay);
  }

  const body = (events) => JSON.stringify({
    events, session_id: session(), customer_token: customer || "", sent_at: new Date().toISOString(),
  });

  async function flush() {
    if (!granted || sending || !queue.length) return;
    const events = queue.slice(0, BATCH);
    sending = true;
    let again = true;
    try {
      const answer = await fetch(endpoint + "?results=errors", {
        method: "POST", keepalive: true, credentials: "same-origin", body: body(events),
        headers: { "Content-Type": "application/json", "X-Ecomai-Key": key },
      });
      again = answer.status === 429 || answer.status >= 500;
    } catch (error) { /* offline: the same events, with the same keys, go again */ }
    sending = false;
    failures = again ? failures + 1 : 0;
    if (!again) queue = queue.filter((event) => !events.includes(event));
    if (queue.length) plan(WAIT);
  }

  /* The page goes away: a beacon outlives it. The same keys sent twice count once. */
  function leave() {
    while (granted && queue.length) {
      const text = body(queue.slice(0, BATCH));
      if (!navigator.sendBeacon(`${endpoint}?key=${encodeURIComponent(key)}`, text)) return;
      queue = queue.slice(BATCH);
    }
  }

  function fieldsOf(element) {
    const d = element.dataset, fields = {};
    for (const [name, value] of [["item_id", d.ecomaiItem], ["query", d.ecomaiQuery], ["value", d.ecomaiValue],
      ["currency", d.ecomaiCurrency], ["quantity", d.ecomaiQuantity], ["order_id", d.ecomaiOrder]]) {
      if (value) fields[name] = value;
    }
    if (d.ecomaiProperties) {
      try { fields.properties = JSON.parse(d.ecomaiProperties); } catch (error) { console.warn("ecomai:", error); }
    }
    return fields;
  }

  const typesOf = (element) => (element.dataset.ecomaiEvent || "").split(/\s+/).filter(Boolean);

  function once(element, type) {
    const types = done.get(element) || new Set();
    if (types.has(type)) return;
    done.set(element, types.add(type));
    track(type, fieldsOf(element));
  }

  const watcher = "IntersectionObserver" in window && new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) { once(entry.target, "impression"); watcher.unobserve(entry.target); }
    }
  }, { threshold: 0.5 });

  function look(root) {
    const found = root.querySelectorAll ? [...root.querySelectorAll("[data-ecomai-event]")] : [];
    if (root.matches && root.matches("[data-ecomai-event]")) found.push(root);
    for (const element of found) {
      for (const type of typesOf(element)) {
        if (ON_LOAD.has(type)) once(element, type);
        else if (type === "impression" && watcher) watcher.observe(element);
      }
    }
  }

  function act(event) {
    const element = event.target.closest && event.target.closest("[data-ecomai-event]");
    if (!element || (element.tagName === "FORM") !== (event.type === "submit")) return;
    for (const type of typesOf(element)) {
      if (type !== "impression" && !ON_LOAD.has(type)) track(type, fieldsOf(element));
    }
  }

  /* A link in a mail says what it was shown as; once told, the address is the page's own again. */
  function arrive() {
    const address = new URL(location.href), said = (name) => address.searchParams.get("ecomai_" + name) || "";
    if (!said("answer")) return;
    const properties = { answer: said("answer"), placement: said("placement"), position: +said("position") };
    track("click", { item_id: said("item"), properties });
    for (const name of ["answer", "placement", "position", "item"]) address.searchParams.delete("ecomai_" + name);
    history.replaceState(history.state, "", address);
  }

  function start() {
    arrive();
    look(document);
    new MutationObserver((changes) => {
      for (const change of changes) change.addedNodes.forEach(look);
    }).observe(document.documentElement, { childList: true, subtree: true });
    document.addEventListener("click", act, true);
    document.addEventListener("submit", act, true);
    window.addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leave());
  }

  let started = false;
  function setConsent(isGranted) {
    granted = Boolean(isGranted) && !refused;
    if (!granted) { queue = []; setCookie("", 0); return; }
    session();
    if (!started) { started = true; start(); } else look(document);
  }

  window.ecomai = { track, flush, consent: setConsent, session: () => (granted ? session() : "") };
  document.addEventListener("ecomai:consent", (event) => setConsent(event.detail === undefined || event.detail));
  const ready = () => { if (consent === "granted") setConsent(true); };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready); else ready();
})();
