/* Sends what a visitor says about a recommended item, and takes it back; see docs/recommendations.md. */
(function () {
  "use strict";
  if (window.ecomaiFeedback) return;
  window.ecomaiFeedback = true;

  function headersOf(menu) {
    const headers = { "Content-Type": "application/json" };
    const { key, customer } = menu.dataset;
    if (key) headers["X-Ecomai-Key"] = key;
    if (customer) headers["X-Ecomai-Customer"] = customer;
    const session = window.ecomai ? window.ecomai.session() : "";
    if (session) headers["X-Ecomai-Session"] = session;
    return headers;
  }

  async function send(menu, method, body) {
    const { endpoint, item } = menu.dataset;
    const address = method === "DELETE" ? `${endpoint}?item=${encodeURIComponent(item)}` : endpoint;
    try {
      const answer = await fetch(address, {
        method, credentials: "same-origin", headers: headersOf(menu), body: body && JSON.stringify(body),
      });
      return answer.ok;
    } catch (error) { return false; }
  }

  function say(menu, text) {
    const status = menu.querySelector("[role=status]");
    if (status) status.textContent = text;
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest && event.target.closest("[data-ecomai-feedback]");
    const menu = button && button.closest("[data-ecomai-menu]");
    if (!menu) return;
    const kind = button.dataset.ecomaiFeedback, item = menu.dataset.item, isUndone = kind === "undo";
    button.disabled = true;
    const isKept = isUndone ? await send(menu, "DELETE") : await send(menu, "POST", { item, kind });
    button.disabled = false;
    if (!isKept) { say(menu, menu.dataset.failed); return; }
    menu.classList.toggle("is-said", !isUndone);
    const entry = menu.closest("li");
    if (entry) entry.classList.toggle("ecomai-said", !isUndone);
    say(menu, isUndone ? "" : menu.dataset.kept);
    const next = menu.querySelector(isUndone ? "summary" : "[data-ecomai-feedback=undo]");
    if (next) next.focus();
  });

  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.activeElement.closest("[data-ecomai-menu] details[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });
})();
