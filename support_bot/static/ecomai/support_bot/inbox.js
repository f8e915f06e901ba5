/* The inbox by keyboard: canned answers and suggestions go into the answer, Ctrl+Enter sends, j and k walk the list. */
(() => {
  const field = () => document.getElementById("answer");

  function insert(text, start, end) {
    const answer = field();
    answer.setRangeText(text, start ?? answer.selectionStart, end ?? answer.selectionEnd, "end");
    answer.focus();
    answer.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function cannedBefore(answer) {
    const before = answer.value.slice(0, answer.selectionStart);
    const typed = /(?:^|\s)\/([\w-]+)$/.exec(before);
    if (!typed) return null;
    const button = document.querySelector(`[data-shortcut="${CSS.escape(typed[1].toLowerCase())}"]`);
    return button && { text: button.dataset.insert, start: before.length - typed[1].length - 1, end: before.length };
  }

  function walk(step) {
    const links = [...document.querySelectorAll("#inbox th a")];
    if (!links.length) return;
    const place = links.indexOf(document.activeElement);
    links[place < 0 ? 0 : Math.min(Math.max(place + step, 0), links.length - 1)].focus();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    if (button && field()) insert(button.dataset.insert);
  });

  document.addEventListener("keydown", (event) => {
    const answer = field();
    if (answer && event.target === answer) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        answer.form.requestSubmit();
      } else if (event.key === "Tab" && !event.shiftKey) {
        const canned = cannedBefore(answer);
        if (canned) {
          event.preventDefault();
          insert(canned.text, canned.start, canned.end);
        }
      }
    } else if (!answer && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest("input, select, textarea")) {
      if (event.key === "j") walk(1);
      if (event.key === "k") walk(-1);
    }
  });

  // New words of the customer ask for new suggestions.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "log") document.body.dispatchEvent(new Event("news"));
  });
})();
