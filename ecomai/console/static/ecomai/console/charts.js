/* Draws every [data-ecomai-chart] of the page, also those that htmx swaps in later, in the admin's colours. */
(() => {
  "use strict";
  if (window.ecomaiCharts) return;
  window.ecomaiCharts = true;

  let plotly;

  function loadPlotly(url) {
    plotly ??= new Promise((resolve, reject) => {
      // Plotly leaves the page's styles alone when it finds this element: ours are in charts.css.
      const mark = document.createElement("template");
      mark.id = "plotly.js-style-global";
      mark.className = "no-inline-styles";
      document.head.append(mark);
      // The bundle also adds style elements for maps, which we do not draw; a strict policy would report them.
      const append = document.head.appendChild;
      document.head.appendChild = (node) => (node.localName === "style" ? node : append.call(document.head, node));
      const done = () => { delete document.head.appendChild; };
      const script = document.createElement("script");
      script.src = url;
      script.onload = () => { done(); registerLocale(window.Plotly); resolve(window.Plotly); };
      script.onerror = () => { done(); plotly = undefined; reject(new Error(`${url} did not load`)); };
      document.head.append(script);
    });
    return plotly;
  }

  const language = document.documentElement.lang || "en";

  function names(count, format, day) {
    const formatter = new Intl.DateTimeFormat(language, { ...format, timeZone: "UTC" });
    return Array.from({ length: count }, (_, index) => formatter.format(day(index)));
  }

  function registerLocale(Plotly) {
    if (language.startsWith("en")) return;
    const month = (index) => new Date(Date.UTC(2024, index, 15));
    const weekday = (index) => new Date(Date.UTC(2024, 8, 1 + index));
    const format = {
      months: names(12, { month: "long" }, month),
      shortMonths: names(12, { month: "short" }, month),
      days: names(7, { weekday: "long" }, weekday),
      shortDays: names(7, { weekday: "short" }, weekday),
    };
    if (language.startsWith("zh")) {
      Object.assign(format, {
        date: "%Y/%-m/%-d", year: "%Y年", month: "%Y年%-m月", dayMonth: "%-m月%-d日", dayMonthYear: "%Y年%-m月%-d日",
      });
    }
    Plotly.register({ moduleType: "locale", name: language, dictionary: {}, format });
  }

  function colour(style, name, otherwise) {
    return style.getPropertyValue(name).trim() || otherwise;
  }

  function themedLayout(root, figure) {
    const style = getComputedStyle(root);
    const text = colour(style, "--body-fg", style.color);
    const line = colour(style, "--hairline-color", "rgba(128,128,128,.3)");
    const background = colour(style, "--body-bg", "#fff");
    const isSparkline = root.classList.contains("ecomai-chart--sparkline");
    const axis = {
      gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true, fixedrange: true,
      ...(isSparkline ? { visible: false } : {}),
    };
    const layout = figure.layout || {};
    return {
      ...layout,
      autosize: true,
      colorway: [1, 2, 3, 4, 5, 6].map((n) => colour(style, `--ecomai-series-${n}`, "#1f6f8b")),
      font: { family: style.fontFamily, size: 12, color: text },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: isSparkline ? { l: 1, r: 1, t: 2, b: 2 } : { l: 48, r: 12, t: 12, b: 40 },
      hovermode: isSparkline ? false : "x unified",
      hoverlabel: { bgcolor: background, bordercolor: line, font: { color: text } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      xaxis: { ...axis, showgrid: false, ...layout.xaxis },
      yaxis: { ...axis, ...layout.yaxis },
    };
  }

  async function draw(root) {
    const plot = root.querySelector(".ecomai-chart__plot");
    const source = root.querySelector(".ecomai-chart__figure");
    if (!plot || !source) return;
    const figure = JSON.parse(source.textContent);
    try {
      const Plotly = await loadPlotly(root.dataset.ecomaiPlotly);
      if (!root.isConnected) return;
      const config = { displayModeBar: false, responsive: true, locale: language };
      await Plotly.react(plot, figure.data, themedLayout(root, figure), config);
      root.dataset.ecomaiDrawn = "yes";
    } catch (error) {
      root.querySelector("details")?.setAttribute("open", ""); // the table says the same
      plot.hidden = true;
      console.error(error);
    }
  }

  function charts(within) {
    const found = [...within.querySelectorAll("[data-ecomai-chart]")];
    return within.matches?.("[data-ecomai-chart]") ? [within, ...found] : found;
  }

  function drawAll() { charts(document).forEach(draw); }

  // What was drawn while folded away had no width; and a part that htmx renews stays as open as it was.
  function watchFolds() {
    let open = new Set();
    const folds = (within) => [...within.querySelectorAll("details[id]")];
    document.addEventListener("toggle", (event) => {
      if (!event.target.open) return;
      charts(event.target).forEach(async (root) => {
        await draw(root);
        const plot = root.querySelector(".ecomai-chart__plot");
        if (window.Plotly && plot?.offsetParent) window.Plotly.Plots.resize(plot);
      });
    }, true);
    document.addEventListener("htmx:beforeSwap", () => {
      open = new Set(folds(document).filter((fold) => fold.open).map((fold) => fold.id));
    });
    document.addEventListener("htmx:afterSwap", () => {
      folds(document).forEach((fold) => { if (open.has(fold.id)) fold.open = true; });
    });
  }

  function watch() {
    drawAll();
    watchFolds();
    new MutationObserver((records) => {
      for (const record of records) {
        for (const node of record.addedNodes) {
          if (node.nodeType === Node.ELEMENT_NODE) charts(node).forEach(draw);
        }
        for (const node of record.removedNodes) {
          if (node.nodeType === Node.ELEMENT_NODE && window.Plotly) {
            charts(node).forEach((root) => window.Plotly.purge(root.querySelector(".ecomai-chart__plot")));
          }
        }
      }
    }).observe(document.body, { childList: true, subtree: true });
    new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", watch);
  else watch();
})();
