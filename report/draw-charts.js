// Draws the figures of the page. They and the script that draws are in the page as text, packed by gzip.
async function unpacked(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

// The first line holds lists that the figures of the second line share.
async function unpackedFigures() {
  const [lists, figures] = (await unpacked("figures")).split("\n").map((line) => JSON.parse(line));
  const whole = (value) => {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(whole);
    if (value.shared !== undefined) return lists[value.shared];
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, whole(each)]));
  };
  return whole(figures);
}

async function drawCharts() {
  const places = [...document.querySelectorAll(".chart[id]")];
  let figures;
  try {
    const script = document.createElement("script");
    script.textContent = await unpacked("plotly");
    document.head.append(script);
    figures = await unpackedFigures();
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
