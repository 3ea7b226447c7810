// Every chart from the figure beside it. On paper a chart has the width of the sheet, and goes back to that of its place after.
const PAPER = 690;
const charts = [...document.querySelectorAll("[data-chart]")];
for (const chart of charts) {
  const figure = JSON.parse(document.getElementById(`chart-${chart.dataset.chart}`).textContent);
  Plotly.newPlot(chart, figure.data, figure.layout, { displayModeBar: false, responsive: true });
}
const resize = (width) => charts.forEach((chart) => Plotly.relayout(chart, { autosize: !width, width: width }));
addEventListener("beforeprint", () => resize(PAPER));
addEventListener("afterprint", () => resize(null));
document.documentElement.dataset.charts = charts.length;
