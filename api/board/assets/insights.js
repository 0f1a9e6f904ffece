// Draws the figures of a page beside their tables. Colours come from the page's own tokens, again when light turns to dark.
/* global Plotly */

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function layout(given) {
  const text = colour("text-quiet"), line = colour("line");
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, tickfont: { color: text }, automargin: true, fixedrange: true };
  return {
    ...given,
    xaxis: { ...axis, ...given.xaxis, showgrid: false },
    yaxis: { ...axis, ...given.yaxis, title: { ...given.yaxis.title, font: { color: text, size: 12 } } },
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("text") },
    colorway: ["accent", "amber", "green", "red"].map(colour),
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 56, r: 8, t: 24, b: 40 },
    legend: { orientation: "h", y: 1.12, x: 0, font: { color: colour("text") } },
    hoverlabel: { font: { family: getComputedStyle(document.body).fontFamily } },
    bargap: 0.35,
  };
}

const figures = [...document.querySelectorAll(".insight-chart")].map((place) => ({ place, figure: JSON.parse(place.querySelector("script").textContent) }));

function draw() {
  for (const { place, figure } of figures) {
    place.hidden = false;
    const quiet = colour("text-quiet");
    const data = figure.data.map((trace) => (trace.error_y ? { ...trace, error_y: { ...trace.error_y, color: quiet } } : trace));
    Plotly.react(place, data, layout(figure.layout), { displayModeBar: false, responsive: true });
  }
}

if (window.Plotly) {
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
