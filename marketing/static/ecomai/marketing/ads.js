/* Reports an advertisement once half of it was in view for a second. A place that is there twice loads this once. */
(function () {
  "use strict";
  if (window.ecomaiAds || !("IntersectionObserver" in window)) return;
  window.ecomaiAds = true;
  var timers = new Map();

  function report(address, token) {
    fetch(address, {
      method: "POST", keepalive: true, credentials: "same-origin",
      headers: { "Content-Type": "application/json" }, body: JSON.stringify({ tokens: [token] })
    }).catch(function () { /* the page does not suffer from what cannot be counted */ });
  }

  var observer = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      var link = entry.target;
      if (!entry.isIntersecting) {
        clearTimeout(timers.get(link));
        return;
      }
      timers.set(link, setTimeout(function () {
        observer.unobserve(link);
        report(link.closest("[data-ecomai-ads]").dataset.ecomaiAds, link.dataset.ecomaiAd);
      }, 1000));
    });
  }, { threshold: 0.5 });

  document.querySelectorAll("[data-ecomai-ad]").forEach(function (link) { observer.observe(link); });
})();
