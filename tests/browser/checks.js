// What is wrong with the page that is shown: each function answers sentences, none where nothing is wrong.
const plots = () => [...document.querySelectorAll(".plot")];
const named = plot => (plot.getAttribute("aria-label") || "a plot").slice(0, 50);
const box = element => element.getBoundingClientRect();

// A plot without a drawing surface, without a single trace that has extent, or without labels on an axis.
function undrawn() {
  if (!plots().length) return ["the page has no plot"];
  return plots().flatMap(plot => {
    if (!plot.querySelector("svg.main-svg")) return [`${named(plot)}: nothing was drawn`];
    const found = [];
    const shapes = [...plot.querySelectorAll(".plot .trace path, .overplot .trace path")];
    if (!shapes.some(shape => box(shape).width + box(shape).height > 0)) found.push(`${named(plot)}: no trace`);
    if (!plot.querySelector(".xtick text, .x2tick text")) found.push(`${named(plot)}: no labels on its axis`);
    return found;
  });
}

function overflowing() {
  const { scrollWidth, clientWidth } = document.documentElement;
  return scrollWidth > clientWidth ? [`the page is ${scrollWidth} wide on a screen of ${clientWidth}`] : [];
}

const texts = plot => [...plot.querySelectorAll("svg.main-svg text")].filter(
  text => text.textContent.trim() && getComputedStyle(text).display !== "none" && box(text).width > 0);

// Labels that lie on each other.
function overlapping() {
  return plots().flatMap(plot => {
    const all = texts(plot).map(text => [text.textContent, box(text)]);
    const found = [];
    all.forEach(([one, a], number) => {
      for (const [other, b] of all.slice(number + 1)) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 2 && high > 2) found.push(`${named(plot)}: "${one}" lies on "${other}"`);
      }
    });
    return found;
  });
}

// Labels that end outside of their plot.
function cut() {
  return plots().flatMap(plot => {
    const whole = box(plot.querySelector("svg.main-svg") ?? plot);
    return texts(plot)
      .filter(text => box(text).left < whole.left - 1 || box(text).right > whole.right + 1
        || box(text).top < whole.top - 1 || box(text).bottom > whole.bottom + 1)
      .map(text => `${named(plot)}: "${text.textContent}" is cut`);
  });
}

// Text of plots below WCAG's 4.5 to 1 against the page.
function faint() {
  const parts = colour => colour.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(each => each / 255).map(v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = light(parts(getComputedStyle(document.body).backgroundColor));
  return plots().flatMap(plot => texts(plot).filter(text => {
    const mine = light(parts(getComputedStyle(text).fill));
    return (Math.max(mine, ground) + 0.05) / (Math.min(mine, ground) + 0.05) < 4.5;
  }).map(text => `${named(plot)}: "${text.textContent}" is faint`));
}
