/* The page of a rule: completes names of facts, names mistakes, and counts what the condition would have met.
   Keys in the list of names: arrows move, Enter and Tab take one, Escape closes. */
(() => {
  "use strict";
  const READ_AFTER = 300, COUNT_AFTER = 900, MOST_OPTIONS = 12;

  document.addEventListener("DOMContentLoaded", () => {
    const dry = document.querySelector("[data-risk-dry]");
    if (!dry) return;
    const parse = (id) => JSON.parse(document.getElementById(id).textContent);
    const facts = parse("risk-facts"), texts = parse("risk-texts");
    const area = document.querySelector("textarea[data-risk-condition]");
    const days = document.getElementById("risk-days");
    const said = document.getElementById("risk-dry-said"), samples = document.getElementById("risk-dry-samples");
    let asked = 0;
    let tell = () => {};

    const make = (tag, fields = {}, ...children) => {
      const node = Object.assign(document.createElement(tag), fields);
      node.append(...children);
      return node;
    };

    // -- asking the server --

    const values = (count) => {
      const body = new FormData();
      const field = (name) => document.querySelector(`#id_${name}`);
      body.set("condition", area ? area.value : dry.dataset.condition || "");
      const boxes = [...document.querySelectorAll('input[name="kinds"]:checked')].map((box) => box.value);
      const kinds = area ? boxes : (dry.dataset.kinds || "").split(",");
      kinds.forEach((kind) => body.append("kinds", kind));
      body.set("storefront", field("storefront") ? field("storefront").value : dry.dataset.storefront || "");
      body.set("days", days.value);
      if (count) body.set("count", "1");
      return body;
    };

    const ask = async (count) => {
      const number = ++asked;
      if (count) said.textContent = texts.counting;
      try {
        const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
        const headers = { "X-CSRFToken": token };
        const answer = await fetch(dry.dataset.address, { method: "POST", body: values(count), headers });
        if (!answer.ok) throw new Error(answer.status);
        const found = await answer.json();
        if (number === asked) show(found, count);
      } catch {
        if (number === asked) said.textContent = texts.away;
      }
    };

    const show = (found, count) => {
      tell(found.problem);
      if (!count && !found.problem) return;
      said.replaceChildren(...(found.sentences || []).map((text) => make("p", { textContent: text })));
      samples.replaceChildren(...((found.samples || []).length ? [table(found.samples)] : []));
    };

    const table = (rows) => {
      const heads = texts.columns.split("|").map((text) => make("th", { textContent: text, scope: "col" }));
      const lines = rows.map((row) => make("tr", {},
        make("th", { scope: "row" }, make("a", { href: row.url, textContent: row.id })),
        ...["at", "amount", "decision", "outcome"].map((name) => make("td", { textContent: row[name] }))));
      return make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines));
    };

    days.addEventListener("change", () => ask(true));
    if (!area) { ask(true); return; }

    // -- mistakes, named while somebody writes --

    const problem = make("p", { id: "risk-problem", className: "risk-problem" });
    problem.setAttribute("role", "status");
    const list = make("ul", { id: "risk-options", className: "risk-options", hidden: true });
    list.setAttribute("role", "listbox");
    (area.closest(".flex-container") || area).after(list, problem);
    area.setAttribute("aria-describedby", "risk-problem");
    area.setAttribute("role", "combobox");
    area.setAttribute("aria-autocomplete", "list");
    area.setAttribute("aria-controls", "risk-options");
    area.setAttribute("aria-expanded", "false");

    tell = (text) => {
      problem.textContent = text || texts.ok;
      problem.classList.toggle("risk-problem--none", !text);
      area.setAttribute("aria-invalid", text ? "true" : "false");
    };

    let reading, counting;
    const later = () => {
      clearTimeout(reading);
      clearTimeout(counting);
      if (!area.value.trim()) return;
      reading = setTimeout(() => ask(false), READ_AFTER);
      counting = setTimeout(() => ask(true), COUNT_AFTER);
    };

    // -- completion --

    let options = [], chosen = 0;
    const word = () => area.value.slice(0, area.selectionStart).match(/[a-z_][a-z0-9_]*$/)?.[0] ?? "";
    const isQuoted = () => (area.value.slice(0, area.selectionStart).match(/"/g) || []).length % 2 === 1;

    const complete = () => {
      const start = word();
      const begins = facts.filter((fact) => fact.name.startsWith(start));
      const holds = facts.filter((fact) => !fact.name.startsWith(start) && fact.name.includes(start));
      options = start.length < 2 || isQuoted() ? [] : [...begins, ...holds].slice(0, MOST_OPTIONS);
      if (options.length === 1 && options[0].name === start) options = [];
      chosen = 0;
      draw();
    };

    const draw = () => {
      list.hidden = !options.length;
      area.setAttribute("aria-expanded", String(!list.hidden));
      list.replaceChildren(...options.map((fact, place) => {
        const item = make("li", { id: `risk-option-${place}` },
          make("code", { textContent: fact.name }), make("span", { textContent: fact.text }));
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", String(place === chosen));
        item.addEventListener("mousedown", (event) => { event.preventDefault(); take(place); });
        return item;
      }));
      if (options.length) {
        area.setAttribute("aria-activedescendant", `risk-option-${chosen}`);
        list.children[chosen].scrollIntoView({ block: "nearest" });
      } else area.removeAttribute("aria-activedescendant");
    };

    const take = (place) => {
      const end = area.selectionStart, start = end - word().length;
      area.setRangeText(options[place].name, start, end, "end");
      options = [];
      draw();
      later();
    };

    area.addEventListener("input", () => { complete(); later(); });
    area.addEventListener("blur", () => { options = []; draw(); });
    area.addEventListener("keydown", (event) => {
      if (!options.length) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) chosen = (chosen + step + options.length) % options.length;
      else if (event.key === "Enter" || event.key === "Tab") { event.preventDefault(); take(chosen); return; }
      else if (event.key === "Escape") options = [];
      else return;
      event.preventDefault();
      draw();
    });
    document.querySelectorAll('input[name="kinds"]').forEach((box) => box.addEventListener("change", later));
    if (area.value.trim()) ask(true);
  });
})();
