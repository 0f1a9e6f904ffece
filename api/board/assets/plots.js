/** Draws the plots of a page: each stands in it as JSON, and is drawn in the page's own colours. */

const style = getComputedStyle(document.documentElement);
const colour = (name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

for (const figure of document.querySelectorAll("[data-plot]")) {
  const plot = JSON.parse(figure.querySelector("script").textContent);
  const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line") };
  const layout = {
    ...plot.layout,
    template: undefined,
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { ...plot.layout.font, family: style.getPropertyValue("--font"), color: colour("--text-quiet") },
    xaxis: { ...plot.layout.xaxis, ...axis },
    yaxis: { ...plot.layout.yaxis, ...axis },
  };
  const place = figure.querySelector("[data-drawing]");
  globalThis.Plotly.newPlot(place, plot.data, layout, { displayModeBar: false, responsive: true });
  figure.dataset.drawn = "";
}
