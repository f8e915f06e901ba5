/* Reports what a customer saw for a second, clicked and closed. A place that is there twice loads this once. */
(function () {
  "use strict";
  if (window.ecomaiOnsite) return;
  window.ecomaiOnsite = true;

  function tell(message, act) {
    fetch(message.closest("[data-ecomai-onsite-act]").dataset.ecomaiOnsiteAct, {
      method: "POST", keepalive: true, credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: message.dataset.ecomaiOnsite, act: act })
    }).catch(function () { /* the page does not suffer from what cannot be counted */ });
  }

  var timers = new Map();
  var observer = "IntersectionObserver" in window && new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      var message = entry.target;
      clearTimeout(timers.get(message));
      if (!entry.isIntersecting) return;
      timers.set(message, setTimeout(function () {
        observer.unobserve(message);
        tell(message, "seen");
      }, 1000));
    });
  }, { threshold: 0.5 });

  document.querySelectorAll("[data-ecomai-onsite]").forEach(function (message) {
    if (observer) observer.observe(message);
    var link = message.querySelector("[data-ecomai-onsite-link]");
    if (link) link.addEventListener("click", function () { tell(message, "clicked"); });
    var close = message.querySelector("[data-ecomai-onsite-close]");
    close.hidden = false;
    close.addEventListener("click", function () {
      tell(message, "dismissed");
      if (observer) observer.unobserve(message);
      message.remove();
    });
  });
})();
