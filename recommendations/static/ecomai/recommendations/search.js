/* Suggestions in a search field, as a combobox with a list (WAI-ARIA); without this the form works as it is. */
(function () {
  "use strict";
  if (window.ecomaiSearch) return;
  window.ecomaiSearch = true;
  const WAIT = 120, MOST_KEPT = 100;

  function make(name, values, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(values)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  /* What was typed stays plain, what would be added is bold. */
  function marked(text, typed) {
    const at = text.toLowerCase().indexOf(typed.toLowerCase());
    if (at < 0) return [make("span", {}, text)];
    const rest = make("mark", {}, text.slice(at + typed.length));
    return [make("span", {}, text.slice(0, at + typed.length), rest)];
  }

  function enhance(form) {
    const field = form.querySelector("input[type=search]"), list = form.querySelector("[role=listbox]");
    const status = form.querySelector("[role=status]"), known = new Map();
    if (!field || !list || !form.dataset.key || !window.fetch) return;
    let timer = 0, request = null, active = -1, typed = field.value;
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    close();

    const options = () => [...list.querySelectorAll("[role=option]")];

    function close() {
      list.hidden = true;
      active = -1;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
    }

    function choose(option) {
      if (option.dataset.href) { location.assign(option.dataset.href); return; }
      field.value = option.dataset.text;
      close();
      if (form.requestSubmit) form.requestSubmit(); else form.submit();
    }

    function point(to) {
      const found = options();
      if (!found.length) return;
      active = (to + found.length + 1) % (found.length + 1);
      if (active === found.length) active = -1;
      found.forEach((option, place) => option.setAttribute("aria-selected", String(place === active)));
      const option = found[active];
      if (!option) { field.removeAttribute("aria-activedescendant"); field.value = typed; return; }
      field.setAttribute("aria-activedescendant", option.id);
      if (option.dataset.text) field.value = option.dataset.text;
      option.scrollIntoView({ block: "nearest" });
    }

    function group(label, options) {
      if (!options.length) return;
      const head = make("div", { class: "ecomai-search__group", role: "presentation" }, label);
      list.append(make("div", { role: "group", "aria-label": label }, head, ...options));
    }

    const option = (values, ...children) => make("div", Object.assign(
      { role: "option", class: "ecomai-search__option", "aria-selected": "false" }, values,
    ), ...children);

    function show(found) {
      list.replaceChildren();
      const said = found.corrected || typed;
      group(form.dataset.queries, found.queries.map((text) => option({ "data-text": text }, ...marked(text, said))));
      group(form.dataset.categories, found.categories.map((text) => option({ "data-text": text }, ...marked(text, said))));
      group(form.dataset.items, found.items.map((item) => {
        const picture = item.image_url ? [make("img", { src: item.image_url, alt: "", loading: "lazy" })] : [];
        const where = item.url ? { "data-href": item.url } : { "data-text": item.title };
        return option(where, ...picture, ...marked(item.title, said));
      }));
      options().forEach((one, place) => { one.id = `${list.id}-${place}`; });
      const isAny = options().length > 0;
      status.textContent = isAny ? form.dataset.some : form.dataset.none;
      if (!isAny || document.activeElement !== field) { close(); return; }
      list.hidden = false;
      active = -1;
      field.setAttribute("aria-expanded", "true");
      field.removeAttribute("aria-activedescendant");
    }

    async function ask() {
      const text = typed.trim();
      if (!text) { close(); return; }
      if (known.has(text)) { show(known.get(text)); return; }
      if (request) request.abort();
      request = new AbortController();
      try {
        const answer = await fetch(`${form.dataset.endpoint}?q=${encodeURIComponent(text)}`, {
          credentials: "same-origin", headers: { "X-Ecomai-Key": form.dataset.key }, signal: request.signal,
        });
        if (!answer.ok) { close(); return; }
        const found = await answer.json();
        if (known.size > MOST_KEPT) known.clear();
        known.set(text, found);
        if (text === typed.trim()) show(found);
      } catch (error) { if (error.name !== "AbortError") close(); }
    }

    field.addEventListener("input", () => {
      typed = field.value;
      clearTimeout(timer);
      timer = setTimeout(ask, WAIT);
    });
    field.addEventListener("keydown", (event) => {
      const isOpen = !list.hidden;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (!isOpen) { ask(); return; }
        point(event.key === "ArrowDown" ? active + 1 : active < 0 ? options().length - 1 : active - 1);
      } else if (event.key === "Enter" && isOpen && active >= 0) {
        event.preventDefault();
        choose(options()[active]);
      } else if (event.key === "Escape" && isOpen) {
        event.preventDefault();
        field.value = typed;
        close();
      } else if (event.key === "Tab") close();
    });
    field.addEventListener("blur", () => setTimeout(close, 150));
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const chosen = event.target.closest("[role=option]");
      if (chosen) choose(chosen);
    });
    form.addEventListener("submit", () => { clearTimeout(timer); close(); });
  }

  const start = () => document.querySelectorAll("form[data-ecomai-search]").forEach(enhance);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
