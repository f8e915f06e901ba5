/* Lets a visitor say something about a recommended item, and take it back; see docs/recommendations.md. */
(function () {
  "use strict";
  if (window.ecomaiFeedback) return;
  window.ecomaiFeedback = true;

  /* Beside each item that the strip's markup names for the tracker, a copy of the strip's menu. */
  function addMenus(template) {
    for (const link of template.parentElement.querySelectorAll("[data-ecomai-item]")) {
      const menu = template.content.firstElementChild.cloneNode(true);
      const title = link.querySelector("[class*=title]") || link;
      Object.assign(menu.dataset, template.dataset, { item: link.dataset.ecomaiItem });
      menu.querySelector("summary").setAttribute("aria-label", `${template.dataset.label} ${title.textContent.trim()}`);
      link.after(menu);
    }
    template.remove();
  }

  function headersOf(menu) {
    const headers = { "Content-Type": "application/json", "X-Ecomai-Key": menu.dataset.key };
    const session = window.ecomai ? window.ecomai.session() : "";
    if (menu.dataset.customer) headers["X-Ecomai-Customer"] = menu.dataset.customer;
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

  document.addEventListener("click", async (event) => {
    const button = event.target.closest && event.target.closest("[data-ecomai-feedback]");
    const menu = button && button.closest("[data-ecomai-menu]");
    if (!menu) return;
    const kind = button.dataset.ecomaiFeedback, item = menu.dataset.item, isUndone = kind === "undo";
    const status = menu.querySelector("[role=status]");
    button.disabled = true;
    const isDone = isUndone ? await send(menu, "DELETE") : await send(menu, "POST", { item, kind });
    button.disabled = false;
    menu.classList.toggle("has-failed", !isDone);
    if (!isDone) { status.textContent = menu.dataset.failed; return; }
    menu.classList.toggle("is-said", !isUndone);
    menu.querySelector("details").open = false;
    status.textContent = isUndone ? "" : menu.dataset.kept;
    menu.querySelector(isUndone ? "summary" : "[data-ecomai-feedback=undo]").focus();
  });

  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.activeElement.closest("[data-ecomai-menu] details[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });

  const start = () => document.querySelectorAll("template[data-ecomai-feedback-menu]").forEach(addMenus);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
