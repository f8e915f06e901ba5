/* The builder of a segment: a condition as form fields, kept as JSON in the hidden field `condition`, and counted by the
   server with each change. */
(() => {
  "use strict";

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.getElementById("segment-form");
    if (!form) return;
    const parse = (id) => JSON.parse(document.getElementById(id).textContent);
    const tree = document.getElementById("segment-tree"), hidden = form.elements.namedItem("condition");
    const keep = () => {
      const found = built.read();
      hidden.value = found ? JSON.stringify(found) : "";
    };
    const changed = () => {
      keep();
      if (hidden.value) document.body.dispatchEvent(new CustomEvent("segment-changed"));
    };
    const built = window.ecomaiConditions.build({
      offered: parse("segment-offered"), texts: parse("segment-texts"), given: parse("segment-given"),
      complete: form.dataset.complete, said: document.getElementById("segment-said"), changed,
    });
    tree.append(built.element);
    tree.addEventListener("input", changed);
    tree.addEventListener("change", changed);
    form.addEventListener("submit", keep);
    document.body.addEventListener("htmx:afterSwap", (event) => {
      tree.querySelectorAll("[aria-invalid]").forEach((element) => element.removeAttribute("aria-invalid"));
      const path = event.target.querySelector("[data-path]")?.dataset.path;
      if (path) built.elementAt(path).setAttribute("aria-invalid", "true");
    });
    changed();
  });
})();
