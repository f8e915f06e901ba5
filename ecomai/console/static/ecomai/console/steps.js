/* Steps that people put into an order: cards of form fields that are added, moved and removed by button and keyboard.
   What is on the page is the truth, and is read from it. `ecomaiSteps.parts` makes fields, `ecomaiSteps.build` a list. */
(() => {
  "use strict";
  let made = 0;

  // -- small parts --

  const make = (name, properties = {}, ...children) => {
    const { label, ...rest } = properties;
    const element = Object.assign(document.createElement(name), rest);
    if (label) element.setAttribute("aria-label", label);
    element.append(...children);
    return element;
  };
  const labelled = (text, input, className = "") => {
    input.id ||= `step-input-${++made}`;
    return make("div", { className }, make("label", { htmlFor: input.id, textContent: text }), input);
  };
  const option = ([value, text]) => make("option", { value, textContent: text });
  const select = (options, value) => {
    const element = make("select", {}, ...options.map(option));
    element.value = value;
    return element;
  };
  const button = (text, act) => {
    const element = make("button", { type: "button", textContent: text, className: "ecomai-button step-quiet" });
    element.addEventListener("click", act);
    return element;
  };
  const whole = (input) => (input.value === "" ? null : Number(input.value));
  const number = (value, more = {}) => make("input", { type: "number", min: 1, step: 1, value: value ?? "", ...more });

  // -- the list --

  /* `list` is an element for the cards, `said` one that is read aloud, `otherwise` what gets the focus once no card
     is left. A card is an object with a `box`; its `removed`, if any, is told when it goes. */
  const build = ({ list, said, texts, changed, otherwise }) => {
    const cards = new WeakMap();
    const all = () => [...list.children].map((item) => cards.get(item));

    const move = (card, by, pressed) => {
      const other = by < 0 ? card.item.previousElementSibling : card.item.nextElementSibling;
      if (!other) return;
      by < 0 ? other.before(card.item) : other.after(card.item);
      said.textContent = texts.moved;
      changed();
      pressed.focus();
    };

    const remove = (card) => {
      const next = card.item.nextElementSibling ?? card.item.previousElementSibling;
      card.item.remove();
      card.removed?.();
      said.textContent = texts.removed;
      changed();
      (next?.querySelector("input, select, textarea, button") ?? otherwise()).focus();
    };

    const append = (card) => {
      const bar = make("div", { className: "step-bar" },
        button(texts.up, (event) => move(card, -1, event.target)), button(texts.down, (event) => move(card, 1, event.target)),
        button(texts.remove_step, () => remove(card)));
      card.box.append(bar);
      card.item = make("li", {}, card.box);
      cards.set(card.item, card);
      list.append(card.item);
      return card;
    };

    return { all, append };
  };

  window.ecomaiSteps = { parts: { make, labelled, option, select, button, whole, number }, build };
})();
