/* Keys of the review queue and of a case: a key presses or focuses what names it. None works in a text field. */
(() => {
  "use strict";
  const FIELDS = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";

  const help = () => document.querySelector("[data-risk-dialog]")?.showModal();

  const moveRow = (step) => {
    const links = [...document.querySelectorAll("[data-risk-row] th a")];
    const here = links.indexOf(document.activeElement?.closest("[data-risk-row]")?.querySelector("th a"));
    links[Math.min(Math.max(here + step, 0), links.length - 1)]?.focus();
  };

  const press = (element) => {
    if (element.matches("[type=radio]")) {
      element.checked = true;
      document.querySelector("#reason-code")?.focus();
    } else if (element.matches("textarea, select")) element.focus();
    else element.click();
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      document.querySelector("[data-risk-decide] button[value=decide]")?.click();
      return;
    }
    if (event.key === "Escape" && event.target.matches(FIELDS)) {
      event.target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(FIELDS)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "?") {
      event.preventDefault();
      help();
      return;
    }
    const key = event.key.toLowerCase();
    if (document.querySelector("[data-risk-queue]")) {
      if (key === "j" || key === "k") {
        event.preventDefault();
        moveRow(key === "j" ? 1 : -1);
        return;
      }
      if (key === "x") {
        event.target.closest("[data-risk-row]")?.querySelector("input[name=case]")?.click();
        return;
      }
    }
    const element = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!element || element.disabled) return;
    event.preventDefault();
    press(element);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-risk-help]")) help();
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-risk-all]")) return;
    document.querySelectorAll("input[name=case]:not(:disabled)").forEach((box) => {
      box.checked = event.target.checked;
    });
  });
})();
