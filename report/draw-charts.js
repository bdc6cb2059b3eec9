// Draws figures at the places of their names. The script that draws is in the page as text, packed to half its size.
async function drawCharts(figures) {
  const places = Object.keys(figures).map((name) => document.getElementById(name));
  try {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (letter) => letter.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(unpacked).text();
    document.head.append(script);
  } catch {
    places.forEach((place) => { place.textContent = "This chart needs a browser of 2023 or later."; });
    return;
  }
  for (const place of places) {
    Plotly.newPlot(place, figures[place.id].data, figures[place.id].layout, { responsive: true, displayModeBar: false });
  }
  // A chart in closed details has no width until they are opened.
  document.addEventListener("toggle", () => dispatchEvent(new Event("resize")), true);
  // A printed page is narrower than most windows, and charts do not notice by themselves.
  addEventListener("beforeprint", () => places.forEach((place) => Plotly.relayout(place, { width: place.closest(".grid") ? 310 : 660 })));
  addEventListener("afterprint", () => places.forEach((place) => Plotly.relayout(place, { width: null, autosize: true })));
}
