"use strict";
// Adds to a page that is already readable: light and dark, hints on markers, one read-out and one zoom for all charts.
(() => {
  const root = document.documentElement;
  const start = BigInt(document.body.dataset.start), length = Number(BigInt(document.body.dataset.end) - start);
  const WIDTH = 10000, HEIGHT = 1000, DAY = 864e5;
  const plots = [...document.querySelectorAll(".plot")], groups = [...document.querySelectorAll(".plot .x")];
  const markers = [...document.querySelectorAll(".marker")], axes = [...document.querySelectorAll(".axis")];
  let from = 0, to = 1;

  document.getElementById("theme").onclick = () => {
    const isDark = (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    root.dataset.theme = isDark ? "light" : "dark";
  };

  const milliseconds = part => Number(start / 1000000n) + part * length / 1e6;
  const iso = part => new Date(milliseconds(part)).toISOString();

  function ticks() {
    const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5,
      108e5, 216e5, 432e5, DAY, 2 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 30 * DAY];
    const low = milliseconds(from), high = milliseconds(to);
    const step = steps.find(s => (high - low) / s <= 7) || steps[steps.length - 1];
    const [a, b] = step < 1e3 ? [11, 23] : step < 6e4 ? [11, 19] : step < DAY ? [11, 16] : [5, 10];
    const found = [];
    for (let t = Math.ceil(low / step) * step; t <= high; t += step) found.push([(t - low) / (high - low), new Date(t).toISOString().slice(a, b)]);
    return found;
  }

  function zoom(a, b) {
    from = a; to = b;
    const scale = 1 / (to - from);
    for (const g of groups) g.setAttribute("transform", `matrix(${scale} 0 0 1 ${-from * scale * WIDTH} 0)`);
    for (const m of markers) {
      const part = (m.dataset.at / 100 - from) * scale;
      m.style.left = part * 100 + "%";
      m.hidden = part < 0 || part > 1;
    }
    for (const axis of axes) {
      axis.replaceChildren(...ticks().map(([part, text]) => {
        const label = document.createElement("span");
        label.className = "tick"; label.style.left = part * 100 + "%"; label.textContent = text;
        return label;
      }));
    }
  }

  // A curve is read back from its own path: x and y of every stair.
  const curves = new WeakMap();
  function curve(path) {
    if (curves.has(path)) return curves.get(path);
    const xs = [], ys = [];
    let x = 0, y = 0;
    for (const [, letter, rest] of path.getAttribute("d").matchAll(/([MhvHVz])([^MhvHVz]*)/g)) {
      const [p, q] = rest.trim().split(" ").map(Number);
      if (letter === "M") { x = p; y = q; } else if (letter === "h") x += p; else if (letter === "v") y += p;
      else if (letter === "V") y = p; else continue;
      if (letter !== "h") { xs.push(x); ys.push(y); }
    }
    curves.set(path, [xs, ys]);
    return [xs, ys];
  }
  function valueAt(path, x) {
    const [xs, ys] = curve(path);
    let low = 0, high = xs.length;
    while (low < high) { const mid = (low + high) >> 1; if (xs[mid] <= x) low = mid + 1; else high = mid; }
    if (!low) return null;
    const { low: bottom, high: top } = path.dataset;
    return +top - ys[low - 1] / HEIGHT * (top - bottom);
  }
  const figure = v => v === null ? "none" : v.toLocaleString("en", { maximumSignificantDigits: 6 });

  function read(part) {
    for (const card of document.querySelectorAll(".chart")) {
      const output = card.querySelector(".readout");
      if (!output) continue;
      const words = [iso(part).slice(11, 23)];
      for (const path of card.querySelectorAll("path.price")) words.push("price " + figure(valueAt(path, part * WIDTH)));
      for (const path of card.querySelectorAll("path.curve")) words.push(path.dataset.name + " " + figure(valueAt(path, part * WIDTH)));
      for (const path of card.querySelectorAll("path.score")) {
        const v = valueAt(path, part * WIDTH);
        if (v !== null) words.push("score " + v.toFixed(0));
      }
      let below = 0;
      for (const path of [...card.querySelectorAll("path.part")].reverse()) {
        const v = valueAt(path, part * WIDTH) || 0, name = path.className.baseVal.split("p-")[1];
        if (v - below >= 0.5) words.push(name + " " + (v - below).toFixed(0));
        below = v;
      }
      output.textContent = words.join("   ");
    }
  }

  const place = (plot, event) => {
    const box = plot.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const lines = plots.map(plot => {
    const line = document.createElement("div");
    line.className = "cross"; line.hidden = true;
    plot.append(line);
    return line;
  });
  let brush = null, brushFrom = 0;
  for (const plot of plots) {
    plot.addEventListener("pointermove", event => {
      const part = place(plot, event);
      for (const line of lines) { line.hidden = false; line.style.left = part * 100 + "%"; }
      read(from + part * (to - from));
      if (brush) { brush.style.left = Math.min(part, brushFrom) * 100 + "%"; brush.style.width = Math.abs(part - brushFrom) * 100 + "%"; }
    });
    plot.addEventListener("pointerleave", () => { for (const line of lines) line.hidden = true; });
    plot.addEventListener("pointerdown", event => {
      if (event.button || event.target.closest(".marker")) return;
      event.preventDefault();
      plot.setPointerCapture(event.pointerId);
      brushFrom = place(plot, event);
      brush = document.createElement("div"); brush.className = "brush"; plot.append(brush);
    });
    plot.addEventListener("pointerup", event => {
      if (!brush) return;
      brush.remove(); brush = null;
      const part = place(plot, event), a = Math.min(part, brushFrom), b = Math.max(part, brushFrom);
      if (b - a > 0.004) zoom(from + a * (to - from), from + b * (to - from));
    });
    plot.addEventListener("dblclick", () => zoom(0, 1));
  }
  addEventListener("keydown", event => { if (event.key === "Escape") zoom(0, 1); });

  const hint = document.createElement("div");
  hint.className = "hint"; hint.hidden = true;
  document.body.append(hint);
  for (const marker of markers) {
    const show = () => {
      hint.textContent = marker.dataset.hint;
      hint.hidden = false;
      const box = marker.getBoundingClientRect(), size = hint.getBoundingClientRect();
      hint.style.left = Math.max(8, Math.min(innerWidth - size.width - 8, box.left + box.width / 2 - size.width / 2)) + "px";
      hint.style.top = (box.top > size.height + 14 ? box.top - size.height - 8 : box.bottom + 8) + "px";
    };
    marker.onmouseenter = marker.onfocus = show;
    marker.onmouseleave = marker.onblur = () => { hint.hidden = true; };
  }
})();
