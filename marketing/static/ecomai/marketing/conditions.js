/* A condition as form fields: groups and comparisons. What is on the page is the truth, and is read from it.
   `ecomaiConditions.build` puts one into the page and returns how to read it and how to find a part by its path. */
(() => {
  "use strict";
  const COMPLETE_AFTER = 250;
  let made = 0;

  /* `offered` and `texts` are those of the page, `complete` an address, `said` an element that is read aloud. */
  const build = ({ offered, texts, complete, said, given, changed }) => {
    const fields = new Map(offered.fields.map((field) => [field.name, field]));
    const facts = new Map(offered.facts.map((fact) => [fact.name, fact]));
    const readers = new WeakMap();

    // -- small parts --

    const make = (name, properties = {}, ...children) => {
      const { label, ...rest } = properties;
      const element = Object.assign(document.createElement(name), rest);
      if (label) element.setAttribute("aria-label", label);
      element.append(...children);
      return element;
    };
    const option = ([value, text]) => make("option", { value, textContent: text });
    const select = (label, options, value) => {
      const element = make("select", { label }, ...options.map(option));
      if (value !== undefined) element.value = value;
      return element;
    };
    const number = (label, value, more = {}) => make("input", { type: "number", label, value: value ?? "", ...more });
    const button = (text, act, className = "ecomai-button segment-quiet") => {
      const element = make("button", { type: "button", textContent: text, className });
      element.addEventListener("click", act);
      return element;
    };
    const whole = (input) => (input.value === "" ? null : Number(input.value));

    const completed = (input, kind) => {
      const list = make("datalist", { id: `condition-list-${++made}` });
      input.setAttribute("list", list.id);
      let waiting;
      input.addEventListener("input", () => {
        clearTimeout(waiting);
        const word = input.value.split(",").pop().trim();
        if (!word) return;
        waiting = setTimeout(async () => {
          const address = `${complete}?${new URLSearchParams({ kind, q: word })}`;
          const answer = await fetch(address).catch(() => null);
          if (!answer?.ok) return;
          const before = input.value.split(",").slice(0, -1).map((each) => `${each.trim()}, `).join("");
          const { found } = await answer.json();
          list.replaceChildren(...found.map((text) => make("option", { value: before + text })));
        }, COMPLETE_AFTER);
      });
      return [input, list];
    };

    // -- the inputs of a comparison, by kind; each returns its elements and how to read them --

    const compared = (kind, test, field) => {
      const operator = select(texts.operator, offered.operators[kind], test.op);
      const value = kind === "text"
        ? make("input", { type: "text", label: texts.values, placeholder: texts.values, size: 34, value: (test.value ?? []).join(", ") })
        : number(kind === "moment" ? texts.days : texts.value, test.value, { step: kind === "moment" ? 1 : "any" });
      const elements = kind === "text" && field.completion ? completed(value, field.completion) : [value];
      const unit = make("span", { textContent: kind === "moment" ? texts.last_days : "" });
      const hide = () => { value.hidden = unit.hidden = operator.value === "known"; };
      operator.addEventListener("change", hide);
      hide();
      const read = () => {
        if (operator.value === "known") return { op: "known" };
        if (kind !== "text") return { op: operator.value, value: whole(value) };
        return { op: operator.value, value: value.value.split(",").map((each) => each.trim()).filter(Boolean) };
      };
      return { elements: [operator, ...elements, unit], read };
    };

    const chosen = (choices, test, label) => {
      const boxes = choices.map(([value, text]) => {
        const box = make("input", { type: "checkbox", value, checked: (test.value ?? []).includes(value) });
        return make("label", {}, box, text);
      });
      const group = make("div", { className: "segment-choices", label }, ...boxes);
      group.setAttribute("role", "group");
      const read = () => ({ op: "in", value: [...group.querySelectorAll(":checked")].map((box) => box.value) });
      return { elements: [group], read };
    };

    const yesOrNo = (test) => {
      const value = select(texts.value, [["true", texts.yes], ["false", texts.no]], String(test.value ?? true));
      return { elements: [value], read: () => ({ op: "=", value: value.value === "true" }) };
    };

    const done = (test) => {
      const least = number(texts.at_least, test.at_least ?? 1, { min: 1, step: 1 });
      const days = number(texts.within, test.days ?? (test.event ? "" : 30), { min: 1, step: 1, placeholder: texts.ever });
      const about = (name) => make("input", { type: "text", label: texts[name], placeholder: texts[`any_${name}`], value: test[name] ?? "", size: 16 });
      const category = about("category"), brand = about("brand");
      const read = () => {
        const found = { at_least: whole(least), days: whole(days) };
        if (category.value.trim()) found.category = category.value.trim();
        if (brand.value.trim()) found.brand = brand.value.trim();
        return found;
      };
      const elements = [texts.at_least_short, least, texts.times, days, texts.last_days, ...completed(category, "category"), ...completed(brand, "brand")];
      return { elements, read };
    };

    const inputsOf = (kind, name, test) => {
      if (kind === "event") return done(test);
      if (kind === "fact") {
        const fact = facts.get(name);
        return fact.kind === "choice" ? yesOrNo(test) : compared(fact.kind, test, {});
      }
      const field = fields.get(name);
      return field.choices.length ? chosen(field.choices, test, field.label) : compared(field.kind, test, field);
    };

    // -- a comparison --

    const subjects = () => {
      const group = (label, kind, rows) => {
        const element = make("optgroup", {}, ...rows.map(([name, text]) => option([`${kind}:${name}`, text])));
        element.label = label;
        return element;
      };
      const named = (rows) => rows.map((row) => [row.name, row.label]);
      return [
        group(texts.of_events, "event", offered.events), group(texts.of_customer, "field", named(offered.fields)),
        ...(offered.facts.length ? [group(texts.of_facts, "fact", named(offered.facts))] : []),
      ];
    };

    const makeTest = (test, isNot) => {
      const kind = ["event", "fact", "field"].find((name) => name in test) ?? "event";
      const subject = make("select", { label: texts.subject }, ...subjects());
      const wanted = `${kind}:${test[kind] ?? "view"}`;
      if (![...subject.options].some((each) => each.value === wanted)) subject.append(option([wanted, test[kind]]));
      subject.value = wanted;
      const polarity = select(texts.polarity, [["", ""], ["not", ""]], isNot ? "not" : "");
      const inputs = make("span", { className: "segment-inputs" });
      const part = make("div", { className: "segment-test" }, polarity, subject, inputs, remover());
      part.setAttribute("role", "group");
      let reader;
      const show = (values) => {
        const [now, ...rest] = subject.value.split(":"), name = rest.join(":");
        polarity.options[0].textContent = now === "event" ? texts.has : texts.is;
        polarity.options[1].textContent = now === "event" ? texts.has_not : texts.is_not;
        reader = inputsOf(now, name, values);
        inputs.replaceChildren(...reader.elements);
        part.setAttribute("aria-label", subject.selectedOptions[0].textContent);
      };
      subject.addEventListener("change", () => show({}));
      show(test);
      readers.set(part, () => {
        const [now, ...rest] = subject.value.split(":");
        const found = { [now]: rest.join(":"), ...reader.read() };
        return polarity.value ? { not: found } : found;
      });
      return part;
    };

    // -- a group --

    const makeGroup = (group, isNot, isRoot = false) => {
      const joined = select(texts.holds, [["all", texts.all], ["any", texts.any]], "any" in group ? "any" : "all");
      const polarity = select(texts.polarity, [["", texts.is], ["not", texts.is_not]], isNot ? "not" : "");
      const parts = make("ol", { className: "segment-parts" });
      const add = (element) => { parts.append(make("li", {}, element)); return element; };
      const legend = make("legend", {}, ...(isRoot ? [] : [polarity]), joined);
      const bar = make("div", { className: "segment-bar" },
        button(texts.add, () => { add(makeTest({}, false)).querySelector("select").focus(); changed(); }),
        button(texts.add_group, () => {
          add(makeGroup({ any: [{}] }, false)).querySelector("select").focus();
          changed();
        }), ...(isRoot ? [] : [remover()]));
      const element = make("fieldset", { className: "segment-group" }, legend, parts, bar);
      (group.any ?? group.all ?? []).forEach((part) => add(buildPart(part)));
      readers.set(element, () => {
        const found = { [joined.value]: [...parts.children].map((li) => readers.get(li.firstChild)()) };
        return polarity.value && !isRoot ? { not: found } : found;
      });
      return element;
    };

    const buildPart = (part, isNot = false) => {
      if (part.not) return buildPart(part.not, !isNot);
      return "all" in part || "any" in part ? makeGroup(part, isNot) : makeTest(part, isNot);
    };

    const remover = () => button(texts.remove, (event) => {
      const item = event.target.closest("li"), group = item.parentElement.closest(".segment-group");
      const next = item.nextElementSibling ?? item.previousElementSibling;
      item.remove();
      said.textContent = texts.removed;
      (next ?? group).querySelector("select, button").focus();
      changed();
    }, "ecomai-button segment-quiet segment-remove");

    // -- the whole --

    const elementAt = (path) => {
      let element = root;
      for (const step of path.matchAll(/(?:all|any)\[(\d+)\]/g)) {
        element = element.querySelector(":scope > .segment-parts").children[Number(step[1])]?.firstChild ?? element;
      }
      return element;
    };
    const isGroup = given && ("all" in given || "any" in given);
    const root = makeGroup(isGroup ? given : { all: given && Object.keys(given).length ? [given] : [] }, false, true);
    const read = () => {
      const found = readers.get(root)();
      return Object.values(found)[0].length ? found : null;
    };
    return { element: root, read, elementAt };
  };

  window.ecomaiConditions = { build };
})();
