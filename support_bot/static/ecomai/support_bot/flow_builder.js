/* The builder of a flow: its steps as form fields, kept as JSON in the field `definition` and drawn by the server with
   each change. The JSON may be written by hand too: then the fields are made anew from it. */
(() => {
  "use strict";
  const NAME = /^[a-z][a-z0-9_]{0,39}$/;
  const OPERATORS = { text: ["==", "!="], number: ["<=", ">=", "<", ">", "=="] };
  /* One comparison as it is kept: a truth, or a fact, an operator and a text or a number. */
  const TEST = /^\s*(?:(not\s+)?([a-z_]+)|([a-z_]+|slots\["[a-z0-9_]+"\])\s*(==|!=|<=|>=|<|>)\s*(?:"([^"\\]*)"|(-?\d+(?:\.\d+)?)))\s*(?:\band\b|$)/;

  document.addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("flow-builder");
    if (!root) return;
    const parse = (id) => JSON.parse(document.getElementById(id).textContent);
    const offered = parse("flow-offered"), texts = parse("flow-texts");
    const kept = document.getElementById("id_definition"), list = document.getElementById("flow-steps");
    const said = document.getElementById("flow-said"), wrong = document.getElementById("flow-json-said");
    const { make, labelled, option, select, button, whole, number } = window.ecomaiSteps.parts;
    const operators = { "==": texts.is, "!=": texts.is_not, "<=": texts.at_most, ">=": texts.at_least, "<": texts.less, ">": texts.more };
    const facts = new Map(offered.facts.map((fact) => [fact.name, fact]));
    const tools = new Map(offered.tools.map((tool) => [tool.name, tool]));
    const steps = window.ecomaiSteps.build({
      list, said, texts, changed: () => changed(), otherwise: () => root.querySelector("[data-add]"),
    });
    let begin;

    const filled = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value !== undefined));
    const short = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+|_+$/g, "").slice(0, 40);
    const text = (value, more = {}) => make("input", { type: "text", value: value ?? "", ...more });

    // -- a text in each language --

    const makeTexts = (label, given, { isLong = true } = {}) => {
      const names = new Map(offered.languages);
      Object.keys(given).forEach((code) => names.has(code) || names.set(code, code));
      const inputs = [...names].map(([code, name]) => {
        const input = isLong ? make("textarea", { rows: 2, maxLength: 1000, value: given[code] ?? "" }) : text(given[code], { maxLength: 200 });
        input.lang = code;
        return [code, input, labelled(`${label} (${name})`, input)];
      });
      const read = () => filled(Object.fromEntries(inputs.map(([code, input]) => [code, input.value.trim()])));
      return { element: make("div", { className: "flow-texts" }, ...inputs.map(([, , element]) => element)), read, first: inputs[0][1] };
    };

    // -- conditions: comparisons that all hold; what cannot be told by fields stays a text --

    const parseTests = (written) => {
      const found = [];
      let rest = written;
      while (rest.trim()) {
        const match = TEST.exec(rest);
        if (!match) return null;
        const [whole_, not, truth, name, operator, quoted, digits] = match;
        const fact = facts.get(truth ?? name);
        if (truth ? fact?.kind !== "truth" : !(fact || name.startsWith("slots["))) return null;
        if (!truth && (fact?.kind === "number") !== (digits !== undefined)) return null;
        found.push(truth ? { name: truth, operator: not ? "not" : "" } : { name, operator, value: quoted ?? digits });
        rest = rest.slice(whole_.length);
        if (/\band\s*$/.test(whole_) && !rest.trim()) return null;
      }
      return found;
    };

    const makeTest = (test, { before, isLater, removed }) => {
      const subjects = () => [
        ...offered.facts.filter((fact) => isLater || !fact.is_known_later).map((fact) => [fact.name, fact.title]),
        ...(isLater ? before() : []).map((card) => [`slots["${card.slot()}"]`, texts.of_slot.replace("%(slot)s", card.slot())]),
      ];
      const subject = select(subjects(), test.name);
      if (test.name && subject.value !== test.name) { subject.append(option([test.name, test.name])); subject.value = test.name; }
      subject.setAttribute("aria-label", texts.subject);
      const holder = make("span", { className: "step-line flow-test__value" });
      let read;
      const show = ({ operator, value }) => {
        const fact = facts.get(subject.value);
        if (fact?.kind === "truth") {
          const truth = select([["", texts.yes], ["not", texts.no]], operator === "not" ? "not" : "");
          truth.setAttribute("aria-label", texts.value);
          holder.replaceChildren(truth);
          read = () => (truth.value ? `not ${subject.value}` : subject.value);
          return;
        }
        const kind = fact?.kind ?? "text";
        const compared = select(OPERATORS[kind].map((each) => [each, operators[each]]), OPERATORS[kind].includes(operator) ? operator : OPERATORS[kind][0]);
        compared.setAttribute("aria-label", texts.operator);
        const asked = before().find((card) => subject.value === `slots["${card.slot()}"]`);
        const choices = fact?.choices.length ? fact.choices : asked?.parts.choices() ?? [];
        let with_;
        if (choices.length) {
          with_ = select(choices, value ?? choices[0][0]);
          if (value && with_.value !== value) { with_.append(option([value, value])); with_.value = value; }
        } else {
          with_ = kind === "number" ? number(value, { min: "", step: "any" }) : text(value);
        }
        with_.setAttribute("aria-label", texts.value);
        holder.replaceChildren(compared, with_);
        read = () => `${subject.value} ${compared.value} ${kind === "number" ? with_.value || 0 : `"${with_.value.replace(/["\\]/g, "")}"`}`;
      };
      subject.addEventListener("change", () => show({}));
      show(test);
      const element = make("div", { className: "step-line flow-test" }, subject, holder);
      element.append(button(texts.remove_condition, () => removed(element)));
      return { element, read: () => read() };
    };

    const makeCondition = (written, { before, isLater, always }) => {
      const tests = parseTests(written);
      const heading = make("strong", { textContent: texts.only_if });
      if (!tests) {
        const input = text(written, { maxLength: 500 });
        return { element: make("div", { className: "flow-when" }, heading, labelled(texts.as_text, input)), read: () => input.value.trim() };
      }
      const rows = make("div"), readers = new Map();
      const quiet = make("span", { className: "ecomai-quiet", textContent: always });
      const show = () => { heading.hidden = !rows.children.length; quiet.hidden = !heading.hidden; };
      const add = (test) => {
        const made = makeTest(test, { before, isLater, removed: (element) => {
          element.remove();
          said.textContent = texts.removed;
          show();
          more.focus();
          changed();
        } });
        readers.set(made.element, made.read);
        rows.append(made.element);
        show();
        return made.element;
      };
      const more = button(texts.add_condition, () => { add({}).querySelector("select").focus(); changed(); });
      tests.forEach(add);
      show();
      const read = () => [...rows.children].map((element) => readers.get(element)()).join(" and ");
      return { element: make("div", { className: "flow-when" }, heading, rows, make("div", { className: "step-line" }, quiet, more)), read };
    };

    // -- the parts of each kind of step; each returns its elements and how to read them --

    const makeAnswer = (given, removed) => {
      const label = makeTexts(texts.answer, given.label ?? {}, { isLong: false });
      const name = text(given.value, { maxLength: 40, pattern: NAME.source.slice(1, -1) });
      label.first.addEventListener("input", () => { if (!name.dataset.isOwn) name.value = short(label.first.value); });
      name.addEventListener("input", () => { name.dataset.isOwn = "yes"; });
      if (given.value) name.dataset.isOwn = "yes";
      const element = make("fieldset", { className: "flow-answer" }, label.element, labelled(texts.answer_name, name));
      element.append(button(texts.remove_answer, () => removed(element)));
      return { element, read: () => ({ value: name.value.trim(), label: label.read() }) };
    };

    const ask = (step, card) => {
      const question = makeTexts(texts.question, step.question ?? {});
      const kind = select(offered.kinds, step.kind ?? "text");
      const slot = text(step.slot, { maxLength: 40, size: 18 });
      const tries = number(step.tries ?? 2, { max: offered.most_tries });
      const optional = make("input", { type: "checkbox", checked: step.is_optional ?? false });
      const answers = make("div"), readers = new Map();
      const group = make("fieldset", { className: "flow-answers" }, make("legend", { textContent: texts.answers }), answers);
      const add = (given) => {
        const made = makeAnswer(given, (element) => { element.remove(); said.textContent = texts.removed; more.focus(); changed(); });
        readers.set(made.element, made.read);
        answers.append(made.element);
        return made.element;
      };
      const more = button(texts.add_answer, () => { add({}).querySelector("input").focus(); changed(); });
      group.append(more);
      (step.options ?? []).forEach(add);
      const show = () => {
        group.hidden = !["choice", "reason"].includes(kind.value);
        if (!slot.dataset.isOwn) slot.value = freeSlot(kind.value, card);
      };
      if (step.slot) slot.dataset.isOwn = "yes";
      slot.addEventListener("input", () => { slot.dataset.isOwn = "yes"; });
      kind.addEventListener("change", () => { show(); if (!group.hidden && !answers.children.length) add({}); });
      card.slot = () => slot.value.trim();
      show();
      const line = make("div", { className: "step-line" }, labelled(texts.kind, kind), labelled(texts.slot, slot), labelled(texts.tries, tries),
        make("label", { className: "flow-check" }, optional, ` ${texts.is_optional}`));
      const options = () => (group.hidden ? [] : [...answers.children].map((element) => readers.get(element)()));
      const read = () => ({
        slot: slot.value.trim(), kind: kind.value, question: question.read(),
        ...(options().length ? { options: options() } : {}), ...(optional.checked ? { is_optional: true } : {}),
        ...(whole(tries) !== 2 ? { tries: whole(tries) } : {}),
      });
      const choices = () => options().map((each) => [each.value, Object.values(each.label)[0] ?? each.value]);
      return { elements: [question.element, line, group], read, choices, first: question.first };
    };

    const talks = (step) => {
      const made = makeTexts(texts.text, step.text ?? {});
      return { elements: [made.element], read: () => ({ text: made.read() }), first: made.first };
    };

    const call = (step, card) => {
      const tool = select(offered.tools.map((each) => [each.name, each.title]), step.tool ?? offered.tools[0].name);
      if (step.tool && tool.value !== step.tool) { tool.append(option([step.tool, step.tool])); tool.value = step.tool; }
      const note = make("p", { className: "ecomai-quiet", textContent: texts.asks_before });
      const holder = make("div", { className: "step-line" });
      let chosen = { ...(step.arguments ?? {}) }, inputs = [];
      /* Slots may have come, gone or been named otherwise: what can be chosen is told anew. */
      const show = () => {
        const found = tools.get(tool.value), slots = before(card).map((each) => [each.slot(), each.slot()]);
        note.hidden = !found?.changes;
        inputs = (found?.arguments ?? []).map((argument) => {
          const input = select([["", texts.nothing], ...slots], chosen[argument.name] ?? "");
          if (chosen[argument.name] && input.value !== chosen[argument.name]) {
            input.append(option([chosen[argument.name], chosen[argument.name]]));
            input.value = chosen[argument.name];
          }
          input.addEventListener("input", () => { chosen[argument.name] = input.value; });
          return [argument, input];
        });
        holder.replaceChildren(...inputs.map(([argument, input]) => labelled(argument.is_required ? `${argument.title} ${texts.is_needed}` : argument.title, input)));
      };
      /* An argument is most often the answer of its own name. */
      const guess = () => {
        const slots = new Set(before(card).map((each) => each.slot()));
        chosen = Object.fromEntries((tools.get(tool.value)?.arguments ?? []).filter(({ name }) => slots.has(name)).map(({ name }) => [name, name]));
      };
      tool.addEventListener("change", () => { guess(); show(); });
      const refresh = () => {
        if (holder.contains(document.activeElement)) return;
        show();
      };
      card.entered = () => { if (!step.tool) guess(); show(); };
      const read = () => ({ tool: tool.value, ...(Object.keys(filled(chosen)).length ? { arguments: filled(chosen) } : {}) });
      return { elements: [labelled(texts.tool, tool), note, holder], read, refresh, first: tool };
    };

    const makers = { ask, say: talks, confirm: talks, call, hand_over: talks, stop: () => ({ elements: [], read: () => ({}) }) };

    // -- a step --

    const before = (card) => {
      const found = steps.all(), place = found.indexOf(card);
      return found.slice(0, place < 0 ? found.length : place).filter((each) => each.slot);
    };
    const freeSlot = (kind, card) => {
      const taken = new Set(steps.all().filter((each) => each !== card && each.slot).map((each) => each.slot()));
      let name = kind, place = 1;
      while (taken.has(name)) name = `${kind}_${place += 1}`;
      return name;
    };

    const makeCard = (step) => {
      const card = { do: step.do in makers ? step.do : "say" };
      card.parts = makers[card.do](step, card);
      card.when = makeCondition(step.when ?? "", { before: () => before(card), isLater: true, always: texts.always });
      card.names = make("p", { className: "ecomai-quiet" });
      card.problem = make("p", { className: "ecomai-text--attention flow-problem", hidden: true });
      card.place = make("span");
      const legend = make("legend", {}, card.place, make("span", { className: `step-kind step-kind--${card.do}`, textContent: texts[card.do] }));
      card.box = make("fieldset", { className: "step-card" }, legend, card.problem, ...card.parts.elements, card.names, card.when.element);
      return card;
    };
    const enter = (step) => {
      const card = steps.append(makeCard(step));
      card.entered?.();
      return card;
    };

    // -- how it begins --

    const makeBegin = (given) => {
      const wanted = new Set(given.intents ?? []), names = new Map(offered.intents);
      wanted.forEach((name) => names.has(name) || names.set(name, name));
      const boxes = [...names].map(([value, title]) => {
        const box = make("input", { type: "checkbox", value, checked: wanted.has(value) });
        return make("label", { className: "flow-check" }, box, ` ${title}`);
      });
      const when = makeCondition(given.when ?? "", { before: () => [], isLater: false, always: texts.begins_always });
      const problem = make("p", { className: "ecomai-text--attention flow-problem", hidden: true });
      const choices = make("div", { className: "flow-intents" }, ...boxes);
      const box = make("fieldset", { className: "step-card" }, make("legend", { textContent: texts.begins_with }), problem, choices, when.element);
      const read = () => ({ intents: [...choices.querySelectorAll(":checked")].map((each) => each.value), ...filled({ when: when.read() }) });
      return { box, read, problem };
    };

    // -- reading, and what the server says --

    const keep = () => {
      const found = steps.all().map((card) => ({ do: card.do, ...filled({ when: card.when.read() }), ...card.parts.read() }));
      kept.value = JSON.stringify({ ...begin.read(), steps: found }, null, 2);
    };
    const changed = () => {
      steps.all().forEach((card, place) => {
        card.place.textContent = place + 1;
        card.parts.refresh?.();
        const slots = before(card).map((each) => `{${each.slot()}}`).join(", ");
        card.names.hidden = !slots || !["ask", "say", "confirm", "hand_over"].includes(card.do);
        card.names.textContent = texts.may_name.replace("%(names)s", slots);
      });
      keep();
      wrong.textContent = "";
      document.body.dispatchEvent(new CustomEvent("flow-changed"));
    };

    /* Make the fields from what is kept; False where it is no flow. */
    const show = () => {
      let given;
      try { given = JSON.parse(kept.value); } catch { return false; }
      if (!given || typeof given !== "object" || !Array.isArray(given.steps)) return false;
      if (!given.steps.every((step) => step && typeof step === "object" && step.do in makers)) return false;
      begin = makeBegin(given);
      document.getElementById("flow-begin").replaceChildren(begin.box);
      list.replaceChildren();
      given.steps.forEach(enter);
      return true;
    };

    const tell = (box, problem, reasons) => {
      box.toggleAttribute("aria-invalid", false);
      if (reasons.length) box.setAttribute("aria-invalid", "true");
      problem.hidden = !reasons.length;
      problem.textContent = reasons.join(" ");
    };
    document.body.addEventListener("htmx:afterSwap", (event) => {
      if (event.target.id !== "flow-drawn") return;
      const found = [...event.target.querySelectorAll("[data-path]")].map((each) => [each.dataset.path, each.dataset.reason]);
      const of = (begins) => found.filter(([path]) => path.startsWith(begins)).map(([, reason]) => reason);
      steps.all().forEach((card, place) => tell(card.box, card.problem, of(`steps[${place}]`)));
      tell(begin.box, begin.problem, [...of("intents"), ...of("when")]);
    });

    root.querySelectorAll("[data-add]").forEach((each) => each.addEventListener("click", () => {
      const card = enter({ do: each.dataset.add });
      changed();
      (card.parts.first ?? card.box.querySelector("button")).focus();
    }));
    root.addEventListener("input", (event) => { if (event.target !== kept) changed(); });
    root.addEventListener("change", (event) => {
      if (event.target !== kept) { changed(); return; }
      if (show()) changed();
      else wrong.textContent = texts.no_json;
    });
    if (show()) changed();
    else {
      begin = makeBegin({});
      document.getElementById("flow-begin").replaceChildren(begin.box);
      document.getElementById("flow-advanced").open = true;
    }
  });
})();
