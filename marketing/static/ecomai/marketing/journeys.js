/* The builder of a journey: its steps as form fields, kept as JSON in the hidden field `steps`, and drawn by the server
   with each change. */
(() => {
  "use strict";
  const END = "end";

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.getElementById("journey-form");
    if (!form) return;
    const parse = (id) => JSON.parse(document.getElementById(id).textContent);
    const offered = parse("journey-offered"), texts = parse("journey-texts"), given = parse("journey-given");
    const list = document.getElementById("journey-steps"), said = document.getElementById("journey-said");
    const hidden = form.elements.namedItem("steps");
    const { make, labelled, option, select, button, whole, number } = window.ecomaiSteps.parts;
    const steps = window.ecomaiSteps.build({
      list, said, texts, changed: () => changed(), otherwise: () => form.querySelector("[data-add]"),
    });
    const all = steps.all;

    // -- the parts of each type; each returns its elements and how to read them --

    const filled = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));

    /* What a text gives: a voucher of the customer's own; for how long is asked once there is one. */
    const makeOffer = (values) => {
      const percent = number(values.offer_percent, { max: 100 }), days = number(values.offer_days ?? 14, { max: 365 });
      const forDays = labelled(texts.offer_days, days, "journey-short");
      const show = () => { forDays.hidden = percent.value === ""; };
      percent.addEventListener("input", show);
      show();
      const element = make("div", { className: "step-line" }, labelled(texts.offer_percent, percent, "journey-short"), forDays);
      const read = () => (percent.value === "" ? {} : { offer_percent: whole(percent), offer_days: whole(days) });
      return { element, read };
    };

    const makeVariant = (values) => {
      const subject = make("input", { type: "text", maxLength: 200, value: values.subject ?? "" });
      const body = make("textarea", { rows: 4, maxLength: 20000, value: values.body ?? "" });
      const weight = number(values.weight ?? 1);
      const target = make("input", { type: "text", maxLength: 500, value: values.target_url ?? "" });
      const offer = makeOffer(values);
      const element = make("fieldset", { className: "journey-variant" }, make("legend"),
        labelled(texts.subject_line, subject), labelled(texts.body, body), offer.element, labelled(texts.target_url, target), labelled(texts.weight, weight, "journey-short"));
      const read = (name) => ({
        name, subject: subject.value, body: body.value, ...filled({ target_url: target.value.trim() }), ...offer.read(), weight: whole(weight),
      });
      return { element, read };
    };

    /* By which way a message goes; only what that way needs is shown. */
    const makeWay = (step) => {
      const channel = select(offered.channels, step.channel || "email");
      const endpoint = select([["", texts.nothing], ...offered.endpoints], step.endpoint ?? "");
      const topic = select([["", texts.nothing], ...offered.topics], step.topic ?? "");
      const slot = make("input", { type: "text", maxLength: 64, value: step.slot ?? "" });
      const needed = [["webhook", labelled(texts.endpoint, endpoint)], ["onsite", labelled(texts.slot, slot)]];
      const show = () => needed.forEach(([name, element]) => { element.hidden = channel.value !== name; });
      channel.addEventListener("input", show);
      show();
      const element = make("div", { className: "step-line" }, labelled(texts.channel, channel), ...needed.map(([, each]) => each), labelled(texts.topic, topic));
      const read = () => filled({
        channel: channel.value === "email" ? "" : channel.value, topic: topic.value,
        endpoint: channel.value === "webhook" ? endpoint.value : "", slot: channel.value === "onsite" ? slot.value.trim() : "",
      });
      return { element, read };
    };

    const message = (step) => {
      const way = makeWay(step);
      const holder = make("div"), made_ = [];
      const show = () => made_.forEach((one, place) => {
        one.element.querySelector("legend").textContent = made_.length > 1 ? `${texts.variant} ${String.fromCharCode(65 + place)}` : "";
        one.remove.hidden = made_.length < 2;
      });
      const add = (values) => {
        const one = makeVariant(values);
        one.remove = button(texts.remove_variant, () => {
          made_.splice(made_.indexOf(one), 1);
          one.element.remove();
          show();
          more.focus();
          changed();
        });
        one.element.append(one.remove);
        made_.push(one);
        holder.append(one.element);
        show();
        return one.element;
      };
      const more = button(texts.add_variant, () => { add({}).querySelector("input").focus(); changed(); });
      (step.variants?.length ? step.variants : [{}]).forEach(add);
      const read = () => ({ ...way.read(), variants: made_.map((one, place) => one.read(String.fromCharCode(65 + place))) });
      return { elements: [way.element, make("p", { className: "ecomai-quiet", textContent: texts.may_name }), holder, more], read, exits: () => [["next", texts.next]] };
    };

    const wait = (step) => {
      const amount = number(step.amount ?? 1), unit = select(offered.units, step.unit ?? "days");
      const event = select([["", texts.no_event], ...offered.events], step.event ?? "");
      if (step.event && event.value !== step.event) { event.append(option([step.event, step.event])); event.value = step.event; }
      const element = make("div", { className: "step-line" }, labelled(texts.for_how_long, amount, "journey-short"), labelled(texts.unit, unit), labelled(texts.or_until, event));
      const read = () => ({ amount: whole(amount), unit: unit.value, event: event.value });
      const exits = () => (event.value ? [["next", texts.on_time], ["on_event", texts.on_event]] : [["next", texts.next]]);
      return { elements: [element], read, exits };
    };

    const condition = (step) => {
      const built = window.ecomaiConditions.build({
        offered, texts, said, given: step.condition, complete: form.dataset.complete, changed: () => changed(),
      });
      const exits = () => [["yes", texts.yes_to], ["no", texts.no_to]];
      return { elements: [built.element], read: () => ({ condition: built.read() }), exits, elementAt: built.elementAt };
    };

    const makers = { message, wait, condition };

    // -- a step --

    const freeKey = (type) => {
      const taken = new Set(all().map((card) => card.key));
      let place = 1;
      while (taken.has(`${type}-${place}`)) place += 1;
      return `${type}-${place}`;
    };

    const makeCard = (step) => {
      const type = step.type in makers ? step.type : "message";
      const card = { key: step.key || freeKey(type), type, targets: { next: END, on_event: END, yes: END, no: END } };
      Object.keys(card.targets).forEach((name) => { card.targets[name] = step[name] || END; });
      card.name = make("input", { type: "text", maxLength: 60, required: true, value: step.name ?? texts[`new_${type}`] });
      card.parts = makers[type](step);
      card.exits = make("div", { className: "step-line" });
      card.first = make("strong", { textContent: texts.begins_here });
      const legend = make("legend", {}, make("span", { className: `step-kind step-kind--${type}`, textContent: texts[type] }), card.first);
      card.box = make("fieldset", { className: "step-card" }, legend, labelled(texts.name, card.name), ...card.parts.elements, card.exits);
      card.removed = () => leadOn(card);
      return card;
    };

    /* What led to a step that is gone leads to where it led. */
    const leadOn = (card) => {
      const target = card.targets[card.parts.exits()[0][0]];
      all().forEach((other) => Object.keys(other.targets).forEach((name) => {
        if (other.targets[name] === card.key) other.targets[name] = target === other.key ? END : target;
      }));
    };

    /* A new step comes after the last one, whose exits that led to the end lead to it. */
    const append = (type) => {
      const last = all().at(-1), card = steps.append(makeCard({ type }));
      if (last) last.parts.exits().forEach(([name]) => { if (last.targets[name] === END && name !== "on_event") last.targets[name] = card.key; });
      changed();
      card.name.focus();
      card.name.select();
    };

    // -- reading, and what the server says --

    /* The ends of all steps are told anew: names, and what there is to choose, may have changed. */
    const showExits = () => {
      const found = all();
      found.forEach((card, place) => {
        card.first.hidden = place > 0;
        const options = [...found.filter((other) => other !== card).map((other) => [other.key, other.name.value]), [END, texts.end]];
        const wanted = card.parts.exits();
        const shown = card.exits.querySelectorAll("select");
        const isSame = shown.length === wanted.length && [...shown].every((each, at) => each.dataset.name === wanted[at][0]);
        if (!isSame) {
          card.exits.replaceChildren(...wanted.map(([name, text]) => {
            const element = make("select");
            element.dataset.name = name;
            element.addEventListener("input", () => { card.targets[name] = element.value; });
            return labelled(text, element);
          }));
        }
        card.exits.querySelectorAll("select").forEach((element) => {
          element.replaceChildren(...options.map(option));
          if (!options.some(([key]) => key === card.targets[element.dataset.name])) card.targets[element.dataset.name] = END;
          element.value = card.targets[element.dataset.name];
        });
      });
    };

    const keep = () => {
      hidden.value = JSON.stringify(all().map((card) => ({
        key: card.key, type: card.type, name: card.name.value.trim(), ...card.parts.read(),
        ...Object.fromEntries(card.parts.exits().map(([name]) => [name, card.targets[name]])),
      })));
    };
    const changed = () => {
      showExits();
      keep();
      document.body.dispatchEvent(new CustomEvent("journey-changed"));
    };

    given.filter((step) => step && typeof step === "object").forEach((step) => steps.append(makeCard(step)));
    form.querySelectorAll("[data-add]").forEach((each) => each.addEventListener("click", () => append(each.dataset.add)));
    list.addEventListener("input", changed);
    list.addEventListener("change", changed);
    form.addEventListener("submit", keep);
    document.body.addEventListener("htmx:afterSwap", (event) => {
      list.querySelectorAll("[aria-invalid]").forEach((element) => element.removeAttribute("aria-invalid"));
      const path = event.target.querySelector("[data-path]")?.dataset.path;
      const card = path && all()[Number(/^\[(\d+)\]/.exec(path)?.[1])];
      if (!card) return;
      const inner = path.split(".condition.")[1];
      (inner && card.parts.elementAt ? card.parts.elementAt(inner) : card.box).setAttribute("aria-invalid", "true");
    });
    changed();
  });
})();
