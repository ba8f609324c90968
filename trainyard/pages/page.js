"use strict";
(() => {
  const dark = matchMedia("screen and (prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 599px)");
  const otherForms = JSON.parse(document.getElementById("colours").textContent);
  const plots = [...document.querySelectorAll(".plot")];
  const CONFIG = { displayModeBar: false };
  // What a drawing depends on.
  const screenNow = () => `${dark.matches ? "dark" : "light"} ${innerWidth}`;

  // Compressed the bundle is a third of its size; every browser since 2023 unpacks it.
  async function load() {
    const packed = Uint8Array.from(atob(document.getElementById("bundle").textContent), byte => byte.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  }

  function read(place) {
    let text = place.nextElementSibling.textContent;
    if (dark.matches)
      for (const [light, other] of Object.entries(otherForms)) text = text.replaceAll(light, other);
    return JSON.parse(text);
  }

  function dress(layout) {
    const style = getComputedStyle(document.documentElement);
    const [text, line, ground] = ["--text", "--line", "--ground"].map(name => style.getPropertyValue(name).trim());
    layout.font = { ...layout.font, family: "system-ui, sans-serif", size: narrow.matches ? 11 : 13, color: text };
    layout.hoverlabel = { bgcolor: ground, bordercolor: line, font: { color: text } };
    layout.legend = { orientation: "h", x: 0, xanchor: "left", yref: "container", y: 1, yanchor: "top", ...layout.legend };
    for (const axis of Object.keys(layout).filter(key => /^[xy]axis\d*$/.test(key))) {
      Object.assign(layout[axis], { gridcolor: line, linecolor: line, tickcolor: line });
      if (layout[axis].title) layout[axis].title.font = { size: layout.font.size };
      if (narrow.matches) layout[axis].nticks ??= axis.startsWith("x") ? 4 : 6;
    }
    if (narrow.matches) {
      // A finger that scrolls the page draws no rectangle.
      layout.dragmode = false;
      layout.margin = { ...layout.margin, l: Math.min(layout.margin.l, 44), r: Math.min(layout.margin.r, 12) };
    }
    return layout;
  }

  async function draw(place) {
    const { data, layout } = read(place);
    dress(layout);
    const { height } = layout, top = layout.margin.t;
    // The legend has as many rows as it needs: they come on top of the plot's height. Most have one.
    const drawn = data.filter(trace => trace.showlegend !== false).length;
    const legend = layout.showlegend ?? drawn > 1 ? 1.5 * layout.font.size : 0;
    // Room is made before it is asked how much there is: a plot that is too wide would widen the page.
    place.style.display = "none";
    const width = place.parentElement.clientWidth;
    place.style.display = "";
    await Plotly.react(place, data, { ...layout, width, height: height + legend, margin: { ...layout.margin, t: top + legend } }, CONFIG);
    const real = place.querySelector(".legend")?.getBBox().height ?? 0;
    if (Math.abs(real - legend) > 2) await Plotly.relayout(place, { height: height + real, "margin.t": top + real });
  }

  let drawing = false;
  async function drawAll() {
    // What changes meanwhile is drawn afterwards.
    if (drawing) return;
    drawing = true;
    let drawn;
    do {
      drawn = screenNow();
      for (const place of plots) {
        await draw(place);
        // What is drawn is shown before the next one is.
        await new Promise(resolve => setTimeout(resolve));
      }
    } while (drawn !== screenNow());
    drawing = false;
    document.documentElement.dataset.drawn = drawn;
  }

  async function begin() {
    if (!plots.length) return;
    await load();
    await drawAll();
    let soon;
    const later = () => {
      clearTimeout(soon);
      soon = setTimeout(() => document.documentElement.dataset.drawn === screenNow() || drawAll(), 100);
    };
    dark.addEventListener("change", later);
    addEventListener("resize", later);
  }

  begin();
})();
